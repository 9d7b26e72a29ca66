//! `rollback`: catalogs of production go back to what they were.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::access::Production;
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::{SiteFile, cluster_dumps, now};
use crate::cli::options::{RegistryArgs, ResultFormat};
use crate::cli::{Context, print, print_json};
use crate::flow::rollback::Rollback;
use crate::promote::Claimant;
use crate::text::Safe;

/// In the air gap: put the former catalog back
///
/// The tag of each catalog goes back to the digest that it had before the last generation, or after the generation named with
/// `--to`, and the resources for the cluster are written. No image moves, and nothing is deleted. Refuses what was never imported,
/// and a catalog whose images are gone. What runs stays: OLM does not downgrade. The same command again changes nothing; to go
/// forward, import the archive once more; after more than one generation go first, with `--to`, to the one before that archive's,
/// since an import adds to what production serves.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle rollback --site site.yaml -o back\n  \
                  ombundle rollback --site site.yaml --cluster cluster.json -o back  # with patches\n  \
                  ombundle rollback --site site.yaml --to 3 -o back  # as it was after generation 3")]
pub(super) struct RollbackCommand {
    /// The site file
    #[arg(long, value_name = "FILE", env = "OMBUNDLE_SITE")]
    site: PathBuf,

    /// The generation after which catalogs were as they should be again; 0 for what was there before the first
    #[arg(long, value_name = "N")]
    to: Option<u64>,

    /// Dump of the cluster (`oc get csv,subs -A -o json`), for patches of Subscriptions. May be repeated
    #[arg(long, value_name = "FILE")]
    cluster: Vec<PathBuf>,

    /// Go back although images that the former catalog offers are gone
    #[arg(long)]
    incomplete: bool,

    /// Folder for resources, patches and runbook; one that an import wrote is replaced
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    registries: RegistryArgs,
}

pub(super) fn run(command: RollbackCommand, context: &Context) -> Result<(), Failure> {
    let file = SiteFile::read(&command.site)?;
    let cluster = cluster_dumps(&command.cluster)?;
    let production = Production::new(&file.site, &command.registries, false, context)?;
    let rollback = Rollback {
        onlooker: production.onlooker(),
        trust: &file.trust()?,
        state: &file.state(),
        to: command.to,
        incomplete: command.incomplete,
        cluster: cluster.as_ref(),
        now: now()?,
        patience: Claimant::PATIENCE,
    };
    context.agree(&["what production offers goes back, and clusters see it".to_owned()])?;
    let done = rollback.run(&command.output)?;
    if command.format == ResultFormat::Json {
        return print_json(&json!({
            "from": done.from, "to": done.to, "steps": done.steps, "findings": done.findings,
        }));
    }
    show_findings(&done.findings);
    for step in &done.steps {
        let before = step.before.map_or_else(|| "nothing".to_owned(), |before| before.short());
        print(&format!("{}: {before} → {}\n", Safe(&step.subject), step.after.short()))?;
    }
    print(&format!("back from generation {} to {}\n", done.from, done.to))?;
    print(&format!("next: read {}\n", command.output.join("RUNBOOK.md").display()))
}
