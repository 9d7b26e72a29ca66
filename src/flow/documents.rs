//! The plan inside an archive: taken apart into documents that any tool can read, and put together again.
//!
//! What is large or of interest by itself stands alone: each catalog's delta and evidence, each signature of a release as its
//! vendor publishes it, the tarball of graph data. The plan is what remains.

use crate::archive::{ArchiveError, EntryPath, MediaType, Meta, MetaName, Role};
use crate::catalog::evidence::Evidence;
use crate::fault::{AnyFault, Exit, Fault};
use crate::limits::Limits;
use crate::plan::{Base64, Plan, PlannedRelease};
use crate::verify::{Opened, Refused};

/// Name of the plan inside the archive, below `meta/`.
const PLAN: &str = "plan.json";

/// Where the graph data of an update service stands, below `meta/`.
const GRAPH_DATA: &str = "releases/graph-data.tar.gz";

/// Why a plan cannot be taken apart, or put together.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// A document below `meta/` is not what the format says.
    #[error("`meta/{name}` cannot be read")]
    Unreadable {
        /// Which.
        name: String,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A part of the plan has no form as JSON.
    #[error("the plan cannot be written as JSON")]
    Unwritable {
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A document's name does not fit the format.
    #[error(transparent)]
    Name(#[from] ArchiveError),
}

impl Fault for DocumentError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } => Exit::Integrity,
            Self::Unwritable { .. } | Self::Name(_) => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => {
                "it was written by another version: use that one, or pack again".to_owned()
            }
            Self::Unwritable { .. } | Self::Name(_) => "make a new one with `ombundle plan`".to_owned(),
        })
    }
}

/// Where a catalog's delta stands, below `meta/`: a file-based catalog that any tool can read.
pub fn delta_name(index: usize) -> String {
    format!("catalog-{}.json", index + 1)
}

/// Where the evidence of a catalog's bundles stands, below `meta/`.
fn evidence_name(index: usize) -> String {
    format!("evidence-{}.json", index + 1)
}

/// Where a signature of a release stands, below `meta/`: as in a store, but for the sign that names below `meta/` do not have.
pub fn signature_name(release: &PlannedRelease, index: usize) -> String {
    format!("releases/{}/signature-{}", release.image.digest.hex(), index + 1)
}

/// The documents of a plan.
pub fn taken_apart(plan: &Plan) -> Result<Vec<Meta>, DocumentError> {
    let mut all = Vec::new();
    let mut rest = plan.clone();
    for (index, catalog) in rest.catalogs.iter_mut().enumerate() {
        let mut delta = Vec::new();
        for blob in std::mem::take(&mut catalog.delta) {
            delta.extend(json(&blob)?);
            delta.push(b'\n');
        }
        let evidence = json(&std::mem::take(&mut catalog.evidence))?;
        all.push(document(delta_name(index), Role::CatalogDelta, MediaType::JSON, delta)?);
        all.push(document(evidence_name(index), Role::Evidence, MediaType::JSON, evidence)?);
    }
    for release in &mut rest.releases {
        for index in 0..release.signatures.len() {
            let name = signature_name(release, index);
            let Some(signature) = release.signatures.get_mut(index) else { continue };
            let Base64(file) = std::mem::take(&mut signature.file);
            all.push(document(name, Role::ReleaseSignature, "application/octet-stream".parse()?, file)?);
        }
    }
    if let Some(data) = &mut rest.graph_data {
        let Base64(tarball) = std::mem::take(&mut data.tarball);
        all.push(document(GRAPH_DATA.to_owned(), Role::GraphData, "application/gzip".parse()?, tarball)?);
    }
    all.push(document(PLAN.to_owned(), Role::Plan, MediaType::JSON, json(&rest)?)?);
    Ok(all)
}

fn document(name: String, role: Role, media_type: MediaType, bytes: Vec<u8>) -> Result<Meta, DocumentError> {
    Ok(Meta { name: name.parse()?, role, media_type, bytes })
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, DocumentError> {
    serde_json::to_vec(value).map_err(|source| DocumentError::Unwritable { source })
}

/// The plan that an archive was packed from. It contradicts itself nowhere, or there is an error.
pub fn put_together(archive: &Opened, limits: &Limits) -> Result<Plan, AnyFault> {
    let mut plan: Plan = parsed(archive, PLAN)?;
    for (index, catalog) in plan.catalogs.iter_mut().enumerate() {
        let name = delta_name(index);
        catalog.delta = serde_json::Deserializer::from_slice(&read(archive, &name)?)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|source| DocumentError::Unreadable { name, source })?;
        catalog.evidence = parsed::<Vec<Evidence>>(archive, &evidence_name(index))?;
    }
    for release in &mut plan.releases {
        for index in 0..release.signatures.len() {
            let file = read(archive, &signature_name(release, index))?;
            if let Some(signature) = release.signatures.get_mut(index) {
                signature.file = Base64(file);
            }
        }
    }
    if let Some(data) = &mut plan.graph_data {
        data.tarball = Base64(read(archive, GRAPH_DATA)?);
    }
    // The strict reader has the last word on the whole.
    Ok(Plan::parse(plan.to_json()?.as_bytes(), limits)?)
}

fn parsed<T: serde::de::DeserializeOwned>(archive: &Opened, name: &str) -> Result<T, AnyFault> {
    let unreadable = |source| DocumentError::Unreadable { name: name.to_owned(), source };
    Ok(serde_json::from_slice(&read(archive, name)?).map_err(unreadable)?)
}

fn read(archive: &Opened, name: &str) -> Result<Vec<u8>, AnyFault> {
    let path = EntryPath::Meta(name.parse::<MetaName>()?);
    Ok(archive.read_meta(&path).map_err(Refused::from)?)
}
