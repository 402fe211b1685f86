//! Which finding is meant.

use govcloud_crds::ProcessingFinding;
use kube::{Api, ResourceExt as _};

use crate::{
    context::Context,
    error::{CliError, Kind, Result},
};

/// The finding of this name, or the only one whose name begins so: among all, or among those of the caller's agency if they
/// may not see all.
pub async fn find(ctx: &Context, name: &str) -> Result<ProcessingFinding> {
    let all: Vec<ProcessingFinding> = match ctx.list(Api::all(ctx.client.clone())).await {
        Err(error) if error.kind() == Kind::Forbidden => ctx.list(ctx.namespaced(&ctx.home().await?)).await?,
        all => all?,
    };
    choose(all, name)
}

fn choose(all: Vec<ProcessingFinding>, name: &str) -> Result<ProcessingFinding> {
    let (exact, mut others): (Vec<_>, Vec<_>) =
        all.into_iter().filter(|finding| finding.name_any().starts_with(name)).partition(|finding| finding.name_any() == name);
    if let Some(exact) = exact.into_iter().next() {
        return Ok(exact);
    }
    match (others.pop(), others.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(CliError::usage(format!("the names of {} findings begin with {name}", others.len() + 1))
            .hint("Write more of the name")),
        (None, _) => Err(CliError::new(Kind::NotFound, format!("there is no finding {name}"))
            .hint("It may be over; what is there: govcloud finding list")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::finding::list::tests::findings;

    #[test]
    fn a_name_or_its_beginning_is_enough_if_it_is_clear() {
        assert_eq!(choose(findings(), "aa1").expect("one").name_any(), "aa11aa11aa11aa11aa11");
        assert_eq!(choose(findings(), "bb22bb22bb22bb22bb22").expect("one").name_any(), "bb22bb22bb22bb22bb22");
        assert_eq!(choose(findings(), "").expect_err("several").kind(), Kind::Usage);
        assert_eq!(choose(findings(), "x").expect_err("none").kind(), Kind::NotFound);
    }
}
