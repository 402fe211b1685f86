use super::{
    super::{sheet::Part, tests::national, *},
    *,
};
use crate::commands::testing::now;
use rstest::rstest;

#[rstest]
#[case("=1+1", "'=1+1")]
#[case("+1", "'+1")]
#[case("-1", "'-1")]
#[case("@SUM(A1)", "'@SUM(A1)")]
#[case("  =1+1", "'  =1+1")]
#[case("\t=1", "'\t=1")]
#[case("\rx", "'\rx")]
#[case("\u{0}=1", "'\u{0}=1")]
#[case("＝1", "'＝1")]
#[case("a=1", "a=1")]
#[case("", "")]
fn no_text_is_a_formula(#[case] text: &str, #[case] cell: &str) {
    assert_eq!(harmless(text), cell);
}

fn document(text: &str) -> Document {
    let sheet = |key, columns: Vec<&'static str>, rows| Sheet { key, columns, rows, ..Sheet::default() };
    let sheets = vec![
        sheet(
            "one",
            vec!["agency", "takes"],
            vec![vec![text.into(), "1Ti".parse::<govcloud_crds::Quantity>().expect("valid").into()]],
        ),
        sheet("two", vec!["class", "agency"], vec![vec!["broker".into(), Cell::Nothing]]),
    ];
    let parts = vec![Part { heading: "P", figures: vec![], sheets }];
    let cluster = "https://here".to_owned();
    Document { title: "T".into(), about: "all".into(), cluster, generated_at: now(), not_included: vec!["-x, y".into()], parts }
}

#[test]
fn one_table_holds_them_all() {
    let text = render(&document("a \"quoted\", text\nof two lines"), true).expect("renders");
    assert_eq!(
        text,
        "row,agency,takes,class,not_included\n\
         one,\"a \"\"quoted\"\", text\nof two lines\",1099511627776,,\n\
         two,,,broker,\n\
         missing,,,,\"'-x, y\"\n"
    );
}

#[test]
fn every_row_has_every_column() {
    let report = report(Which::All, &national(), "https://here", now());
    let text = render(&super::super::document(Which::All, &report), true).expect("renders");
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let width = reader.headers().expect("headers").len();
    let rows: Vec<_> = reader.records().map(|row| row.expect("as wide as the headers")).collect();
    assert!(rows.len() > 20 && rows.iter().all(|row| row.len() == width));
    insta::assert_snapshot!("report_csv", text);
}

#[test]
fn headers_are_left_out_if_nobody_wants_them() {
    assert!(render(&document("x"), false).expect("renders").starts_with("one,x,"));
}
