//! `govcloud review show`.

use super::{facts::facts, show_view};
use crate::{
    commands::permit::find,
    context::{Context, if_readable},
    error::{CliError, Result},
    exit::Exit,
    output::Format,
};
use kube::ResourceExt as _;

/// Runs `govcloud review show`.
pub async fn run(ctx: &Context, wanted: &str) -> Result<Exit> {
    let case = find::case(ctx, wanted).await?;
    let others = ctx.list(ctx.namespaced(&case.permit.namespace().unwrap_or_default())).await?;
    let classes = if_readable(ctx.classes().await)?;
    let facts = facts(&case, &others, &classes, ctx.caller().await?, ctx.now);
    if ctx.out.format == Format::Name {
        ctx.out.object(&case.permit, String::new)?;
        return Ok::<_, CliError>(Exit::Ok);
    }
    ctx.out.data(&facts, || show_view::render(&facts, ctx.out.paint, ctx.now))?;
    Ok(Exit::Ok)
}

#[cfg(test)]
#[path = "show_tests.rs"]
mod tests;
