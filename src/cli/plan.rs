//! `plan`: what would travel, and why.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::access::{Side, cache, client};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::{SiteFile, cluster_dumps, in_a_folder, now, site_report, summary};
use crate::cli::numbers::Numbers;
use crate::cli::options::{CacheArgs, RegistryArgs, ResultFormat};
use crate::cli::papers::TableArgs;
use crate::cli::release::show_risk;
use crate::cli::releases::ReleaseArgs;
use crate::cli::{Context, print};
use crate::digest::{Digest, Hasher};
use crate::fault::Exit;
use crate::fetch::Upstream;
use crate::finding::{Finding, has_errors};
use crate::flow;
use crate::flow::plan::{PlanInputs, Planner, channel};
use crate::imageset::{self, Request};
use crate::limits::LIMITS;
use crate::oci::Platform;
use crate::plan::order::OrderedStep;
use crate::plan::{Earlier, PackedArchive, Plan, exit};
use crate::release::ReleaseKeys;
use crate::site::cluster::ClusterDump;
use crate::site::{InstalledOperator, ProfileName};
use crate::store::files::{self, Mode};
use crate::text::{Safe, Word, counted, human_bytes, plain_json};

/// Connected side: find the upgrade path and write down what would travel, and why
///
/// Reads the catalogs that the request names, finds the hops from what is installed to what is asked for as OLM will really take
/// them, follows dependencies, pins every image, and counts bytes and requests. Nothing is downloaded but catalogs, bundle
/// images (a few kB each) and manifests. The plan is the document that gets approved; `pack --plan` does exactly that.
#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("request").args(["config", "to_release"]).required(true).multiple(true),
    after_help = "Examples:\n  ombundle plan -c imageset.yaml --installed web-terminal.v1.8.0 -o plan.json\n  \
                  ombundle plan -c imageset.yaml --site site.yaml --report receipt.json -o plan.json\n  \
                  ombundle plan -c imageset.yaml --cluster csv.json --format json | jq '.items[].reason'\n  \
                  ombundle plan --from-release 4.19.3 --to-release 4.20.5 --release-key release.asc -o plan.json"
)]
pub(super) struct PlanCommand {
    #[command(flatten)]
    request: PlanArgs,

    /// The plan file; not written where the plan has errors
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write PAGE.html, CONTENTS.csv, SUMMARY.txt and SBOM.json beside the plan, for approval before anything is downloaded
    #[arg(long, requires = "output")]
    papers: bool,

    #[command(flatten)]
    table: TableArgs,

    /// Bytes that the line to the source carries in a second, to say how long it will take
    #[arg(long, value_name = "BYTES", default_value_t = RATE)]
    rate: u64,

    /// How the result looks; `json` prints the plan itself
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    registries: RegistryArgs,

    #[command(flatten)]
    cache: CacheArgs,
}

/// Bytes a second of a line of 100 Mbit/s.
pub(super) const RATE: u64 = 12_500_000;

/// What a plan is made from.
#[derive(Debug, Clone, Args)]
pub(super) struct PlanArgs {
    /// The ImageSetConfiguration: which operators, channels and versions
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The site file: where things land, for which platforms, for which site
    #[arg(long, value_name = "FILE", env = "OMBUNDLE_SITE")]
    site: Option<PathBuf>,

    /// What the site holds: a site report, or the receipt.json of the last import. Only what is missing travels
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Carry everything, whatever the site may hold. Without `--report`, an archive that was packed here for this site and still lies
    /// where it was written counts as imported, and what it brought is not carried again
    #[arg(long, conflicts_with = "report")]
    full: bool,

    /// The last generation that came in, where no report can say so: what was packed here up to it counts as imported, wherever the
    /// archives are now, and nothing after it
    #[arg(long, value_name = "N", conflicts_with_all = ["report", "full"])]
    imported: Option<u64>,

    /// An operator that runs at the site, by the name of its CSV; the upgrade path starts there
    #[arg(long, value_name = "NAME.vX.Y.Z")]
    installed: Vec<String>,

    /// A dump of the cluster (`oc get csv,subs -A -o json`), instead of naming what runs
    #[arg(long, value_name = "DUMP.json")]
    cluster: Vec<PathBuf>,

    /// Take only images for these platforms out of image indexes
    #[arg(long, value_name = "OS/ARCH")]
    platform: Vec<Platform>,

    #[command(flatten)]
    releases: ReleaseArgs,

    /// Do not follow what operators require of each other
    #[arg(long)]
    skip_dependencies: bool,

    /// The number of the archive in its channel; by default the one after the last that is known here
    #[arg(long, value_name = "N")]
    sequence: Option<u64>,

    /// Days after which the archive is not taken any more
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    valid_days: u32,
}

pub(super) fn run(command: PlanCommand, context: &Context) -> Result<(), Failure> {
    if let Some(output) = &command.output {
        in_a_folder(output)?;
    }
    let client = client(&command.registries, Side::Connected, ProfileName::Auto, context)?;
    let cache = cache(&command.cache, context)?;
    let upstream = Upstream { client: &client, cache: cache.as_ref() };
    let plan = command.request.make(upstream, command.registries.jobs(), context)?;
    let text = plan.to_json()?;
    let outcome = exit(&plan.findings);
    // What cannot be packed is no plan: it gets no file that somebody might approve.
    if let Some(output) = command.output.as_ref().filter(|_| outcome == Exit::Done) {
        files::replace(output, text.as_bytes(), Mode::Public)?;
        if command.papers {
            flow::papers::write(output, &plan, None, command.table.form(), &LIMITS)?;
        }
    }
    match command.format {
        ResultFormat::Json => print(&plain_json(&text))?,
        ResultFormat::Text => {
            show_findings(&plan.findings);
            print(&describe(&plan, command.rate))?;
            if let Some(output) = command.output.as_ref().filter(|_| outcome == Exit::Done) {
                let (output, again) =
                    (Word(&output.display().to_string()).to_string(), command.request.again());
                let digest = Digest::of(text.as_bytes());
                print(&format!(
                    "the plan's digest is {digest}\nnext: ombundle pack --plan {output}{again} --key signer.key -o upgrade.ombundle\n"
                ))?;
            }
        }
    }
    match outcome {
        Exit::Done => Ok(()),
        exit => Err(summary(exit, "the plan", &plan.findings)),
    }
}

impl PlanArgs {
    /// Makes the plan. Its findings are in it.
    pub(super) fn make(
        &self,
        upstream: Upstream<'_>,
        jobs: usize,
        context: &Context,
    ) -> Result<Plan, Failure> {
        let (request, findings) = self.request()?;
        // What is worth knowing about it goes into the plan and is shown with that.
        let Some(mut request) = request.filter(|_| !has_errors(&findings)) else {
            show_findings(&findings);
            return Err(summary(Exit::Usage, "the ImageSetConfiguration", &findings));
        };
        let site = self.site()?;
        let report = self.report.as_deref().map(site_report).transpose()?;
        let channel = channel(site.as_ref().map(|site| &site.site));
        let numbers = Numbers::of(channel, site.as_ref(), context)?;
        let packed = numbers.last()?;
        let last_sequence = match self.sequence {
            Some(sequence) => sequence.saturating_sub(1),
            None => packed.as_ref().map_or(0, |given| given.sequence),
        };
        let mut findings = findings;
        let earlier = if site.is_some() && report.is_none() && !self.full {
            let record = numbers.all()?.into_iter().filter(|packed| packed.sequence <= last_sequence);
            let (counts, gone): (Vec<_>, Vec<_>) = record.partition(|packed| self.counts(packed));
            findings.extend(not_counted(&gone).filter(|_| self.imported.is_none()));
            Some(Earlier::of(counts))
        } else {
            None
        };
        for operators in &mut request.operators {
            operators.skip_dependencies |= self.skip_dependencies;
        }
        let dump = cluster_dumps(&self.cluster)?;
        let dumped: Vec<InstalledOperator> = dump.iter().flat_map(ClusterDump::installed).collect();
        let csvs = dump.iter().flat_map(|dump| dump.csvs.values());
        let ceilings = csvs.map(|csv| (csv.name.clone(), csv.max_openshift_version.clone())).collect();
        let inputs = PlanInputs {
            site: site.as_ref().map(|site| &site.site),
            report: report.as_ref(),
            earlier: earlier.as_ref(),
            named: &self.named(),
            dumped: &dumped,
            ceilings,
            platforms: &self.platform,
            last_sequence,
            last_packed: packed.map(|given| (given.sequence, given.inventory)),
            now: jiff::Timestamp::from_second(now()?.unix()).unwrap_or_default(),
            valid_days: self.valid_days,
            tool: concat!("ombundle ", env!("CARGO_PKG_VERSION")),
            releases: self.releases.inputs(site.as_ref(), dump.as_ref(), report.as_ref())?,
            findings: &findings,
        };
        let planner = Planner { upstream, events: &*context.console, jobs, limits: &LIMITS };
        Ok(planner.plan(&request, &inputs)?)
    }

    /// Whether an archive that was packed here counts as imported.
    fn counts(&self, packed: &PackedArchive) -> bool {
        match (self.imported, &packed.contents) {
            (Some(last), _) => packed.sequence <= last,
            (None, Some(contents)) => is_there(Path::new(&contents.archive)),
            (None, None) => false,
        }
    }

    /// What the file asks for; nothing where there is none, and releases are asked for on the command line.
    fn request(&self) -> Result<(Option<Request>, Vec<Finding>), Failure> {
        let Some(config) = self.config.as_deref() else {
            let asked = self.releases.asks().then(Request::nothing);
            return Ok((Some(asked.ok_or_else(|| Failure::usage("there is no `--config`"))?), Vec::new()));
        };
        let bytes = files::read(config, LIMITS.yaml_bytes)?;
        Ok(imageset::parse(&bytes, &config.display().to_string(), &LIMITS))
    }

    /// What `pack --plan` must be told once more, as words of a shell: the site has the numbers, and releases are believed anew.
    fn again(&self) -> String {
        let site = self.site.iter().map(|path| ("--site", path));
        let keys = self.releases.keys().named().iter().map(|path| ("--release-key", path));
        let words =
            site.chain(keys).map(|(flag, path)| format!(" {flag} {}", Word(&path.display().to_string())));
        words.collect::<Vec<_>>().concat()
    }

    /// The keys that may sign releases, as named here or in the site file.
    pub(super) fn release_keys(&self, site: Option<&SiteFile>) -> Result<Option<ReleaseKeys>, Failure> {
        self.releases.keys().read(site)
    }

    /// The site file, where one is named.
    pub(super) fn site(&self) -> Result<Option<SiteFile>, Failure> {
        self.site.as_deref().map(SiteFile::read).transpose()
    }

    /// Digest of everything that the plan depends on, but for the registries.
    pub(super) fn fingerprint(&self) -> Result<Digest, Failure> {
        let mut hasher = Hasher::default();
        let files = [self.config.as_ref(), self.site.as_ref(), self.report.as_ref()];
        for path in files.into_iter().flatten().chain(&self.cluster) {
            hasher.update(Digest::of(&files::read(path, LIMITS.meta_bytes)?).bytes());
        }
        let rest = format!(
            "{:?} {:?} {} {:?} {} {} {:?}",
            self.installed,
            self.platform,
            self.skip_dependencies,
            self.sequence,
            self.valid_days,
            self.full,
            self.imported
        );
        hasher.update(rest.as_bytes());
        hasher.update(self.releases.fingerprint()?.bytes());
        Ok(hasher.finish())
    }

    fn named(&self) -> Vec<InstalledOperator> {
        self.installed.iter().map(|name| InstalledOperator::named(name)).collect()
    }
}

/// Whether an archive lies where it was written, whole or in volumes.
fn is_there(archive: &Path) -> bool {
    archive.exists() || files::beside(archive, "001").exists()
}

/// Archives that were packed here and are not where they were written: they may have been carried over, or thrown away.
fn not_counted(gone: &[PackedArchive]) -> Option<Finding> {
    let known = gone.iter().filter(|packed| packed.contents.is_some());
    // The user's record and the site's have the same lines.
    let numbers: BTreeSet<u64> = known.map(|packed| packed.sequence).collect();
    let last = numbers.last()?;
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let message = format!(
        "packed here before, and no longer where they were written: generations {}; what they brought is carried again",
        numbers.join(", ")
    );
    let hint = format!("give `--imported {last}` if they came in");
    Some(Finding::info("NOT_COUNTED", "report", message).hint(hint))
}

/// The plan for people: hops first, then what it costs.
pub(super) fn describe(plan: &Plan, rate: u64) -> String {
    let mut text = describe_releases(plan);
    for catalog in &plan.catalogs {
        text.push_str(&format!("{}\n", catalog.source));
        for package in &catalog.packages {
            text.push_str(&format!("  {}  ({})\n", Safe(&package.name), Safe(&package.reason)));
            if let Some(installed) = &package.installed {
                text.push_str(&format!("    from {}\n", Safe(installed)));
            }
            for hop in &package.hops {
                text.push_str(&format!(
                    "    → {}  in {}: {}\n",
                    Safe(&hop.name),
                    Safe(&hop.channel),
                    Safe(&hop.reason)
                ));
            }
            if package.hops.is_empty() {
                for bundle in &package.bundles {
                    text.push_str(&format!("    + {}\n", Safe(bundle)));
                }
            }
        }
    }
    text.push_str(&describe_order(plan));
    let time = crate::plan::duration(plan.bytes.download, rate)
        .map_or_else(|| "for ever".to_owned(), |time| human_time(time.as_secs()));
    text.push_str(&format!(
        "generation {} of channel {}\n{}; download {}, carry {}, store {} in each registry\n{}; about {} at {}/s\n",
        plan.sequence,
        plan.channel,
        counted(plan.images.len(), "image"),
        human_bytes(plan.bytes.download),
        human_bytes(plan.bytes.carry),
        human_bytes(plan.bytes.store),
        counted(plan.requests, "request"),
        time,
        human_bytes(rate),
    ));
    text
}

/// The way first, then what else travels.
fn describe_releases(plan: &Plan) -> String {
    let mut text = String::new();
    if let Some(path) = &plan.release_path {
        text.push_str(&format!(
            "OpenShift {} → {} for {}\n",
            Safe(&path.from),
            Safe(&path.to),
            path.architecture
        ));
        for hop in &path.hops {
            text.push_str(&format!("  → {}: {}\n", Safe(&hop.version), Safe(&hop.reason)));
            for risk in &hop.risks {
                show_risk(&mut text, risk);
            }
        }
    }
    for release in &plan.releases {
        let keys: Vec<_> = release.signatures.iter().map(|signature| signature.key.as_str()).collect();
        text.push_str(&format!(
            "release {}: {}, signed by {}\n",
            Safe(&release.label()),
            counted(release.components.len(), "component"),
            Safe(&keys.join(", ")),
        ));
    }
    text
}

/// In which order the cluster and its operators move; nothing where only one of them does.
fn describe_order(plan: &Plan) -> String {
    let moves = |step: &OrderedStep| matches!(step, OrderedStep::Operator { .. });
    let mut text = String::new();
    if !plan.order.iter().any(moves) {
        return text;
    }
    text.push_str("in this order\n");
    for (index, step) in plan.order.iter().enumerate() {
        let said = match step {
            OrderedStep::OpenShift { from, to } => format!("OpenShift {} → {}", Safe(from), Safe(to)),
            OrderedStep::Operator { package, from, to, why, .. } => {
                format!("{}: {} → {}  ({})", Safe(package), Safe(from), Safe(to), Safe(&why.to_string()))
            }
        };
        text.push_str(&format!("{:>3}. {said}\n", index + 1));
    }
    text
}

fn human_time(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}
