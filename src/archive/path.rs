//! Names of entries, by a grammar that no file system can misread, and what an entry is for.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::archive::text::{invalid, is_name};
use crate::archive::{ArchiveError, Name};
use crate::digest::Digest;
use crate::reference::serde_as_text;

/// The path of an entry that the inventory lists. Its order is the order in the archive.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryPath {
    /// `SHA256SUMS`.
    Sums,
    /// `meta/…`.
    Meta(MetaName),
    /// `oci/oci-layout`.
    Layout,
    /// `oci/index.json`.
    Index,
    /// `oci/blobs/sha256/<64 hexadecimal digits>`.
    Blob(Digest),
}

const BLOBS: &str = "oci/blobs/sha256/";

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sums => f.write_str("SHA256SUMS"),
            Self::Meta(name) => write!(f, "meta/{name}"),
            Self::Layout => f.write_str("oci/oci-layout"),
            Self::Index => f.write_str("oci/index.json"),
            Self::Blob(digest) => write!(f, "{BLOBS}{}", digest.hex()),
        }
    }
}

impl FromStr for EntryPath {
    type Err = ArchiveError;

    fn from_str(text: &str) -> Result<Self, ArchiveError> {
        let wrong = || invalid(text, "the path of an entry", "the format has no such entry");
        match text {
            "SHA256SUMS" => Ok(Self::Sums),
            "oci/oci-layout" => Ok(Self::Layout),
            "oci/index.json" => Ok(Self::Index),
            _ => match (text.strip_prefix("meta/"), text.strip_prefix(BLOBS)) {
                (Some(name), _) => Ok(Self::Meta(name.parse()?)),
                (_, Some(hex)) => Digest::from_hex(hex).map(Self::Blob).map_err(|_| wrong()),
                _ => Err(wrong()),
            },
        }
    }
}

serde_as_text!(EntryPath);

/// What follows `meta/`: names joined by `/`, 95 characters at most.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetaName(Box<str>);

impl MetaName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Windows gives these names to devices in every folder, with any ending.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or(segment);
    let numbered = |prefix| {
        stem.strip_prefix(prefix).is_some_and(|n: &str| n.len() == 1 && n.bytes().all(|c| c.is_ascii_digit()))
    };
    DEVICES.contains(&stem) || numbered("com") || numbered("lpt")
}

impl FromStr for MetaName {
    type Err = ArchiveError;

    fn from_str(text: &str) -> Result<Self, ArchiveError> {
        let good = |segment| is_name(segment) && !is_device(segment);
        if text.len() <= 95 && text.split('/').all(good) {
            Ok(Self(text.into()))
        } else {
            let rule = "it must be lower-case names of letters, digits, `.`, `_` and `-`, joined by `/`, 95 characters at most";
            Err(invalid(text, "a name below `meta/`", rule))
        }
    }
}

impl fmt::Display for MetaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(MetaName);

/// What an entry is for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The list for `sha256sum -c`.
    Checksums,
    /// The marker file of an OCI image layout.
    OciLayout,
    /// The index of the OCI image layout.
    OciIndex,
    /// An image manifest or index.
    Manifest,
    /// A config or a layer.
    Blob,
    /// What changes in one catalog.
    CatalogDelta,
    /// What the bundles' own CSVs say.
    Evidence,
    /// The plan that the archive was packed from.
    Plan,
    /// A vendor's signature of an OpenShift release.
    ReleaseSignature,
    /// The graph data of an update service.
    GraphData,
    /// Something that a later program knows. Readers check its bytes and pass over it.
    Other(Name),
}

const ROLES: [(&str, Role); 10] = [
    ("checksums", Role::Checksums),
    ("oci-layout", Role::OciLayout),
    ("oci-index", Role::OciIndex),
    ("manifest", Role::Manifest),
    ("blob", Role::Blob),
    ("catalog-delta", Role::CatalogDelta),
    ("evidence", Role::Evidence),
    ("plan", Role::Plan),
    ("release-signature", Role::ReleaseSignature),
    ("graph-data", Role::GraphData),
];

impl Role {
    /// Whether an entry at this path may have it.
    pub(super) fn suits(&self, path: &EntryPath) -> bool {
        match path {
            EntryPath::Sums => *self == Self::Checksums,
            EntryPath::Layout => *self == Self::OciLayout,
            EntryPath::Index => *self == Self::OciIndex,
            EntryPath::Blob(_) => matches!(self, Self::Manifest | Self::Blob),
            EntryPath::Meta(_) => {
                matches!(
                    self,
                    Self::CatalogDelta
                        | Self::Evidence
                        | Self::Plan
                        | Self::ReleaseSignature
                        | Self::GraphData
                        | Self::Other(_)
                )
            }
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, ROLES.iter().find(|(_, role)| role == self)) {
            (Self::Other(name), _) => f.write_str(name.as_str()),
            (_, Some((text, _))) => f.write_str(text),
            (_, None) => Err(fmt::Error),
        }
    }
}

impl FromStr for Role {
    type Err = ArchiveError;

    fn from_str(text: &str) -> Result<Self, ArchiveError> {
        match ROLES.iter().find(|(known, _)| *known == text) {
            Some((_, role)) => Ok(role.clone()),
            None => Ok(Self::Other(text.parse()?)),
        }
    }
}

serde_as_text!(Role);
