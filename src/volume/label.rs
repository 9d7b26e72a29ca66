//! The label beside a volume: which of how many of what it is (`schema/volume.v1.json`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::volume::{Cut, MOST, VolumeError, VolumeName};

/// What lies beside a volume. Nobody signs it; it says which file to copy again, not what to believe.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeLabel {
    /// `ombundle.volume/v1`.
    pub format: String,
    /// Digest of the archive's inventory: volumes with the same one belong together.
    pub inventory: Digest,
    /// The file that it labels.
    pub file: String,
    /// Which volume it is, counted from 1.
    pub number: u64,
    /// How many volumes there are.
    pub count: u64,
    /// Where it begins in the archive, in bytes.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
    /// Bytes of the archive.
    pub total: u64,
    /// Digest of its bytes.
    pub digest: Digest,
}

impl VolumeLabel {
    /// What `format` says.
    pub const FORMAT: &str = "ombundle.volume/v1";

    /// The most bytes of a label.
    pub const MAX: u64 = 4 << 10;

    /// The label of one volume of an archive that is cut like that.
    pub fn of(name: &VolumeName, cut: &Cut, inventory: Digest, digest: Digest) -> Self {
        let range = cut.range(name.number.saturating_sub(1));
        Self {
            format: Self::FORMAT.to_owned(),
            inventory,
            file: name.file(),
            number: name.number,
            count: cut.count(),
            offset: range.start,
            size: range.end.saturating_sub(range.start),
            total: cut.total(),
            digest,
        }
    }

    /// The one text of this label.
    pub fn to_json(&self) -> String {
        // A struct of numbers and texts can always be written.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a label.
    pub fn parse(bytes: &[u8]) -> Result<Self, VolumeError> {
        let label: Self = serde_json::from_slice(bytes).map_err(|source| VolumeError::Label { source })?;
        let contradiction = |what| Err(VolumeError::Contradiction { what });
        if label.format != Self::FORMAT {
            return contradiction("it is of another format");
        }
        if !(1..=MOST).contains(&label.count) || !(1..=label.count).contains(&label.number) {
            return contradiction("its number is none of that many");
        }
        if label.cut().is_none() {
            return contradiction("its bytes do not lie in the archive as its number says");
        }
        if VolumeName::of(&label.file).is_none_or(|name| name.number != label.number) {
            return contradiction("its file has the name of another volume");
        }
        Ok(label)
    }

    /// How the archive was cut; nothing where the numbers do not fit each other.
    pub fn cut(&self) -> Option<Cut> {
        let before = self.number.checked_sub(1)?;
        // The last volume has what is left: how large the others are stands in where it begins.
        let size = match before {
            0 => self.size,
            _ if self.number < self.count => self.size,
            before => self.offset / before,
        };
        let cut = Cut::of(self.total, size)?;
        let range = cut.range(before);
        let fits = range.start == self.offset && range.end.checked_sub(range.start) == Some(self.size);
        (fits && cut.count() == self.count).then_some(cut)
    }

    /// `2 of 3`.
    pub fn place(&self) -> String {
        format!("{} of {}", self.number, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label() -> VolumeLabel {
        VolumeLabel {
            format: VolumeLabel::FORMAT.to_owned(),
            inventory: Digest::of(b"inventory"),
            file: "a.ombundle.002".to_owned(),
            number: 2,
            count: 3,
            offset: 100,
            size: 100,
            total: 250,
            digest: Digest::of(b"bytes"),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(VolumeLabel::parse(label().to_json().as_bytes()).unwrap(), label());
        assert!((label().to_json().len() as u64) < VolumeLabel::MAX);
    }

    #[test]
    fn a_label_that_contradicts_itself_is_none() {
        let changes: [fn(&mut VolumeLabel); 9] = [
            |label| label.format = "ombundle.volume/v2".to_owned(),
            |label| label.number = 0,
            |label| label.number = 4,
            |label| label.count = 1_000,
            |label| label.size = 151,
            |label| label.size = u64::MAX,
            |label| label.offset = 150,
            |label| label.file = "../a.ombundle".to_owned(),
            |label| label.file = "a.ombundle.003".to_owned(),
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut edited = label();
            change(&mut edited);
            assert!(VolumeLabel::parse(edited.to_json().as_bytes()).is_err(), "change {index}");
        }
        assert!(VolumeLabel::parse(b"{}").is_err());
        assert!(VolumeLabel::parse(label().to_json().replace("\"size\"", "\"sizes\"").as_bytes()).is_err());
    }
}
