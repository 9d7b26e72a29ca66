//! Why a registry could not be started over a folder.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::fault::{Exit, Fault, exit_for_io};

/// Why a registry could not be started over a folder.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The folder cannot be made, read or written.
    #[error("cannot use `{}` as storage", path.display())]
    Storage {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The folder holds something else.
    #[error("`{}` is not empty and is not the storage of a registry", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is of a layout that this version does not know.
    #[error("`{}` has storage layout `{found}`, this version knows layout 1", path.display())]
    Layout {
        /// The folder.
        path: PathBuf,
        /// What it says it is.
        found: String,
    },
    /// Another server uses the folder.
    #[error("another registry is running over `{}`", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The system gives no threads.
    #[error("cannot start the threads of the registry")]
    Threads {
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl Fault for ServeError {
    fn exit(&self) -> Exit {
        match self {
            Self::Storage { source, .. } => exit_for_io(source, Exit::Usage),
            Self::Foreign { .. } | Self::Layout { .. } | Self::Locked { .. } | Self::Listen { .. } => {
                Exit::Usage
            }
            Self::Threads { .. } => Exit::Unexpected,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Storage { .. } => Some("give a folder that this user may write".to_owned()),
            Self::Foreign { .. } => Some("give an empty folder, or one that does not exist yet".to_owned()),
            Self::Layout { .. } => Some("use the version of the program that made it".to_owned()),
            Self::Locked { .. } => Some("stop the other one, or give another folder".to_owned()),
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => Some(
                "another program has this port: choose another with `--listen`, or port 0 for a free one"
                    .to_owned(),
            ),
            Self::Listen { .. } => Some("choose another address with `--listen`".to_owned()),
            Self::Threads { .. } => None,
        }
    }
}
