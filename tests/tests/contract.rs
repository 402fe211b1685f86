//! The twelve kinds as the API server has them: they take the documents of the contract and lose nothing of them, fill in
//! the documented defaults, refuse what is wrong with a message that says what to do, and read well at a terminal.

#[path = "contract/defaults.rs"]
mod defaults;
#[path = "contract/documents.rs"]
mod documents;
#[path = "contract/minimal.rs"]
mod minimal;
#[path = "contract/refusals.rs"]
mod refusals;
#[path = "contract/terminal.rs"]
mod terminal;

use govcloud_tests::{Cloud, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn the_kinds_keep_the_contract() {
    let cloud = Cloud::start(Setup::Bare).await;
    documents::are_accepted_and_lose_nothing(&cloud).await;
    terminal::what_kubectl_shows_reads_well(&cloud).await;
    refusals::bad_documents_are_refused_with_what_to_do(&cloud).await;
    refusals::bad_changes_are_refused_with_what_to_do(&cloud).await;
    defaults::a_minimal_document_gets_the_documented_defaults(&cloud).await;
}
