//! Media and how much of one file they hold.

use std::str::FromStr;

use crate::volume::VolumeError;

/// What the file system of a disc, the labels and the papers beside the volume take.
const DISC_RESERVE: u64 = 4 << 20;

/// A kind of medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediumKind {
    /// A stick or disk with FAT32, whose files have less than 4 GiB.
    Fat32,
    /// A DVD with one layer.
    Dvd,
    /// A DVD with two layers.
    DvdDl,
    /// A Blu-ray disc with one layer.
    Bd25,
    /// A Blu-ray disc with two layers.
    Bd50,
    /// A Blu-ray disc with three layers.
    Bd100,
}

impl MediumKind {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 6] = [
        ("fat32", Self::Fat32),
        ("dvd", Self::Dvd),
        ("dvd-dl", Self::DvdDl),
        ("bd25", Self::Bd25),
        ("bd50", Self::Bd50),
        ("bd100", Self::Bd100),
    ];

    /// The most bytes of a volume on it.
    ///
    /// FAT32 counts a file's bytes in 32 bits (Microsoft, FAT32 File System Specification 1.03). Discs differ by their maker's
    /// side: of DVD-R and DVD+R the smaller counts (4,700,372,992 and 8,543,666,176 bytes: 2,295,104 and 4,171,712 sectors of
    /// ECMA-337 and ECMA-382), of BD-R a disc without spare areas (25,025,314,816; 50,050,629,632; 100,103,356,416 bytes); some
    /// of it stays free for the file system.
    pub fn volume_bytes(self) -> u64 {
        match self {
            Self::Fat32 => 4_294_967_295,
            Self::Dvd => 4_700_372_992 - DISC_RESERVE,
            Self::DvdDl => 8_543_666_176 - DISC_RESERVE,
            Self::Bd25 => 25_025_314_816 - DISC_RESERVE,
            Self::Bd50 => 50_050_629_632 - DISC_RESERVE,
            Self::Bd100 => 100_103_356_416 - DISC_RESERVE,
        }
    }
}

impl FromStr for MediumKind {
    type Err = VolumeError;

    fn from_str(text: &str) -> Result<Self, VolumeError> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, kind)| kind).ok_or_else(|| VolumeError::Size { text: text.to_owned() })
    }
}

/// Reads a number of bytes as people write it: `4294967295`, `700M`, `4 GiB`.
pub fn parse_size(text: &str) -> Result<u64, VolumeError> {
    let wrong = || VolumeError::Size { text: text.to_owned() };
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text.get(digits.len()..).unwrap_or_default().trim().trim_end_matches(['B', 'b']);
    let factor: u64 = match unit {
        "" => 1,
        "K" | "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return Err(wrong()),
    };
    digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("4294967295", 4_294_967_295),
            ("700M", 700_000_000),
            ("4GiB", 4 << 30),
            ("4 GB", 4_000_000_000),
            ("64Ki", 65_536),
        ] {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "G", "4X", "-1", "1.5G", "99999999999T", "4 0", "0x10"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_volume_fits_its_medium() {
        assert_eq!(MediumKind::Fat32.volume_bytes(), u64::from(u32::MAX));
        for (name, kind) in MediumKind::ALL {
            assert_eq!(name.parse::<MediumKind>().unwrap(), kind);
        }
        assert!("floppy".parse::<MediumKind>().is_err());
    }
}
