//! `catalog graph`: the upgrade graph of a package, for a terminal, a document or a browser.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::catalog::{Package, PathFinder};
use crate::cli::catalog::{SourceArgs, channel_of, load_sound, package_of, start, target};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::in_a_folder;
use crate::cli::{Context, print};
use crate::draw::{self, View};
use crate::fault::Exit;
use crate::store::files::{self, Mode};
use crate::text::Safe;

/// Entries beyond which nobody can read a drawing.
const READABLE: usize = 2_000;

/// Draw the upgrade graph of a package
///
/// A channel is a lane, the newest version on top; the same version stands at the same height in every lane. With --from the way
/// from there is drawn too. SVG is for browsers and paper, Mermaid for Markdown, DOT for Graphviz.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle catalog graph ./catalog --package web-terminal\n  \
                  ombundle catalog graph ./catalog --package web-terminal --from 1.8.0 \\\n    \
                  --format svg -o web-terminal.svg\n  \
                  ombundle catalog graph ./catalog --package web-terminal --format dot | dot -Tpng > graph.png\n\n\
                  From each version the edges show where OLM goes: of several entries that skip it, or have it in\n\
                  their skipRange, to the newest. Exit code 10 means that there is no way from --from; the graph is\n\
                  drawn all the same.")]
pub(super) struct GraphCommand {
    /// The package
    #[arg(long, value_name = "NAME")]
    package: String,

    /// Only this channel, and those that the path goes through
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,

    /// The version that runs, or the name of its CSV; the way from it is drawn too
    #[arg(long, value_name = "VERSION")]
    from: Option<String>,

    /// The version to reach, or the name of its CSV; by default the head of the channel
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,

    /// How the graph is drawn
    #[arg(long, value_enum, default_value = "text")]
    format: Drawing,

    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    // Last, since what follows a heading stands below it.
    #[command(flatten)]
    source: SourceArgs,
}

/// A form of drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Drawing {
    /// For a terminal.
    Text,
    /// For Markdown.
    Mermaid,
    /// For a browser, or paper.
    Svg,
    /// For Graphviz.
    Dot,
}

pub(super) fn run(command: GraphCommand, context: &Context) -> Result<(), Failure> {
    if let Some(output) = &command.output {
        in_a_folder(output)?;
    }
    let catalog = load_sound(&command.source, context)?;
    let package = package_of(&catalog, &command.package)?;
    let channel = command.channel.as_deref();
    if let Some(channel) = channel {
        channel_of(package, channel)?;
    }
    readable(package, channel)?;
    let start = command.from.as_deref().map(|from| start(package, from)).transpose()?;
    let target = command.to.as_deref().map(|to| target(package, to)).transpose()?;
    let finder = PathFinder::new(package, &[]);
    let way = start.as_ref().map(|start| finder.plan(start, channel, target.as_deref()));
    let path = way.as_ref().and_then(|way| way.as_ref().ok());
    let reached = path.and_then(|path| path.hops.last()).map(|hop| hop.name.as_str());
    let view = View { channel, start: start.as_ref(), target: target.as_deref().or(reached), path };
    let graph = draw::package(package, view);
    let drawing = match command.format {
        Drawing::Text => draw::text(&graph),
        Drawing::Mermaid => draw::mermaid(&graph),
        Drawing::Svg => draw::svg(&graph),
        Drawing::Dot => draw::dot(&graph),
    };
    match &command.output {
        Some(output) => files::replace(output, drawing.as_bytes(), Mode::Public)?,
        None => print(&drawing)?,
    }
    match (&start, &way) {
        (Some(start), Some(Err(no_path))) => {
            show_findings(&[no_path.finding()]);
            let text = format!("there is no way from {}", Safe(&start.name));
            Err(Failure::findings(Exit::Findings, text))
        }
        _ => Ok(()),
    }
}

fn readable(package: &Package, channel: Option<&str>) -> Result<(), Failure> {
    let drawn = package.channels.values().filter(|it| channel.is_none_or(|name| name == it.name));
    let entries: usize = drawn.map(|channel| channel.entries.len()).sum();
    if entries <= READABLE {
        return Ok(());
    }
    Err(Failure::usage(format!("{entries} entries are too many to draw ({READABLE} at most)")).hint(
        "choose a channel with --channel, or look at `ombundle catalog list` and `ombundle catalog path`",
    ))
}
