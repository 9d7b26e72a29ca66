//! `release path`: the way from one OpenShift release to another.

use std::collections::BTreeSet;

use clap::Args;

use crate::cli::access::{Side, client};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::summary;
use crate::cli::options::{RegistryArgs, ResultFormat};
use crate::cli::{Context, print, print_json};
use crate::event::{Event, Events};
use crate::fault::Exit;
use crate::finding::has_errors;
use crate::flow::release::{GraphRequest, graph, unknown_risks};
use crate::limits::LIMITS;
use crate::plan::exit;
use crate::release::{
    Architecture, HopRisk, Minor, PathRequest, ReleaseChannel, ReleaseHop, ReleasePathReport,
};
use crate::site::ProfileName;
use crate::text::Safe;
use crate::version::Version;

/// Show the way from one OpenShift release to another, and why
///
/// Conditional updates are taken only where there is no other way, and then each of their risks must be accepted by name;
/// until then the command ends with exit code 10, as it does where there is no way; a graph that contradicts itself ends it with 3.
/// A graph is a reply of the update service that was stored, a graph-data
/// folder or tarball (which knows channels and blocked edges and needs a reply or releases' metadata beside it), or the
/// address of an update service; several add up. Without one, the public update service is asked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  ombundle release path --channel stable-4.20 --from 4.19.3 --to 4.20.5\n  \
                  ombundle release path --channel eus-4.20 --from 4.18.20 --format json\n  \
                  ombundle release path --from 4.12.20 --to 4.13.36 --graph graph.json --accept-risk DiskFull")]
pub(super) struct PathCommand {
    /// The update channel that the cluster is on; by default `stable-` and the target's minor release
    #[arg(long, value_name = "NAME")]
    channel: Option<ReleaseChannel>,

    /// The version that runs
    #[arg(long, value_name = "VERSION")]
    from: Version,

    /// The version to reach; by default the highest of the channel
    #[arg(long, value_name = "VERSION")]
    to: Option<Version>,

    /// Where the update graph comes from; may be repeated
    #[arg(long, value_name = "FILE|DIR|URL")]
    graph: Vec<String>,

    /// For which machines: amd64, arm64, ppc64le, s390x or multi
    #[arg(long, value_name = "ARCH", default_value = "amd64")]
    arch: Architecture,

    /// A risk that may be taken; may be repeated
    #[arg(long, value_name = "NAME")]
    accept_risk: Vec<String>,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    registries: RegistryArgs,
}

pub(super) fn run(command: PathCommand, context: &Context) -> Result<(), Failure> {
    let channel = channel(&command, context)?;
    let client = client(&command.registries, Side::Connected, ProfileName::Auto, context)?;
    let channels = channel.since(&command.from);
    let request = GraphRequest { sources: &command.graph, channels: &channels, architecture: command.arch };
    let (graph, mut findings) = graph(&request, &client, &LIMITS)?;
    let accepted: BTreeSet<String> = command.accept_risk.iter().cloned().collect();
    let sound = !has_errors(&findings);
    if sound {
        findings.extend(unknown_risks(&graph, &accepted));
    }
    let report = ReleasePathReport {
        channel: channel.to_string(),
        architecture: command.arch.to_string(),
        from: command.from.to_string(),
        to: command.to.as_ref().map(ToString::to_string),
        hops: None,
        findings,
    };
    let report = if sound {
        let (from, to, channel) = (&command.from, command.to.as_ref(), Some(&channel));
        report.with(&graph.path(&PathRequest { from, to, channel, accepted: &accepted }, &LIMITS))
    } else {
        report
    };
    show(&report, command.format)?;
    match (sound, has_errors(&report.findings)) {
        (false, _) => {
            // A graph that contradicts itself is damaged; one that lacks what was asked for is not.
            let exit = match exit(&report.findings) {
                Exit::Integrity => Exit::Integrity,
                _ => Exit::Findings,
            };
            Err(summary(exit, "the update graph", &report.findings))
        }
        (true, true) if report.hops.is_some() => {
            Err(Failure::findings(Exit::Findings, "the way has risks that are not accepted, named above"))
        }
        (true, true) => {
            Err(Failure::findings(Exit::Findings, format!("there is no way from {}", report.from)))
        }
        (true, false) => Ok(()),
    }
}

/// The channel as given, else the stable one of the target.
fn channel(command: &PathCommand, context: &Context) -> Result<ReleaseChannel, Failure> {
    match (&command.channel, &command.to) {
        (Some(channel), _) => Ok(channel.clone()),
        (None, Some(to)) => {
            let channel = ReleaseChannel::stable(Minor::of(to));
            let text = format!("no channel is named: {channel} is taken, after the target");
            context.console.emit(&Event::Note { text: &text });
            Ok(channel)
        }
        (None, None) => Err(Failure::usage("neither a target nor a channel is named")
            .hint("give `--to 4.20.5`, or `--channel stable-4.20` for its highest release")),
    }
}

fn show(report: &ReleasePathReport, format: ResultFormat) -> Result<(), Failure> {
    if format == ResultFormat::Json {
        return print_json(report);
    }
    show_findings(&report.findings);
    let (Some(hops), Some(to)) = (&report.hops, &report.to) else { return Ok(()) };
    let mut text = format!("{} → {to} in {} for {}\n", report.from, report.channel, report.architecture);
    for (number, hop) in hops.iter().enumerate() {
        show_hop(&mut text, number + 1, hop);
    }
    if hops.is_empty() {
        text.push_str("     nothing to do\n");
    }
    print(&text)
}

fn show_hop(text: &mut String, number: usize, hop: &ReleaseHop) {
    let payload = hop.payload.as_deref().unwrap_or("(the graph does not know its release image)");
    text.push_str(&format!("{number:>3}. {}  {}\n", Safe(&hop.version), Safe(payload)));
    text.push_str(&format!("     {}\n", Safe(&hop.reason)));
    for risk in &hop.risks {
        show_risk(text, risk);
    }
}

/// A risk with all that a person needs to decide: what goes wrong, the page about it, how a cluster finds out whether it is concerned.
pub(in crate::cli) fn show_risk(text: &mut String, risk: &HopRisk) {
    let one_line = |words: &str| words.split_whitespace().collect::<Vec<_>>().join(" ");
    let accepted = if risk.accepted { "accepted" } else { "not accepted" };
    text.push_str(&format!(
        "     risk {} ({accepted}): {}\n",
        Safe(&risk.name),
        Safe(&one_line(&risk.message))
    ));
    text.push_str(&format!("       {}\n", Safe(&risk.url)));
    for rule in &risk.matching_rules {
        let query = rule.promql.as_deref().map(|query| format!(": {}", one_line(query))).unwrap_or_default();
        text.push_str(&format!("       {}{}\n", Safe(&rule.kind), Safe(&query)));
    }
}
