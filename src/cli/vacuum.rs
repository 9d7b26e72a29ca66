//! `vacuum`: what production need not hold any more, as a plan, and the plan carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
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
use crate::flow::vacuum::{Applied, Freshness, Reclaimed, Vacuum};
use crate::limits::LIMITS;
use crate::mapping::Mapping;
use crate::retain::{DumpFacts, Removal, VacuumPlan, Weight};
use crate::site::cluster::Named;
use crate::site::{CatalogMirror, Site};
use crate::store::files::{self, Mode, StoreError};
use crate::text::{Safe, SafePath, counted};

/// In the air gap: what production need not hold any more, and how much room that gives
///
/// Lists production and writes a plan: each manifest that would go with the reason why, each that stays with what needs it, the
/// bytes that are really freed, and what the catalogs would offer without what is below all that is installed. Nothing is deleted
/// without such a plan. What a cluster names in its dumps, what a catalog offers that is served, is named by a cluster or is a way
/// back, what has a tag that people may ask for, and what is not below the site's mapping stays. Without a dump everything stays.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  oc get csv,subs,ip,catalogsource,clusterversion,idms,itms,pods,deploy,ds,sts,jobs,cronjobs,is -A -o json > dump.json\n  \
                  ombundle vacuum --site site.yaml --cluster dump.json -o vacuum.json    # changes nothing\n  \
                  ombundle vacuum --site site.yaml --apply vacuum.json --emit out        # after reading it\n  \
                  ombundle vacuum --site site.yaml --cluster dump.json --drop-unused-packages --format json | jq '.totals'")]
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

    /// With `--apply`, the folder for the cluster resources of catalogs that became smaller
    #[arg(long, value_name = "DIR", requires = "apply")]
    emit: Option<PathBuf>,

    /// Take packages out of the catalogs that no cluster has installed or subscribed to
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
        clusters.push(cluster);
        named.merge(Named::read(bytes));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        dumps.push(DumpFacts { name, digest: Digest::of(bytes), written: written(path)?.to_string() });
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
        limits: &LIMITS,
    };
    if let Some(path) = &command.apply {
        return apply(&vacuum, path, &command, context);
    }
    let plan = vacuum.plan()?;
    if let Some(output) = &command.output {
        let mut text = serde_json::to_vec_pretty(&plan).map_err(|error| Failure::usage(error.to_string()))?;
        text.push(b'\n');
        files::replace(output, &text, Mode::Public)?;
    }
    match command.format {
        ResultFormat::Json => print_json(&plan)?,
        ResultFormat::Text => {
            show_findings(&plan.findings);
            print(&told(&plan, command.output.as_deref()))?;
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
    path: &Path,
    command: &VacuumCommand,
    context: &Context,
) -> Result<(), Failure> {
    let plan = VacuumPlan::parse(&files::read(path, LIMITS.meta_bytes)?, &LIMITS)?;
    if let Some(folder) = &command.emit {
        files::check_folder(folder, MARKER)?;
    }
    let totals = &plan.totals;
    let risk = format!("{} manifests of {} will be deleted", totals.gone, plan.registry);
    context.agree(if plan.is_empty() { &[] } else { std::slice::from_ref(&risk) })?;
    let mut applied = vacuum.apply(&plan, Freshness { now: now()?, hours: command.dump_age })?;
    if let Some(folder) = command.emit.as_ref().filter(|_| !applied.catalogs.is_empty()) {
        files::replace_folder(folder, &resources(vacuum.site, &applied), MARKER)?;
    }
    // What must stay and is gone can still be brought back before the registry's clean-up runs.
    let reclaimed =
        if has_errors(&applied.findings) { None } else { Some(vacuum.reclaim(&plan, &mut applied)?) };
    for (repository, tag) in &applied.tags_left {
        let message = "what it led to is gone, and the registry still lists the tag";
        applied.findings.push(Finding::warning("TAG_LEFT", format!("{repository}:{tag}"), message));
    }
    match command.format {
        ResultFormat::Json => print_json(&json!({
            "plan": plan.id(), "deleted": applied.deleted, "goneBefore": applied.gone_before,
            "catalogs": applied.catalogs, "freed": freed(reclaimed.as_ref()), "findings": applied.findings,
        }))?,
        ResultFormat::Text => {
            show_findings(&applied.findings);
            print(&done(&applied, reclaimed.as_ref(), command.emit.as_deref()))?;
        }
    }
    if has_errors(&applied.findings) {
        return Err(Failure::findings(Exit::Findings, "something that was to stay is not there, see above"));
    }
    Ok(())
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

/// Bytes that the registry gave back, where that was measured.
fn freed(reclaimed: Option<&Reclaimed>) -> Option<u64> {
    match reclaimed {
        Some(Reclaimed::Nexus(done)) => Some(done.before.saturating_sub(done.after)),
        Some(Reclaimed::Told(_)) | None => None,
    }
}

/// What came of it, for people.
fn done(applied: &Applied, reclaimed: Option<&Reclaimed>, emitted: Option<&Path>) -> String {
    let mut text =
        format!("{} manifests deleted, {} were gone already\n", applied.deleted, applied.gone_before);
    for change in &applied.catalogs {
        let _ = writeln!(text, "{} leads to {}", change.tag, change.after);
    }
    match reclaimed {
        Some(Reclaimed::Nexus(done)) => {
            let freed = done.before.saturating_sub(done.after);
            let _ = writeln!(text, "Nexus ran {}: {freed} bytes freed", Safe(&done.ran.join(", ")));
        }
        Some(Reclaimed::Told(what)) if applied.deleted > 0 => {
            let _ = writeln!(text, "to free the space: {what}");
        }
        Some(Reclaimed::Told(_)) | None => {}
    }
    if let Some(folder) = emitted.filter(|_| !applied.catalogs.is_empty()) {
        let _ = writeln!(text, "next: oc apply -f {}", SafePath(&folder.join("cluster")));
    }
    text.push_str("then: ombundle check --site …; the next archive needs a new site report, for receipts from before know of more than there is\n");
    text
}

/// A plan for people: what goes, by repository, and what that gives. What stays is in the file.
fn told(plan: &VacuumPlan, file: Option<&Path>) -> String {
    let mut text = String::new();
    for change in &plan.catalogs {
        let _ = writeln!(
            text,
            "catalog {}: {} becomes {}",
            change.tag,
            change.before.short(),
            change.after.short()
        );
        for (package, Removal { whole, channels, bundles }) in &change.removed {
            let names =
                |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let lost = match (whole, channels.is_empty()) {
                (true, _) => "all of it, nobody has it installed".to_owned(),
                (false, true) => names(bundles),
                (false, false) => format!("{}; channels {}", names(bundles), names(channels)),
            };
            let _ = writeln!(text, "  {} loses {}", Safe(package), Safe(&lost));
        }
    }
    for (name, repository) in plan.repositories.iter().filter(|(_, repository)| !repository.gone.is_empty()) {
        let Weight { frees, shared, .. } = repository.weight;
        let (goes, stays) = (repository.gone.len(), repository.kept.len());
        let _ = writeln!(text, "{name}: {goes} go, {stays} stay; frees {frees} bytes, {shared} are shared");
        for item in &repository.gone {
            let why =
                item.why.first().map(|reason| format!("{} {}", reason.rule, reason.by)).unwrap_or_default();
            let _ = writeln!(text, "  {} {}", item.digest, Safe(why.trim()));
        }
    }
    let totals = &plan.totals;
    let Weight { held, frees, .. } = totals.weight;
    let _ = writeln!(
        text,
        "{} of {} to go: {frees} of {held} bytes are freed; left alone, as not the site's: {}",
        totals.gone,
        counted(totals.gone + totals.kept, "manifest"),
        counted(plan.others.len(), "repository")
    );
    if totals.later > 0 {
        let _ = writeln!(
            text,
            "{} bytes more in a later run: once no cluster serves the catalogs of today, and they are no way back",
            totals.later
        );
    }
    if let Some(file) = file {
        let _ = writeln!(text, "the plan is {} ({})", SafePath(file), plan.id());
    }
    text
}
