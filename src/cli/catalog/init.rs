//! `catalog init`: the first blob of a new catalog.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::catalog::{init, write};
use crate::cli::failure::Failure;
use crate::cli::print;
use crate::limits::LIMITS;
use crate::store::files;

/// Begin a catalog: write the package to which bundles and channels are then added
///
/// What it is follows `opm init`: one olm.package on stdout, with the description as the file has it and the icon by its content
/// (SVG, PNG, JPEG or GIF).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ombundle catalog init my-operator --default-channel stable \\\n    \
                  --description README.md --icon icon.svg --format yaml > catalog/index.yaml")]
pub(super) struct InitCommand {
    /// The package
    name: String,

    /// The channel that a Subscription without channel gets
    #[arg(long, value_name = "CHANNEL")]
    default_channel: String,

    /// File with the description, Markdown
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,

    /// File with the icon
    #[arg(long, value_name = "FILE")]
    icon: Option<PathBuf>,

    /// How it is written
    #[arg(long, value_enum, default_value = "json")]
    format: Notation,
}

/// A notation of catalogs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Notation {
    /// A stream of JSON values.
    Json,
    /// YAML documents.
    Yaml,
}

pub(super) fn run(command: InitCommand) -> Result<(), Failure> {
    let read = |path: &PathBuf| files::read(path, LIMITS.yaml_bytes);
    let description = command.description.as_ref().map(read).transpose()?;
    let description = description.as_deref().map(std::str::from_utf8).transpose().map_err(|error| {
        Failure::usage(format!("the description is no text: {error}")).hint("save the file as UTF-8")
    })?;
    let icon = command.icon.as_ref().map(read).transpose()?;
    let catalog = init(&command.name, &command.default_channel, description, icon.as_deref())?;
    let bytes = match command.format {
        Notation::Json => write::stream(&catalog),
        Notation::Yaml => write::yaml_stream(&catalog),
    };
    print(&String::from_utf8_lossy(&bytes))
}
