//! The files of a catalog, from a folder, a file or an image, searched for blobs on all cores.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use super::{Collection, RenderOptions, Renderer, Source};
use crate::catalog::image::{LayerFiles, Shelf};
use crate::catalog::model::BUNDLE;
use crate::catalog::registry_v1::migrated;
use crate::catalog::write::{Values, append};
use crate::catalog::{IgnoreRules, Loose, LooseFile, LooseText, scan_file, scan_reader};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::catalog::{SQLITE, refuse_sqlite};
use crate::flow::catalog_image::{ImageSource, add_layers};
use crate::oci::ImageManifest;
use crate::store::StoreError;
use crate::store::files::{self, failed};
use crate::store::spill::{Spill, Spilled};
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
        let mut start = Vec::new();
        file.by_ref().take(SQLITE.len() as u64).read_to_end(&mut start).map_err(failed("read", path))?;
        refuse_sqlite(path, &start)?;
        let mut reader = start.as_slice().chain(file);
        let name = path.display().to_string();
        let found = self.search(&name, &mut reader, options).map_err(failed("read", path))?;
        Ok(Searched { bytes: source.size(), source: Source::File(source), file: found })
    }

    /// The catalog of an image, in this directory of it. Each file is searched as soon as it is unpacked, while others are.
    pub(super) fn catalog_image(
        &self,
        source: &dyn ImageSource,
        view: &ImageManifest,
        root: &str,
        options: &RenderOptions,
        all: &mut Collection,
    ) -> Result<(), AnyFault> {
        let spill = Spill::new(self.scratch)?;
        let unpack = |sender| {
            let aside = Aside { spill, start: 0, root, sender };
            let mut files = LayerFiles::shelved(aside, [root]);
            add_layers(&mut files, source, &view.layers, self.limits)?;
            Ok(files.files(root)?)
        };
        let (mut files, searched) = workers::fed(self.jobs, self.events, unpack, |(path, content)| {
            let file = self.search_aside(&path, &content, options)?;
            Ok(((path, content.start()), file))
        })?;
        let ignored = self.ignored(&files)?;
        all.findings.extend(ignored.findings.iter().cloned());
        files.retain(|path, _| !ignored.ignores(path));
        // What later layers have hidden or replaced was searched for nothing.
        let mut searched: BTreeMap<(String, u64), LooseFile> = searched.into_iter().collect();
        for (path, content) in files {
            let known = searched.remove(&(path.clone(), content.start()));
            let file = match known {
                Some(file) => file,
                // A link to a file of another name.
                None => self.search_aside(&path, &content, options)?,
            };
            all.add(Searched { bytes: content.size(), source: Source::Aside(content), file });
        }
        Ok(())
    }

    /// The rules of an image's `.indexignore` files.
    fn ignored(&self, files: &BTreeMap<String, Spilled>) -> Result<IgnoreRules, AnyFault> {
        let mut rules = Vec::new();
        for (path, content) in files.iter().filter(|(path, _)| IgnoreRules::is_one(path)) {
            let limit = self.limits.yaml_bytes;
            let size = usize::try_from(content.size()).ok().filter(|size| *size as u64 <= limit);
            let size = size.ok_or_else(|| StoreError::TooLarge { path: path.into(), limit })?;
            rules.push((path.as_str(), content.part(&(0..size))?));
        }
        Ok(IgnoreRules::new(rules.iter().map(|(path, bytes)| (*path, bytes.as_slice()))))
    }

    fn search_aside(
        &self,
        path: &str,
        content: &Spilled,
        options: &RenderOptions,
    ) -> Result<LooseFile, AnyFault> {
        Ok(self.search(path, &mut content.reader(), options).map_err(failed("read", Path::new(path)))?)
    }

    /// Finds the blobs of one file; its name is for findings.
    fn search(&self, name: &str, reader: &mut dyn Read, options: &RenderOptions) -> io::Result<LooseFile> {
        if !options.migrate {
            return scan_reader(name, reader, self.limits);
        }
        let mut bytes = Vec::new();
        reader.take(self.limits.catalog_file_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
        let mut file = scan_file(name, &bytes, self.limits);
        for blob in file.blobs.iter_mut().filter(|blob| blob.schema == BUNDLE) {
            if let Err(finding) = migrate(blob, &bytes) {
                file.findings.push(finding);
            }
        }
        Ok(file)
    }
}

/// Lays an image's files aside, and hands out each as soon as it is whole, by its path in the catalog.
struct Aside<'r> {
    spill: Spill,
    /// Where the current file begins.
    start: u64,
    root: &'r str,
    sender: Sender<(String, Spilled)>,
}

impl Shelf for Aside<'_> {
    type Kept = Spilled;

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.spill.append(bytes)
    }

    fn end(&mut self, path: &str) -> Spilled {
        let content = self.spill.since(self.start);
        self.start = self.spill.length();
        let path = path.strip_prefix(self.root).unwrap_or(path).trim_start_matches('/');
        // Nobody listens any more when the search has failed, which is told there.
        let _ = self.sender.send((path.to_owned(), content.clone()));
        content
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
