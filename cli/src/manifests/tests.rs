//! Nasty inputs.

use rstest::rstest;

use super::*;

fn kinds(text: &str) -> Vec<String> {
    parse("f.yaml", text).expect("reads").iter().map(|m| m.object["kind"].as_str().unwrap_or_default().to_owned()).collect()
}

#[rstest]
#[case::empty("")]
#[case::spaces("  \n\n")]
#[case::comments("# nothing\n# at all\n")]
#[case::separators("---\n---\n# Source: x\n---\n")]
#[case::null("null\n---\n~\n")]
fn nothing_is_nothing(#[case] text: &str) {
    assert_eq!(parse("f.yaml", text).expect("reads"), []);
}

#[rstest]
#[case::several("---\n# Source: a\napiVersion: v1\nkind: A\n---\n\n---\napiVersion: v1\nkind: B\n...\n", &["A", "B"])]
#[case::json("{\"apiVersion\": \"v1\",\n\t\"kind\": \"A\"}\n{\"apiVersion\": \"v1\", \"kind\": \"B\"}", &["A", "B"])]
#[case::flow("{apiVersion: v1, kind: A}", &["A"])]
#[case::list("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A}\n- {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: B}]}", &["A", "B"])]
#[case::typed_list("apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}", &["Pod"])]
#[case::empty_list("apiVersion: v1\nkind: List\nitems: []", &[])]
#[case::not_a_list("apiVersion: v1\nkind: AllowList\nspec: {}", &["AllowList"])]
#[case::byte_order_mark("\u{feff}apiVersion: v1\nkind: A", &["A"])]
#[case::crlf("apiVersion: v1\r\nkind: A\r\n---\r\napiVersion: v1\r\nkind: B\r\n", &["A", "B"])]
fn objects_are_found(#[case] text: &str, #[case] expected: &[&str]) {
    assert_eq!(kinds(text), expected);
}

#[test]
fn anchors_and_merges_are_resolved() {
    let text = "apiVersion: v1\nkind: A\nspec:\n  one: &x {size: 1Ti}\n  two: *x\n  three:\n    <<: *x\n    more: 1\n";
    let all = parse("f.yaml", text).expect("reads");
    assert_eq!(all[0].object["spec"]["two"]["size"], "1Ti");
    assert_eq!(all[0].object["spec"]["three"]["size"], "1Ti");
}

#[test]
fn a_bomb_of_anchors_is_refused() {
    use std::fmt::Write as _;
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for i in 1..12 {
        let before = i - 1;
        let _ = writeln!(text, "a{i}: &a{i} [{}]", vec![format!("*a{before}"); 10].join(","));
    }
    assert!(parse("bomb.yaml", &text).is_err());
}

#[test]
fn numbers_keep_their_size() {
    let text = "apiVersion: v1\nkind: A\nspec: {replicas: 9223372036854775807, size: 0.5, text: '007', version: 1.10}";
    let all = parse("f.yaml", text).expect("reads");
    assert_eq!(all[0].object["spec"]["replicas"], serde_json::json!(i64::MAX));
    assert_eq!(all[0].object["spec"]["text"], "007");
}

#[rstest]
#[case::tabs("tabs", "apiVersion: v1\nkind: A\nspec:\n\treplicas: 1\n")]
#[case::unclosed("unclosed", "apiVersion: v1\nkind: \"A\nspec: {}\n")]
#[case::indent("indent", "apiVersion: v1\nkind: A\n  spec: 1\n")]
#[case::twice("twice", "apiVersion: v1\nkind: A\nkind: B\n")]
#[case::text("text", "apiVersion: v1\nkind: A\n---\njust text\n")]
#[case::array("array", "- a\n- b\n")]
#[case::no_kind("no_kind", "apiVersion: v1\nmetadata: {name: x}\n")]
#[case::no_version("no_version", "kind: A\n")]
#[case::number_kind("number_kind", "apiVersion: v1\nkind: 7\n")]
#[case::list_of_text("list_of_text", "apiVersion: v1\nkind: List\nitems: [text]\n")]
#[case::json("json", "{\"apiVersion\": \"v1\", \"kind\": }")]
#[case::template("template", "apiVersion: v1\nkind: A\nspec: {{ .Values.spec }}\n")]
#[case::huge("huge", "apiVersion: v1\nkind: A\nspec: {replicas: 99999999999999999999999999999999999999999999}\n")]
fn what_is_wrong_is_named_with_its_place(#[case] name: &str, #[case] text: &str) {
    let said = match parse("f.yaml", text) {
        Ok(all) => format!("{:?}", all.iter().map(|m| m.object.to_string()).collect::<Vec<_>>()),
        Err(error) => error.render(false),
    };
    insta::assert_snapshot!(format!("manifest_{name}"), said);
}

#[test]
fn folders_are_read_in_order_and_only_manifests() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        fs::write(path, text).expect("written");
    };
    assert!(read(&[folder.path().to_owned()], false).expect_err("empty").to_string().contains("holds no"));
    write("b.yml", "apiVersion: v1\nkind: B");
    write("a.yaml", "apiVersion: v1\nkind: A");
    write("c.JSON", "{\"apiVersion\": \"v1\", \"kind\": \"C\"}");
    write("README.md", "# not a manifest: [");
    write("below/d.yaml", "apiVersion: v1\nkind: D");
    let kinds = |recursive| -> Vec<_> {
        let all = read(&[folder.path().to_owned()], recursive).expect("reads");
        all.iter().map(|m| m.object["kind"].as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(kinds(false), ["A", "B", "C"]);
    assert_eq!(kinds(true), ["A", "B", "D", "C"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = read(&["/nowhere/x.yaml".into()], false).expect_err("not there");
    assert!(error.to_string().starts_with("cannot read /nowhere/x.yaml"), "{error}");
}
