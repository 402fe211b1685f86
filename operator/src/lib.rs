//! The operator of the Government Cloud: watch → gather → decide → apply → report.
//!
//! | module | what it does |
//! |---|---|
//! | [`stores`], [`triggers`], [`queues`] | one watch and one store per kind; what is reconciled when something changes |
//! | [`leader`], [`connect`] | of several operators one leads, and only that one's writes leave its process |
//! | [`controllers`] | one reconciler per kind |
//! | [`enforcement`] | the admission policies and agency roles, as a pure function |
//! | [`managed`], [`namespaces`] | making the cluster have what was decided; writing only what differs |
//! | [`scanner`] | finds what runs without a permit, and keeps a ProcessingFinding about it |
//! | [`notify`] | announces what happens to permits, to a receiver outside |
//! | [`provision`] | has credentials made for claims, rotated and revoked, by services' provisioners |
//! | [`outgoing`] | what all connections to the outside have in common |
//! | [`report`], [`metrics`], [`server`] | what people and machines see of it |

pub mod clock;
pub mod connect;
pub mod context;
pub mod controllers;
pub mod discovery;
pub mod enforcement;
pub mod error;
pub mod health;
pub mod index;
pub mod leader;
pub mod managed;
pub mod metrics;
pub mod namespaces;
pub mod notify;
pub mod outgoing;
pub mod permit_view;
pub mod provision;
pub mod queues;
pub mod rbac;
pub mod report;
pub mod requeue;
pub mod run;
pub mod scanner;
pub mod server;
pub mod stores;
pub mod triggers;
