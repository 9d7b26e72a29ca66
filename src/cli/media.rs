//! `media`: archives onto media and checked there.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::archive::Front;
use crate::cli::custody::{CustodyArgs, Told};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::summary;
use crate::cli::options::ResultFormat;
use crate::cli::volumes::{VolumeArgs, open};
use crate::cli::{Context, print, print_json};
use crate::fault::Exit;
use crate::finding::has_errors;
use crate::flow::media::{FileKind, OnMedium, Write};
use crate::flow::media_check::{self, Checked, Protection};
use crate::limits::LIMITS;
use crate::papers::Deed;
use crate::text::{Safe, SafePath, counted, human_bytes};

/// Write archives onto media, and check them there
///
/// A medium is any folder: where a stick or a disc is mounted, or what is burnt later.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ombundle media write upgrade.ombundle /media/usb\n  ombundle media check /media/usb"
)]
pub(super) struct MediaCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Write(WriteCommand),
    Check(CheckCommand),
}

/// Copy an archive onto media and read every byte back
///
/// The archive may be one file or volumes; with `--media` or `--volume-size` it is cut while it is copied. Each volume goes to the
/// first folder that has room for it. What was written is read back from the medium, not from memory. Broken off, the same command
/// goes on where it stopped; what is there already is only compared.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle media write upgrade.ombundle /media/usb\n  \
                  ombundle media write upgrade.ombundle --media fat32 /media/usb1 /media/usb2\n  \
                  ombundle media write upgrade.ombundle --media dvd --volume 2 /media/dvd  # disc by disc\n  \
                  ombundle media write upgrade.ombundle --repair 5% /media/usb  # may lose a twentieth")]
struct WriteCommand {
    /// The archive
    archive: PathBuf,

    /// Where the media are mounted, in the order in which they are filled
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,

    #[command(flatten)]
    volumes: VolumeArgs,

    /// Write this volume only; may be given several times. Files of repair data are counted behind the volumes
    #[arg(long = "volume", value_name = "N")]
    only: Vec<u64>,

    #[command(flatten)]
    custody: CustodyArgs,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,
}

/// Check volumes and repair data, each file by itself
///
/// Says which volumes of which archive are there and as they were written, and how much may be lost before repair data is needed that is
/// not there. Everything is read from the medium, not from memory. An archive in one file has no label: repair data beside it says which
/// of its blocks are damaged. Needs no key, and says nothing about who made them: that is what `verify` does when all of them are there.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ombundle media check /media/usb\n  ombundle media check upgrade.ombundle.002"
)]
struct CheckCommand {
    /// Volumes, files of repair data, or folders that hold them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,
}

pub(super) fn run(command: MediaCommand, context: &Context) -> Result<(), Failure> {
    match command.action {
        Action::Write(command) => write(&command, context),
        Action::Check(command) => check(&command, context),
    }
}

fn write(command: &WriteCommand, context: &Context) -> Result<(), Failure> {
    let archive = open(std::slice::from_ref(&command.archive))?;
    let shape = command.volumes.shape_like(&archive)?;
    let write = Write {
        archive: &archive,
        shape: &shape,
        folders: &command.folders,
        only: &command.only,
        repair: command.volumes.repair(),
        events: &*context.console,
        limits: &LIMITS,
    };
    let done = write.run()?;
    let result =
        format!("{} written and read back: {}", counted(done.len(), "file"), folders(&command.folders));
    let inventory = Front::read(&archive, &LIMITS).ok().map(|front| front.inventory.digest());
    let line =
        Told { action: Deed::MediaWrite, archive: archive.name(), inventory, keys: &[], result: &result };
    command.custody.note(&line, context);
    match command.format {
        ResultFormat::Json => {
            let files = done.iter().map(|file| {
                json!({"path": file.path, "kind": file.kind, "number": file.number, "count": file.count, "size": file.size,
                       "digest": file.digest, "there": file.there})
            });
            print_json(&json!({"files": files.collect::<Vec<_>>()}))
        }
        ResultFormat::Text => print(&done.iter().map(told).collect::<String>()),
    }
}

fn folders(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| SafePath(folder).to_string()).collect::<Vec<_>>().join(", ")
}

/// What somebody writes on a medium's label.
fn told(file: &OnMedium) -> String {
    let place = file.number.map(|number| format!("{number} of {}", file.count));
    let what = match (file.kind, place) {
        (FileKind::Archive, Some(place)) => format!("volume {place}"),
        (FileKind::Archive, None) => "the whole archive".to_owned(),
        (FileKind::Repair, Some(place)) => format!("repair data {place}"),
        (FileKind::Repair, None) => "repair data".to_owned(),
    };
    format!(
        "{}: {}, {} ({} bytes), {}\n",
        SafePath(&file.path),
        what,
        human_bytes(file.size),
        file.size,
        if file.there { "was there and is right" } else { "written and read back" },
    )
}

fn check(command: &CheckCommand, context: &Context) -> Result<(), Failure> {
    let Checked { volumes, repair, findings } =
        media_check::check(&command.paths, &LIMITS, &*context.console)?;
    match command.format {
        ResultFormat::Json => {
            print_json(&json!({"volumes": volumes, "repair": repair, "findings": findings}))?;
        }
        ResultFormat::Text => {
            show_findings(&findings);
            let line = |label: &crate::volume::VolumeLabel| {
                format!(
                    "{}: volume {} of {}, as it was written\n",
                    Safe(&label.file),
                    label.place(),
                    label.inventory
                )
            };
            print(&volumes.iter().map(line).chain(repair.iter().map(protection)).collect::<String>())?;
        }
    }
    if has_errors(&findings) {
        return Err(summary(Exit::Integrity, "what is on the media", &findings));
    }
    Ok(())
}

/// What repair data is good for.
fn protection(repair: &Protection) -> String {
    let files = repair.files.iter().map(|path| SafePath(path).to_string()).collect::<Vec<_>>().join(", ");
    let Protection { inventory, blocks, block_bytes, anywhere, stretch, .. } = repair;
    format!(
        "{files}: repair data of {inventory}: {anywhere} of {blocks} blocks of {block_bytes} bytes may be lost wherever they are, \
         and {stretch} in one stretch\n"
    )
}
