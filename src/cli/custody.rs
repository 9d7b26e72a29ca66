//! `custody`: the record of who did what with an archive, kept on request and shown.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::archive::Text;
use crate::cli::failure::Failure;
use crate::cli::inputs::now;
use crate::cli::options::ResultFormat;
use crate::cli::{Context, print, print_json};
use crate::digest::Digest;
use crate::fault::Exit;
use crate::papers::{Custody, Deed, custody};
use crate::store::journal::Journal;
use crate::store::lock::machine;
use crate::text::{Safe, SafePath, counted};
use crate::trust::KeyId;

/// Show who did what with an archive
///
/// `pack`, `media write`, `sign`, `verify` and `import` add a line to the record that `--custody` names. Each line holds the digest of the
/// one before, so that one that was changed, left out or moved is named. Nobody signs the record: to know that no line was cut off its
/// end, and that it was not written anew, note the digest of the last line when it changes hands, and ask with `--holds` for it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ombundle verify upgrade.ombundle --site site.yaml --custody custody.jsonl --by 'Kim'\n  \
                  ombundle custody show custody.jsonl"
)]
pub(super) struct CustodyCommand {
    #[command(subcommand)]
    action: Show,
}

#[derive(Debug, Subcommand)]
enum Show {
    /// Check a record and print it
    #[command(after_help = "Example:\n  ombundle custody show custody.jsonl")]
    Show {
        /// The record
        file: PathBuf,
        /// Fail unless the record has a line with this digest: what was noted when it was seen last
        #[arg(long, value_name = "DIGEST", value_parser = Digest::from_str)]
        holds: Option<Digest>,
        /// How the result looks
        #[arg(long, value_enum, default_value = "text")]
        format: ResultFormat,
    },
}

pub(super) fn run(command: CustodyCommand, _: &Context) -> Result<(), Failure> {
    let Show::Show { file, holds, format } = command.action;
    if !file.exists() {
        return Err(Failure::usage(format!("there is no `{}`", SafePath(&file))));
    }
    let chain = Journal::<Custody>::read_chain(&file)?;
    if let Some(digest) = holds.filter(|digest| chain.iter().all(|(_, line)| line != digest)) {
        let text = format!(
            "`{}` has no line {digest}: its end was cut off, or it was written anew",
            SafePath(&file)
        );
        let failure = Failure::findings(Exit::Integrity, text);
        return Err(failure.hint("ask whoever had it for their copy, and compare the two"));
    }
    let last = chain.last().map(|(_, digest)| *digest);
    let lines: Vec<Custody> = chain.into_iter().map(|(line, _)| line).collect();
    match format {
        ResultFormat::Json => print_json(&json!({"lines": lines, "last": last})),
        ResultFormat::Text => {
            let last = last.map(|last| format!(", the last one {last}")).unwrap_or_default();
            print(&format!("{}{}{last}\n", custody(&lines), counted(lines.len(), "line")))
        }
    }
}

/// Whether a line is added to a custody record.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Custody")]
pub(super) struct CustodyArgs {
    /// Add a line to this custody record: who, where, when, what, and what came of it. It is begun where there is none
    #[arg(long = "custody", value_name = "FILE", env = "OMBUNDLE_CUSTODY")]
    file: Option<PathBuf>,

    /// Who does this, for the custody record; by default the name of the user
    #[arg(long, value_name = "NAME", env = "OMBUNDLE_BY")]
    by: Option<String>,
}

/// What is told of an archive.
pub(super) struct Told<'t> {
    /// What was done.
    pub(super) action: Deed,
    /// The archive's file name.
    pub(super) archive: &'t str,
    /// Digest of its inventory, where it was believed.
    pub(super) inventory: Option<Digest>,
    /// The keys that signed.
    pub(super) keys: &'t [KeyId],
    /// What came of it.
    pub(super) result: &'t str,
}

impl CustodyArgs {
    /// Adds a line, if a record was named. That it cannot is told and no reason to fail: the work is done.
    pub(super) fn note(&self, told: &Told<'_>, context: &Context) {
        let Some(file) = &self.file else { return };
        if let Err(failure) = self.append(file, told) {
            let text =
                format!("warning: the custody record `{}` has no line of this: {failure}", SafePath(file));
            context.console.say(&text);
        }
    }

    fn append(&self, file: &std::path::Path, told: &Told<'_>) -> Result<(), String> {
        let user = || std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
        let line = Custody {
            at: now().map_err(|failure| failure.told())?,
            who: Text::tamed(&self.by.clone().unwrap_or_else(user)),
            keys: told.keys.to_vec(),
            host: Text::tamed(&machine()),
            action: told.action,
            archive: Text::tamed(told.archive),
            inventory: told.inventory,
            result: Text::tamed(told.result),
        };
        let shown = |error: crate::store::StoreError| Failure::from(error).told();
        Journal::open_shared(file).and_then(|mut journal| journal.append(&line)).map_err(shown)
    }
}

/// How a command that failed is told in a few words.
pub(super) fn failed(failure: &Failure) -> String {
    format!("failed with exit code {}: {}", failure.exit() as u8, Safe(&failure.told()))
}
