//! The catalog image, laid out as vendors lay theirs out.

use crate::catalog::image::CONFIGS_LABEL;
use crate::demo::{DemoError, File, Image, Layer, Recipe};

/// Makes a catalog image of files below `/configs`: a base with a stand-in for opm and a cache that belongs to nobody's
/// catalog any more, as real bases have it, and one layer with the catalog.
pub(crate) fn catalog_image(files: &[(String, Vec<u8>)], base_bytes: usize) -> Result<Image, DemoError> {
    let base = Layer::of(&[
        File::program("bin/opm", "#!/bin/sh\necho 'a stand-in for opm: it serves nothing' >&2\nexit 1\n"),
        File::new("etc/os-release", "ID=small-world\nPRETTY_NAME=\"A small world\"\n"),
        File::new("tmp/cache/pogreb.v1/digest", "0000000000000000\n"),
        File::noise("usr/lib/locale/C.utf8", "catalog base", base_bytes),
    ])?;
    let configs: Vec<File> =
        files.iter().map(|(path, bytes)| File::new(format!("configs/{path}"), bytes.clone())).collect();
    let mut recipe = Recipe::of(vec![base, Layer::of(&configs)?]).labels([(CONFIGS_LABEL, "/configs")]);
    recipe.entrypoint = vec!["/bin/opm".to_owned()];
    recipe.arguments = vec!["serve".to_owned(), "/configs".to_owned(), "--cache-dir=/tmp/cache".to_owned()];
    Image::build(&recipe)
}
