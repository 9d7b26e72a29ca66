//! The files of a bundle, from its folder or its image, and the blob that they make.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{Collection, RenderOptions};
use crate::catalog::image::LayerFiles;
use crate::catalog::model::{BUNDLE, Origin};
use crate::catalog::registry_v1::{BundleFiles, Folder, Form, RegistryBundle};
use crate::catalog::{Loose, LooseText};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::catalog_image::{ImageSource, add_layers};
use crate::limits::Limits;
use crate::oci::ImageManifest;
use crate::store::tree::read_tree;

/// Whether a folder is a bundle, as opm sees it.
pub(super) fn is_bundle(path: &Path) -> bool {
    path.join("manifests").is_dir() && path.join("metadata").is_dir()
}

/// The files of a bundle in a folder.
pub(super) fn read_folder(path: &Path, limits: &Limits) -> Result<BundleFiles, AnyFault> {
    let read = |name: &str| -> Result<Folder, AnyFault> {
        let folder = path.join(name);
        let files = read_tree(&folder, limits)?.into_iter().map(|(name, bytes)| (name, bytes.into()));
        Ok(Folder { path: folder.display().to_string(), files: files.collect() })
    };
    Ok(BundleFiles { manifests: read("manifests")?, metadata: read("metadata")? })
}

/// The files of a bundle in the folders of its image that its labels name.
pub(super) fn read_image(
    source: &dyn ImageSource,
    view: &ImageManifest,
    [manifests, metadata]: [&str; 2],
    limits: &Limits,
) -> Result<BundleFiles, AnyFault> {
    let mut layers = LayerFiles::new([manifests, metadata]);
    add_layers(&mut layers, source, &view.layers, limits)?;
    let folder = |path: &str| -> Result<Folder, AnyFault> {
        let files: BTreeMap<String, Arc<[u8]>> = layers.files(path)?;
        Ok(Folder { path: path.to_owned(), files })
    };
    Ok(BundleFiles { manifests: folder(manifests)?, metadata: folder(metadata)? })
}

impl Collection {
    /// Adds what a bundle renders to. `reference` is its image as the user wrote it, where it is one.
    pub(super) fn add_bundle(
        &mut self,
        files: &BundleFiles,
        reference: Option<&str>,
        options: &RenderOptions,
        limits: &Limits,
    ) {
        let (bundle, findings) = RegistryBundle::read(files, limits);
        self.findings.extend(findings);
        let Some(bundle) = bundle else { return };
        let image = match (reference, &options.image) {
            (Some(reference), _) => reference.to_owned(),
            (None, Some(template)) => template.fill(&bundle.package, &bundle.name, &bundle.version),
            (None, None) => String::new(),
        };
        if image.is_empty() {
            let message = "its image is not known, so the blob has none";
            let finding = Finding::warning("NO_IMAGE", format!("bundle {}", bundle.name), message);
            self.findings.push(
                finding.hint("say it: `--image-ref-template registry.example.com/bundle:v{{.Version}}`"),
            );
        }
        let form = if options.migrate { Form::Metadata } else { Form::Objects };
        let text = bundle.blob(&image, form);
        let blob = Loose {
            schema: BUNDLE.to_owned(),
            package: bundle.package,
            name: bundle.name,
            text: LooseText::Made(text.into()),
            origin: Origin::default(),
        };
        self.blobs.push((None, blob));
    }
}
