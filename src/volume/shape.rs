//! How an archive is to lie on its medium: in one file, or in volumes.

use crate::volume::name::check_extension;
use crate::volume::{Cut, VolumeError, VolumeName};

/// One file, or volumes of some size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    volume: Option<u64>,
    extension: Option<String>,
}

impl Shape {
    /// One file, whatever its size.
    pub fn whole() -> Self {
        Self::default()
    }

    /// Volumes of at most `size` bytes, whose names end with the extension where one is given.
    pub fn volumes(size: u64, extension: Option<&str>) -> Result<Self, VolumeError> {
        let extension = extension.map(|text| check_extension(text).map(str::to_owned)).transpose()?;
        Ok(Self { volume: Some(size), extension })
    }

    /// Volumes as somebody cut them.
    pub fn cut_like(cut: &Cut, extension: Option<String>) -> Self {
        let first = cut.range(0);
        Self { volume: Some(first.end - first.start), extension }
    }

    /// Whether there are volumes, be it only one.
    pub fn is_cut(&self) -> bool {
        self.volume.is_some()
    }

    /// The most bytes of a file; nothing where an archive is one, whatever its size.
    pub fn most(&self) -> Option<u64> {
        self.volume
    }

    /// Where an archive of `total` bytes is cut.
    pub fn cut(&self, total: u64) -> Result<Cut, VolumeError> {
        match self.volume {
            Some(size) => Cut::new(total, size),
            None => Ok(Cut::whole(total)),
        }
    }

    /// The names of its files, in order.
    pub fn files(&self, archive: &str, cut: &Cut) -> Vec<String> {
        match self.volume {
            None => vec![archive.to_owned()],
            Some(_) => (1..=cut.count()).map(|number| self.volume_name(archive, number).file()).collect(),
        }
    }

    /// The volumes with their bytes, in order; none where the archive is one file.
    pub fn sized(&self, archive: &str, cut: &Cut) -> Vec<(String, u64)> {
        let ranges = (0..cut.count()).map(|index| cut.range(index));
        let sized = self.files(archive, cut).into_iter().zip(ranges.map(|range| range.end - range.start));
        if self.is_cut() { sized.collect() } else { Vec::new() }
    }

    /// The name of one volume, counted from 1.
    pub fn volume_name(&self, archive: &str, number: u64) -> VolumeName {
        VolumeName { archive: archive.to_owned(), number, extension: self.extension.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_their_number() {
        let shape = Shape::volumes(100_000, Some("tar")).unwrap();
        let cut = shape.cut(250_000).unwrap();
        assert_eq!(
            shape.files("a.ombundle", &cut),
            ["a.ombundle.001.tar", "a.ombundle.002.tar", "a.ombundle.003.tar"]
        );
        let whole = Shape::whole();
        assert_eq!(whole.files("a.ombundle", &whole.cut(250_000).unwrap()), ["a.ombundle"]);
        assert_eq!(Shape::volumes(100_000, None).unwrap().files("a", &Cut::whole(1)), ["a.001"]);
    }

    #[test]
    fn an_extension_that_would_be_misread_is_refused() {
        for extension in ["", "json", "JSON", "001", "a.b", "t/r", "verylongone"] {
            assert!(Shape::volumes(100_000, Some(extension)).is_err(), "{extension}");
        }
    }
}
