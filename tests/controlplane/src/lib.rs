//! A real Kubernetes control plane on this machine: etcd, kube-apiserver and
//! kube-controller-manager, for the sandbox and for tests.
//!
//! There is no kubelet and no scheduler: pods are stored, admitted, counted against quotas and
//! garbage collected, but never run.
//!
//! * [`Binaries`] finds the four programs, or builds them once with Go.
//! * [`OwnedControlPlane`] lives as long as this process, however it dies: for tests.
//! * [`DetachedControlPlane`] outlives this process and is found again by its folder: for the
//!   sandbox.
//! * [`OwnCluster`] takes the place of one that is started here.
//! * [`ControlPlane`] is what all of them have in common: paths, the address, and credentials for
//!   [`Persona`]s.

mod binaries;
mod borrowed;
mod cache;
mod certificates;
mod components;
mod der;
mod detached;
mod error;
mod files;
mod go_build;
mod health;
mod instance;
mod kubeconfig;
mod layout;
mod owned;
mod process;
mod progress;
mod start;
mod state;

pub use binaries::{Binaries, BinariesError};
pub use borrowed::OwnCluster;
pub use cache::cache_folder;
pub use components::Component;
pub use detached::{DetachedControlPlane, ProcessInfo};
pub use error::Error;
pub use instance::ControlPlane;
pub use kubeconfig::{ADMIN, CLUSTER, Persona};
pub use owned::OwnedControlPlane;
