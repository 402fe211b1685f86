//! What is wrong with a document is said in words that tell its writer what to do.

use govcloud_tests::{Cloud, people};
use serde_json::{Value, json};

use super::minimal;

/// A document that must be refused: the smallest of its kind with this change (a JSON merge patch), and what is said.
struct Bad {
    kind: &'static str,
    change: Value,
    said: &'static str,
}

fn bad(kind: &'static str, change: Value, said: &'static str) -> Bad {
    Bad { kind, change, said }
}

/// Changes the spec.
fn spec(kind: &'static str, change: &Value, said: &'static str) -> Bad {
    bad(kind, json!({"spec": change}), said)
}

fn named(kind: &'static str, name: &str, said: &'static str) -> Bad {
    bad(kind, json!({"metadata": {"name": name}}), said)
}

fn of_the_government() -> Vec<Bad> {
    let cloud = |change: Value, said| spec("GovernmentCloud", &change, said);
    let agency = |change: Value, said| spec("Agency", &change, said);
    let member = |name: &str| json!({"members": {"admins": [{"kind": "Group", "name": name}]}});
    vec![
        named("GovernmentCloud", "provincial", "its name is national"),
        cloud(json!({"exemptNamespaces": ["agency-tax"]}), "cannot be exempt; request a permit"),
        cloud(json!({"exemptNamespaces": ["tax--lake"]}), "cannot be exempt; request a permit"),
        cloud(json!({"notifications": {"url": "http://events.example"}}), "give an https:// address"),
        cloud(json!({"authorities": {"NonInfrastructure": {"reviewers": "system:masters"}}}), "a group of people"),
        cloud(
            json!({"authorities": {"CriticalInfrastructure": null}}),
            "spec.authorities.CriticalInfrastructure: Required value",
        ),
        cloud(json!({"permitNumberPrefix": "gc-"}), "capital letters and digits, such as GC"),
        cloud(json!({"regimeReviewFrom": "Always"}), "supported values: \"NonInfrastructure\", \"InfrastructureArea\""),
        named("Agency", "tax--lake", "choose a shorter or simpler name"),
        named("Agency", &"a".repeat(41), "at most 40"),
        agency(member("system:masters"), "must not begin with system:"),
        agency(
            json!({"members": {"admins": [{"kind": "ServiceAccount", "name": "x"}]}}),
            "supported values: \"User\", \"Group\"",
        ),
        agency(json!({"parent": ""}), "name the agency above this one"),
        agency(json!({"type": "Ministry"}), "supported values: \"Government\", \"ServiceOperator\", \"Partner\""),
        agency(json!({"securityRegime": null}), "spec.securityRegime: Required value"),
        agency(json!({"enforcement": "Off"}), "supported values: \"Deny\", \"Warn\", \"Audit\""),
    ]
}

/// Amounts may be numbers or texts, and CEL takes such a field for as long as a whole request: no rule with words of its own
/// fits into the budget. So the message is the pattern, as it is for the API server's own quantities.
const QUANTITY: &str = "in body should match '^\\+?([0-9]+";

fn of_capacity() -> Vec<Bad> {
    let project = |change: Value, said| spec("Project", &change, said);
    let pool = |change: Value, said| spec("CapacityPool", &change, said);
    let quota = |change: Value, said| spec("AgencyQuota", &change, said);
    vec![
        named("Project", "a--b", "choose a shorter or simpler name"),
        project(json!({"pool": null}), "spec.pool: Required value"),
        project(json!({"purpose": ""}), "spec.purpose"),
        project(json!({"quota": {"requests.cpu": "twenty"}}), QUANTITY),
        project(json!({"quota": {"requests.cpu": "-5"}}), QUANTITY),
        project(json!({"quota": {"pods": "1500m"}}), "is a whole number"),
        project(json!({"quota": {"requests.nvidia.com/gpu": "0.5"}}), "is a whole number"),
        pool(json!({"nodeSelector": {"matchLabels": {"a": "b"}}}), "exactly one of capacity (declared) or nodeSelector"),
        pool(json!({"capacity": null}), "exactly one of capacity (declared) or nodeSelector"),
        pool(json!({"capacity": null, "nodeSelector": {}}), "nodeSelector takes matchLabels alone, at least one"),
        pool(
            json!({"capacity": null, "nodeSelector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}}),
            "label the nodes: kubectl label node NAME KEY=VALUE",
        ),
        pool(json!({"zones": []}), "spec.zones"),
        pool(json!({"capacity": {"requests.memory": "16 TB"}}), QUANTITY),
        quota(json!({"guaranteed": null}), "spec.guaranteed: Required value"),
        quota(json!({"guaranteed": {"requests.cpu": "many"}}), QUANTITY),
        quota(json!({"lendingLimit": {"requests.cpu": "-1"}}), QUANTITY),
    ]
}

fn of_services() -> Vec<Bad> {
    let service = |change: Value, said| spec("SharedService", &change, said);
    let claim = |change: Value, said| spec("ServiceClaim", &change, said);
    vec![
        named("SharedService", &"a".repeat(64), "at most 63 characters, because claims name it"),
        service(json!({"access": "Entitled"}), "needs entitlement: which agencies get it, and which plan"),
        service(json!({"entitlement": {"plan": "huge"}}), "names a plan that the service does not have"),
        service(json!({"binding": {"values": {"type": "x"}}}), "type and provider have fields of their own"),
        service(json!({"binding": {"egress": [{"cidr": "kafka.internal"}]}}), "an address range, such as 10.20.0.0/24"),
        service(json!({"health": {"url": "kafka:9093"}}), "http:// or https://"),
        service(json!({"health": {"interval": "half a minute"}}), "hours, minutes and seconds, such as 8760h or 1h30m"),
        service(json!({"obligation": {"dueBy": "next spring"}}), "a day of the calendar as YYYY-MM-DD"),
        service(json!({"plans": [{"name": "small"}, {"name": "small"}]}), "Duplicate value"),
        service(json!({"plans": [{"name": "small", "channel": "ESB"}]}), "supported values: \"GSB\", \"PGSB\", \"Direct\""),
        service(json!({"capacity": null}), "spec.capacity: Required value"),
        named("ServiceClaim", &"a".repeat(56), "at most 55 characters"),
        claim(json!({"plan": null}), "spec.plan: Required value"),
        claim(json!({"sharedService": ""}), "spec.sharedService"),
    ]
}

fn of_classes() -> Vec<Bad> {
    let class = |change: Value, said| spec("ProcessingClass", &change, said);
    let control = |change: (&str, Value)| {
        let mut control = json!({"group": "example.com", "resource": "things", "version": "v1", "perReplica": {"units": "1"}});
        control[change.0] = change.1;
        json!({"controls": [control]})
    };
    vec![
        class(json!({"dimensions": [{"name": "GPU cards"}]}), "a lower-case word, such as brokers"),
        class(json!({"dimensions": []}), "spec.dimensions"),
        class(
            json!({"gatedQuota": {"units": "requests.nvidia.com/gpu/x"}}),
            "quota keys of devices, such as requests.nvidia.com/gpu",
        ),
        class(json!({"workloads": {"countsAs": "nodes"}}), "add it to dimensions"),
        class(json!({"workloads": {"images": ["(kafka"]}}), "regular expression"),
        class(control(("group", json!("govcloud.dev"))), "cannot be controlled"),
        class(control(("resource", json!("KafkaNodePool"))), "plural resource name in lower case, such as kafkanodepools"),
        class(control(("version", json!("V1"))), "such as v1 or v1beta2"),
        class(
            control(("controllers", json!(["system:serviceaccount:tax--lake:deployer"]))),
            "a ServiceAccount outside kube-system",
        ),
        class(json!({"approval": {"quorum": []}}), "spec.approval.quorum"),
        class(json!({"approval": {"quorum": [{"group": "ministry:reviewers", "count": 0}]}}), "greater than or equal to 1"),
        class(json!({"approval": {"quorum": [{"group": "system:authenticated", "count": 1}]}}), "a quorum is of people"),
        class(json!({"approval": {"maxDuration": "a year"}}), "hours, minutes and seconds, such as 8760h or 1h30m"),
        class(json!({"approval": {"onDuplicate": "Allow"}}), "supported values: \"Review\", \"Deny\""),
    ]
}

fn of_permits() -> Vec<Bad> {
    let permit = |change: Value, said| spec("ProcessingPermit", &change, said);
    let review = |change: Value, said| spec("PermitReview", &change, said);
    let finding = |change: Value, said| spec("ProcessingFinding", &change, said);
    let target = |replicas: i64| json!({"targets": [{"resource": "pods", "name": "thing", "replicas": replicas}]});
    vec![
        named("ProcessingPermit", &"a".repeat(64), "at most 63 characters"),
        permit(json!({"targets": []}), "spec.targets"),
        permit(target(0), "greater than or equal to 1"),
        permit(json!({"justification": "Why not"}), "spec.justification"),
        permit(json!({"intent": "Renewal"}), "needs prior: the permit it refers to"),
        permit(json!({"duration": "1 year"}), "hours, minutes and seconds, such as 8760h or 1h30m"),
        permit(json!({"evidence": [{"name": "annex.pdf", "sha256": "abc"}]}), "64 hexadecimal digits, as sha256sum prints"),
        permit(
            json!({"dataClassification": "TopSecret"}),
            "supported values: \"Public\", \"Internal\", \"Restricted\", \"Secret\"",
        ),
        review(json!({"verdict": "Maybe"}), "supported values: \"Approve\", \"Deny\", \"Return\""),
        review(json!({"reason": ""}), "spec.reason"),
        review(json!({"permit": {"digest": "abc"}}), "copy it from the permit's status.digest"),
        named("ProcessingGrant", "mine", "its name is slots"),
        bad("ProcessingGrant", json!({"spec": {"resources": {"pods.core": [{"name": "thing"}]}}}), "Required value"),
        finding(json!({"rule": "Ugly"}), "supported values: \"Unpermitted\", \"ExceedsPermit\""),
        finding(json!({"message": ""}), "spec.message"),
        finding(
            json!({"acknowledgement": {"by": "reviewer-1@ministry", "reason": "Moves in March"}}),
            "spec.acknowledgement.until: Required value",
        ),
    ]
}

/// Tries every bad document; nothing of it is kept even if it is taken.
pub async fn bad_documents_are_refused_with_what_to_do(cloud: &Cloud) {
    let table: Vec<_> =
        [of_the_government(), of_capacity(), of_services(), of_classes(), of_permits()].into_iter().flatten().collect();
    let mut wrong = Vec::new();
    for case in &table {
        let mut document = minimal::of(case.kind);
        merge(&mut document, &case.change);
        let answer = cloud.attempt(people::ADMIN, &document).await;
        wrong.extend(objection(&format!("{} {}", case.kind, case.change), &answer, case.said));
    }
    let kinds: std::collections::BTreeSet<_> = table.iter().map(|case| case.kind).collect();
    assert_eq!(kinds.len(), 12);
    let mut misspelt = minimal::of("Agency");
    misspelt["spec"]["colour"] = json!("blue");
    let answer = cloud.send(people::ADMIN, &["create", "--dry-run=server"], &misspelt).await;
    wrong.extend(objection("Agency with an unknown field", &answer, "unknown field \"spec.colour\""));
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

/// Changes of what is there already: the kind, what it is before the change, the change, and what is said.
fn changes() -> Vec<(&'static str, Value, Value, &'static str)> {
    let none = || json!({});
    let request = "a request cannot be changed once it is made";
    vec![
        ("AgencyQuota", none(), json!({"agency": "other"}), "create another AgencyQuota"),
        ("AgencyQuota", none(), json!({"pool": "other"}), "create another AgencyQuota"),
        ("ServiceClaim", none(), json!({"sharedService": "other"}), "delete the claim and make another"),
        (
            "ProcessingClass",
            none(),
            json!({"dimensions": [{"name": "others"}], "workloads": null}),
            "a dimension cannot be removed",
        ),
        ("ProcessingPermit", none(), json!({"project": "other"}), request),
        ("ProcessingPermit", none(), json!({"zones": ["shiraz"]}), request),
        ("ProcessingPermit", none(), json!({"targets": [{"resource": "pods", "name": "thing", "replicas": 2}]}), request),
        ("ProcessingPermit", none(), json!({"justification": "Something else is needed."}), request),
        ("ProcessingPermit", json!({"withdrawn": true}), json!({"withdrawn": false}), "stays withdrawn; make a new one"),
        ("ServiceClaim", json!({"purpose": "Filing"}), json!({"purpose": "Letters"}), "make another claim for another purpose"),
        ("ServiceClaim", json!({"rotation": 2}), json!({"rotation": 1}), "rotation only rises"),
        ("SharedService", none(), json!({"stage": "Draft"}), "a service that was published stays published"),
        ("Project", none(), json!({"pool": "other"}), "the pool of a project cannot be changed"),
        ("PermitReview", none(), json!({"verdict": "Deny"}), "a review cannot be changed; give another one"),
    ]
}

/// Tries every bad change of an object that is there.
pub async fn bad_changes_are_refused_with_what_to_do(cloud: &Cloud) {
    let mut wrong = Vec::new();
    for (kind, before, change, said) in changes() {
        let mut document = minimal::of(kind);
        merge(&mut document, &json!({"spec": before}));
        let resource = format!("{}.govcloud.dev", kind.to_lowercase());
        cloud.apply_json(people::ADMIN, &document).await.succeeds();
        let patch = json!({"spec": change}).to_string();
        let patched = cloud
            .kubectl(people::ADMIN, &["patch", &resource, "minimal", "-n", minimal::NAMESPACE, "--type=merge", "-p", &patch])
            .await;
        let answer = if patched.ok { Ok(Value::Null) } else { Err(patched.err) };
        wrong.extend(objection(&format!("{kind} {patch}"), &answer, said));
        cloud.kubectl(people::ADMIN, &["delete", &resource, "minimal", "-n", minimal::NAMESPACE]).await.succeeds();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn objection(what: &str, answer: &Result<Value, String>, expected: &str) -> Option<String> {
    match answer {
        Ok(_) => Some(format!("{what}: was not refused")),
        Err(said) if said.contains(expected) => None,
        Err(said) => Some(format!("{what}: not {expected:?} but {said}")),
    }
}

/// JSON merge patch.
fn merge(document: &mut Value, change: &Value) {
    let (Some(fields), Some(changes)) = (document.as_object_mut(), change.as_object()) else {
        *document = change.clone();
        return;
    };
    for (key, value) in changes {
        if value.is_null() {
            fields.remove(key);
        } else if value.is_object() {
            merge(fields.entry(key.clone()).or_insert_with(|| json!({})), value);
        } else {
            fields.insert(key.clone(), value.clone());
        }
    }
}
