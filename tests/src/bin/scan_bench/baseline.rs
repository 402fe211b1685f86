//! A bare client in a process of its own: it lists and watches the same kinds and keeps all that it gets.

use std::{process::Stdio, time::Instant};

use futures::StreamExt;
use govcloud_tests::{Cloud, figures::Process, people};
use kube::{
    Api, Client, Config,
    api::DynamicObject,
    config::{KubeConfigOptions, Kubeconfig},
    runtime::{
        reflector,
        watcher::{self, Event, watcher},
    },
};
use tokio::{process::Command, sync::mpsc};

use crate::population::kinds;

/// Tells the program to be the bare client.
pub const ARGUMENT: &str = "bare-client";

/// What it took.
pub struct Bare {
    /// From the start of the process until everything was listed.
    pub seconds: f64,
    /// Mebibytes at that moment.
    pub resident: f64,
}

/// Runs it as a process.
pub async fn measured(cloud: &Cloud, objects: usize) -> Bare {
    let started = Instant::now();
    let mut child = Command::new(std::env::current_exe().expect("a path"))
        .arg(ARGUMENT)
        .env("KUBECONFIG", cloud.plane.kubeconfig())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut lines = tokio::io::BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut lines, &mut line).await.expect("a line");
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(line.trim().parse(), Ok(objects), "it saw other objects");
    let resident = Process::of(child.id().expect("it runs")).resident;
    child.kill().await.expect("it can be killed");
    Bare { seconds, resident }
}

/// The process: prints how many objects it has as soon as it has all of them, and goes on watching.
pub async fn run() {
    let _ = rustls::crypto::ring::default_provider().install_default(); // nobody did it before
    let options = KubeConfigOptions { context: Some(people::ADMIN.to_owned()), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(Kubeconfig::read().expect("a kubeconfig"), &options).await.expect("a context");
    let client = Client::try_from(config).expect("a client");
    let (listed, mut done) = mpsc::unbounded_channel();
    let kinds = kinds();
    let mut stores = Vec::new();
    for kind in &kinds {
        let writer = reflector::store::Writer::<DynamicObject>::new(kind.resource.clone());
        stores.push(writer.as_reader());
        let objects: Api<DynamicObject> = Api::all_with(client.clone(), &kind.resource);
        let events = reflector(writer, watcher(objects, watcher::Config::default()));
        let listed = listed.clone();
        tokio::spawn(events.for_each(move |event| {
            if matches!(event.expect("it may list"), Event::InitDone) {
                let _ = listed.send(()); // nobody listens after the last
            }
            std::future::ready(())
        }));
    }
    for _ in &kinds {
        done.recv().await.expect("each lists");
    }
    println!("{}", stores.iter().map(reflector::Store::len).sum::<usize>());
    std::future::pending::<()>().await;
}
