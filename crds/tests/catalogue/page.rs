//! The page of the catalogue, for people.

use std::{collections::BTreeMap, fmt::Write};

use govcloud_crds::{
    ProcessingClass,
    class::{Control, ProcessingClassSpec},
};

const HEAD: &str = "# Processing classes

Generated from `charts/govcloud/classes`; do not edit. After a change there:
`GOVCLOUD_WRITE_DOCS=1 cargo test -p govcloud-crds --test catalogue`.

Install all with `kubectl apply -f charts/govcloud/classes`, or only those that you need. An offer of a class covers the classes
below it. A kind that is not installed costs nothing but two policies, and is closed until it is.

| class | parent | kinds | measured in | devices without a permit: 0 |
|---|---|---|---|---|
";

/// The whole page.
pub fn page(classes: &BTreeMap<String, ProcessingClass>) -> String {
    let mut page = HEAD.to_owned();
    for (name, class) in classes {
        page.push_str(&row(name, &class.spec));
    }
    for (name, class) in classes {
        page.push_str(&section(name, &class.spec));
    }
    page
}

fn row(name: &str, class: &ProcessingClassSpec) -> String {
    let kinds: Vec<_> = class.controls.iter().map(key).collect();
    let dimensions: Vec<_> = class.dimensions.iter().map(|d| d.name.as_str()).collect();
    let devices: Vec<_> = class.gated_quota.values().map(|key| format!("`{key}`")).collect();
    let parent = class.parent.as_deref().unwrap_or_default();
    format!("| [{name}](#{name}) | {parent} | {} | {} | {} |\n", kinds.join(", "), dimensions.join(", "), devices.join(", "))
}

fn key(control: &Control) -> String {
    format!("`{}.{}`", control.resource, control.group)
}

fn section(name: &str, class: &ProcessingClassSpec) -> String {
    let mut text = format!("\n## {name}\n\n{}: {}.\n\n", class.display_name, class.description);
    for dimension in &class.dimensions {
        let _ = writeln!(text, "- `{}`: {}", dimension.name, dimension.description);
    }
    if let Some(workloads) = &class.workloads {
        let images: Vec<_> = workloads.images.iter().map(|image| format!("`{image}`")).collect();
        let _ =
            writeln!(text, "\nOrdinary workloads by their images, counted as `{}`: {}", workloads.counts_as, images.join(", "));
    }
    if !class.controls.is_empty() {
        text.push_str("\n| kind | version | replicas | per replica | controllers |\n|---|---|---|---|---|\n");
    }
    class.controls.iter().for_each(|control| text.push_str(&kind(control)));
    text
}

fn kind(control: &Control) -> String {
    let measured: Vec<_> = control.per_replica.keys().map(String::as_str).collect();
    let controllers: Vec<_> =
        control.controllers.iter().map(|c| format!("`{}`", c.trim_start_matches("system:serviceaccount:"))).collect();
    let replicas = if control.replicas == "1" { "1, the whole object" } else { "its declared maximum" };
    format!("| {} | {} | {replicas} | {} | {} |\n", key(control), control.version, measured.join(", "), controllers.join(", "))
}
