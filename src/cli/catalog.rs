//! `catalog`: views of operator catalogs, without opm.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::catalog::{Catalog, Package, PathFinder, Start, UpgradeGraph, UpgradePath, validate};
use crate::cli::access::{Side, client};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::settle;
use crate::cli::options::{RegistryArgs, ResultFormat};
use crate::cli::{Context, print, print_json};
use crate::fault::Exit;
use crate::finding::{has_errors, nearest};
use crate::flow;
use crate::flow::catalog::LoadedCatalog;
use crate::limits::LIMITS;
use crate::site::ProfileName;
use crate::text::Safe;
use crate::version::Version;

/// Look into operator catalogs
///
/// A catalog is a catalog image (`host/repository:tag`), an OCI layout (`oci:DIR`), a folder or a file of file-based catalog.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle catalog list ./catalog\n  \
                  ombundle catalog path ./catalog --package web-terminal --from 1.8.0\n  \
                  ombundle catalog validate ./catalog")]
pub(super) struct CatalogCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List packages, the channels of a package, or the entries of a channel
    #[command(
        after_help = "Examples:\n  ombundle catalog list registry.redhat.io/redhat/redhat-operator-index:v4.20\n  \
                      ombundle catalog list ./catalog --package web-terminal --channel fast"
    )]
    List {
        #[command(flatten)]
        catalog: CatalogArgs,
        /// Only this package: its channels
        #[arg(long, value_name = "NAME")]
        package: Option<String>,
        /// Only this channel: its entries with their edges
        #[arg(long, value_name = "NAME", requires = "package")]
        channel: Option<String>,
    },
    /// Show the way that OLM takes from one version to another, and why
    #[command(
        after_help = "Examples:\n  ombundle catalog path ./catalog --package web-terminal --from 1.8.0\n  \
                      ombundle catalog path ./catalog --package web-terminal --from 1.8.0 --to 1.14.0 --format json"
    )]
    Path {
        #[command(flatten)]
        catalog: CatalogArgs,
        /// The package
        #[arg(long, value_name = "NAME")]
        package: String,
        /// The version that runs, or the name of its CSV
        #[arg(long, value_name = "VERSION")]
        from: String,
        /// The version to reach, or the name of its CSV; by default the head of the channel
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
        /// The channel that the Subscription is on; by default the package's default channel
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
    /// Check a catalog by every rule of opm, and more; all findings at once
    #[command(
        after_help = "Example:\n  ombundle catalog validate ./catalog --format json | jq '.findings[].code'\n\n\
                      Exit code 10 means that there is an error among the findings."
    )]
    Validate {
        #[command(flatten)]
        catalog: CatalogArgs,
    },
}

#[derive(Debug, Args)]
struct CatalogArgs {
    /// The catalog
    catalog: String,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    registries: RegistryArgs,
}

pub(super) fn run(command: CatalogCommand, context: &Context) -> Result<(), Failure> {
    match command.action {
        Action::List { catalog, package, channel } => {
            let loaded = load(&catalog, context)?;
            settle(Exit::Findings, "the catalog", &loaded.findings)?;
            list(&loaded.catalog, package.as_deref(), channel.as_deref(), catalog.format)
        }
        Action::Path { catalog, package, from, to, channel } => {
            let loaded = load(&catalog, context)?;
            settle(Exit::Findings, "the catalog", &loaded.findings)?;
            path(&loaded.catalog, &package, &from, to.as_deref(), channel.as_deref(), catalog.format)
        }
        Action::Validate { catalog } => {
            let loaded = load(&catalog, context)?;
            let mut findings = loaded.findings;
            findings.extend(validate(&loaded.catalog));
            match catalog.format {
                ResultFormat::Json => print_json(&json!({ "findings": findings }))?,
                ResultFormat::Text => show_findings(&findings),
            }
            if has_errors(&findings) {
                return Err(Failure::findings(Exit::Findings, "the catalog is not valid"));
            }
            Ok(())
        }
    }
}

fn load(args: &CatalogArgs, context: &Context) -> Result<LoadedCatalog, Failure> {
    let client = client(&args.registries, Side::Connected, ProfileName::Auto, context)?;
    Ok(flow::catalog::load(&args.catalog, &client, &*context.console, &LIMITS)?)
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

fn list(
    catalog: &Catalog,
    package: Option<&str>,
    channel: Option<&str>,
    format: ResultFormat,
) -> Result<(), Failure> {
    let (value, rows) = match (package, channel) {
        (None, _) => packages(catalog),
        (Some(package), None) => channels(package_of(catalog, package)?),
        (Some(package), Some(channel)) => entries(package_of(catalog, package)?, channel)?,
    };
    match format {
        ResultFormat::Json => print_json(&value),
        ResultFormat::Text => print(&table(&rows)),
    }
}

type Rows = Vec<Vec<String>>;

fn packages(catalog: &Catalog) -> (serde_json::Value, Rows) {
    let mut rows = vec![vec!["PACKAGE".to_owned(), "DEFAULT CHANNEL".to_owned(), "HEAD".to_owned()]];
    let mut values = Vec::new();
    for package in catalog.packages.values() {
        let finder = PathFinder::new(package, &[]);
        let head = finder.graph(&package.default_channel).and_then(UpgradeGraph::head);
        values.push(json!({"name": package.name, "defaultChannel": package.default_channel, "head": head}));
        rows.push(vec![
            package.name.clone(),
            package.default_channel.clone(),
            head.unwrap_or_default().to_owned(),
        ]);
    }
    (json!({ "packages": values }), rows)
}

fn channels(package: &Package) -> (serde_json::Value, Rows) {
    let mut rows = vec![vec!["CHANNEL".to_owned(), "HEAD".to_owned(), "ENTRIES".to_owned(), String::new()]];
    let mut values = Vec::new();
    let finder = PathFinder::new(package, &[]);
    for channel in package.channels.values() {
        let head = finder.graph(&channel.name).and_then(UpgradeGraph::head);
        let default = channel.name == package.default_channel;
        values.push(json!({
            "name": channel.name, "head": head, "entries": channel.entries.len(), "default": default,
        }));
        rows.push(vec![
            channel.name.clone(),
            head.unwrap_or_default().to_owned(),
            channel.entries.len().to_string(),
            if default { "default".to_owned() } else { String::new() },
        ]);
    }
    (json!({"package": package.name, "channels": values}), rows)
}

fn entries(package: &Package, name: &str) -> Result<(serde_json::Value, Rows), Failure> {
    let Some(channel) = package.channels.get(name) else {
        let all = package.channels.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(Failure::usage(format!(
            "the package `{}` has no channel `{}`",
            Safe(&package.name),
            Safe(name)
        ))
        .hint(format!("it has {all}")));
    };
    let titles = ["BUNDLE", "VERSION", "REPLACES", "SKIPS", "SKIP RANGE"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    let mut values = Vec::new();
    for entry in &channel.entries {
        let version = package.bundles.get(&entry.name).map(|bundle| bundle.version.to_string());
        values.push(json!({
            "name": entry.name, "version": version, "replaces": entry.replaces, "skips": entry.skips,
            "skipRange": entry.skip_range,
        }));
        rows.push(vec![
            entry.name.clone(),
            version.unwrap_or_default(),
            entry.replaces.clone().unwrap_or_default(),
            entry.skips.iter().cloned().collect::<Vec<_>>().join(" "),
            entry.skip_range.clone().unwrap_or_default(),
        ]);
    }
    Ok((json!({"package": package.name, "channel": channel.name, "entries": values}), rows))
}

/// Columns as wide as their widest cell.
fn table(rows: &[Vec<String>]) -> String {
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| Safe(cell).to_string()).collect()).collect();
    let mut widths = vec![0; cells.iter().map(Vec::len).max().unwrap_or(0)];
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &cells {
        let line: Vec<String> =
            widths.iter().zip(row).map(|(width, cell)| format!("{cell:<width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn path(
    catalog: &Catalog,
    package: &str,
    from: &str,
    to: Option<&str>,
    channel: Option<&str>,
    format: ResultFormat,
) -> Result<(), Failure> {
    let package = package_of(catalog, package)?;
    if let Some(channel) = channel {
        entries(package, channel)?;
    }
    let start = start(package, from)?;
    let target = to.map(|to| target(package, to)).transpose()?;
    let finder = PathFinder::new(package, &[]);
    match finder.plan(&start, channel, target.as_deref()) {
        Ok(path) => show_path(&path, format),
        Err(no_path) => {
            let findings = [no_path.finding()];
            match format {
                ResultFormat::Json => print_json(&json!({
                    "package": package.name, "channel": channel, "from": start.version.to_string(), "to": to,
                    "hops": null, "findings": findings,
                }))?,
                ResultFormat::Text => show_findings(&findings),
            }
            Err(Failure::findings(Exit::Findings, format!("there is no way from {}", start.name)))
        }
    }
}

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

fn show_path(path: &UpgradePath, format: ResultFormat) -> Result<(), Failure> {
    if format == ResultFormat::Json {
        return print_json(path);
    }
    let [package, from, to, channel] =
        [&path.package, &path.from, &path.to, &path.channel].map(|name| Safe(name).to_string());
    let mut text = format!("{package}: {from} → {to} in {channel}\n");
    for (number, hop) in path.hops.iter().enumerate() {
        text.push_str(&format!("{:>3}. {}  {}\n", number + 1, Safe(&hop.name), Safe(&hop.reason)));
    }
    if path.hops.is_empty() {
        text.push_str("     nothing to do\n");
    }
    if path.cut {
        text.push_str("     OLM would pass this version by: the channel must be served only up to it\n");
    }
    print(&text)
}
