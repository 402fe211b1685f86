//! The examples of the repository, as a reader applies them.

use govcloud_tests::{
    Cloud,
    fixtures::{example, root},
    people::{ADMIN, CLOUD_OPERATOR, REVIEWER_1, TAX_ADMIN},
};

/// Whose work each step is; a folder is applied file by file.
const STEPS: [(&str, &str); 7] = [
    ("01-government-cloud.yaml", CLOUD_OPERATOR),
    ("02-agencies.yaml", CLOUD_OPERATOR),
    ("03-capacity.yaml", CLOUD_OPERATOR),
    ("04-classes", REVIEWER_1),
    ("05-provider.yaml", ADMIN),
    ("05-shared-services.yaml", CLOUD_OPERATOR),
    ("06-project.yaml", TAX_ADMIN),
];

/// Kind, namespace, name and the condition that it ends with.
const ENDS: [(&str, &str, &str, &str); 9] = [
    ("governmentcloud", "", "national", "EnforcementIntact"),
    ("agency", "", "ito", "Ready"),
    ("agency", "", "tax-administration", "Ready"),
    ("agency", "", "customs", "Ready"),
    ("agencyquota", "", "tax-administration", "Ready"),
    ("agencyquota", "", "customs", "Ready"),
    ("sharedservice", "", "national-streaming", "Ready"),
    ("project", "agency-tax-administration", "analytics", "Ready"),
    ("project", "agency-tax-administration", "analytics", "QuotaGranted"),
];

/// Every example is applied by the person whose work it is, right after the one before, and comes to its end.
pub async fn apply_in_their_order(cloud: &Cloud) {
    // The national story has people of its own, and tests/national.rs plays it.
    let examples: Vec<_> = entries("").into_iter().filter(|name| name != "07-national").collect();
    assert_eq!(examples, STEPS.map(|(name, _)| name.to_owned()), "an example that nobody applies");
    for (name, who) in STEPS {
        if name.starts_with("06") {
            // Only who is a member of an agency may make its projects, and that is so once the agency is ready.
            cloud.wait_for("agency", "", "tax-administration", "Ready").await;
        }
        for file in files(name) {
            let said = cloud.apply(who, &example(&file)).await;
            assert!(said.ok && said.err.is_empty(), "{file} as {who}: {said:?}");
        }
    }
    for (kind, namespace, name, condition) in ENDS {
        cloud.wait_for(kind, namespace, name, condition).await;
    }
    cloud.enforced().await;
}

/// A file by its name, and a folder's files by theirs.
fn files(name: &str) -> Vec<String> {
    if root().join("examples").join(name).is_file() {
        return vec![name.to_owned()];
    }
    entries(name).into_iter().map(|file| format!("{name}/{file}")).collect()
}

/// What lies in a folder of the examples, in the order of names; of the examples themselves only what has a number.
fn entries(folder: &str) -> Vec<String> {
    let path = root().join("examples").join(folder);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| !folder.is_empty() || name.starts_with(|c: char| c.is_ascii_digit())).collect();
    names.sort_unstable();
    names
}
