//! Programs of other projects that tests run for real: built once from a pinned Go module, and kept beside the control plane.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use govcloud_controlplane::cache_folder;
use govcloud_crds::permit::digest::sha256;

use crate::fixtures::root;

/// A program, pinned by `tests/<folder>/go.mod`.
#[derive(Clone, Copy, Debug)]
pub struct GoTool {
    /// What it is called in messages.
    pub name: &'static str,
    /// The folder of its module below `tests/`, and of its builds in the cache.
    pub folder: &'static str,
    /// Its package.
    pub package: &'static str,
    /// Build tags.
    pub tags: &'static str,
    /// The variable that names a ready binary instead.
    pub ready: &'static str,
}

impl GoTool {
    /// The program: from the cache, or built into it.
    pub async fn binary(self) -> PathBuf {
        if let Some(ready) = std::env::var_os(self.ready).filter(|path| !path.is_empty()) {
            return ready.into();
        }
        tokio::task::spawn_blocking(move || self.build()).await.expect("it is built")
    }

    fn build(self) -> PathBuf {
        let module = root().join("tests").join(self.folder);
        let pinned: String = ["go.mod", "go.sum"].map(|name| fs::read_to_string(module.join(name)).expect("a module")).concat();
        let key = &sha256(&format!("{pinned}{}", self.tags))[..12];
        let cache = cache_folder().expect("a folder for a cache: set GOVCLOUD_CACHE or HOME").join(self.folder);
        let finished = cache.join(key);
        fs::create_dir_all(&cache).expect("a folder");
        // Another test may be building it; whoever waited finds it there.
        let lock = File::create(cache.join("lock")).expect("a file");
        lock.lock().expect("a lock");
        if !finished.is_file() {
            eprintln!("Building {} from source. This happens once and takes some minutes on two cores.", self.name);
            let building = cache.join(format!(".build-{key}"));
            let status = std::process::Command::new("go")
                .args(["build", "-trimpath", "-ldflags", "-s -w", "-tags", self.tags, "-o"])
                .arg(&building)
                .arg(self.package)
                .current_dir(&module)
                .envs([("CGO_ENABLED", "0"), ("GOWORK", "off"), ("GOFLAGS", "")])
                .status()
                .expect("go runs");
            assert!(status.success(), "{} does not build; set {} to a ready binary", self.name, self.ready);
            fs::rename(&building, &finished).expect("it is kept");
        }
        finished
    }
}
