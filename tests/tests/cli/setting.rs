//! What the commands find: a project with an active and a denied permit, and manifests in a folder.

use std::{fs, path::Path, process::Stdio};

use govcloud_tests::{
    Cloud, Said, Setup,
    fixtures::{deployment, node_pool, permit},
    people::{REVIEWER_1, TAX_ADMIN, TAX_REQUESTER},
    programs,
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

pub const HOME: &str = "agency-tax-administration";

/// A cloud, and the words that stand for something of it in a command line.
pub struct Setting {
    pub cloud: Cloud,
    folder: TempDir,
    number: String,
}

impl Setting {
    pub async fn prepare() -> Self {
        let cloud = Cloud::start(Setup::Government).await;
        cloud.project("tax-administration", TAX_ADMIN, "analytics", "20").await;
        let kafka = |name: &str| permit("tax-administration", name, "requester@tax", "analytics", &[(name, 3, "1Ti")]);
        cloud.permit(TAX_REQUESTER, &kafka("events")).await;
        cloud.apply_json(TAX_REQUESTER, &kafka("refused")).await.succeeds();
        cloud.review(REVIEWER_1, HOME, "refused", "ministry:reviewers", "Deny").await.succeeds();
        let active = cloud.wait_for("processingpermit", HOME, "events", "Ready").await;
        let number = active["status"]["number"].as_str().expect("a number").to_owned();
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "broker.json", &broker());
        write(folder.path(), "web.json", &deployment("tax-administration--analytics", "web", "nginx:1", 2).to_string());
        Self { cloud, folder, number }
    }

    /// The folder that `{folder}` stands for.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `govcloud` as a persona; `{folder}` and `{number}` are filled in.
    pub async fn govcloud(&self, who: &str, line: &str, input: &str) -> Said {
        let context = format!("--context {who} {line}");
        self.run(Command::new(programs().join("govcloud")), if who.is_empty() { line } else { &context }, input).await
    }

    /// Runs `kubectl` with the plugin on its path.
    pub async fn kubectl(&self, line: &str) -> Said {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut kubectl = Command::new(self.cloud.plane.binaries().kubectl());
        kubectl.env("PATH", format!("{}:{path}", programs().display()));
        self.run(kubectl, line, "").await
    }

    async fn run(&self, mut program: Command, line: &str, input: &str) -> Said {
        let line = line.replace("{folder}", &self.folder.path().to_string_lossy()).replace("{number}", &self.number);
        let mut child = program
            .args(line.split_whitespace())
            .env("KUBECONFIG", self.cloud.plane.kubeconfig())
            .env("NO_COLOR", "1")
            .env_remove("GOVCLOUD_AGENCY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        let mut stdin = child.stdin.take().expect("a pipe");
        let _ = stdin.write_all(input.as_bytes()).await; // it may not read its input at all
        drop(stdin);
        child.wait_with_output().await.expect("it runs").into()
    }
}

/// A manifest that needs a permit; small enough for a pipe.
pub fn broker() -> String {
    node_pool("tax-administration--analytics", "broker", 3, "1Ti").to_string()
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("it can be written");
}
