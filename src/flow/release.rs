//! An update graph from wherever a person says it is: the update service, a file, a folder of graph data.

use std::collections::BTreeSet;
use std::path::Path;

use url::Url;

use crate::fault::{AnyFault, Exit, Fault};
use crate::finding::{Finding, nearest};
use crate::limits::Limits;
use crate::registry::Client;
use crate::release::{Architecture, GraphBuilder, ReleaseChannel, UpdateGraph};
use crate::store::files;
use crate::store::tree::read_tree;

/// The public update service of OpenShift.
pub const UPDATE_SERVICE: &str = "https://api.openshift.com/api/upgrades_info/v1/graph";

/// The parts of a graph-data folder that are read. A clone of its repository has much more.
const FOLDERS: [&str; 2] = ["channels", "blocked-edges"];
const FILES: [&str; 2] = ["version", "raw/metadata.json"];

/// Why there is no graph where one was looked for.
#[derive(Debug, thiserror::Error)]
pub enum GraphSourceError {
    /// Neither a path nor an address.
    #[error("`{text}` is neither a file, nor a folder, nor an address")]
    NotThere {
        /// What was written.
        text: String,
    },
    /// An address that is none.
    #[error("`{text}` is not an address that can be asked")]
    Address {
        /// What was written.
        text: String,
        /// Why not.
        #[source]
        source: url::ParseError,
    },
    /// The server has nothing there.
    #[error("there is no update graph at {address} (404)")]
    NotFound {
        /// What was asked.
        address: String,
    },
}

impl Fault for GraphSourceError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotThere { .. } | Self::Address { .. } => Exit::Usage,
            Self::NotFound { .. } => Exit::Registry,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotThere { .. } | Self::Address { .. } => {
                "`--graph` takes a stored reply, a graph-data folder or tarball, or the address of an update service".to_owned()
            }
            Self::NotFound { .. } => format!("the address ends in `/graph`; the public one is {UPDATE_SERVICE}"),
        })
    }
}

/// Where a graph comes from.
#[derive(Debug, Clone)]
pub struct GraphRequest<'a> {
    /// Files, folders and addresses; the public update service when there are none.
    pub sources: &'a [String],
    /// The channels whose releases are wanted. An update service is asked for each of them.
    pub channels: &'a [ReleaseChannel],
    /// For which machines.
    pub architecture: Architecture,
}

/// Loads a graph, and all that is wrong with it.
pub fn graph(
    request: &GraphRequest<'_>,
    client: &Client,
    limits: &Limits,
) -> Result<(UpdateGraph, Vec<Finding>), AnyFault> {
    let mut builder = GraphBuilder::new(request.architecture, limits);
    if request.sources.is_empty() {
        ask(UPDATE_SERVICE, request, client, limits, &mut builder)?;
    }
    for source in request.sources {
        let path = Path::new(source);
        if source.starts_with("http://") || source.starts_with("https://") {
            ask(source, request, client, limits, &mut builder)?;
        } else if path.is_dir() {
            builder.graph_data(source, &folder(path, limits)?);
        } else if path.is_file() {
            builder.file(source, &files::read(path, limits.graph_data_bytes)?);
        } else {
            return Err(GraphSourceError::NotThere { text: source.clone() }.into());
        }
    }
    Ok(builder.finish(request.channels))
}

fn ask(
    address: &str,
    request: &GraphRequest<'_>,
    client: &Client,
    limits: &Limits,
    builder: &mut GraphBuilder<'_>,
) -> Result<(), AnyFault> {
    let base = Url::parse(address)
        .map_err(|source| GraphSourceError::Address { text: address.to_owned(), source })?;
    let mut urls: Vec<Url> =
        request.channels.iter().map(|channel| asked(&base, channel, request.architecture)).collect();
    // An address that names a channel itself is the same for all.
    urls.dedup();
    for url in urls {
        let reply = client.document(&url, "application/json", limits.graph_bytes)?;
        let address = url.as_str().to_owned();
        let reply = reply.ok_or(GraphSourceError::NotFound { address })?;
        builder.reply(url.as_str(), &reply);
    }
    Ok(())
}

/// A document that must be there.
pub fn document(address: &str, accept: &str, client: &Client, limit: u64) -> Result<Vec<u8>, AnyFault> {
    let url = Url::parse(address)
        .map_err(|source| GraphSourceError::Address { text: address.to_owned(), source })?;
    let found = client.document(&url, accept, limit)?;
    Ok(found.ok_or_else(|| GraphSourceError::NotFound { address: address.to_owned() })?)
}

/// Names of risks that were accepted and that no update in a graph has.
pub fn unknown_risks(graph: &UpdateGraph, accepted: &BTreeSet<String>) -> Vec<Finding> {
    let names = || graph.risks().iter().map(|risk| risk.name.as_str());
    let unknown = accepted.iter().filter(|name| !names().any(|known| known == name.as_str()));
    let told = |name: &String| {
        let near = nearest(name, names());
        let hint = near.first().map(|near| format!("did you mean {near}?")).unwrap_or_default();
        Finding::warning("RISK_UNKNOWN", name, "no update in this graph has a risk of that name").hint(hint)
    };
    unknown.map(told).collect()
}

/// The address with what is asked for; what stands in it already is left as it is.
fn asked(base: &Url, channel: &ReleaseChannel, architecture: Architecture) -> Url {
    let mut url = base.clone();
    for (name, value) in [("channel", channel.as_str()), ("arch", architecture.as_str())] {
        if !base.query_pairs().any(|(known, _)| known == name) {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    url
}

fn folder(path: &Path, limits: &Limits) -> Result<Vec<(String, Vec<u8>)>, AnyFault> {
    let limits = Limits {
        catalog_bytes: limits.graph_data_bytes,
        catalog_file_bytes: limits.yaml_bytes,
        ..limits.clone()
    };
    let mut all = Vec::new();
    for name in FOLDERS.into_iter().filter(|name| path.join(name).is_dir()) {
        let files = read_tree(&path.join(name), &limits)?;
        all.extend(files.into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
    }
    for name in FILES.into_iter().filter(|name| path.join(name).is_file()) {
        all.push((name.to_owned(), files::read(&path.join(name), limits.yaml_bytes)?));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_put_into_the_address_once() {
        let channel = "stable-4.20".parse().unwrap();
        for (base, expected) in [
            ("https://u.example/graph", "https://u.example/graph?channel=stable-4.20&arch=arm64"),
            ("https://u.example/graph?arch=multi", "https://u.example/graph?arch=multi&channel=stable-4.20"),
            (
                "https://u.example/graph?arch=multi&channel=fast-4.1",
                "https://u.example/graph?arch=multi&channel=fast-4.1",
            ),
        ] {
            assert_eq!(asked(&Url::parse(base).unwrap(), &channel, Architecture::Arm64).as_str(), expected);
        }
    }
}
