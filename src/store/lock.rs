//! A lock that one process at a time holds on a state folder; it frees itself when its process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::store::files::{StoreError, failed};

/// Held until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock at `path`, or says who has it: which process, on which machine.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed("open", path))?;
        match file.try_lock() {
            Ok(()) => {
                // For whoever comes meanwhile; what an earlier holder left there is of no use.
                let holder = format!("process {} on {}\n", std::process::id(), machine());
                file.set_len(0)
                    .and_then(|()| file.write_all(holder.as_bytes()))
                    .map_err(failed("write", path))?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The lock stands whether its holder can be named or not.
                drop((&mut file).take(200).read_to_string(&mut holder));
                let holder = match holder.trim() {
                    "" => "another ombundle process".to_owned(),
                    named => named.to_owned(),
                };
                Err(StoreError::Locked { path: path.to_owned(), holder })
            }
            Err(TryLockError::Error(error)) => Err(failed("lock", path)(error)),
        }
    }
}

/// The name of this machine: the folder may be on a share.
fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_it() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("lock");
        let first = Lock::take(&path).unwrap();
        let error = Lock::take(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("process {} on ", std::process::id())), "{error}");
        drop(first);
        assert!(Lock::take(&path).is_ok());
    }
}
