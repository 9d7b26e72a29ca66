//! The cache from which `opm serve` starts at once, in its json format.
//!
//! opm answers from `cache/packages.json` and one file for each bundle of each channel, and starts only if `digest` fits the
//! catalog's folder and these files (operator-registry `pkg/cache/{json,pkgs,tar}.go`, `pkg/api/model_to_api.go`). Every opm since
//! OpenShift 4.12 reads it; since 4.17 it writes another format itself.

mod bundle;
mod digest;
mod packages;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use serde::Serialize;

use super::model::Catalog;
use crate::fault::{Exit, Fault};
use crate::limits::Limits;
use digest::Digester;

/// Permission bits of a folder in a catalog image, and of a file: opm's digest holds them too.
pub const MODES: Modes = Modes { folder: 0o755, file: 0o644 };

/// Permission bits of all folders and of all files of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// Of folders.
    pub folder: u32,
    /// Of files.
    pub file: u32,
}

/// Why there is no cache.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ServeCacheError {
    /// opm puts names together to that of a file, and this one cannot be one.
    #[error("opm's cache cannot hold {what}: `{name}` is no file name of its own")]
    Name {
        /// The bundle and its channel.
        what: String,
        /// The file's name.
        name: String,
    },
    /// What opm would refuse too.
    #[error("opm's cache cannot hold {what}: {why}")]
    Unfit {
        /// The package, channel or bundle.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// A bundle stands in it once for each of its channels.
    #[error("opm's cache of this catalog would have more than {limit} bytes")]
    TooLarge {
        /// How many it may have.
        limit: u64,
    },
}

impl Fault for ServeCacheError {
    fn exit(&self) -> Exit {
        Exit::Findings
    }

    fn hint(&self) -> Option<String> {
        Some("leave --cache out: opm then makes its own cache at each start".to_owned())
    }
}

/// Longest name of a file on the file systems that container engines use.
const LONGEST_NAME: usize = 255;

/// The cache of a catalog that passed validation, as files by their path below opm's cache directory.
///
/// `configs` are the catalog's files as they will lie beside it, by path; their folders and files must have [`MODES`].
pub fn json(
    catalog: &Catalog,
    configs: &BTreeMap<String, Vec<u8>>,
    limits: &Limits,
) -> Result<BTreeMap<String, Vec<u8>>, ServeCacheError> {
    let mut files =
        Files { by_name: BTreeMap::new(), left: limits.catalog_bytes, limit: limits.catalog_bytes };
    for package in catalog.packages.values() {
        let presentation = packages::Presentation::of(package);
        for channel in package.channels.values() {
            for entry in &channel.entries {
                let what = || format!("bundle `{}` in channel `{}`", entry.name, channel.name);
                let Some(bundle) = package.bundles.get(&entry.name) else {
                    return Err(ServeCacheError::Unfit { what: what(), why: "it has no blob".to_owned() });
                };
                let name = format!("{}_{}_{}.json", package.name, channel.name, entry.name);
                let api = bundle::api(&presentation, channel, entry, bundle)
                    .map_err(|why| ServeCacheError::Unfit { what: what(), why })?;
                if name.len() > LONGEST_NAME || name.contains(['/', '\0']) || files.has(&name) {
                    return Err(ServeCacheError::Name { what: what(), name });
                }
                files.put(name, &api)?;
            }
        }
    }
    files.put("packages.json".to_owned(), &packages::index(catalog)?)?;
    let mut digester = Digester::default();
    digester.tree(configs, MODES);
    digester.tree(&files.by_name, MODES);
    let mut cache: BTreeMap<String, Vec<u8>> =
        files.by_name.into_iter().map(|(name, bytes)| (format!("cache/{name}"), bytes)).collect();
    cache.insert("digest".to_owned(), digester.hex().into_bytes());
    Ok(cache)
}

/// The files of `cache/`, under a ceiling.
struct Files {
    by_name: BTreeMap<String, Vec<u8>>,
    left: u64,
    limit: u64,
}

impl Files {
    fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    fn put(&mut self, name: String, content: &impl Serialize) -> Result<(), ServeCacheError> {
        let bytes = text::go_json(content);
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(ServeCacheError::TooLarge { limit: self.limit })?;
        self.by_name.insert(name, bytes);
        Ok(())
    }
}
