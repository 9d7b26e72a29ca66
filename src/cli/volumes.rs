//! Options and arguments around volumes: how to cut an archive, and where to find one again.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::archive::ReadAt;
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::summary;
use crate::cli::mending::offer;
use crate::fault::Exit;
use crate::finding::Finding;
use crate::flow::cosign;
use crate::limits::LIMITS;
use crate::repair::Share;
use crate::store::cosignatures;
use crate::store::volumes::{Medium, find};
use crate::trust::TrustSet;
use crate::verify::Policy;
use crate::volume::{MediumKind, Shape, parse_size};

/// How an archive is cut.
#[derive(Debug, Args)]
#[command(next_help_heading = "Volumes")]
pub(super) struct VolumeArgs {
    /// Cut the archive into volumes that fit this medium
    #[arg(long, value_name = "MEDIUM", value_parser = media(), conflicts_with = "volume_size")]
    media: Option<String>,

    /// Cut the archive into volumes of at most so many bytes, for instance `700M` or `4GiB`
    #[arg(long, value_name = "BYTES", value_parser = parse_size)]
    volume_size: Option<u64>,

    /// What the names of volumes end with, for gateways that let only some file types pass: `tar` makes `upgrade.ombundle.001.tar`
    #[arg(long, value_name = "EXT")]
    volume_extension: Option<String>,

    /// Make repair data beside it: so much of the archive may be lost or changed on the way, wherever it is, and `verify --repair-to`
    /// mends it. It takes that much more room, and a margin of some percent of the archive where that is large
    #[arg(long, value_name = "SHARE", value_parser = Share::from_str)]
    repair: Option<Share>,
}

fn media() -> PossibleValuesParser {
    PossibleValuesParser::new(MediumKind::ALL.map(|(name, _)| name))
}

impl VolumeArgs {
    /// One file, or volumes.
    pub(super) fn shape(&self) -> Result<Shape, Failure> {
        let medium = self.media.as_deref().map(MediumKind::from_str).transpose()?;
        match (self.volume_size.or(medium.map(MediumKind::volume_bytes)), &self.volume_extension) {
            (Some(size), extension) => Ok(Shape::volumes(size, extension.as_deref())?),
            (None, None) => Ok(Shape::whole()),
            (None, Some(_)) => {
                Err(Failure::usage("`--volume-extension` names volumes, and none were asked for")
                    .hint("add `--media` or `--volume-size`"))
            }
        }
    }
}

impl VolumeArgs {
    /// How much of the archive repair data is wanted for.
    pub(super) fn repair(&self) -> Option<Share> {
        self.repair
    }

    /// As asked for, else as the archive lies now.
    pub(super) fn shape_like(&self, archive: &Medium) -> Result<Shape, Failure> {
        match self.shape()? {
            asked if asked.is_cut() => Ok(asked),
            _ => Ok(archive.shape()),
        }
    }
}

/// An archive to read.
#[derive(Debug, Args)]
pub(super) struct ArchiveArgs {
    /// The archive: its file, its name without a number, one of its volumes, or folders that hold them
    #[arg(required = true, value_name = "ARCHIVE")]
    archive: Vec<PathBuf>,

    /// A signature that `ombundle sign` made; those that lie beside the archive are found by themselves
    #[arg(long, value_name = "FILE")]
    signature: Vec<PathBuf>,
}

impl ArchiveArgs {
    /// What people are told of it: the path as they gave it.
    pub(super) fn shown(&self) -> String {
        self.archive.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
    }

    /// Where it lies, as the person says.
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.archive
    }

    /// The signatures that were named.
    pub(super) fn signatures(&self) -> &[PathBuf] {
        &self.signature
    }

    /// The files that may hold signatures of other people.
    pub(super) fn signature_files(&self) -> Result<Vec<String>, Failure> {
        let found = cosignatures::find(&self.archive)?;
        Ok(self.signature.iter().chain(&found).map(|path| path.display().to_string()).collect())
    }

    /// Has the signatures of other people counted with the archive's own. What is wrong with any of them is told.
    pub(super) fn cosigned(
        &self,
        source: &dyn ReadAt,
        trust: &TrustSet,
        policy: &mut Policy,
    ) -> Result<Vec<Finding>, Failure> {
        let (counted, findings) = cosign::beside(source, trust, &self.archive, &self.signature, &LIMITS)?;
        policy.cosignatures = counted;
        Ok(findings)
    }

    /// Finds its files. What is worth knowing is shown; what is missing is a failure that names it.
    pub(super) fn open(&self) -> Result<Arc<Medium>, Failure> {
        open(&self.archive).map(Arc::new)
    }
}

/// Finds an archive's files where it was said that they lie.
pub(super) fn open(paths: &[PathBuf]) -> Result<Medium, Failure> {
    let (medium, mut findings) = find(paths)?;
    if medium.is_none() {
        findings.extend(offer(paths));
    }
    show_findings(&findings);
    medium.ok_or_else(|| summary(Exit::Integrity, "what is there of the archive", &findings))
}
