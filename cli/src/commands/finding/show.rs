//! `govcloud finding show`.

use govcloud_crds::ProcessingFinding;
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::{find::find, list::acknowledged};
use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    output::{
        Paint,
        text::{WIDTH, amounts, day, fields, plain, wrapped},
    },
};

/// Runs `govcloud finding show`.
pub async fn run(ctx: &Context, name: &str) -> Result<Exit> {
    let finding = find(ctx, name).await?;
    ctx.out.object(&finding, || render(&finding, ctx.out.paint, ctx.now))?;
    Ok(Exit::Ok)
}

fn render(finding: &ProcessingFinding, paint: Paint, now: Timestamp) -> String {
    let (spec, status) = (&finding.spec, finding.status.clone().unwrap_or_default());
    let word = spec.acknowledgement.as_ref().map_or_else(String::new, |word| {
        format!("{} by {}: {}", acknowledged(finding, now), plain(&word.by), plain(&word.reason))
    });
    let title = format!("{}  {}\n", paint.strong(&spec.rule.to_string()), plain(&spec.object.label()));
    let facts = fields(&[
        ("finding", finding.name_any()),
        ("kept in", finding.namespace().unwrap_or_default()),
        ("class", spec.processing_class.clone().unwrap_or_default()),
        ("takes", if spec.capacity.is_empty() { String::new() } else { amounts(&spec.capacity) }),
        ("since", status.first_seen.map(|time| day(time.0)).unwrap_or_default()),
        ("seen", status.last_seen.map(|time| day(time.0)).unwrap_or_default()),
        ("instead", spec.alternatives.join(", ")),
        ("acknowledged", word),
    ]);
    format!("{title}{}\n{facts}", wrapped(&spec.message, WIDTH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{finding::list::tests::findings, testing};

    #[test]
    fn one_in_full() {
        let all: Vec<_> = findings().iter().map(|f| render(f, Paint::default(), testing::now())).collect();
        insta::assert_snapshot!("finding", all.join("\n"));
    }
}
