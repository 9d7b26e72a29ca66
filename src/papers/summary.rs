//! `SUMMARY.txt`: one page to read, to compare by telephone, and to sign.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::digest::Digest;
use crate::finding::Severity;
use crate::papers::{Sealed, spoken};
use crate::plan::Plan;
use crate::text::{Safe, counted, human_bytes};

/// Packages and findings that are named; a page has no room for more.
const NAMED: usize = 24;

/// The page. Without an archive it is about the plan alone: what would be packed.
pub fn summary(plan: &Plan, plan_digest: &Digest, sealed: Option<&Sealed>) -> String {
    let mut page = String::new();
    let name = sealed.map_or("a plan for an archive", |sealed| &sealed.name);
    let target =
        plan.target.as_ref().map(|site| format!(", only for the site {}", Safe(site))).unwrap_or_default();
    let _ = writeln!(page, "{}\n{}\n", Safe(name), "=".repeat(name.chars().count()));
    let _ = writeln!(page, "Generation {} of channel {}{target}", plan.sequence, Safe(&plan.channel));
    let _ = writeln!(
        page,
        "Planned {} with {}; expires {}\n",
        Safe(&plan.created),
        Safe(&plan.tool),
        Safe(&plan.expires)
    );
    let _ = writeln!(page, "Plan, to compare              {}", spoken(plan_digest));
    if let Some(sealed) = sealed {
        let _ = writeln!(page, "Archive, to compare           {}", spoken(&sealed.inventory));
        for signer in &sealed.signers {
            let fingerprint = signer.fingerprint();
            let _ = writeln!(
                page,
                "Signed by                     {}",
                fingerprint.get(..39).unwrap_or(&fingerprint)
            );
        }
        let volumes = match sealed.volumes.len() {
            0 => String::new(),
            count => format!(" in {}", counted(count, "file")),
        };
        let _ = writeln!(
            page,
            "Size                          {} ({} bytes){volumes}",
            human_bytes(sealed.size),
            sealed.size
        );
    }
    changes(&mut page, plan);
    images(&mut page, plan);
    findings(&mut page, plan);
    page.push_str(
        "\nRead the groups above to each other before the medium crosses: both sides must see the same.\n",
    );
    page.push_str(
        "\nApproved by  ______________________  Date  ____________  Signature  ______________________\n",
    );
    page.push_str(
        "\nCarried by   ______________________  Date  ____________  Signature  ______________________\n",
    );
    page
}

fn changes(page: &mut String, plan: &Plan) {
    page.push_str("\nWhat changes\n------------\n");
    let packages: Vec<_> = plan.catalogs.iter().flat_map(|catalog| &catalog.packages).collect();
    for package in packages.iter().take(NAMED) {
        let target = package.hops.last().map(|hop| hop.version.clone());
        let way = match (&package.installed, target) {
            (Some(installed), Some(target)) => {
                format!("{} -> {} in {}", Safe(installed), Safe(&target), counted(package.hops.len(), "step"))
            }
            (Some(installed), None) => format!("{} stays", Safe(installed)),
            (None, _) => counted(package.bundles.len(), "version"),
        };
        let _ = writeln!(page, "{:<34} {way}", Safe(&package.name).to_string());
    }
    rest(page, packages.len());
}

fn images(page: &mut String, plan: &Plan) {
    let there: BTreeSet<Digest> = plan.prerequisites.iter().map(|needed| needed.digest).collect();
    let old = plan.images.iter().filter(|image| there.contains(&image.root.digest)).count();
    let bytes = &plan.bytes;
    page.push_str("\nWhat travels\n------------\n");
    let _ = writeln!(page, "{} new, {old} there already", counted(plan.images.len() - old, "image"));
    let _ = writeln!(
        page,
        "Download {}, carry {}, grow each registry by {}",
        human_bytes(bytes.download),
        human_bytes(bytes.carry),
        human_bytes(bytes.store)
    );
}

fn findings(page: &mut String, plan: &Plan) {
    let told: Vec<_> = plan.findings.iter().filter(|finding| finding.severity > Severity::Info).collect();
    if told.is_empty() {
        return;
    }
    page.push_str("\nTo know before approving\n------------------------\n");
    for finding in told.iter().take(NAMED) {
        let _ = writeln!(page, "{}: {}: {}", finding.code, Safe(&finding.subject), Safe(&finding.message));
    }
    rest(page, told.len());
}

fn rest(page: &mut String, count: usize) {
    if count > NAMED {
        let _ = writeln!(page, "and {} more: see CONTENTS.csv and the plan", count - NAMED);
    }
}
