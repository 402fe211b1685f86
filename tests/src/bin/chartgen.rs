//! Writes the chart as plain manifests, for people without Helm: `cargo run -p govcloud-tests --bin govcloud-chartgen`.

use std::{fs, io};

use govcloud_tests::{fixtures::root, helm};

#[tokio::main]
async fn main() -> io::Result<()> {
    let folder = root().join("charts/plain");
    fs::create_dir_all(&folder)?;
    for (name, text) in helm::plain().await {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}
