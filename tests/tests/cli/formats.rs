//! `-o json`, `-o yaml` and `-o name`.

use govcloud_tests::people::{AUDITOR, TAX_REQUESTER};
use serde_json::Value;

use super::setting::Setting;

/// Who asks what, what the object is, and the lines of `-o name`; none where there are no objects.
const ASKED: [(&str, &str, &str, &[&str]); 11] = [
    (
        TAX_REQUESTER,
        "-n agency-tax-administration permit list",
        "List",
        &["processingpermit.govcloud.dev/events", "processingpermit.govcloud.dev/refused"],
    ),
    (AUDITOR, "permit list -A --phase active", "List", &["processingpermit.govcloud.dev/events"]),
    (
        TAX_REQUESTER,
        "--agency tax-administration permit show events",
        "ProcessingPermit",
        &["processingpermit.govcloud.dev/events"],
    ),
    (
        TAX_REQUESTER,
        "--agency tax-administration permit show {number}",
        "ProcessingPermit",
        &["processingpermit.govcloud.dev/events"],
    ),
    (
        AUDITOR,
        "agency list",
        "List",
        &["agency.govcloud.dev/customs", "agency.govcloud.dev/ito", "agency.govcloud.dev/tax-administration"],
    ),
    (TAX_REQUESTER, "agency show tax-administration", "Agency", &["agency.govcloud.dev/tax-administration"]),
    (TAX_REQUESTER, "--agency tax-administration project list", "List", &["project.govcloud.dev/analytics"]),
    (TAX_REQUESTER, "--agency tax-administration quota show", "List", &["agencyquota.govcloud.dev/tax-administration"]),
    (TAX_REQUESTER, "service list", "List", &["sharedservice.govcloud.dev/national-streaming"]),
    (TAX_REQUESTER, "service show national-streaming", "SharedService", &["sharedservice.govcloud.dev/national-streaming"]),
    (
        TAX_REQUESTER,
        "--agency tax-administration service search kafka",
        "List",
        &["sharedservice.govcloud.dev/national-streaming"],
    ),
];

/// Scripts read the same objects as from kubectl, and nothing else on the standard output.
pub async fn objects_are_printed_as_kubectl_does(setting: &Setting) {
    for (who, line, kind, names) in ASKED {
        let said = setting.govcloud(who, &format!("{line} -o name"), "").await.succeeds();
        assert_eq!(said.lines().collect::<Vec<_>>(), names, "{line} -o name");
        let json = as_json(setting, who, line).await;
        assert_eq!(json["kind"], kind, "{line} -o json");
        let yaml = setting.govcloud(who, &format!("{line} -o yaml"), "").await.succeeds();
        let yaml: Value = serde_yaml::from_str(&yaml).unwrap_or_else(|error| panic!("{line} -o yaml: {error}\n{yaml}"));
        assert_eq!(without_status(yaml), without_status(json), "{line}");
    }
    let identity = as_json(setting, TAX_REQUESTER, "--agency tax-administration whoami").await;
    assert_eq!((&identity["user"], &identity["roles"]), (&"requester@tax".into(), &serde_json::json!(["requester"])));
    let report = as_json(setting, TAX_REQUESTER, "--agency tax-administration permit check -f {folder} --zone shiraz").await;
    assert_eq!((&report["unaffected"], &report["classes"][0]["demand"]["storage"]), (&1.into(), &"3Ti".into()), "{report}");
}

async fn as_json(setting: &Setting, who: &str, line: &str) -> Value {
    let said = setting.govcloud(who, &format!("{line} -o json"), "").await.succeeds();
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{line} -o json: {error}\n{said}"))
}

/// The operator may have something to say between two commands.
fn without_status(mut object: Value) -> Value {
    let strip = |object: &mut Value| {
        object.as_object_mut().map(|fields| fields.remove("status"));
        object["metadata"] = object["metadata"]["name"].clone();
    };
    object["items"].as_array_mut().into_iter().flatten().for_each(strip);
    strip(&mut object);
    object
}
