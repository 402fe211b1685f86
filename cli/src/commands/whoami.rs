//! `govcloud whoami`.

use govcloud_crds::{
    Agency, GovernmentCloud,
    agency::Members,
    common::{Member, MemberKind},
    names::CLOUD_NAME,
};
use kube::Api;
use serde::Serialize;

use crate::{
    context::{Caller, Context, if_readable},
    error::Result,
    exit::Exit,
    output::text::{fields, plain},
};

/// Who the caller is here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    /// The user name.
    user: String,
    /// The groups.
    groups: Vec<String>,
    /// The agency, if it is known.
    agency: Option<String>,
    /// The roles in that agency; `None` if the caller may not read the Agency.
    roles: Option<Vec<&'static str>>,
    /// The name of the Government Cloud, if there is one.
    cloud: Option<String>,
    /// The version of Kubernetes, such as `1.37`.
    kubernetes: String,
    /// The kubeconfig context.
    context: Option<String>,
    /// The API server's address.
    server: String,
}

/// Says who the caller is.
pub async fn run(ctx: &Context) -> Result<Exit> {
    let caller = ctx.caller().await?.clone();
    // Whoever belongs to several agencies is still somebody.
    let agency = ctx.agency_if_known().await.ok().flatten().map(str::to_owned);
    let object = match &agency {
        Some(name) => ctx.agency_if_readable(name).await?,
        None => None,
    };
    let cloud = if_readable(Api::<GovernmentCloud>::all(ctx.client.clone()).get(CLOUD_NAME).await.map_err(Into::into))?;
    let version = ctx.client.apiserver_version().await?;
    let identity = Identity {
        roles: object.map(|a| roles(&a, &caller)),
        agency,
        cloud: cloud.map(|_| CLOUD_NAME.to_owned()),
        kubernetes: format!("{}.{}", version.major, version.minor.trim_end_matches('+')),
        context: ctx.place.context.clone(),
        server: ctx.place.server.clone(),
        user: caller.user,
        groups: caller.groups,
    };
    ctx.out.data(&identity, || render(&identity))?;
    Ok(Exit::Ok)
}

/// The roles that an agency gives to a caller, by person or by group.
fn roles(agency: &Agency, caller: &Caller) -> Vec<&'static str> {
    let Members { admins, requesters, developers, viewers } = &agency.spec.members;
    let is_caller = |m: &Member| match m.kind {
        MemberKind::User => m.name == caller.user,
        MemberKind::Group => caller.groups.contains(&m.name),
    };
    let by_role = [("admin", admins), ("requester", requesters), ("developer", developers), ("viewer", viewers)];
    by_role.into_iter().filter(|(_, members)| members.iter().any(is_caller)).map(|(role, _)| role).collect()
}

fn render(identity: &Identity) -> String {
    let agency = match (&identity.agency, &identity.roles) {
        (None, _) => "no agency".to_owned(),
        (Some(agency), None) => format!("agency {agency} (not readable for you)"),
        (Some(agency), Some(roles)) if roles.is_empty() => format!("agency {agency} (no member)"),
        (Some(agency), Some(roles)) => format!("agency {agency} ({})", roles.join(", ")),
    };
    let cloud = identity.cloud.as_deref().map_or_else(|| "no Government Cloud".to_owned(), |c| format!("cloud {c}"));
    let head = format!("{}   {agency}   {cloud}   Kubernetes {}\n", identity.user, identity.kubernetes);
    let context = identity.context.clone().unwrap_or_else(|| "none (the pod's own account)".to_owned());
    plain(&head) + &fields(&[("groups", identity.groups.join(", ")), ("context", context), ("server", identity.server.clone())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing;

    #[test]
    fn roles_come_by_person_and_by_group() {
        let caller = Caller { user: "requester@tax".into(), groups: vec!["tax:developers".into()] };
        assert_eq!(roles(&testing::agency(), &caller), ["requester", "developer"]);
        assert!(roles(&testing::agency(), &Caller::default()).is_empty());
    }

    #[test]
    fn it_reads_like_the_story() {
        let identity = Identity {
            user: "requester@tax".into(),
            groups: vec!["tax:people".into(), "system:authenticated".into()],
            agency: Some("tax-administration".into()),
            roles: Some(vec!["requester"]),
            cloud: Some("national".into()),
            kubernetes: "1.37".into(),
            context: Some("tax".into()),
            server: "https://127.0.0.1:6443".into(),
        };
        insta::assert_snapshot!("whoami", render(&identity));
        let stranger = Identity { agency: None, roles: None, cloud: None, context: None, ..identity };
        insta::assert_snapshot!("whoami_stranger", render(&stranger));
    }
}
