//! A cache: content that was downloaded once, by digest. Nothing in it is believed.
//!
//! `FOLDER/sha256/<hex>`, one file a blob or manifest, readable by its owner only. Whoever reads one gets it hashed: what is
//! damaged, or was put there by somebody else, is removed and counts as not there. Names appear by renaming, so processes share a
//! folder without locks. No tag is ever in it: what a tag points to is asked for each time.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::digest::{Digest, Hasher};
use crate::store::files::{self, Mode, StoreError, failed};

/// What was not used for so long is removed: catalogs are replaced every few days, and the old ones are of no use.
const UNUSED: Duration = Duration::from_hours(30 * 24);

/// Bytes that may stay. Four catalog images of every week of a month fit.
const ROOM: u64 = 8 << 30;

/// A file that was being written so long ago is of a process that is no more.
const ABANDONED: Duration = Duration::from_hours(24);

/// How names of files under way begin.
const UNDER_WAY: &str = "new-";

/// Tells backup programs that nothing here is worth keeping (bford.info/cachedir).
const TAG: (&str, &[u8]) = ("CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n");

/// A folder of content by digest.
#[derive(Debug)]
pub struct Cache {
    blobs: PathBuf,
}

impl Cache {
    /// Opens the cache in `folder`, or begins it, and removes what was not used for long.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let cache = Self { blobs: folder.join("sha256") };
        files::create_private_folder(&cache.blobs)?;
        match files::create(&folder.join(TAG.0), TAG.1, Mode::Private) {
            Ok(()) | Err(StoreError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
        cache.sweep(SystemTime::now(), ROOM)?;
        Ok(cache)
    }

    /// The content of a blob of `size` bytes, hashed just now; nothing where it is not there as it should be.
    pub fn find(&self, digest: &Digest, size: u64) -> Option<File> {
        let (file, length) = self.opened(digest)?;
        if length != size {
            self.forget(digest);
            return None;
        }
        self.proven(digest, file)
    }

    /// The whole content of something small; nothing where it is larger than `limit`, or not there as it should be.
    pub fn find_small(&self, digest: &Digest, limit: u64) -> Option<Vec<u8>> {
        let (file, length) = self.opened(digest)?;
        if length > limit {
            return None;
        }
        let mut bytes = Vec::new();
        self.proven(digest, file)?.take(limit).read_to_end(&mut bytes).ok()?;
        // What changed since it was hashed is not what was hashed.
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }

    /// Keeps something small. A cache that cannot be written to only costs time later on.
    pub fn keep_small(&self, digest: Digest, bytes: &[u8]) {
        if let Some(mut keeping) = self.keep(digest, bytes.len() as u64) {
            keeping.add(bytes);
        }
    }

    /// Begins to keep a blob; nothing where the cache cannot be written to.
    pub fn keep(&self, digest: Digest, size: u64) -> Option<Keeping> {
        let random = getrandom::u64().ok()?;
        let path = self.blobs.join(format!("{UNDER_WAY}{random:016x}"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).ok()?;
        let target = self.path(&digest);
        Some(Keeping { file, path, target, digest, size, hasher: Hasher::default(), state: State::UnderWay })
    }

    /// A reader that keeps what passes through it, once that is whole.
    pub fn keeping<R: Read>(&self, inner: R, digest: Digest, size: u64) -> KeepingReader<R> {
        KeepingReader { inner, keeping: self.keep(digest, size) }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs.join(digest.hex())
    }

    fn opened(&self, digest: &Digest) -> Option<(File, u64)> {
        let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(nofollow).open(self.path(digest)).ok()?;
        let metadata = file.metadata().ok().filter(fs::Metadata::is_file)?;
        Some((file, metadata.len()))
    }

    /// The file from its beginning, when its content is what its name says.
    fn proven(&self, digest: &Digest, mut file: File) -> Option<File> {
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        if hasher.finish() != *digest {
            self.forget(digest);
            return None;
        }
        // The time of its last use decides when it goes; one that cannot be set is too old, never wrong.
        drop(file.set_modified(SystemTime::now()));
        file.seek(SeekFrom::Start(0)).ok()?;
        Some(file)
    }

    fn forget(&self, digest: &Digest) {
        drop(fs::remove_file(self.path(digest)));
    }

    /// Removes what was not used for long, and the longest unused of what is more than `room`. Files of other names stay.
    fn sweep(&self, now: SystemTime, room: u64) -> Result<(), StoreError> {
        let mut by_age: BTreeMap<(Duration, PathBuf), u64> = BTreeMap::new();
        for entry in fs::read_dir(&self.blobs).map_err(failed("read", &self.blobs))? {
            let entry = entry.map_err(failed("read", &self.blobs))?;
            // What another process removed meanwhile is gone, as it should be.
            let Ok(metadata) = entry.metadata() else { continue };
            let age =
                metadata.modified().ok().and_then(|used| now.duration_since(used).ok()).unwrap_or_default();
            let (name, path) = (entry.file_name(), entry.path());
            let Some(name) = name.to_str() else { continue };
            if Digest::from_hex(name).is_ok() && age <= UNUSED {
                by_age.insert((age, path), metadata.len());
            } else if Digest::from_hex(name).is_ok() || name.starts_with(UNDER_WAY) && age > ABANDONED {
                drop(fs::remove_file(path));
            }
        }
        let mut kept = 0_u64;
        for ((_, path), size) in by_age {
            kept = kept.saturating_add(size);
            if kept > room {
                drop(fs::remove_file(path));
            }
        }
        Ok(())
    }
}

/// Content on its way into the cache. Its name appears with the last byte, if the digest is right; dropped before, nothing is kept.
pub struct Keeping {
    file: File,
    path: PathBuf,
    target: PathBuf,
    digest: Digest,
    size: u64,
    hasher: Hasher,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    UnderWay,
    Over,
}

impl Keeping {
    /// Adds what comes next.
    pub fn add(&mut self, bytes: &[u8]) {
        if self.state == State::Over {
            return;
        }
        self.hasher.update(bytes);
        let length = self.hasher.length();
        if length > self.size || self.file.write_all(bytes).is_err() {
            self.state = State::Over;
        } else if length == self.size {
            self.state = State::Over;
            if self.hasher.clone().finish() == self.digest {
                // Not made durable: what a power cut leaves of it shows when it is hashed.
                drop(fs::rename(&self.path, &self.target));
            }
        }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// Hands out what another reader gives, and keeps it.
pub struct KeepingReader<R> {
    inner: R,
    keeping: Option<Keeping>,
}

impl<R: Read> Read for KeepingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let (Some(keeping), Some(bytes)) = (&mut self.keeping, buffer.get(..count)) {
            keeping.add(bytes);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let base = tempfile::tempdir().unwrap();
        let cache = Cache::open(&base.path().join("cache")).unwrap();
        (base, cache)
    }

    fn found(cache: &Cache, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        cache.find(&Digest::of(bytes), bytes.len() as u64)?.read_to_end(&mut content).unwrap();
        Some(content)
    }

    fn names(cache: &Cache) -> Vec<String> {
        let entries = fs::read_dir(&cache.blobs).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_was_read_whole_is_found_and_nobody_else_may_read_it() {
        let (_base, cache) = cache();
        let bytes = b"hello world".as_slice();
        let mut reader = cache.keeping(bytes, Digest::of(bytes), 11);
        io::copy(&mut reader, &mut io::sink()).unwrap();
        drop(reader);
        assert_eq!(found(&cache, bytes).unwrap(), bytes);
        assert_eq!(cache.find_small(&Digest::of(bytes), 11).unwrap(), bytes);
        assert_eq!(cache.find_small(&Digest::of(bytes), 10), None);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&cache.blobs), 0o700);
        assert_eq!(mode(&cache.path(&Digest::of(bytes))), 0o600);
    }

    #[test]
    fn what_is_not_whole_or_not_right_leaves_nothing() {
        let (_base, cache) = cache();
        for (bytes, size) in [(&b"hello"[..], 11), (b"hello world!", 11), (b"hello w0rld", 11), (b"", 11)] {
            let mut keeping = cache.keep(Digest::of(b"hello world"), size).unwrap();
            keeping.add(bytes);
            drop(keeping);
            assert_eq!(names(&cache), [""; 0], "{bytes:?}");
        }
    }

    #[test]
    fn what_is_damaged_or_foreign_is_not_there() {
        let (base, cache) = cache();
        let (bytes, digest) = (b"hello world", Digest::of(b"hello world"));
        let path = cache.path(&digest);
        let elsewhere = base.path().join("elsewhere");
        fs::write(&elsewhere, bytes).unwrap();
        let put: [&dyn Fn(); 5] = [
            &|| fs::write(&path, "hello w0rld").unwrap(),
            &|| fs::write(&path, "hello").unwrap(),
            &|| fs::write(&path, "").unwrap(),
            &|| symlink(&elsewhere, &path).unwrap(),
            &|| fs::create_dir(&path).unwrap(),
        ];
        for put in put {
            put();
            assert!(cache.find(&digest, 11).is_none());
            assert_eq!(cache.find_small(&digest, 100), None);
            drop(fs::remove_file(&path));
        }
        fs::remove_dir(&path).unwrap();
        cache.keep_small(digest, bytes);
        assert_eq!(found(&cache, bytes).unwrap(), bytes);
    }

    #[test]
    fn what_is_not_used_goes_and_the_rest_stays() {
        let (_base, cache) = cache();
        let now = SystemTime::now();
        let entries = [(b"a", 31 * 24), (b"b", 29 * 24), (b"c", 2), (b"d", 1)];
        let age = |path: &Path, hours| {
            let file = File::options().write(true).open(path).unwrap();
            file.set_modified(now - Duration::from_hours(hours)).unwrap();
        };
        let left = || entries.map(|(bytes, _)| cache.path(&Digest::of(bytes)).exists());
        for (bytes, hours) in entries {
            cache.keep_small(Digest::of(bytes), bytes);
            age(&cache.path(&Digest::of(bytes)), hours);
        }
        for (name, hours) in [("new-0", 25), ("new-1", 1), ("thesis.txt", 10_000)] {
            fs::write(cache.blobs.join(name), "x").unwrap();
            age(&cache.blobs.join(name), hours);
        }
        cache.sweep(now, ROOM).unwrap();
        assert_eq!(left(), [false, true, true, true]);
        assert!(!cache.blobs.join("new-0").exists());
        assert!(cache.blobs.join("new-1").exists() && cache.blobs.join("thesis.txt").exists());
        // What is used is young again; of too much the oldest goes.
        assert!(found(&cache, b"b").is_some());
        cache.sweep(now, 2).unwrap();
        assert_eq!(left(), [false, true, false, true]);
    }
}
