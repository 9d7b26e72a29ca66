//! What an import would do, without doing it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::archive::ReadAt;
use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::import::catalog::Forward;
use crate::flow::import::receipt::Known;
use crate::flow::import::run::MARKER;
use crate::flow::import::{Import, Until, preflight};
use crate::flow::record::{History, Log, Record};
use crate::reference::ImageRef;
use crate::store::files;
use crate::store::journal::Journal;
use crate::transfer::{Look, Missing};

/// What an import would do.
#[derive(Debug, Serialize)]
pub struct Forecast {
    /// The generation.
    pub generation: u64,
    /// What would be written to staging.
    pub staging: Load,
    /// What would be written to production, without the merged catalogs themselves.
    pub production: Load,
    /// Catalogs that would change.
    pub catalogs: Vec<Move>,
    /// Tags of images that would be made or moved.
    pub tags: Vec<Move>,
    /// Files with resources for the cluster.
    pub resources: BTreeSet<String>,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

/// What would be written to one registry.
#[derive(Debug, Serialize)]
pub struct Load {
    /// Manifests.
    pub manifests: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of the blobs.
    pub bytes: u64,
}

/// A tag that would move.
#[derive(Debug, Serialize)]
pub struct Move {
    /// The tag.
    pub tag: String,
    /// What it points to; nothing where it would be made.
    pub from: Option<Digest>,
}

impl From<&Missing> for Load {
    fn from(missing: &Missing) -> Self {
        Self { manifests: missing.manifests, blobs: missing.blobs, bytes: missing.bytes }
    }
}

impl Import<'_> {
    /// Goes as far as one can without writing: the archive is judged, everything that it builds on is looked for, every catalog is
    /// merged with what production serves now, and each repository is asked whether it would take an upload.
    pub fn forecast(self, source: Arc<dyn ReadAt>, out: &Path) -> Result<Forecast, AnyFault> {
        let records: Vec<Record> = Journal::read(&Log::path(self.state))?;
        let history = History(&records);
        let case = self.judge(source, history)?;
        files::check_folder(out, MARKER)?;
        let forwards = self.forwards(&case);
        let outlooks = forwards.iter().map(Forward::outlook).collect::<Result<Vec<_>, _>>()?;
        let survey = self.survey(&case, &forwards, &outlooks, Look::Blobs)?;
        preflight::writes(&self.written(&survey)?, self.client, self.jobs, self.events)?;
        let served: Vec<_> = forwards
            .iter()
            .zip(&outlooks)
            .filter_map(|(forward, outlook)| forward.preview(outlook.as_ref()))
            .collect();
        let mut findings = case.findings.clone();
        findings.extend(served.iter().flat_map(|served| served.findings.iter().cloned()));
        let mut resources = BTreeSet::new();
        if self.until == Until::Emit {
            let receipt = self.receipt(&case, &served, Known::default(), history);
            let emitted = self.emit(&case, &served, &receipt, &findings);
            let for_the_cluster = |path: &String| {
                ["cluster/", "patches/", "back/"].iter().any(|folder| path.starts_with(folder))
            };
            resources = emitted.files.into_keys().filter(for_the_cluster).collect();
            findings.extend(emitted.findings);
        }
        let moves = |moves: &[(ImageRef, Option<Digest>)]| {
            moves.iter().map(|(tag, from)| Move { tag: tag.to_string(), from: *from }).collect()
        };
        Ok(Forecast {
            generation: case.archive.inventory().sequence,
            staging: Load::from(&survey.staging),
            production: Load::from(&survey.production),
            catalogs: moves(&survey.catalogs),
            tags: moves(&survey.tags),
            resources,
            findings,
        })
    }
}
