//! Catalogs and bundles from wherever they are, written out as one stream the way opm writes them.
//!
//! [`Renderer::collect`] finds all blobs and says what is wrong with them; [`Collection::write`] writes them in order. What lies in
//! files is read twice, and what an image holds lies aside in between, so that no more of a catalog than a few packages is in memory
//! at a time.

mod bundle;
mod catalog;
mod template;

use std::ops::ControlFlow;
use std::path::Path;

pub use template::{ImageTemplate, InvalidTemplate};

use crate::catalog::image::{ImageRole, catalog_root};
use crate::catalog::write::{Values, append, append_yaml};
use crate::catalog::{Loose, LooseText};
use crate::event::Events;
use crate::fault::{AnyFault, Exit, Fault, exit_for_io};
use crate::fetch::Upstream;
use crate::finding::Finding;
use crate::flow::catalog::{Place, locate, nothing_in, root_of};
use crate::flow::catalog_image::{ImageSource, UpstreamImages, config_of, one_image};
use crate::limits::Limits;
use crate::oci::RawManifest;
use crate::registry::RegistryError;
use crate::store::spill::Spilled;
use crate::store::twice::{SecondReading, TwiceRead};
use crate::workers;

/// Bytes of blobs that are laid out at once by one thread.
const BATCH: usize = 1 << 20;

/// Reads what is to be rendered.
pub struct Renderer<'a> {
    /// The registries.
    pub upstream: Upstream<'a>,
    /// Threads.
    pub jobs: usize,
    /// The folder where an unpacked catalog lies aside, without a name.
    pub scratch: &'a Path,
    /// Is asked whether to stop.
    pub events: &'a dyn Events,
    /// The ceilings.
    pub limits: &'a Limits,
}

/// How it is rendered.
#[derive(Debug, Default)]
pub struct RenderOptions {
    /// Whether manifests in bundles give way to `olm.csv.metadata`.
    pub migrate: bool,
    /// The image of a bundle that was no image when it was read.
    pub image: Option<ImageTemplate>,
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// JSON objects, one after the other.
    Json,
    /// YAML documents.
    Yaml,
}

/// The stream could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write the result")]
pub struct OutputError {
    /// Why not.
    #[source]
    pub source: std::io::Error,
}

impl Fault for OutputError {
    fn exit(&self) -> Exit {
        exit_for_io(&self.source, Exit::Usage)
    }
}

/// All blobs of all inputs.
#[derive(Debug, Default)]
pub struct Collection {
    /// What is wrong with them, and worth knowing. When there is an error among it, blobs are missing.
    pub findings: Vec<Finding>,
    sources: Vec<Source>,
    blobs: Vec<Placed>,
}

/// A blob, and where its text is unless it has that itself.
type Placed = (Option<usize>, Loose);

/// Where the text of blobs is.
#[derive(Debug)]
enum Source {
    File(TwiceRead),
    Aside(Spilled),
}

impl Renderer<'_> {
    /// Finds the blobs of all inputs: references, `oci:` layouts, folders and files of catalogs and bundles.
    pub fn collect(&self, inputs: &[String], options: &RenderOptions) -> Result<Collection, AnyFault> {
        let mut all = Collection::default();
        for input in inputs {
            let before = (all.blobs.len(), all.findings.len());
            self.input(input, options, &mut all)?;
            if before == (all.blobs.len(), all.findings.len()) {
                all.findings.push(nothing_in(input));
            }
        }
        all.blobs.sort_by(|(_, a), (_, b)| a.order().cmp(&b.order()));
        Ok(all)
    }

    fn input(&self, input: &str, options: &RenderOptions, all: &mut Collection) -> Result<(), AnyFault> {
        match locate(input, self.limits)? {
            Place::Folder(path) if bundle::is_bundle(&path) => {
                let files = bundle::read_folder(&path, self.limits)?;
                all.add_bundle(&files, None, options, self.limits);
                Ok(())
            }
            Place::Folder(path) => self.folder(&path, options, all),
            Place::File(path) => self.file(&path, options, all),
            Place::Layout(source, root) => self.image(&*source, root, None, options, all),
            Place::Registry(image) => {
                let root = root_of(&image, self.upstream)?;
                let source = UpstreamImages { repository: &image.repository, upstream: self.upstream };
                self.image(&source, root, Some(input), options, all)
            }
        }
    }

    fn image(
        &self,
        source: &dyn ImageSource,
        root: RawManifest,
        reference: Option<&str>,
        options: &RenderOptions,
        all: &mut Collection,
    ) -> Result<(), AnyFault> {
        let digest = root.digest();
        let gone = || RegistryError::NotFound { request: format!("GET {}@{digest}", source.name()) };
        let view = one_image(source, root, self.limits)?.ok_or_else(gone)?;
        let config = config_of(source, &view, self.limits)?;
        match ImageRole::rendered(&config)? {
            ImageRole::Bundle { package, manifests, metadata } => {
                let files = bundle::read_image(source, &view, [&manifests, &metadata], self.limits)?;
                let before = all.blobs.len();
                all.add_bundle(&files, reference, options, self.limits);
                let other = all.blobs.get(before).filter(|(_, blob)| blob.package != package);
                if let Some((_, blob)) = other {
                    let message = format!(
                        "its label names the package `{package}`, but its annotations name `{}`, which counts",
                        blob.package
                    );
                    let finding = Finding::warning("OTHER_PACKAGE", source.name(), message);
                    all.findings.push(
                        finding.hint("label and annotations.yaml should say the same: tell its vendor"),
                    );
                }
                Ok(())
            }
            _ => self.catalog_image(source, &view, &catalog_root(&config)?, options, all),
        }
    }
}

impl Collection {
    /// Writes all blobs in opm's order. `take` gets the text piece by piece and may break off.
    pub fn write(
        &self,
        style: Style,
        jobs: usize,
        events: &dyn Events,
        take: impl FnMut(Vec<u8>) -> Result<ControlFlow<()>, AnyFault>,
    ) -> Result<(), AnyFault> {
        let batches = self.batches();
        workers::in_order(&batches, jobs, events, |batch| self.text(batch, style), take)
    }

    /// Runs of blobs, each long enough to be worth a thread's while.
    fn batches(&self) -> Vec<&[Placed]> {
        let mut batches = Vec::new();
        let mut rest = self.blobs.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let full = rest.iter().position(|(_, blob)| {
                bytes += blob.len();
                bytes >= BATCH
            });
            let (batch, after) = rest.split_at(full.map_or(rest.len(), |last| last + 1));
            batches.push(batch);
            rest = after;
        }
        batches
    }

    fn text(&self, batch: &[Placed], style: Style) -> Result<Vec<u8>, AnyFault> {
        let mut out = Vec::with_capacity(batch.iter().map(|(_, blob)| blob.len() * 9 / 8).sum());
        let mut open: Option<(usize, SecondReading<'_>)> = None;
        for (index, blob) in batch {
            let mut put = |json: &str, values| match style {
                Style::Json => append(&blob.schema, json, values, &mut out),
                Style::Yaml => append_yaml(&blob.schema, json, &mut out),
            };
            let span = match &blob.text {
                LooseText::Own(text) => {
                    put(text, Values::Read);
                    continue;
                }
                LooseText::Made(text) => {
                    put(text, Values::Made);
                    continue;
                }
                LooseText::Span(span) => span,
            };
            let Some(index) = *index else { continue };
            let bytes = match self.sources.get(index) {
                Some(Source::Aside(content)) => content.part(span)?,
                Some(Source::File(file)) => {
                    let reading = match open.take() {
                        Some((known, reading)) if known == index => reading,
                        _ => file.again()?,
                    };
                    let part = reading.part(span)?;
                    open = Some((index, reading));
                    part
                }
                None => Vec::new(),
            };
            // It was text when it was read for the first time, and is the same.
            put(std::str::from_utf8(&bytes).unwrap_or_default(), Values::Read);
        }
        Ok(out)
    }
}
