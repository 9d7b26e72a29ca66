//! `site history`: what came to a site, from which plan, by whom signed, and what that changed.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::access::if_reached;
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::SiteFile;
use crate::cli::numbers::Numbers;
use crate::cli::options::{RegistryArgs, ResultFormat};
use crate::cli::{Context, print, print_json};
use crate::fault::Exit;
use crate::finding::{Finding, has_errors};
use crate::flow::history::Historian;
use crate::flow::record::Log;
use crate::flow::vacuum;
use crate::limits::LIMITS;
use crate::site::{GenerationState, ReceiptStep, SiteHistory, Stage};
use crate::store::journal::Journal;
use crate::text::{Safe, counted};

/// What came to a site: generation by generation, and what does not fit together
///
/// Lays the record of packed archives and the journals of this machine beside the signed inventories that production keeps, and tells
/// of each archive from which plan it is, who signed it, when it came into force, and which digests were there before and after. The
/// chains of records and the signatures are verified. Generations that were replayed, passed over or are foreign are named; exit code 10
/// means that an error is among that. Works on both sides: where production is out of reach, only what this machine recorded is told.
/// Writes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle site history --site site.yaml\n  \
                  ombundle site history --site site.yaml --format json | jq '.generations[] | {generation, stage}'")]
pub(super) struct HistoryCommand {
    /// The site file
    #[arg(long, value_name = "FILE", env = "OMBUNDLE_SITE")]
    site: PathBuf,

    /// Ask no registry: tell what this machine recorded
    #[arg(long)]
    offline: bool,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    registries: RegistryArgs,
}

pub(super) fn run(command: HistoryCommand, context: &Context) -> Result<(), Failure> {
    let file = SiteFile::read(&command.site)?;
    let reached = if command.offline {
        Err("`--offline` says so".to_owned())
    } else {
        if_reached(&file.site, &command.registries, context)?
    };
    let historian = Historian {
        site: &file.site,
        trust: &file.trust()?,
        packed: &Numbers::of(file.site.name(), Some(&file), context)?.all()?,
        records: &Journal::read(&Log::path(&file.state()))?,
        vacuums: &Journal::read(&vacuum::record::path(&file.state()))?,
        client: reached.as_ref().ok(),
        limits: &LIMITS,
    };
    let mut history = historian.tell()?;
    if let Err(why) = &reached {
        history.findings.push(not_asked(&file, why));
    }
    match command.format {
        ResultFormat::Json => print_json(&history)?,
        ResultFormat::Text => {
            show_findings(&history.findings);
            print(&told(&history))?;
        }
    }
    if has_errors(&history.findings) {
        return Err(Failure::findings(Exit::Findings, "the history of this site does not fit together"));
    }
    Ok(())
}

fn not_asked(file: &SiteFile, why: &str) -> Finding {
    let production = &file.site.spec.production.registry;
    Finding::info("NOT_ASKED", production, format!("production was not asked: {why}"))
        .hint("what is told is what this machine recorded")
}

/// The history for people.
fn told(history: &SiteHistory) -> String {
    let in_force = history.generations.iter().filter(|state| state.stage == Stage::Imported);
    let mut text = match in_force.clone().map(|state| state.generation).max() {
        None => format!("site {}: no generation came into force\n", history.site),
        Some(last) => format!(
            "site {}: {} came into force, the last is {last}\n",
            history.site,
            counted(in_force.count(), "generation")
        ),
    };
    for state in &history.generations {
        generation(&mut text, state);
    }
    for back in &history.returns {
        let at = back.at.as_deref().unwrap_or("broken off");
        let _ = writeln!(text, "rollback from {} to {}: {}", back.from, back.to, Safe(at));
        steps(&mut text, &back.steps);
    }
    for vacuum in &history.vacuums {
        let end = if vacuum.done { "" } else { ", broken off" };
        let what = match &vacuum.to {
            Some(to) => format!("production moved to {to}"),
            None => format!("{} deleted", counted(vacuum.deleted, "manifest")),
        };
        let _ = writeln!(text, "vacuum {}: {what}{end}", Safe(&vacuum.at));
        steps(&mut text, &vacuum.steps);
    }
    text
}

fn generation(text: &mut String, state: &GenerationState) {
    let came = match state.stage {
        Stage::Packed => "packed",
        Stage::Begun => "begun",
        Stage::Staged => "staged",
        Stage::Promoted => "promoted",
        Stage::Switched => "in force in part",
        Stage::Imported => "in force",
    };
    let when = match state.imported.last().or(state.begun.as_ref()).or(state.created.as_ref()) {
        Some(when) => format!(" {when}"),
        None => String::new(),
    };
    let _ = writeln!(text, "generation {}: {came}{}", state.generation, Safe(&when));
    let _ = writeln!(text, "  inventory  {}", state.inventory);
    if let Some(plan) = &state.plan {
        let _ = writeln!(text, "  plan       {plan}");
    }
    if !state.signers.is_empty() {
        let _ = writeln!(text, "  signed by  {}", Safe(&state.signers.join(", ")));
    }
    if let Some(reason) = &state.accept_time {
        let _ = writeln!(text, "  the clock was overruled: {}", Safe(reason));
    }
    steps(text, &state.steps);
}

fn steps(text: &mut String, steps: &[ReceiptStep]) {
    for ReceiptStep { subject, before, after } in steps {
        let before = before.map_or_else(|| "nothing".to_owned(), |before| before.to_string());
        let _ = writeln!(text, "  {}\n    {before}\n    → {after}", Safe(subject));
    }
}
