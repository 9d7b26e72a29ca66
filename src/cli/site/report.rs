//! `site report`: what a site holds, for the connected side.

use std::path::PathBuf;

use clap::Args;

use crate::cli::access::Production;
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::{SiteFile, cluster_dumps, in_a_folder};
use crate::cli::options::RegistryArgs;
use crate::cli::{Context, print};
use crate::flow::record::{History, Log};
use crate::flow::site_report::Reporter;
use crate::reference::RegistryHost;
use crate::site::SiteReport;
use crate::store::files::{self, Mode};
use crate::store::journal::Journal;
use crate::text::{counted, human_bytes, plain_json};

/// What stands in a redacted report in the place of a registry (RFC 2606: a name that nobody has).
const NOBODY: &str = "production.invalid";

/// In the air gap: write down what the site holds, to carry out
///
/// Reads production's catalogs, releases and tagged images down to their last layers, and what dumps of the cluster say. The file
/// is JSON, small, and made to be read before it leaves: beginnings of digests, names of operators, no addresses but those of the
/// registries (`--redact` takes these out too). `plan` and `pack` take it as `--report` and carry only what is missing. Writes
/// nothing to any registry.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  oc get csv,subs,ip,catalogsource,clusterversion,idms,itms -A -o json > cluster.json\n  \
                  ombundle site report --site site.yaml --cluster cluster.json -o site.json\n  \
                  ombundle site report --site site.yaml --redact -o site.json\n  \
                  ombundle plan -c imageset.yaml --site site.yaml --report site.json -o plan.json")]
pub(super) struct ReportCommand {
    /// The site file
    #[arg(long, value_name = "FILE", env = "OMBUNDLE_SITE")]
    site: PathBuf,

    /// Dump of the cluster (`oc get csv,subs,clusterversion -A -o json`): what runs, what is subscribed. May be repeated
    #[arg(long, value_name = "FILE")]
    cluster: Vec<PathBuf>,

    /// Leave out the names of the site's registries
    #[arg(long)]
    redact: bool,

    /// Read every blob back and hash it, instead of believing the registry that it has what it says
    #[arg(long)]
    paranoid: bool,

    /// Where to write the report; to stdout when absent
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    registries: RegistryArgs,
}

pub(super) fn run(command: ReportCommand, context: &Context) -> Result<(), Failure> {
    if let Some(output) = &command.output {
        in_a_folder(output)?;
    }
    let file = SiteFile::read(&command.site)?;
    let cluster = cluster_dumps(&command.cluster)?;
    let production = Production::new(&file.site, &command.registries, command.paranoid, context)?;
    let records = Journal::read(&Log::path(&file.state()))?;
    let reporter = Reporter {
        onlooker: production.onlooker(),
        trust: &file.trust()?,
        state: &file.state(),
        history: History(&records),
        cluster: cluster.as_ref(),
    };
    let (mut report, findings) = reporter.report()?;
    if command.redact {
        report = report.redacted(&NOBODY.parse::<RegistryHost>()?);
    }
    show_findings(&findings);
    let text = report.to_json()?;
    let Some(output) = &command.output else { return print(&plain_json(&text)) };
    files::replace(output, text.as_bytes(), Mode::Public)?;
    print(&told(&report, text.len() as u64))?;
    let (site, output) = (command.site.display(), output.display());
    print(&format!(
        "next, outside: ombundle plan -c imageset.yaml --site {site} --report {output} -o plan.json\n"
    ))
}

/// The report in a few lines.
fn told(report: &SiteReport, size: u64) -> String {
    let held = report.held.values();
    let images: usize = held.clone().map(|state| state.images.len()).sum();
    let parts: usize = held.clone().map(|state| state.parts.len()).sum();
    let bytes: u64 = held.map(|state| state.bytes).sum();
    let packages: usize = report.catalogs.iter().map(|catalog| catalog.packages.len()).sum();
    format!(
        "site {}, generation {}: {} with {}, {}, {} installed\n\
         production holds {} of {} in {}; {}, each of these counted by itself\n\
         the report has {}\n",
        report.site,
        report.generation,
        counted(report.catalogs.len(), "catalog"),
        counted(packages, "package"),
        counted(report.releases.len(), "release"),
        counted(report.installed.len(), "operator"),
        counted(images, "image"),
        counted(parts, "part"),
        counted(report.held.len(), "repository"),
        human_bytes(bytes),
        human_bytes(size),
    )
}
