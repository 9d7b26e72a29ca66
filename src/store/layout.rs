//! An OCI layout in a folder, to write: blobs under their digests, images under their names (image-spec, `image-layout.md`).

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::digest::{Digest, VerifyingReader};
use crate::limits::Limits;
use crate::oci::{Descriptor, LAYOUT, REF_NAME, media};
use crate::store::files::{self, Mode, StoreError, failed};

/// A layout.
#[derive(Debug)]
pub struct LayoutFolder {
    path: PathBuf,
}

impl LayoutFolder {
    /// Takes a layout that is there, or begins one in a folder that is empty or not there.
    ///
    /// # Errors
    ///
    /// A folder that holds something else is left alone.
    pub fn open_or_create(path: &Path) -> Result<Self, StoreError> {
        let marker = path.join("oci-layout");
        if !marker.exists() {
            files::create_empty_folder(path)?;
            files::create(&marker, LAYOUT, Mode::Public)?;
        }
        files::create_folder(&path.join("blobs"))?;
        files::create_folder(&path.join("blobs/sha256"))?;
        Ok(Self { path: path.to_owned() })
    }

    /// Puts a blob, unless it is there and right. Wrong bytes never get its name.
    pub fn put<R: Read>(
        &self,
        digest: Digest,
        size: u64,
        open: impl FnOnce() -> io::Result<R>,
    ) -> Result<(), StoreError> {
        let path = self.path.join("blobs/sha256").join(digest.hex());
        if Self::holds(&path, digest, size)? {
            return Ok(());
        }
        let fresh = files::beside(&path, "new");
        files::remove(&fresh)?;
        let written = (|| {
            let mut reader = VerifyingReader::new(open()?, digest, size);
            let mut file = OpenOptions::new().write(true).create_new(true).open(&fresh)?;
            io::copy(&mut reader, &mut file)?;
            file.sync_all()
        })();
        if let Err(error) = written {
            files::remove(&fresh)?;
            return Err(failed("write", &path)(error));
        }
        files::rename(&fresh, &path)
    }

    fn holds(path: &Path, digest: Digest, size: u64) -> Result<bool, StoreError> {
        if fs::metadata(path).map_or(0, |found| found.len()) != size || !path.exists() {
            return Ok(false);
        }
        let mut reader = VerifyingReader::new(files::open(path)?, digest, size);
        Ok(io::copy(&mut reader, &mut io::sink()).is_ok())
    }

    /// Names an image; an image that had the name loses it. What the name led to before.
    pub fn tag(&self, name: &str, image: &Descriptor, limits: &Limits) -> Result<Option<Digest>, StoreError> {
        let path = self.path.join("index.json");
        let mut index: Map<String, Value> = if path.exists() {
            let bytes = files::read(&path, limits.manifest_bytes)?;
            serde_json::from_slice(&bytes).map_err(|error| failed("read", &path)(error.into()))?
        } else {
            Map::new()
        };
        let mut entries = match index.remove("manifests") {
            Some(Value::Array(entries)) => entries,
            _ => Vec::new(),
        };
        let named = |entry: &Value| entry["annotations"][REF_NAME] == name;
        let before = entries
            .iter()
            .find(|entry| named(entry))
            .and_then(|entry| entry["digest"].as_str()?.parse().ok());
        entries.retain(|entry| !named(entry));
        let mut entry = json!(image);
        entry["annotations"] = json!({ REF_NAME: name });
        entries.push(entry);
        index.insert("schemaVersion".to_owned(), json!(2));
        index.insert("mediaType".to_owned(), json!(media::OCI_INDEX));
        index.insert("manifests".to_owned(), entries.into());
        files::replace(&path, Value::Object(index).to_string().as_bytes(), Mode::Public)?;
        Ok(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LIMITS;

    fn descriptor(bytes: &[u8]) -> Descriptor {
        Descriptor {
            media_type: media::OCI_MANIFEST.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            platform: None,
        }
    }

    #[test]
    fn images_are_named_and_named_anew() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("layout");
        let (one, two) = (descriptor(b"one"), descriptor(b"two"));
        let layout = LayoutFolder::open_or_create(&at).unwrap();
        assert_eq!(layout.tag("a", &one, &LIMITS).unwrap(), None);
        assert_eq!(layout.tag("b", &two, &LIMITS).unwrap(), None);
        let layout = LayoutFolder::open_or_create(&at).unwrap();
        assert_eq!(layout.tag("a", &two, &LIMITS).unwrap(), Some(one.digest));
        let index: Value = serde_json::from_slice(&fs::read(at.join("index.json")).unwrap()).unwrap();
        let names: Vec<_> =
            index["manifests"].as_array().unwrap().iter().map(|it| &it["annotations"][REF_NAME]).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(fs::read(at.join("oci-layout")).unwrap(), LAYOUT);
    }

    #[test]
    fn wrong_bytes_get_no_name_and_are_mended() {
        let folder = tempfile::tempdir().unwrap();
        let layout = LayoutFolder::open_or_create(folder.path()).unwrap();
        let blob = descriptor(b"right");
        let path = folder.path().join("blobs/sha256").join(blob.digest.hex());
        let put = |bytes: &'static [u8]| layout.put(blob.digest, blob.size, || Ok(bytes));
        assert!(put(b"wrong").is_err());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
        fs::write(&path, b"wrong").unwrap();
        put(b"right").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"right");
        // It is there: nobody opens the source again.
        layout.put(blob.digest, blob.size, || -> io::Result<&[u8]> { panic!("opened") }).unwrap();
    }

    #[test]
    fn a_folder_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        assert!(LayoutFolder::open_or_create(folder.path()).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
