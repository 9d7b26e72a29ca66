//! `catalog path`: the way that OLM takes from one version to another.

use clap::Args;
use serde_json::json;

use crate::catalog::{PathFinder, UpgradePath};
use crate::cli::catalog::{CatalogArgs, channel_of, load_sound, package_of, start, target};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::options::ResultFormat;
use crate::cli::{Context, print, print_json};
use crate::fault::Exit;
use crate::text::Safe;

/// Show the way that OLM takes from one version to another, and why
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ombundle catalog path ./catalog --package web-terminal --from 1.8.0\n  \
                  ombundle catalog path ./catalog --package web-terminal --from 1.8.0 --to 1.14.0 --format json"
)]
pub(super) struct PathCommand {
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

    // Last, since what follows a heading stands below it.
    #[command(flatten)]
    catalog: CatalogArgs,
}

pub(super) fn run(command: PathCommand, context: &Context) -> Result<(), Failure> {
    let catalog = load_sound(&command.catalog.source, context)?;
    let format = command.catalog.format;
    let package = package_of(&catalog, &command.package)?;
    let channel = command.channel.as_deref();
    if let Some(channel) = channel {
        channel_of(package, channel)?;
    }
    let start = start(package, &command.from)?;
    let target = command.to.as_deref().map(|to| target(package, to)).transpose()?;
    let finder = PathFinder::new(package, &[]);
    match finder.plan(&start, channel, target.as_deref()) {
        Ok(path) => show_path(&path, format),
        Err(no_path) => {
            let findings = [no_path.finding()];
            match format {
                ResultFormat::Json => print_json(&json!({
                    "package": package.name, "channel": channel, "from": start.version.to_string(), "to": command.to,
                    "hops": null, "findings": findings,
                }))?,
                ResultFormat::Text => show_findings(&findings),
            }
            Err(Failure::findings(Exit::Findings, format!("there is no way from {}", start.name)))
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
