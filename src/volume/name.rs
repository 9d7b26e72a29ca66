//! Names of volumes: the archive's, a number of three digits, and what a gateway wants to see at the end.

use crate::volume::{MOST, VolumeError};

/// The name of one volume of an archive: `upgrade.ombundle.002`, or `upgrade.ombundle.002.tar`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VolumeName {
    /// The archive's own file name.
    pub archive: String,
    /// Which volume, counted from 1.
    pub number: u64,
    /// What the name ends with, without the dot; nothing for most.
    pub extension: Option<String>,
}

impl VolumeName {
    /// Reads a file name. Nothing when it is not a volume's.
    pub fn of(file: &str) -> Option<Self> {
        let numbered = |stem: &str| {
            let (archive, number) = stem.rsplit_once('.')?;
            let digits = number.len() == 3 && number.bytes().all(|c| c.is_ascii_digit());
            let number = number.parse().ok().filter(|number| digits && (1..=MOST).contains(number))?;
            let plain =
                !archive.is_empty() && !archive.contains(['/', '\\']) && !archive.contains(char::is_control);
            plain.then(|| (archive.to_owned(), number))
        };
        if let Some((archive, number)) = numbered(file) {
            return Some(Self { archive, number, extension: None });
        }
        let (stem, extension) = file.rsplit_once('.')?;
        let (archive, number) = numbered(stem)?;
        Some(Self { archive, number, extension: Some(check_extension(extension).ok()?.to_owned()) })
    }

    /// The file of the volume.
    pub fn file(&self) -> String {
        let extension = self.extension.as_ref().map(|extension| format!(".{extension}")).unwrap_or_default();
        format!("{}.{:03}{extension}", self.archive, self.number)
    }

    /// The file of its label.
    pub fn label_file(&self) -> String {
        format!("{}.json", self.file())
    }
}

/// An extension that gateways and old file systems take: letters and digits, eight at most, and not that of a label.
pub fn check_extension(text: &str) -> Result<&str, VolumeError> {
    let plain = (1..=8).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric());
    let digits = text.bytes().all(|c| c.is_ascii_digit());
    if plain && !digits && !text.eq_ignore_ascii_case("json") {
        Ok(text)
    } else {
        Err(VolumeError::Name { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for file in ["upgrade.ombundle.001", "a.999", "upgrade.ombundle.012.tar", "a.b.c.100.bin"] {
            assert_eq!(VolumeName::of(file).unwrap().file(), file);
        }
        let name = VolumeName::of("upgrade.ombundle.012.tar").unwrap();
        assert_eq!((name.archive.as_str(), name.number), ("upgrade.ombundle", 12));
        assert_eq!(name.label_file(), "upgrade.ombundle.012.tar.json");
    }

    #[test]
    fn other_files_are_no_volumes() {
        for file in [
            "upgrade.ombundle",
            "a.01",
            "a.000",
            "a.1000",
            ".001",
            "a.001.json",
            "a.+12",
            "a.001.t-r",
            "../a.001",
            "a\nb.001",
            "photo.jpg",
        ] {
            assert_eq!(VolumeName::of(file), None, "{file}");
        }
    }
}
