//! Where the content of an image's files goes while its layers are applied.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

/// Takes in files, one after the other, and gives for each what finds its content again.
pub trait Shelf {
    /// What finds the content of a file again.
    type Kept: Clone + Debug;

    /// Takes the next bytes of the file that is being read.
    fn take(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// The file that was being read is whole. Its path is relative to the image's root. A later layer may hide it again, or put
    /// another in its place.
    fn end(&mut self, path: &str) -> Self::Kept;
}

/// Keeps every file in memory.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    current: Vec<u8>,
}

impl Shelf for Memory {
    type Kept = Arc<[u8]>;

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.current.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self, _: &str) -> Arc<[u8]> {
        let content = self.current.as_slice().into();
        self.current.clear();
        content
    }
}
