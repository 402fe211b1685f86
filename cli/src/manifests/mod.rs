//! Reading ordinary manifests: files, folders and the standard input.

pub mod plurals;

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::error::{CliError, Result};

/// Lists may hold lists, but not without end.
const DEEPEST_LIST: usize = 8;
/// More than this is no manifest.
const LARGEST_INPUT: u64 = 64 << 20;

/// One object of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The file it stands in, and which document of it.
    pub source: String,
    /// The object.
    pub object: Value,
}

/// Every object of every path, in their order; `-` is the standard input, a folder means its manifests.
pub fn read(paths: &[PathBuf], recursive: bool) -> Result<Vec<Manifest>> {
    let mut all = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let text = text_of(io::stdin().lock(), "the standard input")?;
            all.extend(parse("<stdin>", &text)?);
        } else if path.is_dir() {
            all.extend(read_folder(path, recursive)?);
        } else {
            all.extend(read_file(path)?);
        }
    }
    Ok(all)
}

fn read_folder(folder: &Path, recursive: bool) -> Result<Vec<Manifest>> {
    let mut all = Vec::new();
    if gather(folder, recursive, &mut all)? == 0 {
        return Err(CliError::usage(format!("{} holds no *.yaml, *.yml or *.json", folder.display()))
            .hint("Name the file, or look into folders below too: --recursive"));
    }
    Ok(all)
}

/// Reads the files of a folder, and of those below it if `recursive`; how many there are.
fn gather(folder: &Path, recursive: bool, all: &mut Vec<Manifest>) -> Result<usize> {
    let unreadable = |error: io::Error| unreadable(&folder.display().to_string(), error);
    let entries = fs::read_dir(folder).map_err(unreadable)?.map(|entry| entry.map(|e| e.path()));
    let mut entries = entries.collect::<io::Result<Vec<_>>>().map_err(unreadable)?;
    entries.sort();
    let mut files = 0;
    for path in entries {
        let is_manifest =
            path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e.eq_ignore_ascii_case(known)));
        if path.is_dir() && recursive {
            files += gather(&path, recursive, all)?;
        } else if path.is_file() && is_manifest {
            all.extend(read_file(&path)?);
            files += 1;
        }
    }
    Ok(files)
}

fn read_file(path: &Path) -> Result<Vec<Manifest>> {
    let name = path.display().to_string();
    let file = fs::File::open(path).map_err(|e| unreadable(&name, e))?;
    parse(&name, &text_of(file, &name)?)
}

fn text_of(input: impl io::Read, name: &str) -> Result<String> {
    let mut text = String::new();
    let read = input.take(LARGEST_INPUT + 1).read_to_string(&mut text).map_err(|e| unreadable(name, e))?;
    if u64::try_from(read).is_ok_and(|bytes| bytes > LARGEST_INPUT) {
        return Err(CliError::usage(format!("{name} is larger than 64 MiB; that is no manifest")));
    }
    Ok(text)
}

fn unreadable(name: &str, error: io::Error) -> CliError {
    CliError::usage(format!("cannot read {name}: {error}")).caused_by(error)
}

/// Every object of a text; `name` is what errors call it.
pub fn parse(name: &str, text: &str) -> Result<Vec<Manifest>> {
    let documents = documents(name, text.strip_prefix('\u{feff}').unwrap_or(text))?;
    let several = documents.len() > 1;
    let mut all = Vec::new();
    for (i, document) in documents.into_iter().enumerate() {
        let source = if several { format!("{name}, document {}", i + 1) } else { name.to_owned() };
        unpack(document, &source, DEEPEST_LIST, &mut all)?;
    }
    Ok(all)
}

/// The documents that hold something.
fn documents(name: &str, text: &str) -> Result<Vec<Value>> {
    if text.trim_start().starts_with('{')
        && let Ok(values) = serde_json::Deserializer::from_str(text).into_iter().collect::<Result<Vec<Value>, _>>()
    {
        return Ok(values);
    }
    let options = serde_yaml::options! { with_snippet: false };
    serde_yaml::from_multiple_with_options(text, options).map_err(|error| {
        let place =
            error.location().map_or_else(|| name.to_owned(), |l| format!("{name}, line {}, column {}", l.line(), l.column()));
        CliError::usage(format!("{place}: {}", without_position(&error.to_string())))
            .hint("Nothing was checked; correct the file first")
            .caused_by(error)
    })
}

/// The parser repeats line and column in its message.
fn without_position(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let end = [" at line ", " (line ", ", set DuplicateKeyPolicy"]
        .iter()
        .filter_map(|tail| first.find(tail))
        .min()
        .unwrap_or(first.len());
    first[..end].to_owned()
}

fn unpack(object: Value, source: &str, depth: usize, all: &mut Vec<Manifest>) -> Result<()> {
    let wrong = |what: &str| {
        CliError::usage(format!("{source}: {what}")).hint("A manifest is a mapping with apiVersion, kind and metadata")
    };
    if object.is_null() {
        return Ok(());
    }
    let Some(fields) = object.as_object() else { return Err(wrong("this is no object")) };
    let text = |key: &str| fields.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
    let Some(kind) = text("kind") else { return Err(wrong("the object has no kind")) };
    let Some(api_version) = text("apiVersion") else { return Err(wrong(&format!("the {kind} has no apiVersion"))) };
    let (Some(item_kind), Some(items)) = (kind.strip_suffix("List"), fields.get("items").and_then(Value::as_array)) else {
        all.push(Manifest { source: source.to_owned(), object });
        return Ok(());
    };
    if depth == 0 {
        return Err(wrong("lists in lists go too deep"));
    }
    for (i, item) in items.iter().enumerate() {
        unpack(typed(item, item_kind, api_version), &format!("{source}, item {}", i + 1), depth - 1, all)?;
    }
    Ok(())
}

/// The items of a typed list, such as a PodList, do not repeat their kind.
fn typed(item: &Value, kind: &str, api_version: &str) -> Value {
    let mut item = item.clone();
    if let Some(fields) = item.as_object_mut()
        && !kind.is_empty()
    {
        fields.entry("kind").or_insert_with(|| kind.into());
        fields.entry("apiVersion").or_insert_with(|| api_version.into());
    }
    item
}

#[cfg(test)]
mod tests;
