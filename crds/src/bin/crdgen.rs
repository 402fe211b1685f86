//! Writes the CustomResourceDefinitions into a folder, one file each, and the page of a permit's states:
//! `cargo run -p govcloud-crds --bin govcloud-crdgen -- [DIR [PAGE]]`.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "charts/govcloud-crds/templates".into());
    let page = arguments.next().unwrap_or_else(|| "docs/permit-states.md".into());
    fs::create_dir_all(&folder)?;
    for (name, text) in govcloud_crds::crd::documents() {
        fs::write(Path::new(&folder).join(name), text)?;
    }
    fs::write(page, govcloud_crds::permit::states::document())
}
