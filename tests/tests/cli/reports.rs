//! Reports, as the people who ask for them: the whole nation, or what one agency may see of itself.

use govcloud_tests::people::{
    AUDITOR, CLOUD_OPERATOR, CUSTOMS_ADMIN, REVIEWER_1, SECURITY_REVIEWER, TAX_DEVELOPER, TAX_REQUESTER,
};
use serde_json::Value;

use super::setting::Setting;

/// All of it, one after the other.
pub async fn tell_what_runs(setting: &Setting) {
    who_sees_all_gets_all(setting).await;
    an_agency_gets_its_own(setting).await;
    every_format_is_written(setting).await;
}

async fn report(setting: &Setting, who: &str, line: &str) -> Value {
    let said = setting.govcloud(who, &format!("{line} -o json"), "").await;
    assert!(said.ok, "{who}: {line}: {said:?}");
    serde_json::from_str(&said.out).expect("JSON")
}

async fn who_sees_all_gets_all(setting: &Setting) {
    for who in [REVIEWER_1, SECURITY_REVIEWER, AUDITOR, CLOUD_OPERATOR] {
        let all = report(setting, who, "report all").await;
        assert_eq!(all["notIncluded"], serde_json::json!([]), "{who}");
        assert_eq!(all.get("agency"), None);
        let agencies: Vec<_> = all["compliance"]["agencies"].as_array().into_iter().flatten().map(|a| &a["agency"]).collect();
        assert_eq!(agencies, ["customs", "ito", "tax-administration"]);
        let running = &all["capacity"]["running"][0];
        assert_eq!((&running["class"], &running["agency"]), (&"message-broker".into(), &"tax-administration".into()));
        assert_eq!(running["permitted"]["brokers"], "3");
        assert!(all["capacity"]["pools"][0]["capacity"]["requests.cpu"].is_string(), "{all}");
        assert!(all["duplicates"]["found"].is_array() && all["duplicates"]["freed"].is_array());
        assert!(all["compliance"]["interruptions"].is_array());
    }
}

async fn an_agency_gets_its_own(setting: &Setting) {
    let own = "--agency tax-administration report all";
    for who in [TAX_REQUESTER, TAX_DEVELOPER] {
        let all = report(setting, who, own).await;
        assert_eq!((&all["agency"], &all["notIncluded"]), (&"tax-administration".into(), &serde_json::json!([])));
        assert_eq!(all["compliance"]["agencies"].as_array().map(Vec::len), Some(1));
        assert_eq!(all["capacity"]["quotas"][0]["agency"], "tax-administration");
    }
    // What is another's is not there, and that is said.
    let other = report(setting, CUSTOMS_ADMIN, own).await;
    let missing: Vec<_> = other["notIncluded"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let words = ["permits", "findings", "agencies", "shares of pools"];
    assert!(words.iter().all(|word| missing.iter().any(|line| line.starts_with(word))) && missing.len() == 4, "{missing:?}");
    assert_eq!((&other["capacity"]["running"], other["duplicates"].get("freed")), (&serde_json::json!([]), None));
    let said = setting.govcloud(CUSTOMS_ADMIN, "report compliance", "").await;
    assert!(said.code == 2 && said.err.contains("--agency NAME"), "{said:?}");
}

async fn every_format_is_written(setting: &Setting) {
    let cases = [
        ("report duplicates", "What consolidation would free"),
        ("report capacity", "NOT PERMITTED"),
        ("report compliance", "tax-administration"),
        ("report capacity -o csv", "row,class,agency,dimension,permitted"),
        ("report capacity -o yaml", "generatedAt:"),
        ("report all -o html", "<!DOCTYPE html>"),
        ("report all --output-file {folder}/report.html", "The report is in"),
    ];
    for (line, words) in cases {
        let said = setting.govcloud(AUDITOR, line, "").await;
        assert!(said.ok && format!("{}{}", said.out, said.err).contains(words), "{line}: {said:?}");
    }
    let page = std::fs::read_to_string(setting.folder().join("report.html")).expect("a page");
    assert!(page.contains("<svg") && page.contains("tax-administration"), "{page}");
    for (line, words) in [
        ("report all --output-file {folder}/report.html", "is there already"),
        ("report all --force", "--output-file"),
        ("permit ls -A -o csv", "only reports are printed as csv or html"),
    ] {
        let said = setting.govcloud(AUDITOR, line, "").await;
        assert!(!said.ok && said.err.contains(words), "{line}: {said:?}");
    }
}
