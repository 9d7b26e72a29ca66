//! `pack`: one signed archive from a plan, or from a request that is planned first.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::access::{Side, cache, client};
use crate::cli::custody::{CustodyArgs, Told};
use crate::cli::failure::Failure;
use crate::cli::inputs::{in_a_folder, now, secret_key, settle};
use crate::cli::numbers::Numbers;
use crate::cli::options::{CacheArgs, RegistryArgs, ResultFormat};
use crate::cli::papers::TableArgs;
use crate::cli::plan::{PlanArgs, RATE, describe};
use crate::cli::volumes::VolumeArgs;
use crate::cli::{Context, print, print_json};
use crate::digest::Digest;
use crate::fault::Exit;
use crate::fetch::Upstream;
use crate::finding::{Finding, Severity};
use crate::flow::pack::{Pack, Packing};
use crate::limits::LIMITS;
use crate::papers::Deed;
use crate::plan::{Plan, exit};
use crate::site::ProfileName;
use crate::store::files::{self, Mode};
use crate::text::{counted, human_bytes};

/// Connected side: fetch what the plan says and write one signed archive
///
/// Every blob is fetched once, hashed as it comes and written where it stays. The archive gets its name only when it is complete and
/// signed. Broken off at any point, the same command goes on where it stopped: what was downloaded is kept and hashed again.
#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("request").args(["plan", "config", "to_release"]).required(true).multiple(true),
    after_help = "Examples:\n  ombundle pack -c imageset.yaml --key signer.key -o upgrade.ombundle\n  \
                  ombundle plan -c imageset.yaml --site site.yaml -o plan.json    # look at it, have it approved\n  \
                  ombundle pack --plan plan.json --key signer.key -o upgrade.ombundle\n  \
                  ombundle pack -c imageset.yaml --site site.yaml --report receipt.json --key signer.key \\\n    -o next.ombundle\n  \
                  ombundle pack --plan plan.json --key signer.key --media fat32 -o upgrade.ombundle"
)]
pub(super) struct PackCommand {
    /// A plan, to be carried out exactly
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "to_release"])]
    plan: Option<PathBuf>,

    #[command(flatten)]
    request: PlanArgs,

    /// A private key that signs; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    key: Vec<PathBuf>,

    /// The archive
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    volumes: VolumeArgs,

    /// Write no SHA256SUMS, PAGE.html, CONTENTS.csv, SUMMARY.txt and SBOM.json beside the archive
    #[arg(long)]
    no_papers: bool,

    #[command(flatten)]
    table: TableArgs,

    /// What the plan's digest must be: that of the plan that was approved (`ombundle plan` prints it)
    #[arg(long, value_name = "SHA256", requires = "plan")]
    approved: Option<Digest>,

    /// Show the plan and how large the archive would be; fetch no image and write no file but the cache's
    #[arg(long)]
    dry_run: bool,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    custody: CustodyArgs,

    #[command(flatten)]
    registries: RegistryArgs,

    #[command(flatten)]
    cache: CacheArgs,
}

/// How the name of a kept plan goes on after the archive's.
const KEPT_PLAN: &str = "part.plan-";

pub(super) fn run(command: PackCommand, context: &Context) -> Result<(), Failure> {
    // Whatever can be known to fail fails before the first download.
    let mut keys = command.key.iter().map(|path| secret_key(path)).collect::<Result<Vec<_>, _>>()?;
    // The same key twice is one signature.
    let mut known = std::collections::BTreeSet::new();
    keys.retain(|key| known.insert(key.public().id()));
    in_a_folder(&command.output)?;
    if command.output.exists() {
        return Err(files::StoreError::Exists { path: command.output }.into());
    }
    let shape = command.volumes.shape()?;
    let client = client(&command.registries, Side::Connected, ProfileName::Auto, context)?;
    let cache = cache(&command.cache, context)?;
    let upstream = Upstream { client: &client, cache: cache.as_ref() };
    let (plan, to_keep) = match &command.plan {
        Some(path) => (approved_plan(path, command.approved.as_ref())?, None),
        None => {
            let kept = kept_plan(&command.output, &command.request)?;
            // One that cannot be read, or has errors that may be mended upstream by now, is made anew.
            match read_plan(&kept).ok().filter(|plan| exit(&plan.findings) == Exit::Done) {
                Some(plan) => {
                    context.console.say("going on with the plan of the run that was broken off");
                    (plan, None)
                }
                None => (command.request.make(upstream, command.registries.jobs(), context)?, Some(kept)),
            }
        }
    };
    // Whoever made the plan has seen what is only worth knowing.
    let unseen = |finding: &&Finding| command.plan.is_none() || finding.severity > Severity::Info;
    let findings: Vec<Finding> = plan.findings.iter().filter(unseen).cloned().collect();
    settle(exit(&plan.findings), "the plan", &findings)?;
    let site = command.request.site()?;
    let release_keys = command.request.release_keys(site.as_ref())?;
    let pack = Pack {
        upstream,
        release_keys: release_keys.as_ref(),
        now: now()?,
        keys: &keys,
        shape: &shape,
        repair: command.volumes.repair(),
        papers: (!command.no_papers).then(|| command.table.form()),
        jobs: command.registries.jobs(),
        events: &*context.console,
        limits: &LIMITS,
    };
    let packing = pack.begin(&plan)?;
    if let (Some(site), Some(target)) = (&site, &plan.target)
        && site.site.name() != target
    {
        let text = format!("the plan is for the site `{target}`, and `--site` is `{}`", site.site.name());
        return Err(Failure::usage(text)
            .hint("name the site that the plan was made for, or make a plan for this one"));
    }
    let numbers = Numbers::of(&plan.channel, site.as_ref(), context)?;
    numbers.check(packing.inventory())?;
    if numbers.is_forgetful() {
        context
            .console
            .say("there is no home folder and no `--site`: nobody will know that this number is taken");
    }
    if command.dry_run {
        return preview(&command, &plan, &packing);
    }
    if let Some(kept) = to_keep {
        files::replace(&kept, plan.to_json()?.as_bytes(), Mode::Public)?;
    }
    let filled = match packing.fill(&command.output) {
        Err(fault) if fault.exit() == Exit::Incomplete => {
            // What upstream has taken away stays away: the next run makes a new plan.
            files::remove_beside(&command.output, KEPT_PLAN)?;
            return Err(fault.into());
        }
        filled => filled?,
    };
    numbers.take(packing.inventory(), &plan, &command.output)?;
    let packed = filled.finish()?;
    // Also those that other requests left here, whose archive this name is no more.
    files::remove_beside(&command.output, KEPT_PLAN)?;
    let name = packed.path.file_name().unwrap_or_default().to_string_lossy();
    let ids: Vec<_> = keys.iter().map(|key| key.public().id()).collect();
    let told = Told {
        action: Deed::Pack,
        archive: &name,
        inventory: Some(packed.inventory),
        keys: &ids,
        result: "packed",
    };
    command.custody.note(&told, context);
    let repair = packing.repair_bytes(&command.output)?;
    match command.format {
        ResultFormat::Json => print_json(&json!({
            "archive": packed.path, "size": packed.size, "inventory": packed.inventory,
            "generation": packed.sequence, "signers": packed.signers, "volumes": packed.volumes, "repair": packed.repair, "repairBytes": repair, "papers": packed.papers, "findings": plan.findings,
        })),
        ResultFormat::Text => print(&format!(
            "packed {}: {} ({} bytes){}\n  inventory   {}\n  generation  {} of channel {}\n{}next: carry it over, then `ombundle verify` and `ombundle import`\n",
            packed.path.display(),
            human_bytes(packed.size),
            packed.size,
            in_volumes(packing.volumes()),
            packed.inventory,
            packed.sequence,
            plan.channel,
            protected(repair, packed.size),
        )),
    }
}

fn in_volumes(count: Option<u64>) -> String {
    count.map(|count| format!(" in {}", counted(count, "volume"))).unwrap_or_default()
}

/// What repair data costs: more than the share that may be lost.
fn protected(bytes: u64, archive: u64) -> String {
    if bytes == 0 {
        return String::new();
    }
    let permille = bytes.saturating_mul(1_000).div_ceil(archive.max(1));
    format!("  repair data {}, {}.{} % of the archive\n", human_bytes(bytes), permille / 10, permille % 10)
}

/// Says what would be packed.
fn preview(command: &PackCommand, plan: &Plan, packing: &Packing<'_>) -> Result<(), Failure> {
    let inventory = packing.inventory();
    let repair = packing.repair_bytes(&command.output)?;
    match command.format {
        ResultFormat::Json => print_json(&json!({
            "archive": command.output, "size": inventory.total_size, "inventory": inventory.digest(),
            "generation": inventory.sequence, "signers": inventory.signers, "volumeCount": packing.volumes(), "repairBytes": repair, "findings": plan.findings,
            "dryRun": true,
        })),
        ResultFormat::Text => print(&format!(
            "{}would pack {}: {} ({} bytes){}\n{}",
            describe(plan, RATE),
            command.output.display(),
            human_bytes(inventory.total_size),
            inventory.total_size,
            in_volumes(packing.volumes()),
            protected(repair, inventory.total_size),
        )),
    }
}

/// The plan that was approved, and no other.
fn approved_plan(path: &Path, approved: Option<&Digest>) -> Result<Plan, Failure> {
    let plan = read_plan(path)?;
    let digest = Digest::of(plan.to_json()?.as_bytes());
    match approved {
        Some(approved) if *approved != digest => Err(Failure::usage(format!(
            "`{}` is not the plan that was approved: its digest is {digest}",
            path.display()
        ))
        .hint("take the approved file, or have this one approved")),
        _ => Ok(plan),
    }
}

fn read_plan(path: &Path) -> Result<Plan, Failure> {
    Ok(Plan::parse(&files::read(path, LIMITS.meta_bytes)?, &LIMITS)?)
}

/// Where the plan of a run that may be broken off is kept. Its name says what it was made from, so another request does not go on
/// with it.
fn kept_plan(output: &Path, request: &PlanArgs) -> Result<PathBuf, Failure> {
    let inputs: Digest = request.fingerprint()?;
    Ok(files::beside(output, &format!("{KEPT_PLAN}{}.json", inputs.short())))
}
