//! The command line: global flags and commands.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::{commands, output::Format, sandbox::SandboxArgs};

const EXIT_CODES: &str = "\
Exit codes:
    0  done; permit check: nothing needs a permit, or nothing duplicates
    1  something went wrong; review: it would not count, and was not sent
    2  the command line, or a file it names, cannot be used
    3  permit check: Duplicate, a shared service offers the same
    4  permit check: Overlaps, a person decides
    5  a permit or claim was denied, returned or is over; quota explain: not all was given;
       permit verify: a document is not the one that was attached
    6  you may not do this
    7  the cluster cannot be reached
  130  interrupted";

/// Permits, quotas and shared services of the Government Cloud.
#[derive(Clone, Debug, Parser)]
#[command(name = "govcloud", version, about, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes, before or after its name; they are kubectl's.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// The kubeconfig context to use
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The kubeconfig file to use [default: $KUBECONFIG, else ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The namespace; agency-X and X--Y also say which agency is yours
    #[arg(short, long, global = true, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// The agency to act for, or whose objects are meant
    #[arg(long, global = true, value_name = "AGENCY", env = "GOVCLOUD_AGENCY")]
    pub agency: Option<String>,
    /// Act as this user (needs the right to impersonate)
    #[arg(long = "as", global = true, value_name = "USER")]
    pub impersonate: Option<String>,
    /// Act as a member of this group; repeatable
    #[arg(long = "as-group", global = true, value_name = "GROUP")]
    pub impersonate_groups: Vec<String>,
    /// How to print
    #[arg(short, long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Format,
    /// Leave the header line of tables out
    #[arg(long, global = true)]
    pub no_headers: bool,
    /// Say more: -v the causes of errors, -vv the requests
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Something on a cluster.
    #[command(flatten)]
    OnCluster(ClusterCommand),
    /// Say what was refused lately, to whom and why, from the API server's audit log
    Denials(commands::denials::DenialsArgs),
    /// Print a completion script for a shell
    Completion(commands::completion::CompletionArgs),
    /// Try a Government Cloud out, on this machine or on a cluster of your own
    Sandbox(SandboxArgs),
}

/// What is done on a cluster.
#[derive(Clone, Debug, Subcommand)]
pub enum ClusterCommand {
    /// Check, request and follow processing permits
    #[command(subcommand)]
    Permit(commands::permit::PermitCommand),
    /// Decide on requests: for reviewers of the ministry and of the security authorities
    #[command(subcommand)]
    Review(commands::review::ReviewCommand),
    /// See what the scanner found: what runs without a permit, exceeds it or duplicates
    #[command(subcommand)]
    Finding(commands::finding::FindingCommand),
    /// Find and claim shared services
    #[command(subcommand)]
    Service(commands::service::ServiceCommand),
    /// See and create projects
    #[command(subcommand)]
    Project(commands::project::ProjectCommand),
    /// See agencies
    #[command(subcommand)]
    Agency(commands::agency::AgencyCommand),
    /// See what an agency is promised, has given out and uses, and why a project has less
    #[command(subcommand)]
    Quota(commands::quota::QuotaCommand),
    /// Report who runs what, what is duplicated and how the rules are kept, as a table, data or a page with charts
    #[command(subcommand)]
    Report(commands::report::ReportCommand),
    /// Say who you are here
    Whoami,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use rstest::rstest;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[rstest]
    #[case(&["govcloud", "--context", "c", "-o", "json", "permit", "list"])]
    #[case(&["govcloud", "permit", "--context", "c", "list", "-o", "json"])]
    #[case(&["govcloud", "permit", "list", "--context", "c", "-o", "json"])]
    fn global_flags_work_everywhere(#[case] line: &[&str]) {
        let cli = Cli::try_parse_from(line).expect("parses");
        assert_eq!((cli.global.context.as_deref(), cli.global.output), (Some("c"), Format::Json));
    }

    #[rstest]
    #[case(&["govcloud", "permit", "deny", "x"], "--reason")]
    #[case(&["govcloud", "review", "suspend", "x"], "--reason")]
    #[case(&["govcloud", "permit", "request", "--project", "p", "--justification", "it is needed"], "--from")]
    #[case(&["govcloud", "permit", "check"], "--filename")]
    #[case(&["govcloud", "service", "claim", "x", "--plan", "p"], "--project")]
    #[case(&["govcloud", "service", "search"], "WORDS")]
    #[case(&["govcloud", "finding", "acknowledge", "x", "--until", "2027-01-01"], "--reason")]
    #[case(&["govcloud", "finding", "acknowledge", "x", "--reason", "it moves"], "--until")]
    fn what_is_missing_is_named(#[case] line: &[&str], #[case] missing: &str) {
        let error = Cli::try_parse_from(line).expect_err("does not parse").to_string();
        assert!(error.contains(missing), "{error}");
    }

    #[test]
    fn the_exit_codes_are_documented() {
        let help = Cli::command().render_help().to_string();
        for code in ["3  permit check: Duplicate", "130  interrupted"] {
            assert!(help.contains(code), "{help}");
        }
    }
}
