//! A real Prometheus, built once and kept beside the control plane; it ends with the value.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::{Child, Command};

use crate::{eventually, go_tool::GoTool, receiver::Identity};

const PROGRAM: GoTool = GoTool {
    name: "Prometheus",
    folder: "prometheus",
    package: "github.com/prometheus/prometheus/cmd/prometheus",
    // It is told what to scrape by a file: every way to discover more of it is left out, which halves the build.
    tags: "remove_all_sd",
    ready: "GOVCLOUD_PROMETHEUS",
};

/// A Prometheus that serves its API over TLS and scrapes one target every second.
pub struct Prometheus {
    folder: PathBuf,
    address: String,
    child: Option<Child>,
}

impl Prometheus {
    /// Starts one that keeps everything in `folder` and scrapes `http://<target>/metrics`.
    pub async fn start(folder: &Path, target: &str) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let identity = Identity::new();
        let files = [
            ("ca.pem", identity.authority),
            ("server.pem", identity.certificate),
            ("server-key.pem", identity.key),
            ("web.yaml", "tls_server_config: {cert_file: server.pem, key_file: server-key.pem}".to_owned()),
            (
                "prometheus.yaml",
                format!(
                    "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs: [{{job_name: kubelet, honor_labels: true, static_configs: [{{targets: ['{target}']}}]}}]"
                ),
            ),
        ];
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("a file");
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let mut prometheus = Self { folder: folder.to_owned(), address: format!("127.0.0.1:{port}"), child: None };
        prometheus.up().await;
        prometheus
    }

    /// Where its API is.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate of the authority that vouches for it.
    pub fn ca_file(folder: &Path) -> PathBuf {
        folder.join("ca.pem")
    }

    /// Ends it: nobody listens there any more.
    pub async fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("it can be killed");
        }
    }

    /// Starts it again with what it had.
    pub async fn up(&mut self) {
        let log = File::options().create(true).append(true).open(self.folder.join("log")).expect("a log");
        let arguments = [
            "--config.file=prometheus.yaml".to_owned(),
            "--web.config.file=web.yaml".to_owned(),
            "--storage.tsdb.path=data".to_owned(),
            format!("--web.listen-address={}", self.address),
        ];
        let child = Command::new(PROGRAM.binary().await)
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("a log"))
            .stdout(log)
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.expect("Prometheus starts"));
        let authority = fs::read(Self::ca_file(&self.folder)).expect("a certificate");
        let authority = reqwest::Certificate::from_pem(&authority).expect("a certificate");
        let client = reqwest::Client::builder().tls_certs_merge([authority]).build().expect("a client");
        eventually("Prometheus is ready", || async {
            match client.get(format!("{}/-/ready", self.url())).send().await {
                Ok(answer) if answer.status().is_success() => Ok(()),
                other => Err(format!("{other:?}\n{}", fs::read_to_string(self.folder.join("log")).unwrap_or_default())),
            }
        })
        .await;
    }
}
