//! `catalog build`: a catalog as an image, without podman and opm.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::catalog::{serve_cache, validate, write};
use crate::cli::access::Reached;
use crate::cli::catalog::SourceArgs;
use crate::cli::catalog::resources::ResourceArgs;
use crate::cli::failure::Failure;
use crate::cli::inputs::{moment_of_builds, settle};
use crate::cli::options::ResultFormat;
use crate::cli::{Context, print, print_json};
use crate::fault::Exit;
use crate::flow;
use crate::flow::catalog::layout_parts;
use crate::flow::catalog_build::{Build, BuiltCatalog, Destination};
use crate::limits::LIMITS;
use crate::oci::Platform;
use crate::reference::ImageRef;

/// Build the image of a catalog, without podman and opm
///
/// The image has the base's layers but for those that hold only a catalog, and one more with this catalog. It is validated first,
/// and read back after. The same catalog on the same base gives the same digest (SOURCE_DATE_EPOCH is honoured).
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ombundle catalog build ./catalog --base registry.redhat.io/redhat/redhat-operator-index:v4.20 \\\n    \
                  -t registry.example:5000/olm/custom-index:v4.20 --push\n  \
                  ombundle catalog build ./catalog --base registry.example:5000/olm/redhat-operator-index:v4.20 \\\n    \
                  -t registry.example:5000/olm/custom-index:v1 --push --emit out --name cs-custom\n  \
                  ombundle catalog build ./catalog --base oci:base -t oci:./image:v4.20 --cache json\n\n\
                  Without --push nothing is written to a registry: the image is built and checked, and its digest told.\n\
                  Without --cache the image has none, not even the base's, and opm makes its own at each start. With it opm starts\n\
                  on the one in the image; it refuses to when anybody changes the catalog's files or their permissions.\n\
                  Exit code 10 means that the catalog is not valid, or that opm's cache cannot hold it."
)]
pub(super) struct BuildCommand {
    /// The image to build on: one with opm, such as an index image of the cluster's version, or `oci:DIR[:TAG]`
    #[arg(long, value_name = "REF")]
    base: String,

    /// What it is called: `host/repository:tag`, or `oci:DIR[:TAG]` for an OCI layout
    #[arg(short, long, value_name = "REF")]
    tag: String,

    /// Put a cache for `opm serve` into the image, so that its pods start at once
    #[arg(long, value_enum, value_name = "FORMAT")]
    cache: Option<CacheFormat>,

    /// Push it to the registry that its name says
    #[arg(long)]
    push: bool,

    /// Only for this platform, for instance linux/amd64; by default for all that the base has
    #[arg(long, value_name = "OS/ARCH")]
    platform: Vec<Platform>,

    #[command(flatten)]
    resources: ResourceArgs,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    // Last, since what follows a heading stands below it.
    #[command(flatten)]
    source: SourceArgs,
}

/// A form of opm's cache.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum CacheFormat {
    /// The one that every opm since OpenShift 4.12 reads
    Json,
}

pub(super) fn run(command: BuildCommand, context: &Context) -> Result<(), Failure> {
    let destination = destination(&command.tag, command.push)?;
    let created = moment_of_builds()?.to_string();
    let reached = Reached::new(&command.source.upstream, context)?;
    let loaded =
        flow::catalog::load(&command.source.catalog, reached.upstream(), &*context.console, &LIMITS)?;
    let mut findings = loaded.findings;
    findings.extend(validate(&loaded.catalog));
    settle(Exit::Findings, "the catalog", &findings)?;
    let files = write::files(&loaded.catalog);
    let cache = command.cache.map(|CacheFormat::Json| serve_cache::json(&loaded.catalog, &files, &LIMITS));
    let cache = cache.transpose()?;
    let order = Build {
        base: &command.base,
        platforms: &command.platform,
        files: &files,
        cache: cache.as_ref(),
        created: &created,
        upstream: reached.upstream(),
        client: &reached.client,
        jobs: command.source.upstream.registries.jobs(),
        events: &*context.console,
        limits: &LIMITS,
    };
    let out = command.resources.check()?;
    let built = order.run(&destination)?;
    if let (Some(out), Destination::Registry(repository, tag)) = (out, &destination) {
        let image = repository.pin(built.root.digest());
        command.resources.write(out, repository, tag, &image, &command.base)?;
    }
    show(&command, &destination, &built)
}

/// Where the image goes, from what it is called.
fn destination(name: &str, push: bool) -> Result<Destination, Failure> {
    if let Some(layout) = name.strip_prefix("oci:") {
        if push {
            return Err(Failure::usage("--push goes with a registry, and `-t` names an OCI layout")
                .hint("leave --push out, or name the image `host/repository:tag`"));
        }
        let (folder, tag) = layout_parts(layout);
        return Ok(Destination::Layout(PathBuf::from(folder), tag.unwrap_or("latest").to_owned()));
    }
    let image: ImageRef = name.parse().map_err(Failure::usage)?;
    let (Some(tag), None) = (image.tag, image.digest) else {
        return Err(Failure::usage(format!("`{name}` has no tag, or has a digest"))
            .hint("call it `host/repository:tag`, or `oci:DIR[:TAG]`"));
    };
    Ok(if push { Destination::Registry(image.repository, tag) } else { Destination::Nowhere })
}

fn show(command: &BuildCommand, destination: &Destination, built: &BuiltCatalog) -> Result<(), Failure> {
    let (digest, tag) = (built.root.digest(), &command.tag);
    let pinned = match destination {
        Destination::Registry(repository, _) => Some(repository.pin(digest).to_string()),
        Destination::Layout(..) | Destination::Nowhere => None,
    };
    if command.format == ResultFormat::Json {
        return print_json(&json!({
            "tag": tag, "digest": digest, "image": pinned, "previous": built.previous,
            "written": *destination != Destination::Nowhere,
        }));
    }
    let mut text = format!("{}\n", pinned.unwrap_or_else(|| digest.to_string()));
    match destination {
        Destination::Nowhere => text.push_str("built and checked; nothing was written (--push does)\n"),
        _ => text.push_str(&format!("written as {tag}\n")),
    }
    if let Some(previous) = built.previous.filter(|previous| *previous != digest) {
        text.push_str(&format!("{tag} was {previous} before\n"));
    }
    print(&text)
}
