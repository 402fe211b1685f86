//! Requests that can be made, and those that cannot.

use super::*;
use govcloud_crds::Project;
use kube::ResourceExt as _;

use crate::commands::permit::submit::{render, unnamed_dimensions};
use crate::{
    args::{Cli, ClusterCommand, Command},
    commands::{
        permit::{PermitCommand, check::tests::classes},
        testing,
    },
};
use clap::Parser as _;
use rstest::rstest;

fn args(more: &[&str]) -> RequestArgs {
    let line = ["govcloud", "permit", "request", "--project", "analytics", "--justification", "Filing season needs it."];
    let cli = Cli::try_parse_from(line.iter().chain(more)).expect("parses");
    match cli.command {
        Command::OnCluster(ClusterCommand::Permit(PermitCommand::Request(args))) => *args,
        other => panic!("not a request: {other:?}"),
    }
}

fn project() -> Project {
    testing::object(
        "Project",
        "agency-tax-administration",
        "analytics",
        serde_json::json!({"purpose": "x", "pool": "national"}),
        serde_json::Value::Null,
    )
}

const BROKER: &str = "kafka.strimzi.io/kafkanodepools/broker=3,brokers=1,storage=1Ti";

fn asked(more: &[&str]) -> Result<ProcessingPermit> {
    let args = args(more);
    let class = class_of_targets(&args.target, args.class.as_deref(), &classes())?;
    let permit = permit(&args, "tax-administration", "requester@tax", Some((class, args.target.clone())))?;
    let (agency, project) = (testing::agency(), Some(project()));
    Surroundings { agency, project, prior: None, classes: classes() }.in_order(&permit)?;
    Ok(permit)
}

#[test]
fn what_was_asked_for_is_said_in_words() {
    let more = [
        "--target",
        BROKER,
        "--interface",
        "kafka=>=3.7",
        "--zone",
        "tehran-1",
        "--classification",
        "restricted",
        "--reject",
        "national-streaming=too slow",
    ];
    let permit = asked(&more).expect("in order");
    assert_eq!((permit.name_any().as_str(), permit.spec.alternatives.len()), ("broker", 1));
    insta::assert_snapshot!("request", render(&permit, "tax-administration", DryRun::None));
    insta::assert_snapshot!("request_dry", render(&permit, "tax-administration", DryRun::Client));
}

#[rstest]
#[case::wrong_class("wrong_class", &["--target", "apps/deployments/x=1", "--class", "gpu-training"])]
#[case::no_class("no_class", &["--target", "example.org/things/x=1"])]
#[case::dimension("dimension", &["--target", "kafka.strimzi.io/kafkanodepools/b=1,gpus=1"])]
#[case::too_long("too_long", &["--target", BROKER, "--duration", "9000h"])]
#[case::too_secret("too_secret", &["--target", BROKER, "--classification", "Secret"])]
#[case::twice("twice", &["--target", BROKER, "--target", BROKER])]
fn what_the_operator_would_refuse_is_refused_here(#[case] name: &str, #[case] more: &[&str]) {
    insta::assert_snapshot!(format!("request_{name}"), asked(more).expect_err("refused").render(false));
}

#[rstest]
#[case::several(
    "several",
    "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata: {name: t}\nspec: {gpus: 1}\n---\napiVersion: kafka.strimzi.io/v1\nkind: KafkaNodePool\nmetadata: {name: b}\nspec: {replicas: 1, storage: {size: 1Gi}}"
)]
#[case::none("none", "apiVersion: v1\nkind: Secret")]
#[case::zero(
    "zero",
    "apiVersion: kafka.strimzi.io/v1\nkind: KafkaNodePool\nmetadata: {name: b}\nspec: {replicas: 0, storage: {size: 1Gi}}"
)]
#[case::unmeasured(
    "unmeasured",
    "apiVersion: kafka.strimzi.io/v1\nkind: KafkaNodePool\nmetadata: {name: b}\nspec: {replicas: 1}"
)]
fn manifests_that_cannot_be_asked_for(#[case] name: &str, #[case] text: &str) {
    let manifests = crate::manifests::parse("f.yaml", text).expect("reads");
    let report = sort(&manifests, &Plurals::default(), &classes(), &[], None);
    insta::assert_snapshot!(format!("request_{name}"), of_manifests(&report).expect_err("refused").render(false));
}

#[test]
fn dimensions_that_are_not_named_are_said_to_be_none() {
    let notes = |target| unnamed_dimensions(&asked(&["--target", target]).expect("in order"), &classes());
    assert_eq!(notes(BROKER), Vec::<String>::new());
    assert_eq!(
        notes("kafka.strimzi.io/kafkanodepools/b=1"),
        ["note: kafkanodepools.kafka.strimzi.io/b gets no brokers and no storage, because you named none"]
    );
}

#[test]
fn dry_run_is_kubectls() {
    assert_eq!(args(&["--target", BROKER]).dry_run, DryRun::None);
    assert_eq!(args(&["--target", BROKER, "--dry-run"]).dry_run, DryRun::Client);
    assert_eq!(args(&["--target", BROKER, "--dry-run=server"]).dry_run, DryRun::Server);
}

#[test]
fn an_emergency_is_for_three_days() {
    let permit = asked(&["--target", BROKER, "--emergency"]).expect("in order");
    assert_eq!((permit.spec.intent, permit.spec.duration.clone()), (Intent::Emergency, Period::hours(72)));
    insta::assert_snapshot!("request_emergency", render(&permit, "tax-administration", DryRun::None));
    let long = asked(&["--target", BROKER, "--emergency", "--duration", "100h"]).expect_err("too long");
    insta::assert_snapshot!("request_emergency_too_long", long.render(false));
}

const WRITTEN: &str = "
apiVersion: govcloud.dev/v1alpha1
kind: ProcessingPermit
metadata: {name: written}
spec:
  processingClass: message-broker
  project: analytics
  justification: Filing season needs it.
  zones: [tehran-1]
  duration: 4380h
  targets: [{group: kafka.strimzi.io, resource: kafkanodepools, name: broker, replicas: 3, perReplica: {brokers: '1', storage: 1Ti}}]
";

fn written(text: &str, more: &[&str]) -> Result<ProcessingPermit> {
    let manifests = crate::manifests::parse("request.yaml", text)?;
    let line: Vec<_> = ["govcloud", "permit", "request", "-f", "request.yaml"].iter().chain(more).collect();
    let Command::OnCluster(ClusterCommand::Permit(PermitCommand::Request(args))) =
        Cli::try_parse_from(line).expect("parses").command
    else {
        panic!("no request")
    };
    request_file::overridden(request_file::of(&manifests)?, &args, "tax-administration", "requester@tax", None)
}

#[test]
fn what_was_written_before_is_sent_as_it_is_but_for_the_flags() {
    let permit = written(WRITTEN, &[]).expect("in order");
    assert_eq!((permit.name_any().as_str(), permit.spec.requested_by.as_str()), ("written", "requester@tax"));
    assert_eq!((permit.spec.duration.clone(), permit.spec.zones.len()), (Period::hours(4380), 1));
    assert_eq!(permit.metadata.namespace.as_deref(), Some("agency-tax-administration"));
    let flags = ["other", "--duration", "10d", "--zone", "tehran-2", "--project", "reports", "--legal-basis", "Act 12"];
    let permit = written(WRITTEN, &flags).expect("in order");
    assert_eq!((permit.name_any().as_str(), permit.spec.project.as_str()), ("other", "reports"));
    assert_eq!((permit.spec.duration.clone(), permit.spec.zones.clone()), (Period::hours(240), vec!["tehran-2".to_owned()]));
    let emergency = written(WRITTEN, &["--emergency"]).expect("in order");
    assert_eq!((emergency.spec.intent, emergency.spec.duration.clone()), (Intent::Emergency, Period::hours(72)));
}

#[rstest]
#[case::kind("kind", "apiVersion: kafka.strimzi.io/v1\nkind: KafkaNodePool\nmetadata: {name: b}")]
#[case::several("several", "apiVersion: v1\nkind: A\n---\napiVersion: v1\nkind: B")]
#[case::version("version", "apiVersion: govcloud.dev/v2\nkind: ProcessingPermit\nspec: {}")]
#[case::typing_error("typing_error", "apiVersion: govcloud.dev/v1alpha1\nkind: ProcessingPermit\nspec: {durration: 10h}")]
#[case::missing("missing", "apiVersion: govcloud.dev/v1alpha1\nkind: ProcessingPermit\nspec: {project: analytics}")]
#[case::no_spec("no_spec", "apiVersion: govcloud.dev/v1alpha1\nkind: ProcessingPermit")]
#[case::sent("sent", "apiVersion: govcloud.dev/v1alpha1\nkind: ProcessingPermit\nmetadata: {uid: x}\nspec: {project: a}")]
fn files_that_are_no_request(#[case] name: &str, #[case] text: &str) {
    insta::assert_snapshot!(format!("request_file_{name}"), written(text, &[]).expect_err("refused").render(false));
}

#[test]
fn nobody_asks_in_anothers_name() {
    let text = format!("{WRITTEN}  requestedBy: somebody@else\n");
    insta::assert_snapshot!("request_file_other_person", written(&text, &[]).expect_err("refused").render(false));
}

fn several(more: &[&str]) -> RequestArgs {
    let line: Vec<_> = ["govcloud", "permit", "request", "-f", "request.yaml"].iter().chain(more).copied().collect();
    let Command::OnCluster(ClusterCommand::Permit(PermitCommand::Request(args))) =
        Cli::try_parse_from(line).expect("parses").command
    else {
        panic!("no request")
    };
    *args
}

#[test]
fn a_file_may_hold_several_requests_and_flags_that_name_one_do_not_fit_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("requests.yaml");
    std::fs::write(&file, format!("{WRITTEN}---{}", WRITTEN.replace("name: written", "name: another"))).expect("writes");
    let names: Vec<_> = request_file::read(&file).expect("two").iter().map(kube::ResourceExt::name_any).collect();
    assert_eq!(names, ["written", "another"]);
    std::fs::write(&file, "# nothing but words").expect("writes");
    assert!(request_file::read(&file).is_err());
    assert!(one_name_for_one(&several(&["other"]), 1).is_ok() && one_name_for_one(&several(&["--zone", "z"]), 2).is_ok());
    for flags in [&["other"][..], &["--class", "message-broker"], &["--from", "x.yaml"], &["--target", BROKER]] {
        let error = one_name_for_one(&several(flags), 2).expect_err("of one");
        assert!(error.to_string().contains("the file holds 2 requests"), "{error}");
    }
}

#[test]
fn what_was_sent_before_an_error_is_said() {
    let sent = [asked(&["--target", BROKER]).expect("in order")];
    let hints = |sent: &[ProcessingPermit], dry_run| some_were_sent(CliError::failure("no"), sent, dry_run).hints().to_vec();
    assert!(hints(&sent, DryRun::None)[0].starts_with(&format!("Sent before it: {};", sent[0].name_any())));
    assert!(hints(&[], DryRun::None).is_empty() && hints(&sent, DryRun::Server).is_empty());
}
