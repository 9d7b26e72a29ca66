//! The files of a catalog, from a folder, a file or an image, searched for blobs on all cores.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Collection, RenderOptions, Renderer, Source};
use crate::catalog::model::BUNDLE;
use crate::catalog::registry_v1::migrated;
use crate::catalog::write::{Values, append};
use crate::catalog::{IgnoreRules, Loose, LooseFile, LooseText, scan_file, scan_reader};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::catalog::{SQLITE, refuse_sqlite};
use crate::limits::Limits;
use crate::store::StoreError;
use crate::store::files::{self, failed};
use crate::store::tree::list_tree;
use crate::store::twice::TwiceRead;
use crate::workers;

/// A file that was searched.
struct Searched {
    source: Source,
    bytes: u64,
    file: LooseFile,
}

impl Renderer<'_> {
    pub(super) fn folder(
        &self,
        folder: &Path,
        options: &RenderOptions,
        all: &mut Collection,
    ) -> Result<(), AnyFault> {
        let mut listed = list_tree(folder, self.limits)?;
        let mut ignore_files = Vec::new();
        for file in listed.iter().filter(|file| IgnoreRules::is_one(&file.name)) {
            ignore_files.push((file.name.as_str(), files::read(&file.path, self.limits.yaml_bytes)?));
        }
        let ignored = IgnoreRules::new(ignore_files.iter().map(|(name, bytes)| (*name, bytes.as_slice())));
        all.findings.extend(ignored.findings.iter().cloned());
        listed.retain(|file| !ignored.ignores(&file.name));
        let paths: Vec<PathBuf> = listed.into_iter().map(|file| file.path).collect();
        let searched = workers::map(&paths, self.jobs, self.events, |path| self.search_file(path, options))?;
        if searched.iter().map(|it| it.bytes).sum::<u64>() > self.limits.catalog_bytes {
            return Err(
                StoreError::TooLarge { path: folder.to_owned(), limit: self.limits.catalog_bytes }.into()
            );
        }
        for it in searched {
            all.add(it);
        }
        Ok(())
    }

    pub(super) fn file(
        &self,
        path: &Path,
        options: &RenderOptions,
        all: &mut Collection,
    ) -> Result<(), AnyFault> {
        all.add(self.search_file(path, options)?);
        Ok(())
    }

    fn search_file(&self, path: &Path, options: &RenderOptions) -> Result<Searched, AnyFault> {
        let (source, mut file) = TwiceRead::open(path, self.limits.catalog_file_bytes)?;
        let name = path.display().to_string();
        let mut start = Vec::new();
        file.by_ref().take(SQLITE.len() as u64).read_to_end(&mut start).map_err(failed("read", path))?;
        refuse_sqlite(path, &start)?;
        let mut reader = start.as_slice().chain(file);
        let found = if options.migrate {
            let mut bytes = Vec::new();
            let most = self.limits.catalog_file_bytes.saturating_add(1);
            reader.take(most).read_to_end(&mut bytes).map_err(failed("read", path))?;
            search(&name, &bytes, options, self.limits)
        } else {
            scan_reader(&name, &mut reader, self.limits).map_err(failed("read", path))?
        };
        Ok(Searched { bytes: source.size(), source: Source::File(source), file: found })
    }

    /// The files of an image.
    pub(super) fn catalog(
        &self,
        files: BTreeMap<String, Arc<[u8]>>,
        options: &RenderOptions,
        all: &mut Collection,
    ) -> Result<(), AnyFault> {
        let ignored = IgnoreRules::new(files.iter().map(|(path, bytes)| (path.as_str(), &**bytes)));
        all.findings.extend(ignored.findings.iter().cloned());
        let wanted: Vec<(&String, &Arc<[u8]>)> =
            files.iter().filter(|(path, _)| !ignored.ignores(path)).collect();
        let searched = workers::map(&wanted, self.jobs, self.events, |(path, bytes)| {
            let file = search(path, bytes, options, self.limits);
            Ok(Searched { source: Source::Memory(Arc::clone(bytes)), bytes: bytes.len() as u64, file })
        })?;
        for it in searched {
            all.add(it);
        }
        Ok(())
    }
}

impl Collection {
    fn add(&mut self, searched: Searched) {
        let Searched { source, file: LooseFile { blobs, findings }, .. } = searched;
        self.findings.extend(findings);
        let index = self.sources.len();
        self.sources.push(source);
        self.blobs.extend(blobs.into_iter().map(|blob| (Some(index), blob)));
    }
}

fn search(path: &str, bytes: &[u8], options: &RenderOptions, limits: &Limits) -> LooseFile {
    let mut file = scan_file(path, bytes, limits);
    if options.migrate {
        for blob in file.blobs.iter_mut().filter(|blob| blob.schema == BUNDLE) {
            if let Err(finding) = migrate(blob, bytes) {
                file.findings.push(finding);
            }
        }
    }
    file
}

fn migrate(blob: &mut Loose, bytes: &[u8]) -> Result<(), Finding> {
    let json = match &blob.text {
        LooseText::Own(text) | LooseText::Made(text) => text.as_bytes(),
        LooseText::Span(span) => bytes.get(span.clone()).unwrap_or_default(),
    };
    // In the order of opm first: what the migration adds stays in the order of its making.
    let mut text = Vec::new();
    append(&blob.schema, std::str::from_utf8(json).unwrap_or_default(), Values::Read, &mut text);
    let text = String::from_utf8(text).unwrap_or_default();
    match migrated(text.trim_end()) {
        Ok(Some(text)) => {
            blob.text = LooseText::Made(text.into());
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(message) => {
            let subject = format!("package {}, bundle {}", blob.package, blob.name);
            let finding = Finding::error(
                "CSV",
                subject,
                format!("its ClusterServiceVersion cannot be read: {message}"),
            );
            Err(finding
                .at(&blob.origin.file, Some(blob.origin.line))
                .hint("render without `--migrate`, or mend the bundle"))
        }
    }
}
