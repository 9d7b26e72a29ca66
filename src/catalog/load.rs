//! A catalog's files, less those that `.indexignore` names, read and linked.

use std::collections::BTreeMap;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::link::{Loaded, link};
use super::parse::{ParsedFile, parse_file};
use crate::finding::Finding;
use crate::limits::Limits;

/// Name of the files that say which others are not part of the catalog.
const INDEX_IGNORE: &str = ".indexignore";

/// Loads a catalog from all its files: paths relative to its root, with `/`, and their bytes.
///
/// Every file is read whatever its name ends in, as opm does it.
pub fn load(files: impl IntoIterator<Item = (String, Vec<u8>)>, limits: &Limits) -> Loaded {
    let mut all: Vec<(String, Vec<u8>)> = files.into_iter().collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let rules = IgnoreRules::new(all.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
    let mut total = 0_u64;
    let mut blobs = 0_usize;
    let mut parsed: Vec<ParsedFile> = Vec::new();
    for (path, bytes) in all.iter().filter(|(path, _)| !rules.ignores(path)) {
        total = total.saturating_add(bytes.len() as u64);
        if total > limits.catalog_bytes || blobs >= limits.catalog_blobs {
            let finding = Finding::error("TOO_LARGE", path, "the catalog is too large from this file on")
                .hint(format!(
                    "a catalog may have {} bytes and {} blobs",
                    limits.catalog_bytes, limits.catalog_blobs
                ));
            parsed.push(ParsedFile { findings: vec![finding], ..ParsedFile::default() });
            break;
        }
        let file = parse_file(path, bytes, limits);
        blobs = blobs.saturating_add(file.parts.len());
        parsed.push(file);
    }
    let mut loaded = link(parsed);
    loaded.findings.splice(0..0, rules.findings);
    loaded
}

/// The rules of all `.indexignore` files: gitignore syntax, each valid below its own folder, deeper ones first.
#[derive(Debug, Default)]
pub struct IgnoreRules {
    by_folder: BTreeMap<String, Gitignore>,
    /// Patterns that cannot be read.
    pub findings: Vec<Finding>,
}

impl IgnoreRules {
    /// Whether this is a file of such rules.
    pub fn is_one(path: &str) -> bool {
        path.rsplit('/').next() == Some(INDEX_IGNORE)
    }

    /// Reads the rules from among a catalog's files.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut rules = Self::default();
        for (path, bytes) in files {
            if !Self::is_one(path) {
                continue;
            }
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let mut builder = GitignoreBuilder::new("");
            let mut refuse = |error: &ignore::Error, line| {
                rules.findings.push(
                    Finding::error("UNREADABLE", path, format!("pattern cannot be read: {error}"))
                        .at(path, line),
                );
            };
            for (number, line) in (1..).zip(String::from_utf8_lossy(bytes).lines()) {
                if let Err(error) = builder.add_line(None, line.trim()) {
                    refuse(&error, Some(number));
                }
            }
            match builder.build() {
                Ok(matcher) => {
                    rules.by_folder.insert(folder.to_owned(), matcher);
                }
                Err(error) => refuse(&error, None),
            }
        }
        rules
    }

    /// Whether this file is not part of the catalog. The `.indexignore` files themselves never are.
    pub fn ignores(&self, path: &str) -> bool {
        // The matcher takes relative paths only.
        let path = path.trim_start_matches('/');
        let (mut folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name == INDEX_IGNORE {
            return true;
        }
        loop {
            let inside = path.get(folder.len()..).unwrap_or(path).trim_start_matches('/');
            if let Some(matcher) = self.by_folder.get(folder) {
                let found = matcher.matched_path_or_any_parents(inside, false);
                if !found.is_none() {
                    return found.is_ignore();
                }
            }
            if folder.is_empty() {
                return false;
            }
            folder = folder.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }
}
