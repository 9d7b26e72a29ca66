//! Names of the files of repair data beside an archive.

use std::path::Path;

use crate::volume::check_extension;

/// The name of one file of repair data: `upgrade.ombundle.repair`, or of several `upgrade.ombundle.repair-002` or
/// `upgrade.ombundle.repair-002.tar`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RepairName {
    /// The archive's own file name.
    pub archive: String,
    /// Which of several, counted from 1; nothing where there is one for an archive in one file.
    pub number: Option<u64>,
    /// What the name ends with, without the dot; nothing for most.
    pub extension: Option<String>,
}

/// The most files of repair data of one archive: their names end in three digits.
pub(super) const MOST: u64 = 999;

const END: &str = ".repair";

impl RepairName {
    /// Reads a file name. Nothing when it is not one of repair data.
    pub fn of(file: &str) -> Option<Self> {
        if let Some(archive) = file.strip_suffix(END) {
            return plain(archive).then(|| Self {
                archive: archive.to_owned(),
                number: None,
                extension: None,
            });
        }
        let (archive, rest) = file.rsplit_once(&format!("{END}-"))?;
        let (digits, extension) = match rest.split_once('.') {
            Some((digits, extension)) => (digits, Some(check_extension(extension).ok()?.to_owned())),
            None => (rest, None),
        };
        let is_number = digits.len() == 3 && digits.bytes().all(|c| c.is_ascii_digit());
        let number = digits.parse().ok().filter(|number| is_number && (1..=MOST).contains(number))?;
        plain(archive).then(|| Self { archive: archive.to_owned(), number: Some(number), extension })
    }

    /// The same for the last part of a path.
    pub fn of_path(path: &Path) -> Option<Self> {
        path.file_name().and_then(|name| name.to_str()).and_then(Self::of)
    }

    /// The file.
    pub fn file(&self) -> String {
        let number = self.number.map(|number| format!("-{number:03}")).unwrap_or_default();
        let extension = self.extension.as_ref().map(|extension| format!(".{extension}")).unwrap_or_default();
        format!("{}{END}{number}{extension}", self.archive)
    }
}

fn plain(archive: &str) -> bool {
    !archive.is_empty() && !archive.contains(['/', '\\']) && !archive.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::VolumeName;

    #[test]
    fn names_go_there_and_back_and_are_no_volumes() {
        for file in ["a.ombundle.repair", "a.ombundle.repair-001", "a.repair-999.tar", "a.repair.repair"] {
            assert_eq!(RepairName::of(file).unwrap().file(), file);
            assert_eq!(VolumeName::of(file), None, "{file}");
        }
    }

    #[test]
    fn other_files_hold_none() {
        for file in [
            "a.ombundle",
            ".repair",
            "a.repair-1",
            "a.repair-000",
            "a.repair-1000",
            "a.repair-+12",
            "a.repair-001.json",
            "a.repair-001.t-r",
            "a\nb.repair",
            "x/a.repair",
            "repair",
        ] {
            assert_eq!(RepairName::of(file), None, "{file}");
        }
    }
}
