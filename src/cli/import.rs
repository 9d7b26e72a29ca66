//! `import`: an archive into the site's registries, and the cluster resources out.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::archive::Front;
use crate::cli::access::{Side, client};
use crate::cli::custody::{CustodyArgs, Told, failed};
use crate::cli::doctor::{Asked, ask};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::{SiteFile, cluster_dumps, now};
use crate::cli::merging::MergeArgs;
use crate::cli::options::{RegistryArgs, ResultFormat};
use crate::cli::releases::ReleaseKeyArgs;
use crate::cli::verify::policy;
use crate::cli::volumes::ArchiveArgs;
use crate::cli::{Context, print, print_json};
use crate::fault::{AnyFault, Exit};
use crate::finding::has_errors;
use crate::flow::import::{Forecast, Import, Imported, Load, Move, Until};
use crate::limits::LIMITS;
use crate::papers::Deed;
use crate::release::{ReleaseKeys, VerificationConfig};
use crate::site::cluster::ClusterDump;
use crate::store::volumes::Medium;
use crate::text::{Safe, counted};

/// In the air gap: verify, stage, merge, promote, check, and write the cluster resources
///
/// The archive is judged in full before the first byte is written. Its images go to the staging registry and from there on to
/// production, where nothing refers to them until the merged catalog takes the place of the old one with one request. What
/// production offered stays on offer, or the import is refused with the conflict named. Broken off at any point, the same
/// command goes on where it stopped; run again when it is done, it changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle import upgrade.ombundle --site site.yaml -o out\n  \
                  ombundle import upgrade.ombundle --site site.yaml -o out --dry-run      # what would be written\n  \
                  ombundle import upgrade.ombundle --site site.yaml -o out --until stage  # the rest later\n  \
                  oc get csv,subs -A -o json > dump.json\n  \
                  oc get idms,itms,catalogsource,clustercatalog -A -o json > names.json\n  \
                  ombundle import upgrade.ombundle --site site.yaml -o out --cluster dump.json --cluster names.json\n\n\
                  Then read out/RUNBOOK.md (also in Korean and Chinese).")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct ImportCommand {
    #[command(flatten)]
    archive: ArchiveArgs,

    /// The site file
    #[arg(long, value_name = "FILE", env = "OMBUNDLE_SITE")]
    site: PathBuf,

    /// The folder that is written: cluster resources, patches, way back, catalogs as text, runbook, receipt
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Stop early; the same command without this goes on
    #[arg(long, value_enum, value_name = "STEP")]
    until: Option<UntilArg>,

    /// A dump of the cluster (`oc get … -o json`): what runs, and which names are taken. That of its ConfigMap `release-verification`
    /// says whose OpenShift releases it believes, where the site file names no keys
    #[arg(long, value_name = "DUMP.json")]
    cluster: Vec<PathBuf>,

    #[command(flatten)]
    merge: MergeArgs,

    #[command(flatten)]
    release_keys: ReleaseKeyArgs,

    /// Write an ImageContentSourcePolicy instead of an ImageDigestMirrorSet: for a cluster before OpenShift 4.13
    #[arg(long)]
    legacy_icsp: bool,

    /// Take an archive that has expired, or that is from the future. The reason is recorded
    #[arg(long, value_name = "REASON")]
    accept_time: Option<String>,

    /// Read every blob of production back and hash it before anything refers to it, instead of believing the registry
    #[arg(long)]
    paranoid: bool,

    /// Say what would be written, and write nothing: the archive is judged, the catalogs are merged, and each repository is
    /// asked whether it would take an upload
    #[arg(long)]
    dry_run: bool,

    /// Only ask what `ombundle doctor` asks, with this archive: both registries, this machine, Nexus. Nothing is written
    #[arg(long, conflicts_with_all = ["dry_run", "until"])]
    preflight_only: bool,

    #[command(flatten)]
    custody: CustodyArgs,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    registries: RegistryArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UntilArg {
    /// Everything is in the staging registry; production is untouched
    Stage,
    /// Production offers it; the cluster resources are not written
    Promote,
}

/// What was decided on the command line and cannot be taken back once clusters have seen it.
fn risks(command: &ImportCommand) -> Vec<String> {
    let late = command.accept_time.iter().map(|reason| {
        format!("the archive is taken although the clock may speak against it: {}", Safe(reason))
    });
    command.merge.risks().into_iter().chain(late).collect()
}

/// Says which volume to copy again.
fn name_damage(fault: &AnyFault, medium: &Medium) {
    if fault.exit() == Exit::Integrity {
        show_findings(medium.damage(0).as_slice());
    }
}

fn forecast(import: Import<'_>, source: &Arc<Medium>, command: &ImportCommand) -> Result<(), Failure> {
    let forecast =
        import.forecast(source.clone(), &command.output).inspect_err(|fault| name_damage(fault, source))?;
    match command.format {
        ResultFormat::Json => print_json(&forecast)?,
        ResultFormat::Text => {
            show_findings(&forecast.findings);
            print(&told(&forecast))?;
        }
    }
    if has_errors(&forecast.findings) {
        return Err(Failure::findings(Exit::Findings, "some of what was found needs a decision, see above"));
    }
    Ok(())
}

/// A forecast for people.
fn told(forecast: &Forecast) -> String {
    let mut text = format!("generation {} would be imported; nothing was written\n", forecast.generation);
    for (name, load) in [("staging", &forecast.staging), ("production", &forecast.production)] {
        let Load { manifests, blobs, bytes } = load;
        let _ = writeln!(
            text,
            "  to {name}: {}, {bytes} bytes, {}",
            counted(blobs, "blob"),
            counted(manifests, "manifest")
        );
    }
    for (what, moves) in [("catalog", &forecast.catalogs), ("tag", &forecast.tags)] {
        for Move { tag, from } in moves {
            let from = from.map_or_else(|| "new".to_owned(), |from| format!("now {}", from.short()));
            let _ = writeln!(text, "  {what} {}: {from}", Safe(tag));
        }
    }
    for path in &forecast.resources {
        let _ = writeln!(text, "  file {}", Safe(path));
    }
    text
}

/// The vendor's keys that are named here or in the site file; without any, those by which the cluster itself believes releases.
fn release_keys(
    command: &ImportCommand,
    site: &SiteFile,
    cluster: Option<&ClusterDump>,
) -> Result<Option<ReleaseKeys>, Failure> {
    if let Some(keys) = command.release_keys.read(Some(site))? {
        return Ok(Some(keys));
    }
    let of_cluster = cluster.map(|dump| &dump.verification).filter(|fields| !fields.is_empty());
    Ok(of_cluster
        .map(|fields| VerificationConfig::of(fields, &LIMITS))
        .transpose()?
        .map(|config| config.keys))
}

/// How far it went.
fn reached(imported: &Imported) -> &'static str {
    match imported.reached {
        Until::Stage => "staged",
        Until::Promote => "promoted",
        Until::Emit => "imported",
    }
}

/// Tells the custody record what came of it.
fn note(command: &ImportCommand, source: &Medium, outcome: &Result<Imported, Failure>, context: &Context) {
    // What was refused is not repeated.
    let believed = outcome.as_ref().ok().and_then(|_| Front::read(source, &LIMITS).ok());
    let told = Told {
        action: Deed::Import,
        archive: source.name(),
        inventory: believed.map(|front| front.inventory.digest()),
        keys: &[],
        result: &outcome.as_ref().map_or_else(failed, |imported| reached(imported).to_owned()),
    };
    command.custody.note(&told, context);
}

pub(super) fn run(command: ImportCommand, context: &Context) -> Result<(), Failure> {
    let merge = command.merge.options();
    let site = SiteFile::read(&command.site)?;
    if command.preflight_only {
        let asked = Asked {
            site,
            archive: command.archive.paths(),
            signatures: command.archive.signatures(),
            accept_time: command.accept_time.as_deref(),
            only: None,
            write_test: false,
            format: command.format,
            registries: &command.registries,
        };
        return ask(&asked, context);
    }
    let cluster = cluster_dumps(&command.cluster)?;
    let client = client(&command.registries, Side::AirGapped, site.site.spec.profile, context)?;
    let source = command.archive.open()?;
    let release_keys = release_keys(&command, &site, cluster.as_ref())?;
    let trust = site.trust()?;
    let mut policy = policy(Some(&site), command.accept_time.as_deref(), now()?)?;
    show_findings(&command.archive.cosigned(&*source, &trust, &mut policy)?);
    let import = Import {
        site: &site.site,
        state: &site.state(),
        trust: &trust,
        policy,
        name: source.name(),
        cluster: cluster.as_ref(),
        release_keys: release_keys.as_ref(),
        legacy_icsp: command.legacy_icsp,
        merge,
        client: &client,
        jobs: command.registries.jobs(),
        paranoid: command.paranoid,
        until: match command.until {
            Some(UntilArg::Stage) => Until::Stage,
            Some(UntilArg::Promote) => Until::Promote,
            None => Until::Emit,
        },
        events: &*context.console,
        limits: &LIMITS,
    };
    if command.dry_run {
        return forecast(import, &source, &command);
    }
    context.agree(&risks(&command))?;
    let outcome =
        import.run(source.clone(), &command.output).inspect_err(|fault| name_damage(fault, &source));
    let outcome = outcome.map_err(Failure::from);
    note(&command, &source, &outcome, context);
    let imported = outcome?;
    let reached = reached(&imported);
    match command.format {
        ResultFormat::Json => print_json(&serde_json::json!({
            "reached": reached, "generation": imported.generation, "written": imported.written,
            "findings": imported.findings,
        }))?,
        ResultFormat::Text => {
            show_findings(&imported.findings);
            let what = if imported.written == 0 { "nothing had to be written" } else { "all of it is there" };
            print(&format!(
                "{reached}: generation {} of {}; {what}\n",
                imported.generation,
                site.site.name()
            ))?;
            if imported.reached == Until::Emit {
                print(&format!("next: read {}\n", command.output.join("RUNBOOK.md").display()))?;
            }
        }
    }
    if has_errors(&imported.findings) {
        return Err(Failure::findings(Exit::Findings, "some of what was found needs a decision, see above"));
    }
    Ok(())
}
