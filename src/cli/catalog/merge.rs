//! `catalog merge`: what arrives joined with what is served, written as a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::catalog::{Catalog, write};
use crate::cli::catalog::{load_two, load_whole};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::merging::MergeArgs;
use crate::cli::options::{ResultFormat, UpstreamArgs};
use crate::cli::{Context, print, print_json};
use crate::fault::Exit;
use crate::merge::{
    ChosenMode, Division, MergeAccount, MergeOutcome, MergedCatalog, Pair, Share, Side, merge,
};
use crate::site::InstalledOperator;
use crate::store::files;
use crate::text::{Safe, SafePath, counted};

/// The report in the folder: by it a folder of ours is known again.
const REPORT: &str = "merge-report.json";

/// Merge what arrives into what production serves, exactly as import does it
///
/// BASE is what production serves, DELTA what arrives. Nothing that BASE offers is lost, or the merge is refused with the conflict
/// named. The folder gets one folder a package in canonical form, and `merge-report.json`, which an `.indexignore` keeps out of
/// the catalog. It is written at once: what another merge wrote there before is moved to DIR.previous, and a folder of
/// anybody else is left alone. Edges that a catalog lost are taken from the CSVs that DELTA has.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ombundle catalog merge nexus.example:5000/olm/index:v4.20 ./new -o merged\n  \
                  ombundle catalog merge ./served ./new -o merged --installed web-terminal.v1.8.0 \\\n    \
                  --bridge web-terminal/fast:web-terminal.v1.9.0=web-terminal.v1.10.0\n  \
                  ombundle catalog merge ./served ./new -o merged --second apart --merge-mode web-terminal=split\n\n\
                  Exit code 9 means that a decision is needed: `--merge-mode`, `--bridge` and `--on-bundle-image` take it. Exit code 10 means \
                  that a catalog has errors: mend it first."
)]
pub(super) struct MergeCommand {
    /// The catalog that is served
    base: String,

    /// The catalog that arrives
    delta: String,

    /// The folder that is written
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// The folder of the second catalog: what `--merge-mode PACKAGE=split` takes out of the first one
    #[arg(long, value_name = "DIR")]
    second: Option<PathBuf>,

    /// The second catalog that is served already
    #[arg(long, value_name = "CATALOG", requires = "second")]
    second_base: Option<String>,

    /// What runs in the cluster, by the name of its CSV: its way to the head must survive
    #[arg(long, value_name = "NAME.vX.Y.Z")]
    installed: Vec<String>,

    #[command(flatten)]
    merge: MergeArgs,

    /// How the report looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    upstream: UpstreamArgs,
}

pub(super) fn run(command: MergeCommand, context: &Context) -> Result<(), Failure> {
    let mut options = command.merge.options();
    options.installed = command.installed.iter().map(|name| InstalledOperator::named(name)).collect();
    if command.merge.splits() && command.second.is_none() {
        let message =
            "`--merge-mode PACKAGE=split` makes a second catalog, and nothing says where to write it";
        return Err(Failure::usage(message)
            .hint("give `--second DIR`, and `--second-base CATALOG` where one is served already"));
    }
    files::check_folder(&command.output, REPORT)?;
    let [base, delta] = load_two([&command.base, &command.delta], &command.upstream, context)?;
    let (mut account, first, second) = match &command.second {
        None => {
            let (account, merged) = told(merge(&base, &delta, &[], &options), &base, &delta);
            (account, merged, None)
        }
        Some(folder) => {
            files::check_folder(folder, REPORT)?;
            let apart = command.second_base.as_ref();
            let apart = apart.map(|text| load_whole(text, &command.upstream, context)).transpose()?;
            let apart = apart.unwrap_or_default();
            let pair = Pair { first: &base, second: &apart, delta: &delta };
            let division = Division::of(pair, &options);
            let [(mut account, first), (second_account, second)] =
                [Share::First, Share::Second].map(|share| {
                    let part = division.part(share, pair, &options);
                    told(part.merge(&[]), part.base(), part.delta())
                });
            account.merged &= second_account.merged;
            account.second = Some(Box::new(second_account));
            (account, first, Some((folder, second)))
        }
    };
    let second = second.map(|(folder, merged)| merged.map(|merged| (folder, merged)));
    let (Some(merged), None | Some(Some(_))) = (first, &second) else {
        account.merged = false;
        show(&account, command.format)?;
        return Err(Failure::findings(
            Exit::Conflict,
            "the catalogs cannot be merged without a decision; nothing was written",
        ));
    };
    show(&account, command.format)?;
    let say = command.format == ResultFormat::Text;
    // What leaves the first is in the second before.
    if let (Some((folder, apart)), Some(account)) = (second.flatten(), &account.second) {
        written(folder, &apart, account, say)?;
    }
    written(&command.output, &merged, &account, say)
}

fn told(outcome: MergeOutcome, base: &Catalog, delta: &Catalog) -> (MergeAccount, Option<MergedCatalog>) {
    let account = outcome.report.account(base, delta, outcome.catalog.is_some());
    (account, outcome.catalog)
}

/// Writes a folder, and says so if that is wanted.
fn written(folder: &Path, merged: &MergedCatalog, account: &MergeAccount, say: bool) -> Result<(), Failure> {
    let mut files = write::files(merged.catalog());
    files.extend(beside(account)?);
    let changed = files::replace_folder(folder, &files, REPORT)?;
    if say {
        let what = if changed { "written to" } else { "nothing has changed in" };
        print(&format!("{what} {}\n", SafePath(folder)))?;
    }
    Ok(())
}

/// What lies beside the catalog, and the rule that keeps it out of it.
fn beside(account: &MergeAccount) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut report = serde_json::to_vec_pretty(account).map_err(Failure::usage)?;
    report.push(b'\n');
    let ignored = format!("/{REPORT}\n").into_bytes();
    Ok(BTreeMap::from([(REPORT.to_owned(), report), (".indexignore".to_owned(), ignored)]))
}

fn show(account: &MergeAccount, format: ResultFormat) -> Result<(), Failure> {
    if format == ResultFormat::Json {
        return print_json(account);
    }
    show_findings(&account.findings);
    if let Some(second) = &account.second {
        show(second, format)?;
    }
    let mut text = String::new();
    for (name, package) in &account.packages {
        let how = match (package.mode, package.from) {
            (ChosenMode::Carry, Side::Delta) => "new",
            // What only production has is most of a catalog, and says nothing.
            (ChosenMode::Carry, _) => continue,
            (ChosenMode::Union, _) => "united",
            (ChosenMode::Replace, _) => "taken whole from what arrived",
            (ChosenMode::Split, _) => "split off, taken whole from what arrived",
            (ChosenMode::Keep, _) => "kept as it was",
        };
        text.push_str(&format!("{}: {how}\n", Safe(name)));
        for (channel, steps) in &package.channels {
            for step in steps {
                text.push_str(&format!("  {}: {}\n", Safe(channel), Safe(&step.to_string())));
            }
        }
    }
    let kept = account.packages.values().filter(|package| package.from == Side::Base).count();
    text.push_str(&format!("{kept} of {} as before\n", counted(account.packages.len(), "package")));
    print(&text)
}
