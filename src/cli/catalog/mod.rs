//! `catalog`: operator catalogs without opm; one file a view.

use clap::{Args, Subcommand};

use crate::catalog::{Catalog, Channel, Package, Start};
use crate::cli::Context;
use crate::cli::access::Reached;
use crate::cli::failure::Failure;
use crate::cli::inputs::settle;
use crate::cli::options::{ResultFormat, UpstreamArgs};
use crate::fault::Exit;
use crate::finding::nearest;
use crate::flow;
use crate::flow::catalog::LoadedCatalog;
use crate::limits::LIMITS;
use crate::text::Safe;
use crate::version::Version;

mod build;
mod diff;
mod graph;
mod init;
mod list;
mod merge;
mod path;
mod render;
mod resources;
mod validate;

/// Look into operator catalogs
///
/// A catalog is a catalog image (`host/repository:tag`), an OCI layout (`oci:DIR`), a folder or a file of file-based catalog.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle catalog list ./catalog\n  \
                  ombundle catalog path ./catalog --package web-terminal --from 1.8.0\n  \
                  ombundle catalog validate ./catalog\n  \
                  ombundle catalog diff ./catalog.old ./catalog")]
pub(super) struct CatalogCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    // What each says of itself stands above its own arguments.
    List(list::ListCommand),
    Path(path::PathCommand),
    Graph(graph::GraphCommand),
    Validate(validate::ValidateCommand),
    Diff(diff::DiffCommand),
    Render(render::RenderCommand),
    Merge(merge::MergeCommand),
    Init(init::InitCommand),
    Build(build::BuildCommand),
}

#[derive(Debug, Args)]
struct CatalogArgs {
    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    // Last, since what follows a heading stands below it.
    #[command(flatten)]
    source: SourceArgs,
}

#[derive(Debug, Args)]
struct SourceArgs {
    /// The catalog
    catalog: String,

    #[command(flatten)]
    upstream: UpstreamArgs,
}

pub(super) fn run(command: CatalogCommand, context: &Context) -> Result<(), Failure> {
    match command.action {
        Action::Diff(command) => diff::run(command, context),
        Action::Graph(command) => graph::run(command, context),
        Action::List(command) => list::run(command, context),
        Action::Merge(command) => merge::run(command, context),
        Action::Path(command) => path::run(command, context),
        Action::Render(command) => render::run(command, context),
        Action::Init(command) => init::run(command),
        Action::Build(command) => build::run(command, context),
        Action::Validate(command) => validate::run(command, context),
    }
}

/// A catalog and all that is wrong with it.
fn load(args: &SourceArgs, context: &Context) -> Result<LoadedCatalog, Failure> {
    let reached = Reached::new(&args.upstream, context)?;
    Ok(flow::catalog::load(&args.catalog, reached.upstream(), &*context.console, &LIMITS)?)
}

/// A catalog in which nothing is wrong.
fn load_sound(args: &SourceArgs, context: &Context) -> Result<Catalog, Failure> {
    let loaded = load(args, context)?;
    settle(Exit::Findings, "the catalog", &loaded.findings)?;
    Ok(loaded.catalog)
}

/// Two catalogs that can be set side by side. What is wrong is told of both.
fn load_two(texts: [&str; 2], upstream: &UpstreamArgs, context: &Context) -> Result<[Catalog; 2], Failure> {
    let reached = Reached::new(upstream, context)?;
    let load = |text| flow::catalog::load(text, reached.upstream(), &*context.console, &LIMITS);
    let [one, two] = texts;
    let loaded = [(one, load(one)?), (two, load(two)?)];
    let [one, two] = loaded.map(|(text, loaded)| whole(text, loaded));
    Ok([one?, two?])
}

/// A catalog that is read whole, or not at all: an answer about half of it would be a wrong one.
fn load_whole(text: &str, upstream: &UpstreamArgs, context: &Context) -> Result<Catalog, Failure> {
    let reached = Reached::new(upstream, context)?;
    whole(text, flow::catalog::load(text, reached.upstream(), &*context.console, &LIMITS)?)
}

fn whole(text: &str, loaded: LoadedCatalog) -> Result<Catalog, Failure> {
    settle(Exit::Findings, &format!("the catalog `{}`", Safe(text)), &loaded.findings)?;
    Ok(loaded.catalog)
}

fn package_of<'c>(catalog: &'c Catalog, name: &str) -> Result<&'c Package, Failure> {
    catalog.packages.get(name).ok_or_else(|| {
        let names = catalog.packages.keys().map(String::as_str);
        let near = nearest(name, names);
        let hint = match near.first() {
            None => "`ombundle catalog list` shows what there is".to_owned(),
            Some(_) => format!("did you mean {}?", near.join(" or ")),
        };
        Failure::usage(format!("the catalog has no package `{}`", Safe(name))).hint(hint)
    })
}

fn channel_of<'p>(package: &'p Package, name: &str) -> Result<&'p Channel, Failure> {
    package.channels.get(name).ok_or_else(|| {
        let all = package.channels.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let text = format!("the package `{}` has no channel `{}`", Safe(&package.name), Safe(name));
        Failure::usage(text).hint(format!("it has {all}"))
    })
}

/// What runs, by version or by the name of its CSV.
fn start(package: &Package, from: &str) -> Result<Start, Failure> {
    if let Some(start) = package.start_named(from) {
        return Ok(start);
    }
    let version = Version::parse_tolerant(from).map_err(|error| {
        Failure::usage(error.to_string())
            .hint("`--from` takes a version such as 1.8.0, or the name of a CSV in the catalog")
    })?;
    Ok(package.start_at(&version))
}

/// The name of the bundle to reach, by version or by name.
fn target(package: &Package, to: &str) -> Result<String, Failure> {
    if package.bundles.contains_key(to) {
        return Ok(to.to_owned());
    }
    let version = Version::parse_tolerant(to).map_err(|error| Failure::usage(error.to_string()))?;
    match package.bundle_of_version(&version) {
        Some(bundle) => Ok(bundle.name.clone()),
        None => {
            Err(Failure::usage(format!("the package `{}` has no version {version}", Safe(&package.name)))
                .hint("`ombundle catalog list --package … --channel …` shows what there is"))
        }
    }
}
