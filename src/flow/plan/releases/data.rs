//! The graph data that an update service at the site is fed with.

use std::path::Path;

use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::finding::{Finding, has_errors};
use crate::flow::plan::Planner;
use crate::flow::release::document;
use crate::plan::{Base64, PlannedGraphData};
use crate::reference::{ImageRef, PinnedRef};
use crate::release::{Architecture, GraphBuilder, graph_layer};
use crate::site::GraphDataSpec;
use crate::store::files;

/// A tarball of graph data, and the image to put it on.
#[derive(Debug)]
pub(super) struct Data {
    source: String,
    tarball: Vec<u8>,
    /// By its original name, and not pinned yet.
    pub(super) base: ImageRef,
}

/// The first bytes of whatever is packed with gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Fetches the tarball; nothing where it is none, which the findings tell.
pub(super) fn fetch(
    planner: &Planner<'_>,
    spec: &GraphDataSpec,
    findings: &mut Vec<Finding>,
) -> Result<Option<Data>, AnyFault> {
    let limits = planner.limits;
    let path = Path::new(&spec.source);
    let tarball = if path.is_file() {
        files::read(path, limits.graph_data_bytes)?
    } else {
        document(&spec.source, "application/gzip", planner.upstream.client, limits.graph_data_bytes)?
    };
    let wrong = |why: &str| {
        let hint = "it is the tarball below `upgrades_info/graph-data` of the update service";
        Finding::error("GRAPH_DATA", &spec.source, why).hint(hint)
    };
    if !tarball.starts_with(&GZIP) {
        findings.push(wrong("it is not packed with gzip"));
        return Ok(None);
    }
    // What an update service cannot read is found out here, and not at the site.
    let mut builder = GraphBuilder::new(Architecture::default(), limits);
    builder.file(&spec.source, &tarball);
    let told: Vec<Finding> =
        builder.finish(&[]).1.into_iter().filter(|finding| finding.code.starts_with("GRAPH_DATA")).collect();
    if has_errors(&told) {
        findings.extend(told);
        return Ok(None);
    }
    // The same for what cannot be put into an image there.
    if let Err(why) = graph_layer(&tarball, limits) {
        findings.push(wrong(&why.to_string()));
        return Ok(None);
    }
    match spec.base.parse() {
        Ok(base) => Ok(Some(Data { source: spec.source.clone(), tarball, base })),
        Err(why) => {
            let hint = "write `registry/repository:tag` as `spec.releases.graphData.base`";
            findings.push(Finding::error("GRAPH_DATA_BASE", &spec.base, why).hint(hint));
            Ok(None)
        }
    }
}

impl Data {
    pub(super) fn planned(self, base: PinnedRef) -> PlannedGraphData {
        PlannedGraphData {
            source: self.source,
            digest: Digest::of(&self.tarball),
            base,
            tarball: Base64(self.tarball),
        }
    }
}
