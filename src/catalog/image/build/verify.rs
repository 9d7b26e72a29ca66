//! Reads a built image back, layer by layer, and compares it with what it was made of.

use std::collections::BTreeMap;
use std::io::{self, Read};

use serde_json::Value;

use crate::catalog::image::build::{CACHE, CONFIGS, image};
use crate::catalog::image::{ImageError, LayerFiles, catalog_root};
use crate::digest::{Digest, VerifyingReader};
use crate::limits::Limits;
use crate::oci::{ConfigView, Descriptor, ManifestView, OciError, RawManifest};

/// Where opm is in a base: at `/bin/opm`, which in images with a merged `/usr` is `/usr/bin/opm`.
pub const OPM_PATHS: [&str; 2] = ["bin/opm", "usr/bin/opm"];

/// Applies all layers in memory and checks that `/configs` holds exactly `expected`, readable by any user, and that opm will
/// start on it.
///
/// `open` gives the bytes of a layer; digests and sizes are checked here.
pub fn verify_image<R: Read>(
    manifest: &RawManifest,
    config: &[u8],
    expected: &BTreeMap<String, Vec<u8>>,
    mut open: impl FnMut(&Descriptor) -> io::Result<R>,
    limits: &Limits,
) -> Result<(), ImageError> {
    let wrong = |why: String| ImageError::Built { image: manifest.digest(), why };
    let ManifestView::Image(view) = manifest.view(limits)? else {
        return Err(wrong("it is an image index".to_owned()));
    };
    if view.config.digest != Digest::of(config) || view.config.size != config.len() as u64 {
        return Err(wrong("its manifest names another config".to_owned()));
    }
    let parsed = ConfigView::parse(config)?;
    if catalog_root(&parsed)? != CONFIGS {
        return Err(wrong("its label names another directory than `/configs`".to_owned()));
    }
    let cached = cache_of_command(config)?
        .map_err(|command| wrong(format!("it runs {command:?} instead of `/bin/opm serve /configs`")))?;
    if parsed.diff_ids.len() != view.layers.len() {
        return Err(wrong("its config names another number of layers than its manifest".to_owned()));
    }
    let digest = format!("{CACHE}/digest");
    let mut files = LayerFiles::new([CONFIGS]).watched(OPM_PATHS.into_iter().chain([digest.as_str()]));
    for (layer, diff_id) in view.layers.iter().zip(&parsed.diff_ids) {
        let reader = open(layer).map_err(|source| ImageError::Read { layer: layer.digest, source })?;
        let reader = VerifyingReader::new(reader, layer.digest, layer.size);
        let summary = files.apply(reader, layer, limits)?;
        if summary.diff_id.to_string() != *diff_id {
            return Err(wrong(format!("layer {} unpacks to another tar than its config says", layer.digest)));
        }
    }
    if !OPM_PATHS.iter().any(|path| files.has(path)) {
        let why = "there is no `/bin/opm` in its layers".to_owned();
        return Err(ImageError::Base { base: manifest.digest(), why });
    }
    if cached && !files.has(&digest) {
        return Err(wrong(format!("it starts on a cache, and there is none in `/{CACHE}`")));
    }
    difference(&files, expected)?.map_or(Ok(()), |why| Err(wrong(why)))
}

/// What differs between `/configs` of layers that were applied and `expected`; also a file that not every user can read.
pub fn difference(
    files: &LayerFiles,
    expected: &BTreeMap<String, Vec<u8>>,
) -> Result<Option<String>, ImageError> {
    if let Some(path) = files.unreadable(CONFIGS).first() {
        return Ok(Some(format!("`/{path}` cannot be read by every user")));
    }
    let found = files.files(CONFIGS)?;
    for (path, content) in expected {
        match found.get(path) {
            None => return Ok(Some(format!("`/{CONFIGS}/{path}` is missing"))),
            Some(found) if found[..] != content[..] => {
                return Ok(Some(format!("`/{CONFIGS}/{path}` has other content")));
            }
            Some(_) => {}
        }
    }
    let left_over = found.keys().find(|path| !expected.contains_key(*path));
    Ok(left_over.map(|path| format!("`/{CONFIGS}/{path}` was left over")))
}

/// Whether opm is started on a cache; the error is another command.
fn cache_of_command(config: &[u8]) -> Result<Result<bool, Vec<String>>, ImageError> {
    let digest = Digest::of(config);
    let config: Value = serde_json::from_slice(config).map_err(|source| OciError::Malformed {
        digest,
        what: "image config",
        source,
    })?;
    let words = |name: &str| -> Vec<String> {
        let list = config.get("config").and_then(|inner| inner.get(name)).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    if words("Entrypoint") == ["/bin/opm"] {
        let cached = [false, true].into_iter().find(|cached| words("Cmd") == image::command(*cached));
        return Ok(cached.ok_or_else(|| words("Cmd")));
    }
    Ok(Err([words("Entrypoint"), words("Cmd")].concat()))
}
