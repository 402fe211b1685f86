//! What stands in a letter, whatever it is written in.

use govcloud_crds::permit::{Phase, PinnedPolicy, ReviewVerdict, effective::granted_targets};
use jiff::Timestamp;
use serde::Serialize;

use super::consequences;
use crate::{
    commands::{
        permit::{find::Case, objects::label, show::assessment_in_words},
        review::{
            facts::{Facts, Said},
            show_view::{people, verdict_in_words},
            words::{amounts_in_words, intent_in_words, period_in_words, size_in_words},
        },
    },
    output::text::day,
};

/// A decision as a document.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// The number of the permit.
    pub number: String,
    /// What it is a letter of, such as `Permit granted`.
    pub title: String,
    /// Whether nothing is decided yet.
    pub draft: bool,
    /// The head: number, agency, authority, dates.
    pub head: Vec<(String, String)>,
    /// The sections in order.
    pub sections: Vec<Section>,
    /// When and from what it was written.
    pub closing: String,
}

/// A part of a letter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// What it is about.
    pub heading: &'static str,
    /// What it says.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// What somebody wrote, word for word.
    Quote(String),
    /// Names and values.
    Fields(Vec<(String, String)>),
    /// A table; each row is as long as the header.
    Table {
        /// The header.
        header: Vec<&'static str>,
        /// The rows.
        rows: Vec<Vec<String>>,
    },
}

/// The letter of `case` as it is on record at `now` in the cluster at `server`.
pub fn letter(case: &Case, facts: &Facts, server: &str, now: Timestamp) -> Letter {
    let section = |heading, blocks| Section { heading, blocks };
    let mut sections = vec![
        section("The request", request(facts)),
        section("The decision", decision(case, facts)),
        section("The reasons", reasons(facts)),
        section("Who decided", deciders(case, facts)),
        section("The rules it was judged by", rules(case, facts)),
        section("Validity", consequences::validity(case, facts)),
        section("What the agency must do", consequences::duties(case, facts)),
        section("Appeal", consequences::appeal(facts)),
        section("How this letter can be verified", verification(case, facts)),
    ];
    sections.retain(|section| !section.blocks.is_empty());
    Letter {
        number: facts.number.clone(),
        title: title(facts).to_owned(),
        draft: facts.decision.is_none(),
        head: head(case, facts),
        sections,
        closing: format!(
            "Rendered on {} from the record of cluster {server}. The record decides; this letter repeats it.",
            minute(now)
        ),
    }
}

/// A moment as an office writes it.
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn title(facts: &Facts) -> &'static str {
    match facts.decision.as_ref().map(|decision| decision.verdict) {
        Some(ReviewVerdict::Approve) => match facts.phase {
            Phase::Revoked => "Permit granted, and revoked",
            Phase::Suspended => "Permit granted, and suspended",
            Phase::Expired => "Permit granted, and expired",
            Phase::Withdrawn => "Permit granted, and given up",
            Phase::Superseded => "Permit granted, and taken over",
            _ => "Permit granted",
        },
        Some(ReviewVerdict::Deny) => "Permit denied",
        Some(ReviewVerdict::Return) => "Request returned",
        _ => "Draft: nothing is decided yet",
    }
}

fn head(case: &Case, facts: &Facts) -> Vec<(String, String)> {
    let authority = case.agency.as_ref().and_then(|agency| agency.status.as_ref()?.responsible_authority.clone());
    let asked = facts.requested_at.map_or_else(String::new, minute);
    let decided = facts.decision.as_ref().map_or("not yet".to_owned(), |decision| minute(decision.at.0));
    let kind = intent_in_words(facts.intent, facts.refers_to.is_some());
    let refers = facts.refers_to.as_ref().map_or_else(String::new, |refers| format!(" that refers to {}", refers.number));
    let all = [
        ("Number", facts.number.clone()),
        ("Agency", format!("{} ({})", facts.agency_name, facts.agency)),
        ("Security authority", authority.unwrap_or_default()),
        ("Kind", format!("{kind}{refers}")),
        ("Requested", format!("{asked} by {}", facts.requested_by)),
        ("Decided", decided),
        ("State", facts.phase.to_string()),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value)).collect()
}

fn request(facts: &Facts) -> Vec<Block> {
    let zones = if facts.zones.is_empty() { String::new() } else { format!(", in zone {}", facts.zones.join(" and ")) };
    let mut blocks = vec![
        Block::Text(format!(
            "{} asked to run its own {}: {} for {}{zones}, in its project {}, with data up to {}. Its reason:",
            facts.agency_name,
            facts.class_name,
            amounts_in_words(&facts.demand),
            period_in_words(&facts.duration),
            facts.project,
            facts.data,
        )),
        Block::Quote(facts.justification.trim().to_owned()),
    ];
    if let Some(law) = &facts.legal_basis {
        blocks.push(Block::Fields(vec![("Law".to_owned(), law.clone())]));
    }
    if !facts.rejected.is_empty() {
        let rows = facts.rejected.iter().map(|a| vec![a.shared_service.clone(), a.rejected_because.clone()]).collect();
        blocks.push(Block::Table { header: vec!["Shared service considered", "Rejected by the agency because"], rows });
    }
    if !facts.evidence.is_empty() {
        let rows = facts.evidence.iter().map(|e| vec![e.name.clone(), e.sha256.clone()]).collect();
        blocks.push(Block::Table { header: vec!["Document", "SHA-256"], rows });
    }
    blocks
}

fn decision(case: &Case, facts: &Facts) -> Vec<Block> {
    let Some(decision) = &facts.decision else {
        let asked = facts.asked.iter().map(|target| vec![label(target), size_in_words(target)]).collect();
        return vec![
            Block::Text("Nothing is decided yet. This is a draft, and gives no right.".into()),
            Block::Table { header: vec!["Object", "Asked"], rows: asked },
        ];
    };
    let approved = decision.verdict == ReviewVerdict::Approve;
    let granted = if case.permit.status.as_ref().is_some_and(|status| status.granted.is_empty()) {
        facts.allowed.clone()
    } else {
        granted_targets(&case.permit)
    };
    let said = match decision.verdict {
        ReviewVerdict::Approve if granted == facts.asked => {
            format!("The request is approved as asked: {}.", amounts_in_words(&decision.capacity))
        }
        ReviewVerdict::Approve => format!(
            "The request is approved for less than was asked: {} of {}.",
            amounts_in_words(&decision.capacity),
            amounts_in_words(&facts.demand)
        ),
        ReviewVerdict::Deny => "The request is denied. Nothing is granted.".to_owned(),
        _ => "The request is returned, because the reviewers need to know more. Nothing is granted.".to_owned(),
    };
    let size = |index: usize| granted.get(index).filter(|_| approved).map_or("nothing".to_owned(), size_in_words);
    let row = |(index, asked)| vec![label(asked), size_in_words(asked), size(index)];
    let rows = facts.asked.iter().enumerate().map(row).collect();
    vec![Block::Text(said), Block::Table { header: vec!["Object", "Asked", "Granted"], rows }]
}

fn reasons(facts: &Facts) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some(decision) = &facts.decision {
        blocks.push(Block::Quote(decision.reason.trim().to_owned()));
    }
    if let Some(assessment) = &facts.assessment {
        let at = day(assessment.assessed_at.0);
        blocks.push(Block::Text(format!(
            "The shared services were compared with the request on {at}. {}.",
            assessment_in_words(assessment)
        )));
    }
    blocks
}

fn deciders(case: &Case, facts: &Facts) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some(automatic) = policy(case).and_then(|policy| policy.automatic.as_ref()) {
        blocks.push(Block::Text(format!("Not all who usually decide had to. {}", automatic.reason)));
    }
    if facts.reviews.is_empty() {
        blocks.push(Block::Text("No person reviewed it.".into()));
        return blocks;
    }
    let row = |said: &Said| {
        let counts = said.does_not_count.as_ref().map_or_else(String::new, |why| format!(" (does not count: {why})"));
        vec![
            said.at.map(minute).unwrap_or_default(),
            said.reviewer.clone(),
            capacity(case, &said.group),
            format!("{}{counts}", verdict_in_words(said.verdict)),
            said.reason.trim().to_owned(),
        ]
    };
    let rows = facts.reviews.iter().map(row).collect();
    blocks.push(Block::Table { header: vec!["When", "Who", "As", "Said", "Reason"], rows });
    blocks
}

fn policy(case: &Case) -> Option<&PinnedPolicy> {
    case.permit.status.as_ref()?.policy.as_ref()
}

/// In which capacity a group decides.
fn capacity(case: &Case, group: &str) -> String {
    let is_regime = policy(case).and_then(|policy| policy.regime_reviewers.as_deref()) == Some(group);
    let authority = case.agency.as_ref().and_then(|agency| agency.status.as_ref()?.responsible_authority.as_ref());
    match authority.filter(|_| is_regime) {
        Some(authority) => format!("{authority} ({group})"),
        None => group.to_owned(),
    }
}

fn rules(case: &Case, facts: &Facts) -> Vec<Block> {
    let Some(policy) = policy(case) else { return Vec::new() };
    let approval = &policy.approval;
    vec![
        Block::Text("These are the rules as they were when the request was submitted; a later change does not touch it.".into()),
        Block::Fields(vec![
            ("Class".to_owned(), format!("{} ({}), generation {}", facts.class_name, policy.class, policy.generation)),
            ("To approve".to_owned(), people(&facts.needed.in_all)),
            ("To revoke".to_owned(), people(&approval.quorum)),
            ("Decision due within".to_owned(), period_in_words(&approval.review_within)),
            ("Longest permit".to_owned(), period_in_words(&approval.max_duration)),
        ]),
    ]
}

fn verification(case: &Case, facts: &Facts) -> Vec<Block> {
    let (status, name) = (case.permit.status.clone().unwrap_or_default(), &facts.name);
    let home = kube::ResourceExt::namespace(&case.permit).unwrap_or_default();
    let mut blocks = vec![
        Block::Text("The request cannot be changed, and no review can be changed or deleted. Compare with the record:".into()),
        Block::Fields(vec![
            ("Request".to_owned(), format!("{home}/{name}, uid {}", case.permit.metadata.uid.clone().unwrap_or_default())),
            ("SHA-256 of the request".to_owned(), status.digest.unwrap_or_default()),
            ("The record".to_owned(), format!("kubectl get processingpermit {name} -n {home} -o yaml")),
            ("The reviews".to_owned(), format!("kubectl get permitreviews -n {home} -o yaml")),
        ]),
    ];
    if !facts.reviews.is_empty() {
        let row = |said: &Said| vec![said.name.clone(), said.uid.clone().unwrap_or_else(|| "not there any more".to_owned())];
        blocks.push(Block::Table { header: vec!["Review", "uid"], rows: facts.reviews.iter().map(row).collect() });
    }
    blocks
}
