//! Letters as they are filed.

use rstest::rstest;
use serde_json::json;

use super::{document::Letter, *};
use crate::{
    commands::{
        review::rules::tests::{active, case, emergency, review},
        testing,
    },
    context::Caller,
};

fn of(case: &Case) -> Letter {
    let facts = facts(case, &[], &None, &Caller::default(), testing::now());
    document::letter(case, &facts, "https://cloud.example:6443", testing::now())
}

fn narrowed() -> Case {
    let mut case = active(&[]);
    case.reviews[0].spec.narrow = serde_json::from_value(json!({"targets": [{"name": "lake", "replicas": 2}]})).expect("valid");
    case
}

#[test]
fn each_decision_has_its_letter() {
    insta::assert_snapshot!("letter_granted", text::render(&of(&narrowed())));
    let mut stop = review("tax-lake", "reviewer-2@ministry", "ministry:reviewers", "Suspend", "It was used for something else.");
    stop.metadata.name = Some("tax-lake-z".into());
    insta::assert_snapshot!("letter_suspended", text::render(&of(&active(&[stop]))));
    let mut gone = active(&[]);
    let judged = gone.effective(testing::now()).reviews;
    let status = gone.permit.status.as_mut().expect("a status");
    status.reviews = judged;
    (status.phase, status.valid_from, status.not_after) = (govcloud_crds::permit::Phase::Withdrawn, None, None);
    let letter = of(&gone);
    assert_eq!(letter.title, "Permit granted, and given up");
    assert!(text::render(&letter).contains("It never came into force."));
    let no = review("tax-lake", "reviewer-1@ministry", "ministry:reviewers", "Deny", "The national lake will do.");
    insta::assert_snapshot!("letter_denied", text::render(&of(&case("Duplicate", &json!({}), &[no]))));
    let back = review("tax-lake", "reviewer-1@ministry", "ministry:reviewers", "Return", "Which zone is meant?");
    insta::assert_snapshot!("letter_returned", text::render(&of(&case("Unique", &json!({}), &[back]))));
    insta::assert_snapshot!("letter_emergency", text::render(&of(&emergency(true))));
    insta::assert_snapshot!("letter_draft", text::render(&of(&case("Unique", &json!({}), &[]))));
}

#[test]
fn the_html_needs_nothing_else_and_escapes_what_people_wrote() {
    let mut granted = narrowed();
    granted.permit.spec.justification = "<script>alert('x')</script> & more\nسطر دوم".into();
    let page = html::render(&of(&granted)).expect("renders");
    assert!(!page.contains("<script") && page.contains("&#60;script&#62;"), "{page}");
    for outside in ["http-equiv", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    insta::assert_snapshot!("letter_html", page);
}

#[test]
fn nothing_is_written_of_what_is_not_decided() {
    let waiting = case("Unique", &json!({}), &[]);
    let refused = decided(&waiting, false, testing::now()).expect_err("undecided");
    insta::assert_snapshot!("letter_undecided", refused.render(false));
    assert!(decided(&waiting, true, testing::now()).is_ok() && decided(&narrowed(), false, testing::now()).is_ok());
}

#[test]
fn a_file_that_is_there_is_not_replaced_by_accident() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("letter.html");
    file::write(&file, "one", false).expect("is new");
    let said = file::write(&file, "two", false).expect_err("is there").render(false);
    assert!(said.contains("is there already, and nothing was written") && said.contains("--force"), "{said}");
    file::write(&file, "two", true).expect("is forced");
    assert_eq!(std::fs::read_to_string(&file).expect("reads"), "two");
}

#[rstest]
#[case(None, None, LetterFormat::Text)]
#[case(Some("a.html"), None, LetterFormat::Html)]
#[case(Some("a.txt"), None, LetterFormat::Text)]
#[case(Some("a.html"), Some(LetterFormat::Text), LetterFormat::Text)]
fn the_file_says_how(#[case] file: Option<&str>, #[case] format: Option<LetterFormat>, #[case] is: LetterFormat) {
    let args = LetterArgs { permit: "x".into(), format, output_file: file.map(Into::into), force: false, draft: false };
    assert_eq!(args.format(), is);
}
