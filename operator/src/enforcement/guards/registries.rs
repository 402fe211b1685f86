//! Images come from the registries that an agency may use.
//!
//! The list stands on the project's namespace, which the operator makes with it: there is no moment in which a new project
//! has none. A label says that there is a list, so that pods of the other projects do not pay for one. What runs already may change in every other way, and scale down; new pods of it are refused.

use govcloud_crds::{
    class::recognise::WORKLOADS,
    names::{ANNOTATION_REGISTRIES, LABEL_REGISTRIES},
};
use serde_json::json;

use super::projects;
use crate::enforcement::{
    cel::literal,
    policy::{Check, Policy, Rule, Scope},
    workloads::shape::pod_of,
};

/// What a project runs comes from a registry of its agency's list, if that has one.
pub(super) fn listed() -> Policy {
    let rules = WORKLOADS.iter().map(|w| {
        let ephemeral = (w.kind == "Pod").then_some("pods/ephemeralcontainers");
        Rule::version(w.group, w.version, [w.resource].into_iter().chain(ephemeral), &["CREATE", "UPDATE"])
    });
    let message = "'the image ' + variables.strange[0] + ' comes from no registry that this agency may use, which are: ' + variables.registries.join(', ') + '. Push it to one of them and name it there, or ask a cloud operator to add its registry to the Agency'";
    let check = Check::explained("variables.registries.size() == 0 || variables.strange.size() == 0", message);
    let listing = [projects(), vec![json!({"key": LABEL_REGISTRIES, "operator": "Exists"})]].concat();
    let policy = Policy::new("govcloud-guard-registries", Scope::Namespaces(listing), rules.collect(), vec![check]);
    Policy { variables: variables(), ..policy }
}

fn variables() -> Vec<(String, String)> {
    let key = literal(ANNOTATION_REGISTRIES);
    let list = format!("namespaceObject.metadata.annotations[{key}]");
    let registries = format!(
        "has(namespaceObject.metadata.annotations) && {key} in namespaceObject.metadata.annotations && {list} != '' ? {list}.split(' ') : []"
    );
    let before = format!("request.operation == 'UPDATE' ? {} : []", images_of("oldPod"));
    let strange = format!("variables.images.filter(i, !(i in variables.before) && !variables.registries.exists(r, {FROM}))");
    [
        ("registries", registries),
        ("pod", pod_of("object")),
        ("oldPod", pod_of("oldObject")),
        ("images", images_of("pod")),
        ("before", before),
        ("strange", strange),
    ]
    .map(|(name, cel)| (name.to_owned(), cel))
    .to_vec()
}

/// CEL: whether the image `i` comes from the registry `r`. A reference whose first part is no host is docker.io's.
const FROM: &str = "i.startsWith(r + '/') || (!(i.contains('/') && i.split('/')[0].matches('[.:]|^localhost$')) && ('docker.io/' + (i.contains('/') ? i : 'library/' + i)).startsWith(r + '/'))";

/// CEL: all images of the pod in `variables.{pod}`, those that are only mounted included.
fn images_of(pod: &str) -> String {
    let of = |field: &str| {
        format!("(has(variables.{pod}.{field}) ? variables.{pod}.{field}.filter(c, has(c.image)).map(c, string(c.image)) : [])")
    };
    format!(
        "{} + {} + {} + (has(variables.{pod}.volumes) ? variables.{pod}.volumes.filter(v, has(v.image) && has(v.image.reference)).map(v, string(v.image.reference)) : [])",
        of("containers"),
        of("initContainers"),
        of("ephemeralContainers")
    )
}

#[cfg(test)]
mod tests {
    use kube_cel::{
        KubeCelExt,
        cel::{Context, Program, Value},
    };
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("registry.gov.internal/tax/app:1", "registry.gov.internal", true)]
    #[case("registry.gov.internal/tax/app:1", "registry.gov.internal/tax", true)]
    #[case("registry.gov.internal/taxes/app:1", "registry.gov.internal/tax", false)]
    #[case("registry.gov.internal.example/app", "registry.gov.internal", false)]
    #[case("registry.gov.internal:5000/app", "registry.gov.internal", false)]
    #[case("registry.gov.internal:5000/app", "registry.gov.internal:5000", true)]
    #[case("registry.gov.internal", "registry.gov.internal", false)]
    #[case("nginx:1.29", "docker.io", true)]
    #[case("nginx:1.29", "docker.io/library", true)]
    #[case("bitnami/kafka@sha256:0", "docker.io/bitnami", true)]
    #[case("bitnami/kafka", "docker.io/library", false)]
    #[case("localhost/app", "docker.io", false)]
    #[case("nginx", "registry.gov.internal", false)]
    fn where_an_image_comes_from(#[case] image: &str, #[case] registry: &str, #[case] from: bool) {
        let mut context = Context::default().with_all();
        context.add_variable_from_value("i", image);
        context.add_variable_from_value("r", registry);
        assert_eq!(Program::compile(FROM).expect("compiles").execute(&context).expect("runs"), Value::Bool(from));
    }
}
