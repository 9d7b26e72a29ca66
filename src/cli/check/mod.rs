//! `check`: does production hold what its catalogs offer, and does a cluster get there?

mod seen;
mod table;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::access::Production;
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::{SiteFile, cluster_dumps, site_report};
use crate::cli::options::{RegistryArgs, ResultFormat};
use crate::cli::{Context, print, print_json};
use crate::fault::Exit;
use crate::finding::has_errors;
use crate::flow::registries::Tabler;
use crate::text::Safe;

use seen::Seen;
use table::tabled;

/// In the air gap: does everything that production offers resolve there?
///
/// Reads each catalog of the site from production and looks for every image that any of its entries needs, down to the last layer;
/// and each OpenShift release there, for every component that it names. With dumps of a cluster it looks through its mirror sets too,
/// as nodes do, and follows every Subscription from what is installed to the head of its channel, as OLM does.
/// Writes nothing. Exit code 10 means that something is missing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle check --site site.yaml\n  \
                  oc get csv,subs,idms,itms,icsp -A -o json > dump.json\n  \
                  ombundle check --site site.yaml --cluster dump.json --expect out/receipt.json\n  \
                  ombundle check --site site.yaml --paranoid  # after trouble with the registry's storage\n  \
                  ombundle check --site site.yaml --table  # which registry holds what\n  \
                  ombundle check --site site.yaml --format json | jq '.findings[].subject'")]
pub(super) struct CheckCommand {
    /// The site file
    #[arg(long, value_name = "FILE", env = "OMBUNDLE_SITE")]
    site: PathBuf,

    /// A dump of the cluster (`oc get csv,subs,idms,itms,icsp -A -o json`), or resources that an import wrote: every Subscription must
    /// find its way to the head of its channel, and nodes must be led to production for every image. May be repeated
    #[arg(long, value_name = "DUMP.json")]
    cluster: Vec<PathBuf>,

    /// The receipt.json of an import, or a site report: every channel must lead where it did then
    #[arg(long, value_name = "RECEIPT")]
    expect: Option<PathBuf>,

    /// Read every blob back and hash it, instead of believing the registry that it has what it says. Takes as long as reading all of it
    #[arg(long)]
    paranoid: bool,

    /// Show which registry holds what too, staging beside production: catalogs with their generations, images by what they are for,
    /// releases, and what only one of the two has. Lists and walks both registries whole
    #[arg(long)]
    table: bool,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    registries: RegistryArgs,
}

pub(super) fn run(command: CheckCommand, context: &Context) -> Result<(), Failure> {
    let site_file = SiteFile::read(&command.site)?;
    let site = &site_file.site;
    let cluster = cluster_dumps(&command.cluster)?;
    let expected = command.expect.as_deref().map(site_report).transpose()?;
    if let Some(report) = expected.as_ref().filter(|report| report.site != site.name()) {
        let message =
            format!("`--expect` is of site `{}`, and this is `{}`", Safe(&report.site), site.name());
        return Err(Failure::usage(message).hint("give the receipt of an import into this site"));
    }
    let production = Production::new(site, &command.registries, command.paranoid, context)?;
    let onlooker = production.onlooker();
    let mut seen = Seen::default();
    seen.catalogs(&onlooker, cluster.as_ref(), expected.as_ref())?;
    seen.releases(&onlooker, &onlooker.left_out(&site_file.state())?)?;
    if let Some(cluster) = &cluster {
        let sources = std::mem::take(&mut seen.sources);
        seen.findings.extend(onlooker.look_by_mirror_sets(cluster, sources.into_iter())?);
    }
    let table = if command.table {
        let (table, told) = Tabler { onlooker, offered: &seen.offered }.table()?;
        seen.findings.extend(told);
        Some(table)
    } else {
        None
    };
    let Seen { findings, catalogs, releases, .. } = seen;
    match command.format {
        ResultFormat::Json => {
            let mut result = json!({"catalogs": catalogs, "releases": releases, "findings": findings});
            if let (Some(table), Some(fields)) = (&table, result.as_object_mut()) {
                fields.insert("registries".to_owned(), json!(table));
            }
            print_json(&result)?;
        }
        ResultFormat::Text => {
            show_findings(&findings);
            for (catalog, facts) in &catalogs {
                print(&facts.line(catalog))?;
            }
            for (release, facts) in &releases {
                print(&facts.line(release))?;
            }
            if let Some(table) = &table {
                print(&tabled(table))?;
            }
        }
    }
    if has_errors(&findings) {
        return Err(Failure::findings(
            Exit::Findings,
            "production does not hold all that it offers, or leads nowhere, see above",
        ));
    }
    Ok(())
}
