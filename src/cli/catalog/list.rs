//! `catalog list`: packages, the channels of a package, the entries of a channel.

use clap::Args;
use serde_json::json;

use crate::catalog::{Catalog, Package, PathFinder, UpgradeGraph};
use crate::cli::catalog::{CatalogArgs, channel_of, load_sound, package_of};
use crate::cli::failure::Failure;
use crate::cli::options::ResultFormat;
use crate::cli::{Context, print, print_json};
use crate::text::Safe;

/// List packages, the channels of a package, or the entries of a channel
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ombundle catalog list registry.redhat.io/redhat/redhat-operator-index:v4.20\n  \
                  ombundle catalog list ./catalog --package web-terminal --channel fast"
)]
pub(super) struct ListCommand {
    /// Only this package: its channels
    #[arg(long, value_name = "NAME")]
    package: Option<String>,

    /// Only this channel: its entries with their edges
    #[arg(long, value_name = "NAME", requires = "package")]
    channel: Option<String>,

    // Last, since what follows a heading stands below it.
    #[command(flatten)]
    catalog: CatalogArgs,
}

pub(super) fn run(command: ListCommand, context: &Context) -> Result<(), Failure> {
    let catalog = load_sound(&command.catalog.source, context)?;
    let (value, rows) = match (command.package, command.channel) {
        (None, _) => packages(&catalog),
        (Some(package), None) => channels(package_of(&catalog, &package)?),
        (Some(package), Some(channel)) => entries(package_of(&catalog, &package)?, &channel)?,
    };
    match command.catalog.format {
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
    let channel = channel_of(package, name)?;
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
