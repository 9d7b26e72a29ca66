//! `SHA256SUMS`: what `sha256sum -c` takes, without any tool of ours.

use crate::digest::Digest;

/// One line for each file, in the binary form of coreutils. Names are ours: none needs escaping.
pub fn sums<'f>(files: impl IntoIterator<Item = (&'f str, Digest)>) -> String {
    let lines: Vec<String> =
        files.into_iter().map(|(name, digest)| format!("{} *{name}\n", digest.hex())).collect();
    lines.concat()
}
