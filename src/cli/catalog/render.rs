//! `catalog render`: catalogs and bundles as one stream, the way opm writes it.

use std::io::{ErrorKind, IsTerminal, Write};
use std::ops::ControlFlow;

use clap::{Args, ValueEnum};

use crate::cli::Context;
use crate::cli::access::Reached;
use crate::cli::failure::Failure;
use crate::cli::inputs::settle;
use crate::cli::options::UpstreamArgs;
use crate::fault::{AnyFault, Exit};
use crate::flow::render::{ImageTemplate, OutputError, RenderOptions, Renderer, Style};
use crate::limits::LIMITS;
use crate::text::{Safe, plain_json};
use crate::workers;

/// Write catalogs and bundles as one file-based catalog, the way opm renders them
///
/// An input is a catalog image or a bundle image (`host/repository:tag`, `oci:DIR[:tag]`), a folder or a file of a catalog, or the
/// folder of a bundle, with `manifests/` and `metadata/` in it. Blobs come in opm's order and style. Fields that opm does not know
/// are kept, and numbers keep their digits.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ombundle catalog render registry.redhat.io/redhat/redhat-operator-index:v4.20 > catalog.json\n  \
    ombundle catalog render ./catalog quay.io/example/bundle@sha256:… --migrate > all.json\n  \
    ombundle catalog render ./bundle --image-ref-template 'quay.io/x/{{.Package}}:v{{.Version}}'\n\n\
    On a terminal, characters that do not show as themselves are escaped. Exit code 10 means that something could not be read; then \
    nothing is written.")]
pub(super) struct RenderCommand {
    /// Catalogs and bundles
    #[arg(required = true, value_name = "REF|DIR|FILE")]
    inputs: Vec<String>,

    /// How the result looks
    #[arg(long, value_enum, default_value = "json")]
    format: StreamFormat,

    /// Put `olm.csv.metadata` in the place of a bundle's manifests, for OpenShift 4.14 and later
    #[arg(long)]
    migrate: bool,

    /// The image of a bundle that is read from a folder or a layout; {{.Package}}, {{.Name}} and {{.Version}} are filled in
    #[arg(long, value_name = "TEMPLATE")]
    image_ref_template: Option<ImageTemplate>,

    #[command(flatten)]
    upstream: UpstreamArgs,
}

/// How a stream of blobs looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StreamFormat {
    /// JSON objects, one after the other.
    Json,
    /// YAML documents.
    Yaml,
}

pub(super) fn run(command: RenderCommand, context: &Context) -> Result<(), Failure> {
    let reached = Reached::new(&command.upstream, context)?;
    let jobs = workers::cores();
    let events = &*context.console;
    let scratch = std::env::temp_dir();
    let renderer =
        Renderer { upstream: reached.upstream(), jobs, scratch: &scratch, events, limits: &LIMITS };
    let options = RenderOptions { migrate: command.migrate, image: command.image_ref_template };
    let collection = renderer.collect(&command.inputs, &options)?;
    settle(Exit::Findings, "what was to be rendered", &collection.findings)?;
    let style = match command.format {
        StreamFormat::Json => Style::Json,
        StreamFormat::Yaml => Style::Yaml,
    };
    let mut stdout = std::io::stdout().lock();
    let shown = stdout.is_terminal();
    collection.write(style, jobs, events, |bytes| {
        let written =
            if shown { stdout.write_all(fit(&bytes, style).as_bytes()) } else { stdout.write_all(&bytes) };
        finished(written)
    })?;
    finished(stdout.flush()).map(drop).map_err(Failure::from)
}

/// A closed pipe is the reader's choice, not an error.
fn finished(written: std::io::Result<()>) -> Result<ControlFlow<()>, AnyFault> {
    match written {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(source) => Err(OutputError { source }.into()),
    }
}

/// The text as a terminal may see it.
fn fit(bytes: &[u8], style: Style) -> String {
    let text = String::from_utf8_lossy(bytes);
    match style {
        Style::Json => plain_json(&text),
        Style::Yaml => text.split_inclusive('\n').fold(String::new(), |out, line| {
            let end = if line.ends_with('\n') { "\n" } else { "" };
            out + &Safe(line.trim_end_matches('\n')).to_string() + end
        }),
    }
}
