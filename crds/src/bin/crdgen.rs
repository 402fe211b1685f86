//! Writes the CustomResourceDefinitions into a folder, one file each: `cargo run -p govcloud-crds --bin govcloud-crdgen -- DIR`.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "charts/govcloud-crds/templates".into());
    fs::create_dir_all(&folder)?;
    for (name, text) in govcloud_crds::crd::documents() {
        fs::write(Path::new(&folder).join(name), text)?;
    }
    Ok(())
}
