//! `govcloud`: permits, quotas and shared services of the Government Cloud at a terminal.
//!
//! Commands gather what they need, call the pure rules of [`govcloud_crds`], build a view and render it. Renderers take a
//! view and give text, so that every output is tested without a cluster. I/O stays in [`Context`].

mod api_error;
mod args;
mod clock;
mod commands;
mod confirm;
mod connect;
pub mod context;
pub mod error;
pub mod exit;
mod manifests;
pub mod output;
mod progress;
pub mod sandbox;
mod watch;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Cli, ClusterCommand, Command};
use commands::permit::PermitCommand;
use context::Context;
use error::{CliError, Result};
use exit::Exit;

pub use args::GlobalArgs;

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let exit = runtime.block_on(execute(std::env::args_os()));
            // Whoever waits for the standard input of a terminal must not keep the process alive.
            runtime.shutdown_background();
            exit.into()
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: cannot start: {error}");
            Exit::Failure.into()
        }
    }
}

/// The definition of the command line, for documentation and completion.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs one command line, the program's name first; prints what it has to say, and gives the exit code.
pub async fn execute(line: impl IntoIterator<Item = impl Into<OsString>>) -> Exit {
    let line: Vec<OsString> = line.into_iter().map(Into::into).collect();
    let cli = match parse(&line) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print(); // nobody reads it
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let verbose = cli.global.verbose;
    let is_sandbox = matches!(cli.command, Command::Sandbox(_));
    log_requests(verbose);
    tokio::select! {
        result = dispatch(cli) => result.unwrap_or_else(|error| report(&error, verbose > 0)),
        _ = tokio::signal::ctrl_c() => interrupted(is_sandbox),
    }
}

/// As a plugin of kubectl the program is called `kubectl govcloud`.
fn parse(line: &[OsString]) -> Result<Cli, clap::Error> {
    let is_plugin = line.first().and_then(|name| Path::new(name).file_stem()).is_some_and(|stem| stem == "kubectl-govcloud");
    let command = if is_plugin { Cli::command().bin_name("kubectl govcloud") } else { Cli::command() };
    Cli::from_arg_matches(&command.try_get_matches_from(line)?)
}

fn interrupted(is_sandbox: bool) -> Exit {
    let goes_on =
        b"\nInterrupted. What was started goes on running: see govcloud sandbox status, remove it with govcloud sandbox down\n";
    if is_sandbox {
        let _ = io::stderr().write_all(goes_on); // nobody reads it
    }
    Exit::Interrupted
}

fn report(error: &CliError, verbose: bool) -> Exit {
    if error.kind() != error::Kind::BrokenPipe {
        let _ = io::stderr().write_all(error.render(verbose).as_bytes()); // nobody reads it
    }
    error.kind().exit()
}

fn log_requests(verbose: u8) {
    if verbose > 1 {
        let filter = tracing_subscriber::EnvFilter::new("info,kube_client=debug,tower=warn");
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).try_init();
    }
}

/// Before anything is done: what only reports are printed as is asked of reports only.
fn printable(cli: &Cli) -> Result<()> {
    if cli.global.output.is_of_reports() && !matches!(cli.command, Command::OnCluster(ClusterCommand::Report(_))) {
        return Err(CliError::usage("only reports are printed as csv or html").hint("Use -o json, -o yaml or a table"));
    }
    Ok(())
}

async fn dispatch(cli: Cli) -> Result<Exit> {
    printable(&cli)?;
    match cli.command {
        Command::Completion(args) => commands::completion::run(&args),
        Command::Denials(args) => commands::denials::run(&args, &cli.global),
        Command::Sandbox(args) => sandbox::run(args, &cli.global).await,
        Command::OnCluster(ClusterCommand::Permit(PermitCommand::Check(args))) if args.catalogue.is_some() => {
            commands::permit::check::run_offline(
                output::Output::new(&cli.global),
                cli.global.agency.as_deref(),
                args,
                clock::now(),
            )
        }
        Command::OnCluster(command) => {
            let context = Context::new(&cli.global).await?;
            commands::run(&context, command).await.map_err(|error| context.place.locate(error))
        }
    }
}
