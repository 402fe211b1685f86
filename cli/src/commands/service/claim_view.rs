//! What became of a claim, in words.

use govcloud_crds::{
    ServiceClaim, SharedService,
    conditions::{find, is_true},
    service::{ClaimPhase, ServiceClaimStatus},
};
use kube::ResourceExt as _;

use super::claimed::held_up;

use crate::{
    error::CliError,
    exit::Exit,
    output::{
        Paint,
        text::{amounts, plain},
    },
    watch::Step,
};

/// Whether there is still something to wait for.
pub fn step(claim: Option<ServiceClaim>) -> Step<Box<ServiceClaim>> {
    let Some(claim) = claim else { return Step::Waiting("waiting for the claim".into()) };
    let status = claim.status.clone().unwrap_or_default();
    // Others decide these, and that can take days.
    let waits = |kind: &str| find(&status.conditions, kind).is_some_and(|c| c.status == "False");
    if status.phase != ClaimPhase::Pending || waits("CapacityReserved") || waits("Consented") {
        return Step::Done(Box::new(claim));
    }
    Step::Waiting(held_up(&status).unwrap_or_else(|| "waiting for the operator".into()))
}

/// How it ended: the exit code, and what to do now.
pub fn ending(claim: &ServiceClaim, service: &SharedService, paint: Paint) -> (Exit, String) {
    let status = claim.status.clone().unwrap_or_default();
    let namespace = claim.namespace().unwrap_or_default();
    let steps = steps(claim, service, &status, paint);
    match status.phase {
        ClaimPhase::Bound => {
            let secret = status.binding.map(|b| b.name).unwrap_or_default();
            let how = mounting(&claim.name_any(), &secret);
            (Exit::Ok, format!("{steps}\nBound. Secret {secret} in {namespace} (Service Binding Specification).\n{how}"))
        }
        ClaimPhase::Rejected => {
            let why = said(&status, &["Eligible", "Ready"]).unwrap_or_else(|| "the operator does not say why".into());
            (
                Exit::Denied,
                format!(
                    "{steps}\nRejected. {why}\nWhat else there is: govcloud service search {}\n",
                    service.spec.processing_class
                ),
            )
        }
        ClaimPhase::Released => {
            (Exit::Denied, format!("{steps}\nThe claim was given back. Make a new one with another --name.\n"))
        }
        ClaimPhase::Pending => {
            if let Some(why) = said(&status, &["Consented"]) {
                return (
                    Exit::Denied,
                    format!("{steps}\nNot agreed to yet. {why}\nSee what becomes of it: govcloud service claims\n"),
                );
            }
            let why = said(&status, &["CapacityReserved"]).unwrap_or_default();
            (
                Exit::Denied,
                format!(
                    "{steps}\nNo room at present. {why}\nThe claim stays and is served when there is room: govcloud service claims\nOr choose a smaller plan: govcloud service show {}\n",
                    service.name_any()
                ),
            )
        }
    }
}

/// How a workload gets the Secret's entries as files, by the projection of the Service Binding Specification.
fn mounting(claim: &str, secret: &str) -> String {
    format!(
        "A workload reads it as files below $SERVICE_BINDING_ROOT. In its pods' spec:
  containers:
    - name: …
      env: [{{name: SERVICE_BINDING_ROOT, value: /bindings}}]
      volumeMounts: [{{name: {claim}, mountPath: /bindings/{claim}, readOnly: true}}]
  volumes:
    - {{name: {claim}, secret: {{secretName: {secret}}}}}
"
    )
}

fn said(status: &ServiceClaimStatus, kinds: &[&str]) -> Option<String> {
    let found = kinds.iter().filter_map(|kind| find(&status.conditions, kind)).find(|c| c.status != "True");
    found.map(|c| plain(&c.message))
}

/// `✓ eligible   ✓ 6 brokers, 10Ti reserved   ✓ network opened to 10.20.0.0/24:9093`.
fn steps(claim: &ServiceClaim, service: &SharedService, status: &ServiceClaimStatus, paint: Paint) -> String {
    let capacity = service.spec.plan(&claim.spec.plan).map(|p| p.capacity.clone()).unwrap_or_default();
    let reserved = if capacity.is_empty() { "reserved".to_owned() } else { format!("{} reserved", amounts(&capacity)) };
    let mut steps = vec![
        (is_true(&status.conditions, "Eligible"), "eligible".to_owned()),
        (is_true(&status.conditions, "CapacityReserved"), reserved),
    ];
    if let Some(consented) = find(&status.conditions, "Consented") {
        steps.insert(1, (consented.status == "True", format!("agreed to by {}", service.spec.provider)));
    }
    if let Some(provisioned) = find(&status.conditions, "Provisioned") {
        steps.push((provisioned.status == "True", "credentials of its own".to_owned()));
    }
    if status.phase == ClaimPhase::Bound && !service.spec.binding.egress.is_empty() {
        steps.push((true, format!("network opened to {}", network(service))));
    }
    let marked = steps.iter().map(|(done, what)| format!("{} {what}", if *done { paint.good("✓") } else { paint.bad("✗") }));
    marked.collect::<Vec<_>>().join("   ")
}

/// What a claim may reach: `10.20.0.0/24:9093`.
pub fn network(service: &SharedService) -> String {
    let address = |egress: &govcloud_crds::service::Egress| {
        let ports: Vec<_> = egress.ports.iter().map(ToString::to_string).collect();
        if ports.is_empty() { egress.cidr.clone() } else { format!("{}:{}", egress.cidr, ports.join(",")) }
    };
    service.spec.binding.egress.iter().map(address).collect::<Vec<_>>().join(" ")
}

/// The claim is made, and nothing is known yet.
pub fn timed_out(name: &str, namespace: &str, last: &str) -> CliError {
    let last = if last.is_empty() { "the operator has not looked at it yet" } else { last };
    CliError::failure(format!("claim {name} is made, but not bound yet: {last}"))
        .hint(format!("See how it goes on: govcloud service claims; or kubectl describe claim {name} -n {namespace}"))
        .hint("Wait longer: repeat the command with --timeout 5m")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing;
    use serde_json::{Value, json};

    fn claim(status: Value) -> ServiceClaim {
        testing::object(
            "ServiceClaim",
            "tax-administration--analytics",
            "events",
            json!({"sharedService": "national-streaming", "plan": "large"}),
            status,
        )
    }

    fn said(status: Value) -> String {
        match step(Some(claim(status))) {
            Step::Waiting(what) => format!("waiting: {what}"),
            Step::Done(claim) => {
                let (exit, text) = ending(&claim, &testing::streaming(), Paint::default());
                format!("{exit:?}: {text}")
            }
        }
    }

    #[test]
    fn every_ending_says_what_to_do() {
        let eligible = testing::condition("Eligible", "True", "Eligible", "You may use it.");
        let reserved = testing::condition("CapacityReserved", "True", "Reserved", "Reserved.");
        let full = testing::condition("CapacityReserved", "False", "NoRoom", "6 brokers are asked for and 2 are free.");
        let rejected =
            testing::condition("Eligible", "False", "NotEligible", "national-streaming is for NonInfrastructure agencies only.");
        let asked = testing::condition("Consented", "False", "WaitsForConsent", "Customs was asked and has not agreed.");
        let all = [
            json!({"phase": "Bound", "binding": {"name": "events-binding"}, "conditions": [eligible, reserved]}),
            json!({"phase": "Rejected", "conditions": [rejected]}),
            json!({"phase": "Pending", "conditions": [eligible, full]}),
            json!({"phase": "Pending", "conditions": [eligible, asked]}),
            json!({"phase": "Released", "conditions": [eligible, reserved]}),
            json!({"phase": "Pending", "conditions": [testing::condition("Eligible", "Unknown", "Waiting", "The service is not ready.")]}),
            json!({}),
        ];
        insta::assert_snapshot!("claim_endings", all.map(said).join("\n"));
        insta::assert_snapshot!("claim_timed_out", timed_out("events", "tax--a", "").render(false));
    }
}
