//! Why the small world could not be made.

use std::io;
use std::path::PathBuf;

use crate::fault::{Exit, Fault, exit_for_io};
use crate::oci::OciError;
use crate::reference::InvalidReference;
use crate::registry::RegistryError;
use crate::serve::ServeError;

/// Why the small world could not be made, or walked through.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A layer could not be written.
    #[error("cannot build the layer of `{path}`")]
    Layer {
        /// The file in it.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A catalog to stand in for cannot be read.
    #[error("cannot stand in for a catalog that cannot be read: {first}")]
    Catalog {
        /// The first finding about it.
        first: String,
    },
    /// A reference of a catalog is none.
    #[error("cannot stand in for an image")]
    Reference(#[from] InvalidReference),
    /// A manifest is none.
    #[error("a manifest that was built is wrong")]
    Manifest(#[from] OciError),
    /// A registry did not take an image.
    #[error("cannot publish `{image}`")]
    Publish {
        /// Which image.
        image: String,
        /// Why not.
        #[source]
        source: RegistryError,
    },
    /// A registry could not be started.
    #[error("cannot start the {role} registry")]
    Serve {
        /// What it would have been.
        role: &'static str,
        /// Why not.
        #[source]
        source: ServeError,
    },
    /// A command of the walk did not end as it should.
    #[error("`{command}` ended with exit code {}, expected {}", *found as u8, *expected as u8)]
    Step {
        /// The command line.
        command: String,
        /// How it should have ended.
        expected: Exit,
        /// How it ended.
        found: Exit,
    },
    /// A file of the user could not be written.
    #[error("cannot write `{}`", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl Fault for DemoError {
    fn exit(&self) -> Exit {
        match self {
            // A stop by the user ends the walk as it ended the command; a refusal that did not come is no success.
            Self::Layer { .. } | Self::Manifest(_) | Self::Step { found: Exit::Done, .. } => Exit::Unexpected,
            Self::Step { found, .. } => *found,
            Self::Catalog { .. } | Self::Reference(_) => Exit::Usage,
            Self::Publish { source, .. } => source.exit(),
            Self::Serve { source, .. } => source.exit(),
            Self::File { source, .. } => exit_for_io(source, Exit::Usage),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Publish { source, .. } => source.hint(),
            Self::Serve { source, .. } => source.hint(),
            Self::File { .. } => Some("give a folder that this user may write".to_owned()),
            _ => None,
        }
    }
}
