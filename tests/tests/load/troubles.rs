//! What happens meanwhile: projects come, go and change their size, and the operator is killed.

use std::time::Duration;

use futures::future::join_all;
use govcloud_tests::{
    Cloud, eventually,
    ledger_watch::{Kind, LedgerWatch},
    tenant::{Presence, Tenant, remove_pods},
};
use kube::Client;

/// How many projects there are at most.
pub const PROJECTS: usize = 50;
const KILLS: usize = 10;
/// Enough of each, also where the kills are quickly done.
const MOVES: usize = 120;
const LARGEST: u64 = 14;

/// A project's name.
pub fn project(number: usize) -> String {
    format!("p{number:02}")
}

/// What is done to whom.
pub struct Troubles<'a> {
    /// Where the operator runs.
    pub cloud: &'a Cloud,
    /// Whose projects.
    pub tenant: &'a Tenant,
    /// What is there.
    pub watch: &'a LedgerWatch,
    /// Whose pods.
    pub developer: Client,
}

/// How much was done.
#[derive(Debug, Default)]
pub struct Moves {
    /// Projects that were made, again after a deletion too.
    pub made: usize,
    /// Projects that were deleted.
    pub deleted: usize,
    /// Projects that were resized.
    pub resized: usize,
    /// How often the operator was killed.
    pub killed: usize,
}

/// The same numbers in every run; the order of what happens is the machine's.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn index(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(limit as u64)).expect("below the limit")
    }
}

impl Troubles<'_> {
    /// All of it at once, until the last kill and the last move.
    pub async fn run(&self) -> Moves {
        let over = tokio::sync::watch::channel(false);
        let killing = async {
            let killed = self.kill().await;
            over.0.send_replace(true);
            killed
        };
        let (killed, mut moves) = tokio::join!(killing, self.shift(&over.1));
        moves.killed = killed;
        moves
    }

    async fn kill(&self) -> usize {
        let mut numbers = Numbers(7);
        for _ in 0..KILLS {
            tokio::time::sleep(Duration::from_millis(200 + numbers.below(1000))).await;
            self.cloud.kill_operator().await;
            tokio::time::sleep(Duration::from_millis(numbers.below(600))).await;
            self.cloud.start_operator().await;
        }
        KILLS
    }

    /// Changes projects one after the other, until `over` and often enough.
    async fn shift(&self, over: &tokio::sync::watch::Receiver<bool>) -> Moves {
        let (mut numbers, mut moves) = (Numbers(11), Moves::default());
        while !*over.borrow() || moves.made + moves.deleted + moves.resized < MOVES {
            let number = numbers.index(PROJECTS);
            let size = i64::try_from(1 + numbers.below(LARGEST)).expect("small");
            if self.tenant.presence(&project(number)).await != Presence::There {
                self.make(number, size).await;
                moves.made += 1;
            } else if numbers.below(8) == 0 {
                self.tenant.delete(&project(number)).await;
                moves.deleted += 1;
            } else {
                self.tenant.size(&project(number), size).await;
                moves.resized += 1;
                // Every second owner who gives something back makes room for it; the others only say so.
                if numbers.below(2) == 0 {
                    self.make_room(number, size).await;
                }
            }
        }
        moves
    }

    /// Makes a project, or resizes it; waits until the last one of its name is gone.
    async fn make(&self, number: usize, size: i64) {
        let name = project(number);
        eventually("the last project of this name is gone", || async {
            if self.tenant.presence(&name).await == Presence::Leaving { Err(format!("{name} is there")) } else { Ok(()) }
        })
        .await;
        self.tenant.size(&name, size).await;
    }

    /// Makes so many projects to begin with, all at once.
    pub async fn found(&self, projects: usize) {
        let mut numbers = Numbers(5);
        let made = (0..projects).map(|number| (number, i64::try_from(1 + numbers.below(LARGEST)).expect("small")));
        join_all(made.map(|(number, size)| self.make(number, size))).await;
    }

    /// Gives every project this size, and makes room where there are more pods than that.
    pub async fn settle(&self, size: i64) {
        join_all((0..PROJECTS).map(|number| async move {
            self.make(number, size).await;
            self.make_room(number, size).await;
        }))
        .await;
    }

    async fn make_room(&self, number: usize, size: i64) {
        let namespace = self.tenant.namespace(&project(number));
        let pods = self.watch.names(Kind::Pod, &namespace);
        let keep = usize::try_from(size).expect("not negative");
        remove_pods(&self.developer, &namespace, pods.get(keep..).unwrap_or_default()).await;
    }
}
