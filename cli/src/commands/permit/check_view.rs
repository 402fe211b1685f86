//! What `govcloud permit check` says.

use std::fmt::Write as _;
use std::path::PathBuf;

use govcloud_crds::permit::{Assessment, AssessmentResult, OfferAssessment, OfferResult, Predicate, Truth};

use super::{
    check::{CheckedObject, ClassReport, Needs, Report},
    objects::lines,
};
use crate::output::{
    Paint,
    text::{count, plain, size},
};

/// How many offers that do not fit are told about.
const TOLD_OFFERS: usize = 5;

/// What the suggested commands are filled in with.
#[derive(Clone, Debug, Default)]
pub struct Advice {
    /// The manifests.
    pub from: Vec<PathBuf>,
    /// Whether folders below folders were looked into too.
    pub recursive: bool,
    /// The project, if it was named.
    pub project: Option<String>,
    /// What it must be like.
    pub needs: Needs,
}

impl Advice {
    fn project(&self) -> &str {
        self.project.as_deref().unwrap_or("PROJECT")
    }

    /// The request for exactly what was checked. What came through a pipe must come through it once more.
    fn request(&self, class: &str, several: bool) -> String {
        let piped = if self.from.iter().any(|path| path.as_os_str() == "-") { "… | " } else { "" };
        let from: Vec<_> = self.from.iter().map(|path| format!(" --from {}", path.display())).collect();
        let from = from.concat();
        let recursive = if self.recursive { " -R" } else { "" };
        let class = if several { format!(" --class {class}") } else { String::new() };
        let (project, needs) = (self.project(), self.needs.flags());
        format!("{piped}govcloud permit request{from}{recursive} --project {project}{class}{needs} --justification \"…\"")
    }
}

/// The whole report.
pub fn render(report: &Report, advice: &Advice, paint: Paint) -> String {
    if report.classes.is_empty() {
        return none(report);
    }
    let several = report.classes.len() > 1;
    let mut text = String::new();
    for (i, class) in report.classes.iter().enumerate() {
        text += &head(class, if i == 0 { Some(report.unaffected) } else { None });
        text += &lines(&class.objects.iter().map(object_line).collect::<Vec<_>>());
        text += &match &class.assessment {
            Some(assessment) => verdict(class, assessment, advice, several, paint),
            None => unmeasured(class, paint),
        };
    }
    text + &left_out(report) + "Nothing was asked for and nothing changed; the operator decides on the request itself.\n"
}

fn none(report: &Report) -> String {
    let objects = match report.unaffected {
        0 if report.left_out.is_empty() => "There are no objects in it, so nothing needs a permit.\n".to_owned(),
        0 => "Nothing of that class needs a permit.\n".to_owned(),
        1 => "The one object needs no permit.\n".to_owned(),
        n => format!("None of the {n} objects needs a permit.\n"),
    };
    objects + &left_out(report)
}

fn left_out(report: &Report) -> String {
    if report.left_out.is_empty() {
        return String::new();
    }
    let mut classes = report.left_out.clone();
    classes.dedup();
    format!("Left out because of --class: {} of class {}.\n", count(report.left_out.len(), "object"), classes.join(", "))
}

fn head(class: &ClassReport, unaffected: Option<usize>) -> String {
    let (number, name) = (class.objects.len(), &class.class);
    let needs = if number == 1 { "needs" } else { "need" };
    let rest = match unaffected {
        None | Some(0) => String::new(),
        Some(1) => ", 1 does not".to_owned(),
        Some(n) => format!(", {n} do not"),
    };
    format!("{} {needs} a permit (class {name}){rest}.\n", count(number, "object"))
}

fn object_line(object: &CheckedObject) -> (String, String) {
    let said = match (&object.error, object.size()) {
        (None, Some(measured)) => size(&measured),
        _ => "? see below".to_owned(),
    };
    (object.label(), said)
}

fn unmeasured(class: &ClassReport, paint: Paint) -> String {
    let mut text =
        format!("{} not compared with the shared services, because not every object could be measured:\n", paint.bad("ERROR:"));
    for object in class.objects.iter().filter(|o| o.error.is_some()) {
        let why = object.error.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  {} ({}): {}", plain(&object.label()), plain(&object.source), plain(why));
    }
    text
}

fn verdict(class: &ClassReport, assessment: &Assessment, advice: &Advice, several: bool, paint: Paint) -> String {
    let request = advice.request(&class.class, several);
    match (assessment.result, assessment.offers.first()) {
        (AssessmentResult::Duplicate, Some(best)) => {
            let (service, plan) = best.offer.split_once('/').unwrap_or((&best.offer, ""));
            let mut text =
                format!("Preliminary: {}. {} has room for all of it:\n", paint.attention("DUPLICATE"), offer_name(best));
            text += &predicates(&best.predicates, false);
            let _ = writeln!(
                text,
                "Use it instead:   govcloud service claim {service} --plan {plan} --project {}{}",
                advice.project(),
                claims(best)
            );
            text + &format!("Ask all the same: {request}        (exit code 3)\n")
        }
        (AssessmentResult::Overlaps, Some(best)) => {
            let would = if best.result == OfferResult::Partly {
                "has room for part of it"
            } else {
                "might do, but something is not known"
            };
            let mut text = format!("Preliminary: {}. {} {would}:\n", paint.attention("OVERLAPS"), offer_name(best));
            text += &predicates(&best.predicates, true);
            let _ = writeln!(
                text,
                "Look at it:            govcloud service show {}",
                best.offer.split('/').next().unwrap_or_default()
            );
            text + &format!("Ask; a person decides: {request}        (exit code 4)\n")
        }
        _ => unique(assessment, paint) + &format!("Ask for it: {request}\n"),
    }
}

fn claims(offer: &OfferAssessment) -> String {
    match offer.claims {
        Some(claims) if claims > 1 => format!("   ({claims} claims of it, each with a --name of its own)"),
        _ => String::new(),
    }
}

/// `national-streaming (plan large)`.
fn offer_name(offer: &OfferAssessment) -> String {
    match offer.offer.split_once('/') {
        Some((service, plan)) => format!("{service} (plan {plan})"),
        None => offer.offer.clone(),
    }
}

fn predicates(all: &[Predicate], marked: bool) -> String {
    let width = all.iter().map(|p| p.name.chars().count()).max().unwrap_or(0);
    let line = |p: &Predicate| {
        let mark = match p.result {
            _ if !marked => "",
            Truth::True => "✓ ",
            Truth::False => "✗ ",
            Truth::Unknown => "? ",
        };
        format!("  {mark}{:width$}  {}\n", p.name.to_lowercase(), plain(&p.message))
    };
    all.iter().map(line).collect()
}

/// Every offer has a decisive mismatch; those of the same class are the ones worth telling.
fn unique(assessment: &Assessment, paint: Paint) -> String {
    let is_of_class = |o: &&OfferAssessment| o.predicates.iter().any(|p| p.name == "Class" && p.result == Truth::True);
    let near: Vec<_> = assessment.offers.iter().filter(is_of_class).collect();
    let total = assessment.offers.len();
    let looked_at = match (total, near.len()) {
        (0, _) => "The catalogue has no offers.".to_owned(),
        (n, 0) => format!("None of the {} in the catalogue is of this class.", count(n, "offer")),
        (_, n) => {
            format!("No offer would do; {} of this class {} looked at:", count(n, "offer"), if n == 1 { "was" } else { "were" })
        }
    };
    let mut text = format!("Preliminary: {}. {looked_at}\n", paint.good("UNIQUE"));
    for offer in near.iter().take(TOLD_OFFERS) {
        let against: Vec<_> = offer.predicates.iter().filter(|p| p.result == Truth::False).map(|p| p.message.as_str()).collect();
        let _ = writeln!(text, "  {}: {}", offer_name(offer), plain(&against.join("; ")));
    }
    if near.len() > TOLD_OFFERS {
        let _ = writeln!(text, "  and {} more; all of them: -o yaml", near.len() - TOLD_OFFERS);
    }
    text
}
