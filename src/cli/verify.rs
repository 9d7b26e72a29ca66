//! `verify`: an archive judged where it lies.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use crate::archive::{ImageKind, Moment, ReadAt};
use crate::cli::access::if_reached;
use crate::cli::custody::{CustodyArgs, Told, failed};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::{SiteFile, now, public_key, trust};
use crate::cli::mending::{self, Mended};
use crate::cli::options::{RegistryArgs, ResultFormat};
use crate::cli::releases::ReleaseKeyArgs;
use crate::cli::volumes::ArchiveArgs;
use crate::cli::{Context, print, print_json};
use crate::event::Events;
use crate::fault::{Exit, Fault};
use crate::finding::{Finding, has_errors};
use crate::flow;
use crate::flow::prerequisites::{self, Asker};
use crate::flow::record::{History, Log, Record};
use crate::flow::release_closure;
use crate::flow::release_proof::prove;
use crate::limits::LIMITS;
use crate::papers::Deed;
use crate::plan;
use crate::release::ReleaseKeys;
use crate::store::journal::Journal;
use crate::store::mended::MendedFile;
use crate::store::volumes::Medium;
use crate::text::{SafePath, counted};
use crate::trust::TrustSet;
use crate::verify::{Floor, Policy, Refusal, Refused, VerifiedArchive, recipe};

/// Judge an archive: signature, trust, target, age, every byte
///
/// Reads the archive once, on all cores, and writes nothing. Needs no network and no registry. Every defect is named with its entry
/// and its place; exit code 3 means damage, 4 means that it is not to be trusted. With `--site`, where production answers, it is asked for
/// all that the archive builds on; exit code 5 means that some of it is missing.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("keys").required(true).multiple(false))]
#[command(after_help = "Examples:\n  ombundle verify upgrade.ombundle --site site.yaml\n  \
                  ombundle verify upgrade.ombundle --trust-key signer.pub\n  \
                  ombundle verify upgrade.ombundle --trust-key a.pub --trust-key b.pub --threshold 2\n  \
                  ombundle verify upgrade.ombundle --trust-key signer.pub --explain > audit.sh\n  \
                  ombundle verify /media/usb --site site.yaml --repair-to /data  # mends lost blocks")]
pub(super) struct VerifyCommand {
    #[command(flatten)]
    archive: ArchiveArgs,

    /// The site file: whose signatures count, and for which site the archive must be
    #[arg(long, value_name = "FILE", group = "keys")]
    site: Option<PathBuf>,

    /// A public key that counts, instead of those of a site file
    #[arg(long, value_name = "FILE", group = "keys")]
    trust_key: Vec<PathBuf>,

    /// How many of them must have signed
    #[arg(long, value_name = "N", default_value_t = 1, requires = "trust_key")]
    threshold: u32,

    #[command(flatten)]
    release_keys: ReleaseKeyArgs,

    /// Take an archive that has expired, or that is from the future. The reason is reported
    #[arg(long, value_name = "REASON")]
    accept_time: Option<String>,

    /// Mend the archive with the repair data beside it, and write it to this file, or into this folder under its own name. What
    /// comes out is judged, and kept only if it is taken. Nothing is written where nothing is damaged
    #[arg(long, value_name = "FILE|DIR", conflicts_with = "explain")]
    repair_to: Option<PathBuf>,

    #[command(flatten)]
    custody: CustodyArgs,

    /// Print a script that an auditor runs instead, with `tar`, `sha256sum` and `openssl` alone
    #[arg(long)]
    explain: bool,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    registries: RegistryArgs,
}

pub(super) fn run(command: VerifyCommand, context: &Context) -> Result<(), Failure> {
    let site = command.site.as_deref().map(SiteFile::read).transpose()?;
    let (key_files, threshold) = match &site {
        Some(site) => (site.site.key_files(&site.base), site.site.spec.trust.threshold),
        None => (command.trust_key.clone(), command.threshold),
    };
    if command.explain {
        let keys = key_files
            .iter()
            .map(|file| public_key(file).map(|_| file.display().to_string()))
            .collect::<Result<Vec<_>, Failure>>()?;
        let threshold = usize::try_from(threshold).unwrap_or(usize::MAX);
        let files: Vec<String> =
            command.archive.open()?.files().map(|path| path.display().to_string()).collect();
        let beside = command.archive.signature_files()?;
        return print(&recipe(&files, &beside, &keys, threshold));
    }
    let mut policy = policy(site.as_ref(), command.accept_time.as_deref(), now()?)?;
    let trust = trust(&key_files, threshold)?;
    let found = match &command.repair_to {
        None => Found::Whole(command.archive.open()?),
        Some(to) => match mending::mend(command.archive.paths(), to, context)? {
            Mended::Nothing(notes) => {
                show_findings(&notes);
                Found::Whole(command.archive.open()?)
            }
            Mended::Beyond(findings) => return refuse(&command, &findings, Exit::Integrity, &trust),
            Mended::File { file, path, notes } => {
                show_findings(&notes);
                Found::Mended { file, path }
            }
        },
    };
    let beside = command.archive.cosigned(&*found.source(), &trust, &mut policy)?;
    let result = flow::verify::verify(found.source(), &trust, &policy, &*context.console, &LIMITS);
    let release_keys = command.release_keys.read(site.as_ref())?;
    let releases = match &result {
        Ok(archive) => releases(archive, &command, release_keys.as_ref(), policy.now, &*context.console)?,
        Err(_) => Vec::new(),
    };
    found.settle(result.is_ok() && !has_errors(&releases))?;
    let lacking = match (&result, &site) {
        (Ok(archive), Some(site)) if !has_errors(&releases) => lacking(archive, site, &command, context)?,
        _ => Vec::new(),
    };
    let believed = result.as_ref().ok().filter(|_| !has_errors(&releases) && !has_errors(&lacking));
    let inventory = believed.map(|archive| archive.inventory().digest());
    let judged = report(&command, result, [beside, releases, lacking].concat(), &trust, &found);
    let outcome = judged.as_ref().err().map_or_else(|| "verified".to_owned(), failed);
    let archive = command.archive.shown();
    let told = Told { action: Deed::Verify, archive: &archive, inventory, keys: &[], result: &outcome };
    command.custody.note(&told, context);
    judged
}

/// What is judged.
enum Found {
    /// The archive where it lies.
    Whole(Arc<Medium>),
    /// One that was mended, and has no name yet.
    Mended { file: Arc<MendedFile>, path: PathBuf },
}

impl Found {
    fn source(&self) -> Arc<dyn ReadAt> {
        match self {
            Self::Whole(medium) => medium.clone(),
            Self::Mended { file, .. } => file.clone(),
        }
    }

    /// Where the mended archive is.
    fn mended(&self) -> Option<&Path> {
        match self {
            Self::Whole(_) => None,
            Self::Mended { path, .. } => Some(path),
        }
    }

    /// What was mended gets its name if it is taken; otherwise it goes.
    fn settle(&self, is_taken: bool) -> Result<(), Failure> {
        match self {
            Self::Mended { file, .. } if is_taken => Ok(file.keep()?),
            Self::Mended { file, .. } => {
                file.discard();
                Ok(())
            }
            Self::Whole(_) => Ok(()),
        }
    }

    /// The volumes to copy again.
    fn damage(&self, refused: &Refused) -> Vec<Finding> {
        let Self::Whole(medium) = self else { return Vec::new() };
        let is_damage = |refusal: &&Refusal| refusal.exit() == Exit::Integrity;
        let places = refused.refusals().iter().filter(is_damage).map(|refusal| refusal.offset);
        let mut findings: Vec<Finding> = places.filter_map(|offset| medium.damage(offset)).collect();
        findings.dedup();
        let files: Vec<PathBuf> = medium.files().map(Path::to_owned).collect();
        findings.extend(mending::offer(&files).filter(|_| refused.exit() == Exit::Integrity));
        findings
    }
}

/// What is wrong with the OpenShift releases of an archive. Whoever gave neither a site file nor keys for releases asked for the
/// archive's own signature alone, and is told so; an import asks for both.
fn releases(
    archive: &VerifiedArchive,
    command: &VerifyCommand,
    keys: Option<&ReleaseKeys>,
    now: Moment,
    events: &dyn Events,
) -> Result<Vec<Finding>, Failure> {
    let mut releases = archive.inventory().roots.iter().filter(|root| root.kind == ImageKind::Release);
    let Some(first) = releases.next() else { return Ok(Vec::new()) };
    if command.site.is_none() && command.release_keys.named().is_empty() {
        let message = "nobody looked whether its OpenShift releases are signed by their vendor";
        let hint = "name the vendor's public keys with `--release-key`, or the site file with `--site`";
        let subject = format!("{}@{}", first.source, first.digest);
        return Ok(vec![Finding::warning("RELEASE_NOT_COMPARED", subject, message).hint(hint)]);
    }
    let plan = flow::documents::put_together(archive, &LIMITS)?;
    match prove(&plan, keys, now, &LIMITS) {
        // What is believed is looked into.
        Ok(_) => Ok(release_closure::lacking(archive, &plan, events, &LIMITS)?),
        Err(unproven) => Ok(unproven.findings()),
    }
}

/// What production lacks of all that the archive builds on; a finding says so where it cannot be asked.
fn lacking(
    archive: &VerifiedArchive,
    site: &SiteFile,
    command: &VerifyCommand,
    context: &Context,
) -> Result<Vec<Finding>, Failure> {
    let count = archive.inventory().prerequisites.count;
    if count == 0 {
        return Ok(Vec::new());
    }
    let client = match if_reached(&site.site, &command.registries, context)? {
        Ok(client) => client,
        Err(why) => {
            let production = &site.site.spec.production.registry;
            let message =
                format!("{count} manifests and blobs that the archive builds on were not asked for: {why}");
            let hint = "`import` asks for them before its first write";
            return Ok(vec![Finding::info("NOT_ASKED", production, message).hint(hint)]);
        }
    };
    let records = Journal::read(&Log::path(&site.state()))?;
    let asker = Asker {
        site: &site.site,
        history: History(&records),
        client: &client,
        jobs: command.registries.jobs(),
        events: &*context.console,
        limits: &LIMITS,
    };
    Ok(asker.missing(archive)?)
}

/// How it ends when an archive is good in itself and some of these are errors.
fn exit_of(findings: &[Finding]) -> Exit {
    let others: Vec<Finding> =
        findings.iter().filter(|finding| finding.code != prerequisites::MISSING).cloned().collect();
    if has_errors(&others) { plan::exit(&others) } else { Exit::Prerequisite }
}

/// What this site, or nobody in particular, demands of an archive now.
pub(super) fn policy(
    site: Option<&SiteFile>,
    accept_time: Option<&str>,
    now: Moment,
) -> Result<Policy, Failure> {
    let mut policy = Policy::at(now);
    policy.accept_time = accept_time.map(str::parse).transpose()?;
    if let Some(site) = site {
        policy.site = Some(site.site.name().parse()?);
        let records = Journal::read(&Log::path(&site.state()))?;
        policy.floor =
            History(&records).in_force().map(|(sequence, inventory)| Floor { sequence, inventory });
        // A clock that was set back would make expired archives valid again.
        policy.seen = records.iter().filter_map(Record::at).max();
    }
    Ok(policy)
}

fn report(
    command: &VerifyCommand,
    result: Result<VerifiedArchive, Refused>,
    more: Vec<Finding>,
    trust: &TrustSet,
    found: &Found,
) -> Result<(), Failure> {
    match result {
        Ok(_) if has_errors(&more) => refuse(command, &more, exit_of(&more), trust),
        Ok(archive) => {
            let notes = [archive.notes(), more.as_slice()].concat();
            let inventory = archive.inventory();
            let signers: Vec<String> = archive.signers().iter().map(ToString::to_string).collect();
            match command.format {
                ResultFormat::Json => print_json(&json!({
                    "verdict": "verified", "inventory": inventory.digest(), "generation": inventory.sequence,
                    "signers": signers, "mended": found.mended(), "findings": notes,
                })),
                ResultFormat::Text => {
                    show_findings(&notes);
                    print(&format!(
                        "verified: {}{}\n  inventory   {}\n  generation  {} of channel {}\n  entries     {}, {} bytes\n  signed by   {}\n",
                        command.archive.shown(),
                        found
                            .mended()
                            .map(|path| format!(", mended into {}", SafePath(path)))
                            .unwrap_or_default(),
                        inventory.digest(),
                        inventory.sequence,
                        inventory.channel,
                        inventory.entry_count,
                        inventory.total_size,
                        archive
                            .signers()
                            .iter()
                            .map(|key| format!("{} ({})", key, key.fingerprint()))
                            .collect::<Vec<_>>()
                            .join("\n              "),
                    ))
                }
            }
        }
        Err(refused) => {
            let mut findings = refused.findings();
            findings.extend(found.damage(&refused));
            findings.extend(more);
            refuse(command, &findings, refused.exit(), trust)
        }
    }
}

fn refuse(
    command: &VerifyCommand,
    findings: &[Finding],
    exit: Exit,
    trust: &TrustSet,
) -> Result<(), Failure> {
    if command.format == ResultFormat::Json {
        // What an archive says about itself is not repeated unless it was believed.
        print_json(&json!({
            "verdict": "refused", "inventory": null, "generation": null,
            "signers": [], "trusted": trust.key_ids().map(|id| id.to_string()).collect::<Vec<_>>(),
            "findings": findings,
        }))?;
    } else {
        show_findings(findings);
    }
    let summary = format!("the archive is refused for {}, named above", counted(findings.len(), "reason"));
    Err(Failure::findings(exit, summary))
}
