//! Production's catalog, read and changed as somebody else would.

use std::collections::BTreeMap;
use std::io::Read;

use ombundle::catalog::image::CONFIGS_LABEL;
use ombundle::catalog::{Catalog, PathFinder, load};
use ombundle::demo::{File, Image, Layer, Recipe};
use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::flow::catalog_image::{CatalogImage, RegistryImages};
use ombundle::limits::LIMITS;
use ombundle::reference::ImageRef;
use ombundle::registry::{Known, Target};
use serde_json::{Value, json};

use super::stand::Stand;

/// The catalog files behind a tag, by our own reader.
pub(crate) fn files(stand: &Stand, image: &ImageRef) -> BTreeMap<String, Vec<u8>> {
    let target = Target::of(image).unwrap();
    let root = stand.client().manifest(&image.repository, &target).unwrap().unwrap();
    let source = RegistryImages { repository: &image.repository, client: stand.client() };
    let read = CatalogImage::read(&source, root, &[], &Silent, &LIMITS).unwrap();
    read.files().into_iter().collect()
}

/// The catalog of these files; it must be sound.
pub(crate) fn catalog(files: &BTreeMap<String, Vec<u8>>) -> Catalog {
    let loaded = load(files.iter().map(|(path, text)| (path.clone(), text.clone())), &LIMITS);
    assert_eq!(loaded.findings, [], "the catalog is not sound");
    loaded.catalog
}

/// What production serves now.
pub(crate) fn served(stand: &Stand) -> Catalog {
    catalog(&files(stand, &stand.catalog()))
}

/// The blobs of one package, in a form that can be compared.
pub(crate) fn package(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Vec<String> {
    let mut blobs: Vec<String> = values(files)
        .filter(|value| {
            let owner = if value["schema"] == "olm.package" { &value["name"] } else { &value["package"] };
            owner == name
        })
        .map(|value| value.to_string())
        .collect();
    blobs.sort();
    blobs
}

/// Every blob of a catalog's files.
pub(crate) fn values(files: &BTreeMap<String, Vec<u8>>) -> impl Iterator<Item = Value> {
    files.values().flat_map(|text| {
        serde_json::Deserializer::from_slice(text)
            .into_iter::<Value>()
            .map(Result::unwrap)
            .collect::<Vec<_>>()
    })
}

/// The way that OLM goes by itself through a channel, from what is installed.
pub(crate) fn path(catalog: &Catalog, package: &str, channel: &str, from: &str) -> Vec<String> {
    let package = &catalog.packages[package];
    let finder = PathFinder::new(package, &[]);
    let start = package.start_at(&from.split_once(".v").unwrap().1.parse().unwrap());
    assert_eq!(start.name, from);
    finder.greedy(channel, &start).into_iter().map(|hop| hop.name).collect()
}

/// Makes a catalog image as a vendor does, and points a tag to it.
pub(crate) fn push(stand: &Stand, tag: &ImageRef, files: &BTreeMap<String, Vec<u8>>) -> Digest {
    let opm = File::program("bin/opm", "#!/bin/sh\nexit 1\n");
    push_on(stand, tag, files, &[opm, File::new("tmp/cache/pogreb.v1/digest", "stale")])
}

/// The same with nothing that would serve it.
pub(crate) fn push_without_opm(stand: &Stand, tag: &ImageRef, files: &BTreeMap<String, Vec<u8>>) -> Digest {
    push_on(stand, tag, files, &[File::new("etc/os-release", "ID=scratch\n")])
}

/// The same with all of it in one layer.
pub(crate) fn push_mixed(stand: &Stand, tag: &ImageRef, files: &BTreeMap<String, Vec<u8>>) -> Digest {
    let mut all = vec![File::program("bin/opm", "#!/bin/sh\nexit 1\n")];
    all.extend(configs(files));
    push_layers(stand, tag, vec![Layer::of(&all).unwrap()])
}

fn push_on(stand: &Stand, tag: &ImageRef, files: &BTreeMap<String, Vec<u8>>, base: &[File]) -> Digest {
    push_layers(stand, tag, vec![Layer::of(base).unwrap(), Layer::of(&configs(files)).unwrap()])
}

fn configs(files: &BTreeMap<String, Vec<u8>>) -> Vec<File> {
    files.iter().map(|(path, text)| File::new(format!("configs/{path}"), text.clone())).collect()
}

fn push_layers(stand: &Stand, tag: &ImageRef, layers: Vec<Layer>) -> Digest {
    let mut recipe = Recipe::of(layers).labels([(CONFIGS_LABEL, "/configs")]);
    recipe.entrypoint = vec!["/bin/opm".to_owned()];
    recipe.arguments = vec!["serve".to_owned(), "/configs".to_owned()];
    let image = Image::build(&recipe).unwrap();
    for blob in &image.blobs {
        let mut open = || Ok(Box::new(blob.bytes.as_slice()) as Box<dyn Read>);
        let (size, client) = (blob.bytes.len() as u64, stand.client());
        client.push_blob(&tag.repository, blob.digest, size, Known::Nothing, &mut open, &|_| {}).unwrap();
    }
    stand.client().push_manifest(&tag.repository, &Target::of(tag).unwrap(), &image.manifest).unwrap();
    image.digest()
}

/// A package that nobody asked for, with one bundle behind an image that is there already.
pub(crate) fn stranger(name: &str, image: &str) -> (String, Vec<u8>) {
    let bundle = format!("{name}.v1.0.0");
    let blobs = [
        json!({"schema": "olm.package", "name": name, "defaultChannel": "stable"}),
        json!({"schema": "olm.channel", "package": name, "name": "stable", "entries": [{"name": bundle}]}),
        json!({"schema": "olm.bundle", "package": name, "name": bundle, "image": image, "properties": [
            {"type": "olm.package", "value": {"packageName": name, "version": "1.0.0"}}]}),
    ];
    (format!("{name}/catalog.json"), blobs.map(|blob| format!("{blob}\n")).concat().into_bytes())
}
