//! `vacuum`: what production need not hold any more, as a plan, and the plan carried out.

mod moving;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::archive::Moment;
use crate::cli::access::{Side, client};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::{SiteFile, each_cluster_dump, in_a_folder, now};
use crate::cli::options::{RegistryArgs, ResultFormat};
use crate::cli::{Context, print, print_json};
use crate::digest::Digest;
use crate::emit::{CustomCatalog, custom_catalog};
use crate::fault::Exit;
use crate::finding::{Finding, has_errors};
use crate::flow::vacuum::{Applied, Freshness, Vacuum};
use crate::limits::LIMITS;
use crate::mapping::Mapping;
use crate::promote::Claimant;
use crate::retain::{DumpFacts, Task, VacuumPlan};
use crate::site::cluster::{DUMP, Named};
use crate::site::{CatalogMirror, Site};
use crate::store::files::{self, Mode, StoreError};
use crate::text::counted;

/// In the air gap: what production need not hold any more, and how much room that gives
///
/// Lists production and writes a plan: each manifest that would go with the reason why, each that stays with what needs it, the
/// bytes that are really freed, and what the catalogs would offer without what is below all that is installed. Nothing is deleted
/// without such a plan. What a cluster names in its dumps, what a catalog offers that is served, is named by a cluster or is a way
/// back, what has a tag that people may ask for, and what is not below the site's mapping stays. Without a dump everything stays.
#[derive(Debug, Args)]
#[command(after_help = examples())]
pub(super) struct VacuumCommand {
    /// The site file
    #[arg(long, value_name = "FILE", env = "OMBUNDLE_SITE")]
    site: PathBuf,

    /// A dump of the cluster (`oc get … -o json`): what runs, what is installed, which catalogs are served. May be repeated; give those
    /// of every cluster that pulls from this registry
    #[arg(long, value_name = "DUMP.json")]
    cluster: Vec<PathBuf>,

    /// Where the plan is written
    #[arg(short, long, value_name = "PLAN")]
    output: Option<PathBuf>,

    /// Carry out a plan: its catalogs first, then what it lets go is deleted by digest, then the space is given back where that can be
    /// done from here. Refused when production, the site file or the plan itself changed since it was made. Broken off, the same
    /// command goes on
    #[arg(long, value_name = "PLAN", conflicts_with_all = ["output", "drop_unused_packages", "covers"])]
    apply: Option<PathBuf>,

    /// With `--apply`, how many hours old a dump may be: those that are given, else those that the plan was made with
    #[arg(long, value_name = "HOURS", default_value_t = 24, requires = "apply")]
    dump_age: u64,

    /// With `--apply`, the folder for cluster resources: of catalogs that became smaller, or of the move with its runbook
    #[arg(long, value_name = "DIR", requires = "apply")]
    emit: Option<PathBuf>,

    /// Plan a move instead: what stays is copied to the other port with its catalogs, which becomes production; what would go is left
    /// behind. With `--apply` and `--emit` the copies are made, and the resources written that lead the cluster over. Nothing is deleted
    #[arg(long, value_name = "PORT", value_enum, conflicts_with_all = ["apply", "empty"])]
    move_to: Option<Port>,

    /// Plan what this port need not hold instead: everything that production holds too, or nobody needs. At the end of a cycle, before
    /// production's own clean-up on Nexus, and after a move
    #[arg(long, value_name = "PORT", value_enum, conflicts_with_all = ["apply", "drop_unused_packages"])]
    empty: Option<Port>,

    /// Take packages out of the catalogs that no cluster has installed or subscribed to. What ClusterExtensions (OLM v1) install is not
    /// seen: leave it where there are any
    #[arg(long)]
    drop_unused_packages: bool,

    /// Another site that imports into this registry, whose clusters' dumps are given too
    #[arg(long, value_name = "SITE")]
    covers: Vec<String>,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    registries: RegistryArgs,
}

/// A port of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Port {
    /// `spec.staging` of the site file
    Staging,
}

fn examples() -> String {
    format!(
        "Examples:\n  \
         {DUMP}\n  \
         ombundle vacuum --site site.yaml --cluster dump.json -o vacuum.json    # changes nothing\n  \
         ombundle vacuum --site site.yaml --apply vacuum.json --emit out        # after reading it\n  \
         ombundle vacuum --site site.yaml --cluster dump.json --drop-unused-packages --format json | jq '.totals'\n  \
         ombundle vacuum --site site.yaml --cluster dump.json --empty staging -o empty.json    # then --apply empty.json\n  \
         ombundle vacuum --site site.yaml --cluster dump.json --move-to staging -o move.json   # then --apply move.json --emit out"
    )
}

/// When a file was last written.
fn written(path: &Path) -> Result<Moment, Failure> {
    let failed = |source| StoreError::Io { what: "look at", path: path.to_owned(), source };
    let time = std::fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(failed)?;
    let seconds = time.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let moment = i64::try_from(seconds).ok().and_then(Moment::from_unix);
    moment.ok_or_else(|| Failure::usage(format!("`{}` was written thousands of years off", path.display())))
}

pub(super) fn run(command: VacuumCommand, context: &Context) -> Result<(), Failure> {
    let site_file = SiteFile::read(&command.site)?;
    let site = &site_file.site;
    if let Some(output) = &command.output {
        in_a_folder(output)?;
    }
    let (mut named, mut dumps, mut clusters) = (Named::default(), Vec::new(), Vec::new());
    each_cluster_dump(&command.cluster, |path, bytes, cluster| {
        named.merge(Named::read(bytes));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let id = cluster.ids.first().cloned();
        let written = written(path)?.to_string();
        dumps.push(DumpFacts { name, digest: Digest::of(bytes), written, cluster: id });
        clusters.push(cluster);
        Ok(())
    })?;
    let covered: BTreeSet<String> = command.covers.iter().cloned().collect();
    let vacuum = Vacuum {
        site,
        mapping: &Mapping::new(&site.spec.repositories)?,
        state: &site_file.state(),
        clusters: &clusters,
        named: &named,
        dumps: &dumps,
        drop_unused: command.drop_unused_packages,
        covered: &covered,
        client: &client(&command.registries, Side::AirGapped, site.spec.profile, context)?,
        jobs: command.registries.jobs(),
        events: &*context.console,
        patience: Claimant::PATIENCE,
        limits: &LIMITS,
    };
    if let Some(path) = &command.apply {
        let plan = VacuumPlan::parse(&files::read(path, LIMITS.meta_bytes)?, &LIMITS)?;
        return match &plan.task {
            Task::Move(it) => moving::apply(&vacuum, &plan, it, &site_file, &command, context),
            Task::Prune | Task::Empty => apply(&vacuum, &plan, &command, context),
        };
    }
    if command.move_to.is_some() || command.empty.is_some() {
        has_names(site)?;
    }
    let plan = match (command.move_to, command.empty) {
        (Some(Port::Staging), _) => vacuum.plan_moving()?,
        (_, Some(Port::Staging)) => vacuum.plan_emptying()?,
        (None, None) => vacuum.plan()?,
    };
    if let Some(output) = &command.output {
        let mut text = serde_json::to_vec_pretty(&plan).map_err(|error| Failure::usage(error.to_string()))?;
        text.push(b'\n');
        files::replace(output, &text, Mode::Public)?;
    }
    match command.format {
        ResultFormat::Json => print_json(&plan)?,
        ResultFormat::Text => {
            show_findings(&plan.findings);
            print(&told::told(&plan, command.output.as_deref()))?;
        }
    }
    if has_errors(&plan.findings) {
        return Err(Failure::findings(Exit::Findings, "some of what was found stands in the way, see above"));
    }
    Ok(())
}

/// Carries out a plan and says what came of it.
fn apply(
    vacuum: &Vacuum<'_>,
    plan: &VacuumPlan,
    command: &VacuumCommand,
    context: &Context,
) -> Result<(), Failure> {
    if let Some(folder) = &command.emit {
        files::check_folder(folder, MARKER)?;
    }
    let totals = &plan.totals;
    let risk = format!("{} of {} will be deleted", counted(totals.gone, "manifest"), plan.registry);
    context.agree(if plan.is_empty() { &[] } else { std::slice::from_ref(&risk) })?;
    let mut applied = vacuum.apply(plan, Freshness { now: now()?, hours: command.dump_age })?;
    if let Some(folder) = command.emit.as_ref().filter(|_| !applied.catalogs.is_empty()) {
        files::replace_folder(folder, &resources(vacuum.site, &applied), MARKER)?;
    }
    // What was done is told also where the space did not come back.
    let (reclaimed, failed) = match applied.reclaimed.take().transpose() {
        Ok(reclaimed) => (reclaimed, None),
        Err(fault) => (None, Some(fault)),
    };
    for (repository, tag) in &applied.tags_left {
        let message = "what it led to is gone, and the registry still lists the tag";
        applied.findings.push(Finding::warning("TAG_LEFT", format!("{repository}:{tag}"), message));
    }
    match command.format {
        ResultFormat::Json => print_json(&json!({
            "plan": plan.id(), "deleted": applied.deleted, "goneBefore": applied.gone_before,
            "catalogs": applied.catalogs, "freed": told::freed(reclaimed.as_ref()),
            "measured": told::measured(reclaimed.as_ref()), "findings": applied.findings,
        }))?,
        ResultFormat::Text => {
            show_findings(&applied.findings);
            print(&told::done(plan, &applied, reclaimed.as_ref(), &command.site, command.emit.as_deref()))?;
        }
    }
    if let Some(fault) = failed {
        return Err(fault.into());
    }
    if has_errors(&applied.findings) {
        return Err(Failure::findings(Exit::Findings, "something that was to stay is not there, see above"));
    }
    Ok(())
}

/// Nexus calls the repository behind each port by a name, and both are needed where ports change their parts.
fn has_names(site: &Site) -> Result<(), Failure> {
    match &site.spec.nexus {
        Some(nexus) if nexus.staging.is_none() => Err(Failure::usage(
            "`spec.nexus` of the site file does not name the repository behind the staging port: write `staging: NAME` beside `production`",
        )),
        _ => Ok(()),
    }
}

/// The file by which a folder is known to be ours.
const MARKER: &str = "vacuum.txt";

/// The CatalogSource and ClusterCatalog of each catalog that became smaller, by digest.
fn resources(site: &Site, applied: &Applied) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mirrors: Vec<CatalogMirror> = site.spec.catalogs.iter().flat_map(CatalogMirror::both).collect();
    for change in &applied.catalogs {
        let (Some(tag), Some(mirror)) =
            (&change.tag.tag, mirrors.iter().find(|mirror| mirror.name == change.name))
        else {
            continue;
        };
        files.extend(custom_catalog(&CustomCatalog {
            name: &change.name,
            repository: &change.tag.repository,
            tag,
            image: &change.tag.repository.pin(change.after),
            openshift: Some(tag.as_str()),
            spec: &mirror.catalog_source,
            poll: None,
        }));
    }
    let text = "Written by `ombundle vacuum`. Apply what is in `cluster`; the next vacuum frees what these catalogs do not offer.\n";
    files.insert(MARKER.to_owned(), text.as_bytes().to_vec());
    files
}
