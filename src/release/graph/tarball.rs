//! Graph data as it is published: a tar archive, usually packed with gzip.

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;

use crate::limits::Limits;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Where a tar archive says that it is one (POSIX ustar header, field `magic`).
const MAGIC: (usize, &[u8]) = (257, b"ustar");

/// Whether the bytes look like a tarball.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    let (at, magic) = MAGIC;
    bytes.starts_with(&GZIP) || bytes.get(at..).is_some_and(|rest| rest.starts_with(magic))
}

/// The regular files in it, by path. Together they are no larger than what is unpacked, which has its ceiling.
pub(super) fn unpack(bytes: &[u8], limits: &Limits) -> Result<Vec<(String, Vec<u8>)>, String> {
    if bytes.starts_with(&GZIP) {
        // One byte more than allowed, so that too much can be told from just enough.
        let most = limits.graph_data_bytes.saturating_add(1);
        let mut plain = MultiGzDecoder::new(bytes).take(most);
        let files = files(&mut plain, limits);
        return if plain.limit() == 0 { Err(too_large(limits)) } else { files };
    }
    files(bytes, limits)
}

fn too_large(limits: &Limits) -> String {
    format!("unpacked it has more than {} bytes", limits.graph_data_bytes)
}

fn files(reader: impl Read, limits: &Limits) -> Result<Vec<(String, Vec<u8>)>, String> {
    let broken = |error: io::Error| format!("it cannot be unpacked: {error}");
    let mut files = Vec::new();
    for entry in tar::Archive::new(reader).entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        // Neither links nor sparse files, which could be larger than all that was unpacked.
        if !entry.header().entry_type().is_file() {
            continue;
        }
        if files.len() >= limits.graph_data_files {
            return Err(format!("it has more than {} files", limits.graph_data_files));
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(broken)?;
        files.push((path, content));
    }
    Ok(files)
}
