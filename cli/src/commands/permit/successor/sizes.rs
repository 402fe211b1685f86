//! Other sizes for the objects of a permit.

use govcloud_crds::{Resources, permit::Target};

use super::SizeArgs;
use crate::{
    commands::permit::objects::{label, size_in_words},
    error::{CliError, Result},
};

/// The objects with what was named in the place of what they had; what is not named stays.
pub fn changed(before: &[Target], args: &SizeArgs, measured: &[Target], title: &str) -> Result<Vec<Target>> {
    let mut targets = before.to_vec();
    for size in &args.size {
        let at: Vec<_> = targets.iter().enumerate().filter(|(_, t)| t.name == size.name).map(|(at, _)| at).collect();
        match at.as_slice() {
            [one] => resize(&mut targets[*one], size.replicas, &size.per_replica),
            [] => return Err(no_object(&size.name, before, title)),
            _ => {
                return Err(CliError::usage(format!("{title} has several objects that are called {}", size.name))
                    .hint("Say which: --target GROUP/RESOURCE/NAME=REPLICAS"));
            }
        }
    }
    for named in &args.target {
        let found = targets.iter_mut().find(|target| target.is_same_object(named));
        let target = found.ok_or_else(|| no_object(&label(named), before, title))?;
        resize(target, named.replicas, &named.per_replica);
    }
    for object in measured {
        let found = targets.iter_mut().find(|target| target.is_same_object(object));
        *found.ok_or_else(|| no_object(&label(object), before, title))? = object.clone();
    }
    Ok(targets)
}

fn resize(target: &mut Target, replicas: i32, per_replica: &Resources) {
    target.replicas = replicas;
    target.per_replica.0.extend(per_replica.0.iter().map(|(dimension, amount)| (dimension.clone(), *amount)));
}

fn no_object(name: &str, before: &[Target], title: &str) -> CliError {
    let all: Vec<_> = before.iter().map(label).collect();
    CliError::usage(format!("{name} is no object of {title}, and a request that refers to it is for the same objects"))
        .hint(format!("It has: {}", all.join(", ")))
        .hint("Ask for another object on its own: govcloud permit request --help")
}

/// Before → after, for every object: what stays is said too.
pub fn differences(before: &[Target], after: &[Target]) -> Vec<(String, String)> {
    let difference = |target: &Target| {
        let old = before.iter().find(|old| old.is_same_object(target)).map(size_in_words).unwrap_or_default();
        let new = size_in_words(target);
        let said = if old == new { format!("{new}, as before") } else { format!("{old} → {new}") };
        (label(target), said)
    };
    after.iter().map(difference).collect()
}
