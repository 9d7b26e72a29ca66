//! A move carried out: the copies, then what leads the cluster over, the site file with its ports exchanged among it.

use std::path::Path;

use serde_json::json;

use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::{SiteFile, cluster_dumps, now};
use crate::cli::options::ResultFormat;
use crate::cli::vacuum::VacuumCommand;
use crate::cli::{Context, print, print_json};
use crate::fault::Exit;
use crate::finding::{Finding, has_errors};
use crate::flow::vacuum::{Freshness, MoveInputs, Moved, Vacuum};
use crate::limits::LIMITS;
use crate::retain::{Moving, VacuumPlan};
use crate::site::Site;
use crate::store::files;
use crate::text::{SafePath, counted};

/// Carries out the plan of a move and writes what follows from it.
pub(super) fn apply(
    vacuum: &Vacuum<'_>,
    plan: &VacuumPlan,
    moving: &Moving,
    site_file: &SiteFile,
    command: &VacuumCommand,
    context: &Context,
) -> Result<(), Failure> {
    let Some(folder) = &command.emit else {
        return Err(Failure::usage(
            "the plan is one of a move: give `--emit DIR` for the runbook and the resources that lead the cluster over",
        ));
    };
    Vacuum::check_out(folder)?;
    context
        .agree(&[format!("{} takes over from {}: what moves is written there", moving.to, plan.registry)])?;
    let now = now()?;
    let moved = vacuum.apply_moving(plan, moving, Freshness { now, hours: command.dump_age })?;
    let cluster = cluster_dumps(&command.cluster)?;
    let inputs = MoveInputs { trust: &site_file.trust()?, cluster: cluster.as_ref(), now };
    let (emitted, mut findings) = vacuum.led_over(plan, &moved, &inputs)?;
    let exchanged = exchanged(&site_file.site, &files::read(&command.site, LIMITS.yaml_bytes)?);
    if exchanged.is_none() {
        let message = "`staging` and `production` could not be exchanged in a copy of it";
        findings.push(
            Finding::info("SITE_FILE_BY_HAND", command.site.display().to_string(), message)
                .hint("exchange the two yourself where the runbook says so"),
        );
    }
    let whole = emitted.is_some();
    if let Some(emitted) = emitted {
        vacuum.write_out(emitted, exchanged, folder)?;
    }
    match command.format {
        ResultFormat::Json => print_json(&json!({
            "plan": plan.id(), "to": moving.to, "written": moved.tally.written, "there": moved.tally.there,
            "catalogs": moved.catalogs, "findings": findings,
        }))?,
        ResultFormat::Text => {
            show_findings(&findings);
            print(&done(moving, &moved, folder, whole))?;
        }
    }
    if has_errors(&findings) {
        let what = if whole {
            "the port took over, and what is told above wants to be mended before the cluster is led there"
        } else {
            "the other port does not hold all that its catalogs offer: nothing was written for the cluster"
        };
        return Err(Failure::findings(Exit::Findings, what));
    }
    Ok(())
}

fn done(moving: &Moving, moved: &Moved, folder: &Path, whole: bool) -> String {
    let mut text = format!(
        "{} written to {}, {} there already\n",
        counted(moved.tally.written, "object"),
        moving.to,
        moved.tally.there
    );
    for change in &moved.catalogs {
        text.push_str(&format!("{} leads to {} there\n", change.tag.repository.repository, change.after));
    }
    if whole {
        text.push_str(&format!("next: read {}\n", SafePath(&folder.join("RUNBOOK.md"))));
    }
    text
}

/// The site file with the hosts of its ports exchanged, its comments and order kept; nothing where that would not say just that.
fn exchanged(site: &Site, bytes: &[u8]) -> Option<Vec<u8>> {
    let wanted = site.swapped();
    let mut pairs = vec![(site.spec.staging.registry.to_string(), site.spec.production.registry.to_string())];
    if let Some(nexus) = &site.spec.nexus {
        pairs.push((nexus.staging.clone()?, nexus.production.clone()));
    }
    let mut text = std::str::from_utf8(bytes).ok()?.to_owned();
    for (one, other) in pairs {
        text = swap(&text, &one, &other);
    }
    let (found, _) = Site::parse(text.as_bytes(), "site.yaml", &LIMITS);
    let same = serde_json::to_value(found?).ok()? == serde_json::to_value(wanted).ok()?;
    same.then(|| text.into_bytes())
}

/// Writes each of two names where the other one stands; what only has them as a part stays.
fn swap(text: &str, one: &str, other: &str) -> String {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let (mut swapped, mut rest, mut last) = (String::with_capacity(text.len()), text, ' ');
    while let Some(next) = rest.chars().next() {
        let after = |name: &str| rest.strip_prefix(name).filter(|after| !after.starts_with(goes_on));
        let found = [(one, other), (other, one)].into_iter().filter(|_| !goes_on(last));
        match found.into_iter().find_map(|(name, instead)| Some((after(name)?, instead))) {
            Some((after, instead)) => {
                swapped.push_str(instead);
                rest = after;
            }
            None => {
                swapped.push(next);
                rest = rest.strip_prefix(next).unwrap_or_default();
            }
        }
        last = swapped.chars().next_back().unwrap_or(last);
    }
    swapped
}

#[cfg(test)]
mod tests {
    use super::swap;

    #[test]
    fn names_change_places_and_longer_ones_stay() {
        for (text, one, other, expected) in [
            (
                "{production: docker, staging: docker-stage}",
                "docker-stage",
                "docker",
                "{production: docker-stage, staging: docker}",
            ),
            ("r:5000 r:5001 r:50001 # r:5000.", "r:5000", "r:5001", "r:5001 r:5000 r:50001 # r:5000."),
            ("my-docker docker_2 “docker”", "docker", "stage", "my-docker docker_2 “stage”"),
            ("nothing of either", "a", "b", "nothing of either"),
            ("", "a", "b", ""),
        ] {
            assert_eq!(swap(text, one, other), expected);
        }
    }
}
