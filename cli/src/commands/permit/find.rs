//! Finding a permit by its name or its number.

use govcloud_crds::{PermitReview, ProcessingPermit, names, permit::effective};
use kube::{Api, ResourceExt as _};

use crate::{
    context::{Context, agency_of_namespace},
    error::{CliError, Kind, Result},
};

/// A permit with everything that decides what it is.
#[derive(Clone, Debug)]
pub struct Case {
    /// The permit.
    pub permit: ProcessingPermit,
    /// The reviews in its namespace.
    pub reviews: Vec<PermitReview>,
    /// The agency that asks, if the caller may read it.
    pub agency: Option<govcloud_crds::Agency>,
}

impl Case {
    /// The rules it is judged by, `None` before it was assessed.
    pub fn policy(&self) -> Option<effective::Policy> {
        effective::Policy::of(&self.permit, self.agency.as_ref())
    }

    /// What it is at `now`.
    pub fn effective(&self, now: jiff::Timestamp) -> effective::Effective {
        effective::effective(&self.permit, &self.reviews, self.policy().as_ref(), now)
    }

    /// The number, or the name while it has none.
    pub fn title(&self) -> String {
        title(&self.permit)
    }

    /// The name of the agency that asks.
    pub fn agency_name(&self) -> String {
        agency_name(&self.permit)
    }
}

/// The number of a permit, or its name while it has none.
pub fn title(permit: &ProcessingPermit) -> String {
    permit.status.as_ref().and_then(|s| s.number.clone()).unwrap_or_else(|| permit.name_any())
}

/// The name of the agency in whose home a permit stands.
pub fn agency_name(permit: &ProcessingPermit) -> String {
    let namespace = permit.namespace().unwrap_or_default();
    agency_of_namespace(&namespace).unwrap_or(&namespace).to_owned()
}

/// The permit of that name or number: in the agency's home if one is known, in all homes otherwise.
pub async fn find(ctx: &Context, wanted: &str) -> Result<ProcessingPermit> {
    let agency = ctx.agency_if_known().await?;
    let Some(agency) = agency else { return find_anywhere(ctx, wanted).await };
    let api: Api<ProcessingPermit> = ctx.namespaced(&names::home_namespace(agency));
    if !is_number(wanted) {
        return Ok(api.get(wanted).await?);
    }
    let permits = ctx.list(api).await?;
    match select(permits, wanted) {
        Err(error) if error.kind() == Kind::NotFound => {
            find_anywhere(ctx, wanted).await.map_err(|elsewhere| match elsewhere.kind() {
                Kind::Forbidden => error.hint(format!("Looked in agency {agency}; the permits of others are not yours to see")),
                _ => elsewhere,
            })
        }
        found => found,
    }
}

async fn find_anywhere(ctx: &Context, wanted: &str) -> Result<ProcessingPermit> {
    let permits = ctx.list(Api::all(ctx.client.clone())).await.map_err(|error| match error.kind() {
        Kind::Forbidden => error.hint("Whose permit is it? Say so: --agency NAME"),
        _ => error,
    })?;
    select(permits, wanted)
}

/// The permit with everything that decides what it is.
pub async fn case(ctx: &Context, wanted: &str) -> Result<Case> {
    let permit = find(ctx, wanted).await?;
    let agency = ctx.agency_if_readable(&agency_name(&permit)).await?;
    let reviews = ctx.list(ctx.namespaced(&permit.namespace().unwrap_or_default())).await?;
    Ok(Case { permit, reviews, agency })
}

/// Permit numbers look like GC-2026-000042; no object can be named so, because names are lower-case.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
}

fn select(permits: Vec<ProcessingPermit>, wanted: &str) -> Result<ProcessingPermit> {
    let is_it = |p: &ProcessingPermit| if is_number(wanted) { title(p) == wanted } else { p.name_any() == wanted };
    let mut found: Vec<_> = permits.into_iter().filter(is_it).collect();
    if found.len() > 1 {
        let all: Vec<_> = found.iter().map(|p| format!("{} of {}", title(p), agency_name(p))).collect();
        return Err(CliError::usage(format!("several permits are named {wanted}: {}", all.join(", ")))
            .hint("Use the number, or say whose: --agency NAME"));
    }
    found.pop().ok_or_else(|| {
        CliError::new(Kind::NotFound, format!("there is no permit {wanted}")).hint("See what there is: govcloud permit list")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::permit::list::tests::permits;

    #[test]
    fn by_name_or_by_number() {
        assert_eq!(title(&select(permits(), "tax-lake").expect("found")), "GC-2026-000042");
        assert_eq!(select(permits(), "GC-2026-000042").expect("found").name_any(), "tax-lake");
        assert_eq!(select(permits(), "GC-2026-999999").expect_err("not there").kind(), Kind::NotFound);
    }

    #[test]
    fn the_same_name_in_two_agencies_must_be_told_apart() {
        let mut twice = permits();
        twice.extend(permits());
        assert!(select(twice, "tax-lake").expect_err("two").to_string().contains("GC-2026-000042 of tax-administration"));
    }
}
