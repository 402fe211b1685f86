//! Writes the operator's role into the chart: `cargo run -p govcloud-operator --bin govcloud-rbacgen`.

use std::{error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("charts/govcloud/templates"), PathBuf::from);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("operator-rbac.yaml"), govcloud_operator::rbac::document()?)?;
    Ok(())
}
