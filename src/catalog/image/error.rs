//! Why an image cannot be read as a catalog or a bundle, or not be built.

use std::io;

use crate::digest::{ContentMismatch, Digest};
use crate::fault::{Exit, Fault, exit_for_io};
use crate::oci::OciError;

/// What can be rendered.
pub(super) const RENDERED: &str = "a catalog or an operator bundle";

/// What to do with a catalog in an SQLite database.
pub const NO_SQLITE: &str =
    "convert it on the connected side with `opm migrate`, or take the catalog of OpenShift 4.11 or newer";

/// Why an image cannot be read or built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A document of the image is wrong.
    #[error("the image cannot be read")]
    Document {
        /// What is wrong with it.
        #[source]
        source: OciError,
    },
    /// The bytes of a layer did not come, or have not got the digest that they should have.
    #[error("layer {layer} cannot be read")]
    Read {
        /// The layer.
        layer: Digest,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// A layer has its digest and cannot be unpacked all the same: it was made so.
    #[error("layer {layer} is malformed")]
    Corrupt {
        /// The layer.
        layer: Digest,
        /// What is wrong with it.
        #[source]
        source: io::Error,
    },
    /// What was read of the layers could not be put aside.
    #[error("the files of the image could not be put aside")]
    Shelf {
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A layer is packed in a way that the program does not unpack.
    #[error("layer {layer} is packed as {packing}, which is not unpacked here")]
    Packing {
        /// The layer.
        layer: Digest,
        /// A media type or the name of a compression.
        packing: String,
    },
    /// A layer is over a ceiling.
    #[error("layer {layer} has more than {limit} {what}")]
    Limit {
        /// The layer.
        layer: Digest,
        /// Of what there is too much.
        what: &'static str,
        /// How much there may be.
        limit: u64,
    },
    /// An entry of a layer is one that readers disagree on, or that could reach outside.
    #[error("layer {layer} has the entry {path:?}, which is refused: {why}")]
    Entry {
        /// The layer.
        layer: Digest,
        /// The entry's path as written.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A symbolic link does not lead to a file that is kept.
    #[error("{path:?} is a symbolic link to {target:?}, which is refused: {why}")]
    Link {
        /// The link.
        path: String,
        /// Where it points.
        target: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The image is an SQLite catalog of OpenShift 4.10 and older.
    #[error("the image is an SQLite catalog, not a file-based one")]
    Sqlite,
    /// The image is not what was asked for.
    #[error("the image is {found}, not {wanted}")]
    Role {
        /// What it is.
        found: &'static str,
        /// What was wanted.
        wanted: &'static str,
    },
    /// A label names a directory that cannot be one.
    #[error("the label `{label}` says {value:?}, which is not a directory inside the image")]
    Label {
        /// The label.
        label: &'static str,
        /// Its value.
        value: String,
    },
    /// A bundle has no CSV.
    #[error("the bundle has no ClusterServiceVersion below `{directory}`")]
    NoCsv {
        /// Where there should be one.
        directory: String,
    },
    /// Files cannot be put into a layer under this name.
    #[error("{path:?} cannot be the name of a file in a catalog image")]
    FileName {
        /// The name.
        path: String,
    },
    /// The base image cannot carry a catalog.
    #[error("the base image {base} cannot carry a catalog: {why}")]
    Base {
        /// Its manifest.
        base: Digest,
        /// What is wrong with it.
        why: String,
    },
    /// A built image does not read as what it was made of.
    #[error("the built image {image} is wrong: {why}")]
    Built {
        /// Its manifest.
        image: Digest,
        /// What differs.
        why: String,
    },
}

impl From<OciError> for ImageError {
    fn from(source: OciError) -> Self {
        Self::Document { source }
    }
}

impl Fault for ImageError {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { source, .. } => {
                let lied = source
                    .get_ref()
                    .is_some_and(<dyn std::error::Error + Send + Sync>::is::<ContentMismatch>);
                match source.kind() {
                    _ if lied => Exit::Integrity,
                    io::ErrorKind::InvalidData
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::UnexpectedEof => Exit::Integrity,
                    _ => Exit::Registry,
                }
            }
            Self::Shelf { source } => exit_for_io(source, Exit::Usage),
            Self::Sqlite | Self::Role { .. } | Self::FileName { .. } => Exit::Usage,
            Self::Base { .. } => Exit::Prerequisite,
            Self::Built { .. } => Exit::Unexpected,
            _ => Exit::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Sqlite => NO_SQLITE,
            Self::Role { wanted: "a catalog", .. } => {
                "a catalog image has the label `operators.operatorframework.io.index.configs.v1`"
            }
            Self::Role { wanted: RENDERED, .. } => {
                "a catalog has the label `operators.operatorframework.io.index.configs.v1`, a bundle \
                 `operators.operatorframework.io.bundle.package.v1`"
            }
            Self::Shelf { .. } => "set `TMPDIR` to a folder that has room for the unpacked catalog",
            Self::Limit { .. } => {
                "an image with this much in it is not plausible; look at it before trusting it"
            }
            Self::Base { .. } => {
                "give as base a catalog image that has `/bin/opm`, for instance the upstream index"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}
