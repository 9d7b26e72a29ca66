//! oc-mirror's rules for an ImageSetConfiguration, as a check of a whole file against the catalogs that it names.
//!
//! The reader takes some things that oc-mirror refuses, and tells each of them; the filter has oc-mirror's rules for channels,
//! default channels and ranges. Together they are the verdict (oc-mirror `internal/pkg/config/validate.go`,
//! `sherine-k/catalog-filter`).

use super::Source;
use crate::catalog::filter;
use crate::finding::{Finding, Severity};
use crate::imageset::parse;
use crate::limits::Limits;

/// What the reader takes, and some oc-mirror refuses or takes for something else.
const LENIENT: [&str; 3] = ["ISC_DUPLICATE_CATALOG", "ISC_DUPLICATE_CHANNEL", "ISC_WHOLE_CATALOG"];

/// Why oc-mirror would not do with this file what it means; nothing where it would. Only catalogs among `sources` are looked into.
pub fn refused_by_oc_mirror(
    bytes: &[u8],
    file: &str,
    sources: &[Source<'_>],
    limits: &Limits,
) -> Vec<Finding> {
    let (request, mut findings) = parse(bytes, file, limits);
    findings
        .retain(|finding| finding.severity == Severity::Error || LENIENT.contains(&finding.code.as_str()));
    for item in request.iter().flat_map(|request| &request.operators) {
        let name = item.catalog.to_string();
        let Some(source) = sources.iter().find(|source| source.name == name) else { continue };
        let packages: Vec<_> = item.packages.iter().map(|package| package.filter(item.full)).collect();
        let broken = filter(source.catalog, &packages).findings.into_iter();
        findings.extend(broken.filter(|finding| finding.severity == Severity::Error));
    }
    findings
}
