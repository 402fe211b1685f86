//! What every command needs: a client, who asks, for which agency, when, and how to print.

use std::collections::BTreeMap;

use govcloud_crds::{
    Agency, GovernmentCloud, ProcessingClass, SharedService,
    class::compute::{Threshold, thresholds},
    names,
};
use jiff::Timestamp;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        authentication::v1::SelfSubjectReview,
        authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    },
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{ListParams, PostParams},
};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use crate::{
    args::GlobalArgs,
    clock,
    connect::{Place, connect},
    error::{CliError, Kind, Result},
    output::Output,
};

/// The field manager of everything that the command line writes.
pub const FIELD_MANAGER: &str = "govcloud-cli";

/// Who asks, as the API server knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The user name.
    pub user: String,
    /// The groups.
    pub groups: Vec<String>,
}

impl Caller {
    /// The groups, borrowed.
    pub fn group_names(&self) -> Vec<&str> {
        self.groups.iter().map(String::as_str).collect()
    }
}

/// What every command needs, built once.
pub struct Context {
    /// The client.
    pub client: Client,
    /// Where it goes.
    pub place: Place,
    /// How to print.
    pub out: Output,
    /// When the command was started.
    pub now: Timestamp,
    /// What `--agency` says.
    agency_flag: Option<String>,
    caller: OnceCell<Caller>,
    agency: OnceCell<Option<String>>,
}

impl Context {
    /// Reads the kubeconfig; sends nothing yet.
    pub async fn new(global: &GlobalArgs) -> Result<Self> {
        let (client, place) = connect(global).await?;
        let (caller, agency) = (OnceCell::new(), OnceCell::new());
        Ok(Self {
            client,
            place,
            out: Output::new(global),
            now: clock::now(),
            agency_flag: global.agency.clone(),
            caller,
            agency,
        })
    }

    /// Who asks.
    pub async fn caller(&self) -> Result<&Caller> {
        self.caller.get_or_try_init(|| self.ask_who()).await
    }

    async fn ask_who(&self) -> Result<Caller> {
        let review = Api::<SelfSubjectReview>::all(self.client.clone())
            .create(&PostParams::default(), &SelfSubjectReview::default())
            .await?;
        let info = review.status.and_then(|s| s.user_info).unwrap_or_default();
        Ok(Caller { user: info.username.unwrap_or_default(), groups: info.groups.unwrap_or_default() })
    }

    /// Whether the caller may do something with a resource of ours; an empty namespace means everywhere.
    pub async fn may(&self, verb: &str, resource: &str, namespace: &str) -> Result<bool> {
        let attributes = ResourceAttributes {
            group: Some(names::GROUP.to_owned()),
            resource: Some(resource.to_owned()),
            verb: Some(verb.to_owned()),
            namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
            ..ResourceAttributes::default()
        };
        let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
        let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
        let reviews: Api<SelfSubjectAccessReview> = Api::all(self.client.clone());
        Ok(reviews.create(&PostParams::default(), &review).await?.status.is_some_and(|status| status.allowed))
    }

    /// The agency that `--agency` names.
    pub fn flagged_agency(&self) -> Option<&str> {
        self.agency_flag.as_deref()
    }

    /// The agency that the flags or the namespace name, without asking the cluster.
    pub fn named_agency(&self) -> Option<&str> {
        self.flagged_agency().or_else(|| agency_of_namespace(&self.place.namespace))
    }

    /// The caller's agency, if it can be told: named, or the only one that has them as a member.
    pub async fn agency_if_known(&self) -> Result<Option<&str>> {
        if let Some(named) = self.named_agency() {
            return Ok(Some(named));
        }
        let found = self.agency.get_or_try_init(|| self.find_agency()).await?;
        Ok(found.as_deref())
    }

    /// The caller's agency.
    pub async fn agency(&self) -> Result<&str> {
        self.agency_if_known().await?.ok_or_else(|| {
            CliError::usage("it is not clear for which agency you act")
                .hint("Name it: --agency NAME, or GOVCLOUD_AGENCY=NAME in your environment")
                .hint("Or make its home your namespace: kubectl config set-context --current --namespace agency-NAME")
        })
    }

    async fn find_agency(&self) -> Result<Option<String>> {
        let agencies: Vec<Agency> = match self.list(Api::all(self.client.clone())).await {
            Ok(agencies) => agencies,
            Err(error) if error.kind() == Kind::Forbidden => return Ok(None),
            Err(error) => return Err(error),
        };
        only_membership(&agencies, self.caller().await?)
    }

    /// The home namespace of the caller's agency.
    pub async fn home(&self) -> Result<String> {
        Ok(names::home_namespace(self.agency().await?))
    }

    /// The Agency of that name.
    pub async fn read_agency(&self, name: &str) -> Result<Agency> {
        Ok(Api::all(self.client.clone()).get(name).await?)
    }

    /// The Agency of that name, or `None` if the caller may not read it or it is not there.
    pub async fn agency_if_readable(&self, name: &str) -> Result<Option<Agency>> {
        if_readable(self.read_agency(name).await)
    }

    /// All classes by name.
    pub async fn classes(&self) -> Result<BTreeMap<String, ProcessingClass>> {
        let classes: Vec<ProcessingClass> = self.list(Api::all(self.client.clone())).await?;
        Ok(classes.into_iter().map(|class| (class.name_any(), class)).collect())
    }

    /// How much one workload may ask for without a permit; nothing if the caller may not read the GovernmentCloud.
    pub async fn thresholds(&self) -> Result<Vec<Threshold>> {
        let clouds: Api<GovernmentCloud> = Api::all(self.client.clone());
        let cloud = if_readable(clouds.get(names::CLOUD_NAME).await.map_err(Into::into))?;
        Ok(thresholds(cloud.as_ref()).0)
    }

    /// The catalogue, by name.
    pub async fn services(&self) -> Result<Vec<SharedService>> {
        self.list(Api::all(self.client.clone())).await
    }

    /// Everything that an `Api` lists, in the order of namespaces and names.
    pub async fn list<K>(&self, api: Api<K>) -> Result<Vec<K>>
    where
        K: Resource + Clone + std::fmt::Debug + DeserializeOwned,
    {
        let mut items = api.list(&ListParams::default()).await?.items;
        items.sort_by_key(|item| (item.namespace(), item.name_any()));
        Ok(items)
    }

    /// The objects of a namespace.
    pub fn namespaced<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self, namespace: &str) -> Api<K> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

/// What was read, or `None` if it is not there or not for the caller.
pub fn if_readable<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Ok(object) => Ok(Some(object)),
        Err(error) if matches!(error.kind(), Kind::Forbidden | Kind::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The agency that a namespace belongs to by its name.
pub fn agency_of_namespace(namespace: &str) -> Option<&str> {
    names::agency_of_home(namespace).or_else(|| names::split_project_namespace(namespace).map(|(agency, _)| agency))
}

fn only_membership(agencies: &[Agency], caller: &Caller) -> Result<Option<String>> {
    let groups = caller.group_names();
    let mine: Vec<_> =
        agencies.iter().filter(|a| a.spec.has_member(&caller.user, &groups)).map(kube::ResourceExt::name_any).collect();
    match mine.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several => Err(CliError::usage(format!("you belong to several agencies: {}", several.join(", ")))
            .hint("Say for which you act: --agency NAME")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("agency-tax", Some("tax"))]
    #[case("tax--analytics", Some("tax"))]
    #[case("default", None)]
    fn a_namespace_says_whose_it_is(#[case] namespace: &str, #[case] agency: Option<&str>) {
        assert_eq!(agency_of_namespace(namespace), agency);
    }

    #[test]
    fn the_only_agency_of_a_caller_is_theirs() {
        let agency = |name: &str| {
            let spec = json!({"displayName": name, "securityRegime": "NonInfrastructure", "members": {"admins": [{"kind": "Group", "name": format!("{name}:admins")}]}});
            Agency::new(name, serde_json::from_value(spec).expect("valid"))
        };
        let agencies = [agency("tax"), agency("customs")];
        let caller = |groups: &[&str]| Caller { user: "u".into(), groups: groups.iter().map(|g| (*g).to_owned()).collect() };
        assert_eq!(only_membership(&agencies, &caller(&["tax:admins"])).expect("one").as_deref(), Some("tax"));
        assert_eq!(only_membership(&agencies, &caller(&[])).expect("none"), None);
        let several = only_membership(&agencies, &caller(&["tax:admins", "customs:admins"])).expect_err("two");
        assert!(several.to_string().contains("tax, customs"));
    }
}
