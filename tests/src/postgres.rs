//! A PostgreSQL server from the system's packages, which ends with the test.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{Said, eventually};

const INSTALL: &str = "PostgreSQL is missing. Install it with `apt-get install postgresql`, or let GOVCLOUD_POSTGRES name the \
    folder that has `postgres`, `initdb` and `psql`";

/// A server that listens on 127.0.0.1 alone. It ends with this value.
pub struct Postgres {
    programs: PathBuf,
    port: u16,
    password: String,
    server: Child,
    _folder: TempDir,
}

impl Postgres {
    /// Starts one, with a data folder of its own.
    pub async fn start() -> Self {
        let programs = programs();
        let folder = TempDir::with_prefix("govcloud-postgres-").expect("a folder");
        let (data, password) = (folder.path().join("data"), secret_word());
        let word = folder.path().join("password");
        std::fs::write(&word, &password).expect("a file");
        let user = unprivileged().await;
        if let Some(user) = &user {
            let owned = Command::new("chown").arg("-R").arg(user).arg(folder.path()).status().await;
            assert!(owned.expect("chown runs").success(), "the folder cannot be given to {user}");
        }
        let init = [OsString::from("--pgdata"), data.clone().into(), "--pwfile".into(), word.into()];
        let options = ["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"];
        let made = command(user.as_deref(), &programs.join("initdb")).args(init).args(options).output().await;
        Said::from(made.expect("initdb runs")).succeeds();
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let mut server = command(user.as_deref(), &programs.join("postgres"));
        server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1"]);
        for setting in ["unix_socket_directories=", "fsync=off", "dynamic_shared_memory_type=mmap"] {
            server.args(["-c", setting]);
        }
        let server = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn();
        let postgres = Self { programs, port, password, server: server.expect("postgres starts"), _folder: folder };
        eventually("PostgreSQL answers", || async {
            let said = postgres.admin("postgres", "SELECT 1").await;
            if said.ok { Ok(()) } else { Err(said.err) }
        })
        .await;
        postgres
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs SQL as its administrator.
    pub async fn admin(&self, database: &str, sql: &str) -> Said {
        let settings = [
            ("PGHOST", "127.0.0.1".to_owned()),
            ("PGPORT", self.port.to_string()),
            ("PGUSER", "postgres".to_owned()),
            ("PGPASSWORD", self.password.clone()),
            ("PGDATABASE", database.to_owned()),
        ];
        self.psql(&settings, sql).await
    }

    /// Runs SQL as a client that knows nothing but these settings of its environment.
    pub async fn psql(&self, settings: &[(&str, String)], sql: &str) -> Said {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1"]);
        for statement in sql.split(";\n") {
            psql.args(["-c", statement]);
        }
        psql.env_clear().env("PGCONNECT_TIMEOUT", "20").stdin(Stdio::null()).kill_on_drop(true);
        psql.envs(settings.iter().map(|(name, value)| (name, value)));
        psql.output().await.expect("psql runs").into()
    }
}

impl Drop for Postgres {
    /// At once, and with all its processes.
    fn drop(&mut self) {
        if let Some(pid) = self.server.id() {
            let _ = std::process::Command::new("sh").args(["-c", &format!("kill -QUIT {pid}")]).status(); // it may be gone
        }
    }
}

/// A word that nobody guesses.
pub fn secret_word() -> String {
    use std::{fmt::Write as _, io::Read as _};
    let mut bytes = [0_u8; 24];
    std::fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes)).expect("random bytes");
    bytes.iter().fold(String::new(), |mut word, byte| {
        write!(word, "{byte:02x}").expect("a String takes everything");
        word
    })
}

/// The folder with the server's programs: the one that is named, or the newest of the system's.
fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("GOVCLOUD_POSTGRES").map(PathBuf::from) {
        assert!(is_complete(&folder), "{INSTALL}; there is no PostgreSQL in {}", folder.display());
        return folder;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let mut debian: Vec<_> = debian.collect();
    debian.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    let found = std::env::split_paths(&path).chain(debian).find(|folder| is_complete(folder));
    found.unwrap_or_else(|| panic!("{INSTALL}"))
}

fn is_complete(folder: &Path) -> bool {
    ["postgres", "initdb", "psql"].iter().all(|program| folder.join(program).is_file())
}

fn version(folder: &Path) -> u32 {
    folder.parent().and_then(|parent| parent.file_name()?.to_str()?.parse().ok()).unwrap_or_default()
}

/// Whom the server runs as: it refuses to run as root.
async fn unprivileged() -> Option<String> {
    let said = |arguments: &'static [&'static str]| async move {
        let output = Command::new("id").args(arguments).output().await.expect("id runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if said(&["-u"]).await.as_deref() != Some("0") {
        return None;
    }
    let user = if said(&["-u", "postgres"]).await.is_some() { "postgres" } else { "nobody" };
    Some(user.to_owned())
}

/// A program as a user, which ends with whoever started it.
fn command(user: Option<&str>, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if let Some(user) = user {
        command.args(["--reuid", user, "--clear-groups"]).arg("--").arg(program);
    } else {
        command.arg("--").arg(program);
    }
    command.current_dir("/");
    command
}
