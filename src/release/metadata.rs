//! What a release says of itself and of the releases that may be updated to it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::ReleaseError;
use crate::reference::PinnedRef;
use crate::version::Version;

/// The kind that every release has had so far.
const KIND: &str = "cincinnati-metadata-v0";

/// Where a release says which architecture its payload is for; only multi-architecture payloads do.
const ARCHITECTURE: &str = "release.openshift.io/architecture";

/// `release-manifests/release-metadata` of a release image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseMetadata {
    /// The release.
    pub version: Version,
    /// The releases from which it may be reached.
    pub previous: Vec<Version>,
    /// The releases that may be reached from it.
    pub next: Vec<Version>,
    /// The page about it.
    pub url: Option<String>,
    /// The architecture that it names, for instance `multi`.
    pub architecture: Option<String>,
    /// The release image that it was found in; the file itself does not say.
    pub payload: Option<PinnedRef>,
}

/// Enough of a JSON object to tell what it is.
#[derive(Deserialize)]
struct Probe {
    #[serde(default)]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    kind: String,
    version: Version,
    #[serde(default)]
    previous: Option<Vec<Version>>,
    #[serde(default)]
    next: Option<Vec<Version>>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, serde_json::Value>>,
    /// Not in the file itself; a list that somebody made of several may have it.
    #[serde(default)]
    payload: Option<PinnedRef>,
}

impl ReleaseMetadata {
    /// Reads the file.
    pub fn parse(json: &[u8]) -> Result<Self, ReleaseError> {
        serde_json::from_slice(json).map_err(unreadable).and_then(Self::of)
    }

    /// Reads the file, or a JSON list of such files, each of which may have its release image as `payload`; nothing where the
    /// bytes are neither.
    pub(in crate::release) fn parse_all(json: &[u8]) -> Option<Result<Vec<Self>, ReleaseError>> {
        if json.trim_ascii_start().starts_with(b"[") {
            let list: Result<Vec<Wire>, _> = serde_json::from_slice(json).map_err(unreadable);
            return Some(list.and_then(|list| list.into_iter().map(Self::of).collect()));
        }
        serde_json::from_slice::<Probe>(json).ok()?.kind?;
        Some(Self::parse(json).map(|one| vec![one]))
    }

    fn of(wire: Wire) -> Result<Self, ReleaseError> {
        if wire.kind != KIND {
            return Err(ReleaseError::Metadata { why: format!("its kind is `{}`, not `{KIND}`", wire.kind) });
        }
        let metadata = wire.metadata.unwrap_or_default();
        let text = |name: &str| metadata.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        Ok(Self {
            version: wire.version,
            previous: wire.previous.unwrap_or_default(),
            next: wire.next.unwrap_or_default(),
            url: text("url"),
            architecture: text(ARCHITECTURE),
            payload: wire.payload,
        })
    }
}

fn unreadable(error: serde_json::Error) -> ReleaseError {
    ReleaseError::Metadata { why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_release_says() {
        let json = br#"{"kind": "cincinnati-metadata-v0", "version": "4.20.3", "previous": ["4.19.18", "4.20.2"], "next": null,
            "metadata": {"url": "https://access.redhat.com/errata/RHBA-2025:1", "release.openshift.io/architecture": "multi"}}"#;
        let it = ReleaseMetadata::parse(json).unwrap();
        assert_eq!(it.version.as_str(), "4.20.3");
        assert_eq!(it.previous.iter().map(Version::as_str).collect::<Vec<_>>(), ["4.19.18", "4.20.2"]);
        assert!(it.next.is_empty());
        assert_eq!(it.architecture.as_deref(), Some("multi"));
        assert_eq!(it.url.as_deref(), Some("https://access.redhat.com/errata/RHBA-2025:1"));
    }

    #[test]
    fn what_is_something_else_is_refused_with_the_reason() {
        for (json, why) in [
            (&br#"{"kind": "cincinnati-metadata-v1", "version": "4.20.3"}"#[..], "`cincinnati-metadata-v1`"),
            (br#"{"kind": "cincinnati-metadata-v0", "version": "4.20"}"#, "version `4.20`"),
            (br#"{"kind": "cincinnati-metadata-v0"}"#, "missing field `version`"),
            (b"<html>", "expected value"),
        ] {
            let text = ReleaseMetadata::parse(json).unwrap_err().to_string();
            assert!(text.contains(why), "{text}");
        }
    }
}
