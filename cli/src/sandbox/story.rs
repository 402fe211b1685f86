//! The story of the Government Cloud: each step as its own persona, with the real commands.

use super::{
    people::{
        ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, REVIEWER_1, TAX_ADMIN, TAX_DEVELOPER,
        TAX_REQUESTER,
    },
    tell::{
        Outcome,
        Outcome::{Exits, Refused, Says, Succeeds},
        Stage, Step,
    },
};
use crate::error::Result;

const fn step(who: &'static str, why: &'static str, command: &'static str, outcome: Outcome) -> Step {
    Step { who, why, command, outcome }
}

/// Plays all of it; an error at the first step that does not go as told.
pub(super) async fn play(stage: &mut Stage) -> Result<()> {
    stage.chapter("The cloud is set up")?;
    all(stage, SET_UP).await?;
    stage.chapter("An agency would build its own Kafka")?;
    all(stage, TAX).await?;
    stage.chapter("The request duplicates the national service")?;
    all(stage, DUPLICATE).await?;
    stage.chapter("Another agency needs what nobody offers")?;
    all(stage, CUSTOMS).await?;
    stage.chapter("The operator is stopped, and the rule still holds")?;
    stage.stop_operator().await?;
    stage.aside("The operator is stopped. What refuses now is the API server alone.")?;
    all(stage, WITHOUT_OPERATOR).await?;
    stage.start_operator()?;
    stage.aside("The operator is started again.")?;
    stage.chapter("The permit is revoked")?;
    all(stage, REVOKED).await
}

async fn all(stage: &mut Stage, steps: &[Step]) -> Result<()> {
    for step in steps {
        stage.play(step).await?;
    }
    Ok(())
}

const SET_UP: &[Step] = &[
    step(
        CLOUD_OPERATOR,
        "A cloud operator says who answers for what.",
        "kubectl apply -f examples/01-government-cloud.yaml",
        Succeeds,
    ),
    step(
        CLOUD_OPERATOR,
        "They onboard the agencies: a provider, the tax administration, and customs.",
        "kubectl apply -f examples/02-agencies.yaml",
        Succeeds,
    ),
    step(
        CLOUD_OPERATOR,
        "They describe what the cloud has, and each agency's share.",
        "kubectl apply -f examples/03-capacity.yaml",
        Succeeds,
    ),
    step(
        REVIEWER_1,
        "The ministry says what processing infrastructure is, and who decides on it.",
        "kubectl apply -f examples/04-classes",
        Succeeds,
    ),
    step(
        ADMIN,
        "The provider of the national streaming service has a namespace of its own, and credentials to hand out.",
        "kubectl apply -f examples/05-provider.yaml",
        Succeeds,
    ),
    step(CLOUD_OPERATOR, "The service is offered to everybody.", "kubectl apply -f examples/05-shared-services.yaml", Succeeds),
    step(
        CLOUD_OPERATOR,
        "The API server is seen to enforce every class.",
        "kubectl wait --for=condition=Enforced processingclasses --all --timeout=60s",
        Says("condition met"),
    ),
    step(
        CLOUD_OPERATOR,
        "The national picture:",
        "kubectl get governmentcloud,agencies,processingclasses,sharedservices",
        Says("national-streaming"),
    ),
];

const TAX: &[Step] = &[
    step(
        TAX_ADMIN,
        "The tax administration starts a project; it becomes a namespace with a quota from its share.",
        "govcloud project create analytics --purpose 'Fraud analytics' --quota requests.cpu=20 --quota requests.memory=64Gi --quota requests.storage=500Gi",
        Succeeds,
    ),
    step(TAX_ADMIN, "What its share is, and what is left of it:", "govcloud quota show tax-administration", Says("requests.cpu")),
    step(
        TAX_DEVELOPER,
        "A developer would run a Kafka of their own. No permit names it, so the API server refuses:",
        "kubectl apply -f examples/story/tax-kafka.yaml",
        Refused("no permit names kafkanodepools/broker"),
    ),
    step(
        TAX_DEVELOPER,
        "They ask what would fit instead. Nothing is changed by asking; exit code 3 means Duplicate:",
        "govcloud permit check -f examples/story/tax-kafka.yaml --project analytics --interface 'kafka=>=3.7' --zone tehran-1 --classification Restricted",
        Exits(3, "DUPLICATE"),
    ),
    step(
        TAX_REQUESTER,
        "The agency asks all the same.",
        "govcloud permit request tax-events --from examples/story/tax-kafka.yaml --project analytics --interface 'kafka=>=3.7' --zone tehran-1 --classification Restricted --justification 'Filing season produces 40 000 events a second.'",
        Succeeds,
    ),
    step(
        TAX_REQUESTER,
        "It is under review.",
        "kubectl wait --for=jsonpath={.status.phase}=UnderReview processingpermit/tax-events -n agency-tax-administration --timeout=60s",
        Succeeds,
    ),
];

const DUPLICATE: &[Step] = &[
    step(
        REVIEWER_1,
        "The ministry sees the request beside what it would duplicate.",
        "govcloud permit show tax-events --agency tax-administration",
        Says("national-streaming"),
    ),
    step(
        REVIEWER_1,
        "An approval without a reason against the duplicate would not count, and is not even sent:",
        "govcloud review approve tax-events --agency tax-administration --reason 'They need it.' --yes",
        Refused("Duplicate"),
    ),
    step(
        REVIEWER_1,
        "The ministry denies it, with a reason.",
        "govcloud review deny tax-events --agency tax-administration --reason 'national-streaming has room for all of it.' --yes",
        Succeeds,
    ),
    step(
        TAX_REQUESTER,
        "The agency is told.",
        "kubectl wait --for=jsonpath={.status.phase}=Denied processingpermit/tax-events -n agency-tax-administration --timeout=60s",
        Succeeds,
    ),
    step(
        TAX_DEVELOPER,
        "The shared way is one command:",
        "govcloud service claim national-streaming --plan large --project analytics --purpose 'Event backbone'",
        Says("Bound"),
    ),
];

const CUSTOMS: &[Step] = &[
    step(
        CUSTOMS_ADMIN,
        "Customs starts a project at a border post that no national zone reaches.",
        "govcloud project create border --purpose 'Border post' --quota requests.cpu=10 --quota requests.memory=32Gi --quota requests.storage=2Ti",
        Succeeds,
    ),
    step(
        CUSTOMS_REQUESTER,
        "No offer stands in that zone: the request is Unique.",
        "govcloud permit check -f examples/story/customs-kafka.yaml --project border --zone shiraz",
        Exits(0, "UNIQUE"),
    ),
    step(
        CUSTOMS_REQUESTER,
        "They ask for it by name, with sizes read from the manifest.",
        "govcloud permit request border-events --from examples/story/customs-kafka.yaml --project border --zone shiraz --justification 'The border post has no line to Tehran at night.'",
        Succeeds,
    ),
    step(
        CUSTOMS_REQUESTER,
        "It is under review.",
        "kubectl wait --for=jsonpath={.status.phase}=UnderReview processingpermit/border-events -n agency-customs --timeout=60s",
        Succeeds,
    ),
    step(
        REVIEWER_1,
        "The ministry approves.",
        "govcloud review approve border-events --agency customs --reason 'Nothing shared stands in Shiraz.' --yes",
        Succeeds,
    ),
    step(CUSTOMS_REQUESTER, "It becomes active.", "govcloud permit watch border-events --timeout 60s", Succeeds),
    step(
        CUSTOMS_REQUESTER,
        "Its slot is open.",
        "kubectl wait --for=condition=Ready processingpermit/border-events -n agency-customs --timeout=60s",
        Succeeds,
    ),
    step(CUSTOMS_DEVELOPER, "What the permit names is admitted:", "kubectl apply -f examples/story/customs-kafka.yaml", Succeeds),
    step(
        CUSTOMS_DEVELOPER,
        "A second one is not:",
        "kubectl apply -f examples/story/customs-kafka-second.yaml",
        Refused("no permit names kafkanodepools/second"),
    ),
    step(
        CUSTOMS_DEVELOPER,
        "Nor is a larger one:",
        "kubectl patch kafkanodepool border --type merge -p {\"spec\":{\"replicas\":5}}",
        Refused("allows at most 3 replicas"),
    ),
    step(
        CUSTOMS_DEVELOPER,
        "Nor by way of /scale:",
        "kubectl scale kafkanodepool border --replicas=5",
        Refused("allows at most 3 replicas"),
    ),
];

const WITHOUT_OPERATOR: &[Step] = &[
    step(
        CUSTOMS_DEVELOPER,
        "A second one is still refused:",
        "kubectl apply -f examples/story/customs-kafka-second.yaml",
        Refused("no permit names kafkanodepools/second"),
    ),
    step(
        CUSTOMS_DEVELOPER,
        "A larger one too:",
        "kubectl scale kafkanodepool border --replicas=5",
        Refused("allows at most 3 replicas"),
    ),
    step(
        ADMIN,
        "Not even the cluster's administrator can write a grant:",
        "kubectl patch processinggrant slots -n customs--border --type merge -p {\"spec\":{\"resources\":{}}}",
        Refused("compiled from permits by the operator alone"),
    ),
];

const REVOKED: &[Step] = &[
    step(
        REVIEWER_1,
        "The ministry takes the permit back.",
        "govcloud permit revoke border-events --agency customs --reason 'A line to Shiraz was laid.' --yes",
        Succeeds,
    ),
    step(
        CUSTOMS_REQUESTER,
        "The agency is told, and the slot is closed.",
        "kubectl wait --for=condition=Ready=False processingpermit/border-events -n agency-customs --timeout=60s",
        Succeeds,
    ),
    step(CUSTOMS_DEVELOPER, "What runs may be drained.", "kubectl scale kafkanodepool border --replicas=1", Succeeds),
    step(
        CUSTOMS_DEVELOPER,
        "It does not grow again:",
        "kubectl scale kafkanodepool border --replicas=3",
        Refused("no permit names"),
    ),
    step(CUSTOMS_REQUESTER, "All that happened is on record:", "govcloud permit show border-events", Says("Revoked")),
];
