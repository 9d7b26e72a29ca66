//! Applies an image's layers in order and keeps the files below a few directories.
//!
//! The rules are those of the image-spec (`layer.md`, "Applying Changesets") as containerd and containers/storage carry them
//! out: whiteouts hide what lower layers have and never what the same layer has, a later entry wins, a file in a directory's
//! place removes the directory. Where those engines disagree with each other the layer is refused by name.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::ops::Bound;

use tar::EntryType;

use crate::catalog::image::inflate::{Inflate, Unpackable};
use crate::catalog::image::stream::{TarEntry, TarFault, TarStream};
use crate::catalog::image::{ImageError, Memory, Shelf, names};
use crate::digest::{Digest, Hasher};
use crate::limits::Limits;
use crate::oci::{Attributes, Descriptor, media};

const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";
const WHITEOUT_META: &str = ".wh..wh.";
/// How many links are followed from one to the next: what Linux does.
const LINK_DEPTH: usize = 40;
/// Bytes of a file that are read at once.
const PIECE: usize = 64 << 10;

/// What one layer was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerSummary {
    /// Bytes of the plain tar stream.
    pub plain_bytes: u64,
    /// Digest of the plain tar stream, which the image's config must name.
    pub diff_id: Digest,
    /// Whether everything in it lies below the wanted or the disposable directories: the image works without it, only with an
    /// empty catalog. Directories that lower layers have just so do not count.
    pub catalog_only: bool,
}

/// The files of an image below a few directories, layer by layer.
#[derive(Debug, Clone)]
pub struct LayerFiles<S: Shelf = Memory> {
    shelf: S,
    wanted: Vec<String>,
    disposable: Vec<String>,
    watched: BTreeSet<String>,
    nodes: BTreeMap<String, Node<S::Kept>>,
    layers: u32,
    kept_bytes: u64,
    /// Bytes that went to the shelf, also of files that are no longer there.
    shelved_bytes: u64,
}

#[derive(Debug, Clone)]
struct Node<K> {
    /// The layer that put it there, counted from 0.
    layer: u32,
    attributes: Attributes,
    kind: Kind<K>,
}

#[derive(Debug, Clone)]
enum Kind<K> {
    Directory,
    File {
        kept: K,
        size: u64,
    },
    Symlink(String),
    /// Something that is there and not kept.
    Present,
}

impl LayerFiles {
    /// Keeps what lies below these directories in memory. They are relative to the image's root, for instance `configs`.
    pub fn new<'a>(wanted: impl IntoIterator<Item = &'a str>) -> Self {
        Self::shelved(Memory::default(), wanted)
    }
}

impl<S: Shelf> LayerFiles<S> {
    /// The same, kept on this shelf.
    pub fn shelved<'a>(shelf: S, wanted: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            shelf,
            wanted: directories(wanted),
            disposable: Vec::new(),
            watched: BTreeSet::new(),
            nodes: BTreeMap::new(),
            layers: 0,
            kept_bytes: 0,
            shelved_bytes: 0,
        }
    }

    /// Files below these directories are not kept, and an image can do without them, for instance `tmp/cache`.
    #[must_use]
    pub fn disposable<'a>(mut self, directories_: impl IntoIterator<Item = &'a str>) -> Self {
        self.disposable = directories(directories_);
        self
    }

    /// Remembers whether these files are there, without keeping them.
    #[must_use]
    pub fn watched<'a>(mut self, paths: impl IntoIterator<Item = &'a str>) -> Self {
        self.watched = directories(paths).into_iter().collect();
        self
    }

    /// Applies the next layer and says what it was. After an error the value is of no more use.
    ///
    /// The reader must check the layer's digest itself, at its end ([`crate::digest::VerifyingReader`]); it is read to its end.
    pub fn apply(
        &mut self,
        reader: impl Read,
        layer: &Descriptor,
        limits: &Limits,
    ) -> Result<LayerSummary, ImageError> {
        let mut hasher = Hasher::default();
        let (plain_bytes, catalog_only) =
            self.pass(reader, layer, limits, &mut |bytes| hasher.update(bytes))?;
        Ok(LayerSummary { plain_bytes, diff_id: hasher.finish(), catalog_only })
    }

    /// The same for whoever does not ask what the layer was: hashing what it unpacks to would take as long as half the unpacking.
    pub fn add(&mut self, reader: impl Read, layer: &Descriptor, limits: &Limits) -> Result<(), ImageError> {
        self.pass(reader, layer, limits, &mut |_| {}).map(|_| ())
    }

    /// Applies a layer; gives its plain bytes and whether it is the catalog's alone.
    fn pass(
        &mut self,
        reader: impl Read,
        layer: &Descriptor,
        limits: &Limits,
        watch: &mut dyn FnMut(&[u8]),
    ) -> Result<(u64, bool), ImageError> {
        let digest = layer.digest;
        let packing = |packing: &str| ImageError::Packing { layer: digest, packing: packing.to_owned() };
        let known = [
            media::OCI_LAYER,
            media::OCI_LAYER_GZIP,
            media::OCI_LAYER_ZSTD,
            media::DOCKER_LAYER,
            media::DOCKER_LAYER_ZSTD,
            media::DOCKER_LAYER_PLAIN,
        ];
        if !known.contains(&layer.media_type.as_str()) {
            return Err(packing(&format!("`{}`", layer.media_type)));
        }
        let mut plain = Inflate::new(reader, limits, watch).map_err(|reason| match reason {
            Unpackable::Io(source) => ImageError::Read { layer: digest, source },
            Unpackable::Packing(name) => packing(name),
        })?;
        let mut catalog_only = true;
        let walked = self.walk(&mut plain, limits, &mut catalog_only);
        let walked = walked.and_then(|()| plain.drain().map_err(Refusal::from));
        if let Some((what, limit)) = plain.hit() {
            return Err(ImageError::Limit { layer: digest, what, limit });
        }
        walked.map_err(|refusal| match refusal {
            Refusal::Tar(TarFault::Io(error)) => match plain.blame(error, layer.size) {
                (source, true) => ImageError::Read { layer: digest, source },
                (source, false) => ImageError::Corrupt { layer: digest, source },
            },
            Refusal::Tar(TarFault::Entry { path, why }) => {
                ImageError::Entry { layer: digest, path: String::from_utf8_lossy(&path).into_owned(), why }
            }
            Refusal::Limit(what, limit) => ImageError::Limit { layer: digest, what, limit },
            Refusal::Shelf(source) => ImageError::Shelf { source },
        })?;
        self.layers += 1;
        Ok((plain.plain_bytes(), catalog_only))
    }

    fn walk(&mut self, plain: impl Read, limits: &Limits, catalog_only: &mut bool) -> Result<(), Refusal> {
        let mut stream = TarStream::new(plain);
        let mut count = 0;
        while let Some(entry) = stream.advance().map_err(Refusal::Tar)? {
            count += 1;
            if count > limits.layer_entries {
                return Err(Refusal::Limit("entries", limits.layer_entries));
            }
            let refuse = |why| Refusal::Tar(TarFault::Entry { path: entry.path.clone(), why });
            let path = names::normalised(&entry.path).map_err(refuse)?;
            // A path that is no text lies outside all that is wanted, or below it and is refused.
            let Ok(path) = String::from_utf8(path) else {
                let text = String::from_utf8_lossy(&entry.path);
                if self.wanted.iter().any(|wanted| names::within(text.trim_start_matches(['.', '/']), wanted))
                {
                    return Err(refuse("its path is not UTF-8"));
                }
                *catalog_only = false;
                continue;
            };
            let (directory, name) = names::split(&path);
            if let Some(hidden) = name.strip_prefix(WHITEOUT) {
                let target = match hidden {
                    _ if name == OPAQUE => directory.to_owned(),
                    _ if name.starts_with(WHITEOUT_META) => continue,
                    "" | "." | ".." => return Err(refuse("it hides nothing that has a name")),
                    hidden => names::join(directory, hidden),
                };
                *catalog_only &= self.expendable(&target);
                self.hide(&target, name == OPAQUE);
                continue;
            }
            *catalog_only &= self.expendable(&path) || self.unchanged_directory(&path, &entry);
            self.put(&path, &entry, &mut stream, limits)?;
        }
        Ok(())
    }

    fn expendable(&self, path: &str) -> bool {
        self.wanted.iter().chain(&self.disposable).any(|directory| names::within(path, directory))
    }

    fn unchanged_directory(&self, path: &str, entry: &TarEntry) -> bool {
        entry.kind.is_dir()
            && self.nodes.get(path).is_some_and(|node| {
                matches!(node.kind, Kind::Directory)
                    && node.layer < self.layers
                    && node.attributes == attributes(entry)
            })
    }

    /// Hides what lower layers have at and below `path`; only below it when `opaque`.
    fn hide(&mut self, path: &str, opaque: bool) {
        let layer = self.layers;
        let mut hidden: Vec<String> = self.below(path, |node| node.layer < layer);
        if !opaque && self.nodes.get(path).is_some_and(|node| node.layer < layer) {
            hidden.push(path.to_owned());
        }
        for path in hidden {
            self.remove(&path);
        }
    }

    fn below(&self, path: &str, wanted: impl Fn(&Node<S::Kept>) -> bool) -> Vec<String> {
        let range = if path.is_empty() {
            self.nodes.range::<str, _>((Bound::Excluded(""), Bound::Unbounded))
        } else {
            // '0' follows '/', so this is exactly what begins with `path/`.
            let (from, to) = (format!("{path}/"), format!("{path}0"));
            self.nodes.range::<str, _>((Bound::Included(from.as_str()), Bound::Excluded(to.as_str())))
        };
        range.filter(|(_, node)| wanted(node)).map(|(path, _)| path.clone()).collect()
    }

    fn remove(&mut self, path: &str) {
        if let Some(node) = self.nodes.remove(path) {
            self.kept_bytes -= weight(path, &node.kind);
        }
    }

    fn put<R: Read>(
        &mut self,
        path: &str,
        entry: &TarEntry,
        stream: &mut TarStream<R>,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        let refuse = |why| Refusal::Tar(TarFault::Entry { path: entry.path.clone(), why });
        if path.is_empty() && !entry.kind.is_dir() {
            return Err(refuse("the image's root is a directory"));
        }
        let wanted = self.wanted.iter().any(|wanted| names::within(path, wanted));
        let root = self.wanted.iter().any(|wanted| names::within(wanted, path));
        if wanted {
            let blocked = names::ancestors(path)
                .any(|above| self.nodes.get(above).is_some_and(|node| !matches!(node.kind, Kind::Directory)));
            if blocked {
                return Err(refuse("what lies above it is not a directory"));
            }
        }
        let kind = match entry.kind {
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink if root => return Err(refuse("a directory that is read must not be a link")),
            EntryType::Regular | EntryType::Continuous | EntryType::Link | EntryType::Symlink
                if !wanted && self.watched.contains(path) =>
            {
                Kind::Present
            }
            EntryType::Regular | EntryType::Continuous if wanted => {
                if entry.size > limits.catalog_file_bytes {
                    return Err(Refusal::Limit("bytes in one file", limits.catalog_file_bytes));
                }
                if self.kept_bytes.saturating_add(entry.size) > limits.catalog_bytes {
                    return Err(Refusal::Limit("bytes in its files", limits.catalog_bytes));
                }
                Kind::File { kept: self.shelve(path, entry.size, stream, limits)?, size: entry.size }
            }
            EntryType::Symlink if wanted => match std::str::from_utf8(&entry.link) {
                Ok(target) if !target.is_empty() && target.len() <= 4096 && !target.contains('\0') => {
                    Kind::Symlink(target.to_owned())
                }
                _ => return Err(refuse("it points to no path")),
            },
            EntryType::Link if wanted => {
                let target = names::normalised(&entry.link).map_err(refuse)?;
                match std::str::from_utf8(&target).ok().and_then(|target| self.nodes.get(target)) {
                    Some(Node { kind: file @ Kind::File { .. }, .. }) => file.clone(),
                    _ => return Err(refuse("it is a hard link to a file that is not read")),
                }
            }
            _ if wanted => return Err(refuse("it is neither a file nor a directory nor a link")),
            _ => {
                // Not kept; but a file in the place of a directory takes what was below with it.
                self.clear(path);
                return Ok(());
            }
        };
        if !matches!(kind, Kind::Directory) {
            self.clear(path);
        } else if !wanted && self.nodes.len() as u64 >= limits.layer_entries {
            return Ok(());
        }
        self.remove(path);
        self.kept_bytes += weight(path, &kind);
        if self.kept_bytes > limits.catalog_bytes {
            return Err(Refusal::Limit("bytes in its files", limits.catalog_bytes));
        }
        let node = Node { layer: self.layers, attributes: attributes(entry), kind };
        self.nodes.insert(path.to_owned(), node);
        Ok(())
    }

    /// Puts the content of the current entry on the shelf.
    fn shelve<R: Read>(
        &mut self,
        path: &str,
        size: u64,
        stream: &mut TarStream<R>,
        limits: &Limits,
    ) -> Result<S::Kept, Refusal> {
        self.shelved_bytes = self.shelved_bytes.saturating_add(size);
        if self.shelved_bytes > limits.shelved_bytes {
            return Err(Refusal::Limit("bytes in the files of all layers", limits.shelved_bytes));
        }
        // A header may promise more than ever comes.
        let mut buffer = vec![0; usize::try_from(size).map_or(PIECE, |size| size.min(PIECE))];
        loop {
            match stream.read_content(&mut buffer) {
                Ok(0) => return Ok(self.shelf.end(path)),
                Ok(count) => {
                    self.shelf.take(buffer.get(..count).unwrap_or_default()).map_err(Refusal::Shelf)?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn clear(&mut self, path: &str) {
        for path in self.below(path, |_| true) {
            self.remove(&path);
        }
        self.remove(path);
    }

    /// Whether a watched file, or a kept one, is there.
    pub fn has(&self, path: &str) -> bool {
        self.nodes.get(path).is_some_and(|node| !matches!(node.kind, Kind::Directory))
    }

    /// The attributes of a directory that some layer named.
    pub fn directory(&self, path: &str) -> Option<Attributes> {
        let node = self.nodes.get(path)?;
        matches!(node.kind, Kind::Directory).then_some(node.attributes)
    }

    /// Files and directories below `directory`, and itself, that an arbitrary user cannot read; relative to the image's root.
    ///
    /// Catalog pods run as any user (`stat .: permission denied`, openshift/oc-mirror#1099).
    pub fn unreadable(&self, directory: &str) -> Vec<String> {
        let mut paths = self.below(directory, |_| true);
        paths.push(directory.to_owned());
        paths.retain(|path| {
            self.nodes.get(path).is_some_and(|node| match node.kind {
                Kind::Directory => node.attributes.mode & 0o005 != 0o005,
                Kind::File { .. } => node.attributes.mode & 0o004 == 0,
                Kind::Symlink(_) | Kind::Present => false,
            })
        });
        paths
    }

    /// The files below `directory`, by their path relative to it. Links to kept files are resolved; others are refused.
    pub fn files(&self, directory: &str) -> Result<BTreeMap<String, S::Kept>, ImageError> {
        let mut files = BTreeMap::new();
        for path in self.below(directory, |node| matches!(node.kind, Kind::File { .. } | Kind::Symlink(_))) {
            let content = self.follow(&path)?;
            let name = path.get(directory.len() + usize::from(!directory.is_empty())..);
            files.insert(name.unwrap_or(&path).to_owned(), content);
        }
        Ok(files)
    }

    fn follow(&self, path: &str) -> Result<S::Kept, ImageError> {
        let mut at = path.to_owned();
        let mut written = String::new();
        let why = 'refused: {
            for _ in 0..=LINK_DEPTH {
                let through_link = names::ancestors(&at)
                    .any(|above| matches!(self.nodes.get(above), Some(Node { kind: Kind::Symlink(_), .. })));
                if through_link {
                    break 'refused "it leads through another link";
                }
                match self.nodes.get(&at).map(|node| &node.kind) {
                    Some(Kind::File { kept, .. }) => return Ok(kept.clone()),
                    Some(Kind::Symlink(target)) => {
                        written.clone_from(target);
                        match names::resolved(&at, target) {
                            Ok(next) => at = next,
                            Err(why) => break 'refused why,
                        }
                    }
                    Some(Kind::Directory) => break 'refused "it leads to a directory",
                    Some(Kind::Present) | None => break 'refused "it leads to no file that is read",
                }
            }
            "links lead to links without end"
        };
        Err(ImageError::Link { path: path.to_owned(), target: written, why })
    }
}

enum Refusal {
    Tar(TarFault),
    Limit(&'static str, u64),
    Shelf(std::io::Error),
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::Tar(TarFault::Io(error))
    }
}

fn directories<'a>(written: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    written.into_iter().filter_map(names::directory).collect()
}

fn attributes(entry: &TarEntry) -> Attributes {
    Attributes { mode: entry.mode & 0o7777, uid: entry.uid, gid: entry.gid }
}

/// What a node costs in memory: names count, so that a million empty files are not free.
fn weight<K>(path: &str, kind: &Kind<K>) -> u64 {
    let content = match kind {
        Kind::File { size, .. } => *size,
        Kind::Symlink(target) => target.len() as u64,
        Kind::Directory | Kind::Present => 0,
    };
    path.len() as u64 + content
}
