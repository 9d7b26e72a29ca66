//! What a vacuum plans and did, for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::flow::vacuum::{Applied, Reclaimed};
use crate::retain::{Removal, RepositoryPlan, Task, VacuumPlan, Weight};
use crate::text::{Safe, SafePath, counted, human_bytes};
use crate::vacuum::CleanUp;

/// Bytes that the registry gave back, where that was measured.
pub(super) fn freed(reclaimed: Option<&Reclaimed>) -> Option<u64> {
    match reclaimed {
        Some(Reclaimed::Nexus(done)) => Some(done.freed()),
        Some(Reclaimed::Harbor(freed)) => *freed,
        Some(Reclaimed::Told(_)) | None => None,
    }
}

/// What was measured for that, before and after.
pub(super) fn measured(reclaimed: Option<&Reclaimed>) -> Option<Value> {
    match reclaimed {
        Some(Reclaimed::Nexus(CleanUp { store, before, after, .. })) => {
            Some(json!({"store": store, "before": before, "after": after}))
        }
        Some(Reclaimed::Harbor(_) | Reclaimed::Told(_)) | None => None,
    }
}

/// What came of it, for people.
pub(super) fn done(
    plan: &VacuumPlan,
    applied: &Applied,
    reclaimed: Option<&Reclaimed>,
    site: &Path,
    emitted: Option<&Path>,
) -> String {
    let mut text =
        format!("{} deleted, {} gone already\n", counted(applied.deleted, "manifest"), applied.gone_before);
    for change in &applied.catalogs {
        let _ = writeln!(text, "{} leads to {}", change.tag, change.after);
    }
    match reclaimed {
        Some(Reclaimed::Nexus(done)) => {
            let store = done.store.as_ref().map_or_else(
                || "its blob stores".to_owned(),
                |name| format!("its blob store `{}`", Safe(name)),
            );
            let (ran, freed) = (done.ran.join(", "), human_bytes(done.freed()));
            let [before, after] = [done.before, done.after].map(human_bytes);
            let _ =
                writeln!(text, "Nexus ran {}: {freed} freed, {store} from {before} to {after}", Safe(&ran));
        }
        Some(Reclaimed::Harbor(freed)) => {
            let freed = freed.map_or_else(
                || "it does not say how much".to_owned(),
                |freed| format!("{} freed", human_bytes(freed)),
            );
            let _ = writeln!(text, "Harbor collected garbage: {freed}");
        }
        Some(Reclaimed::Told(what)) if applied.deleted > 0 => {
            let _ = writeln!(text, "to free the space: {what}");
        }
        Some(Reclaimed::Told(_)) | None => {}
    }
    let is_smaller = !applied.catalogs.is_empty();
    match emitted.map(|folder| folder.join("cluster")) {
        Some(folder) if is_smaller => {
            let folder = SafePath(&folder);
            let _ = writeln!(text, "next: oc apply --server-side --field-manager=ombundle -f {folder}");
        }
        None if is_smaller => text.push_str(
            "the cluster stays with the former catalogs, by digest: the same command with `--emit DIR` writes what leads it to these\n",
        ),
        _ => {}
    }
    if is_smaller || applied.deleted + applied.gone_before > 0 {
        let _ = writeln!(text, "then: ombundle check --site {}", SafePath(site));
        if plan.task != Task::Empty {
            text.push_str(
                "the next archive needs a new site report: receipts from before know of more than there is\n",
            );
        }
    }
    text
}

/// A plan for people: what goes, by repository, and what that gives. What stays is in the file.
pub(super) fn told(plan: &VacuumPlan, file: Option<&Path>) -> String {
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
    let emptied = plan.repositories.iter().filter(|(_, repository)| !repository.gone.is_empty());
    for (name, repository) in emptied {
        let _ = writeln!(text, "{name}: {}", repository_line(plan, repository));
        for item in &repository.gone {
            let why =
                item.why.first().map(|reason| format!("{} {}", reason.rule, reason.by)).unwrap_or_default();
            let _ = writeln!(text, "  {} {}", item.digest, Safe(why.trim()));
        }
    }
    let totals = &plan.totals;
    let Weight { held, frees, .. } = totals.weight;
    let (gone, kept) = (totals.gone, totals.kept);
    if let Task::Move(moving) = &plan.task {
        let _ = writeln!(
            text,
            "{} to move from {} to {}, {gone} left behind; to be copied: {}, {} of {}",
            counted(kept, "manifest"),
            plan.registry,
            moving.to,
            counted(moving.manifests, "manifest"),
            human_bytes(moving.bytes),
            human_bytes(held)
        );
        return finished(text, plan, file);
    }
    let _ = writeln!(
        text,
        "{gone} of {} to go: {} of {} are freed; left alone, as not the site's: {}",
        counted(gone + kept, "manifest"),
        human_bytes(frees),
        human_bytes(held),
        counted(plan.others.len(), "repository")
    );
    if totals.later > 0 {
        let _ = writeln!(
            text,
            "{} more in a later run: once no cluster serves the catalogs of today, and they are no way back",
            human_bytes(totals.later)
        );
    }
    finished(text, plan, file)
}

fn repository_line(plan: &VacuumPlan, repository: &RepositoryPlan) -> String {
    let Weight { frees, shared, .. } = repository.weight;
    let (goes, stays) = (repository.gone.len(), repository.kept.len());
    match plan.task {
        Task::Move(_) => format!("{stays} to move, {goes} left behind"),
        Task::Prune | Task::Empty => {
            let (frees, shared) = (human_bytes(frees), human_bytes(shared));
            format!("{goes} go, {stays} stay; frees {frees}, {shared} are shared")
        }
    }
}

/// Names the file that has it all.
fn finished(mut text: String, plan: &VacuumPlan, file: Option<&Path>) -> String {
    if let Some(file) = file {
        let _ = writeln!(text, "the plan is {} ({})", SafePath(file), plan.id());
    }
    text
}
