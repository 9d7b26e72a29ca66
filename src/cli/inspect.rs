//! `inspect`: what an archive holds.

use std::path::PathBuf;

use clap::Args;

use crate::archive::RootKind;
use crate::cli::console::human_bytes;
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::{SiteFile, now, trust};
use crate::cli::options::ResultFormat;
use crate::cli::verify::policy;
use crate::cli::volumes::ArchiveArgs;
use crate::cli::{Context, print, print_json};
use crate::finding::Finding;
use crate::limits::LIMITS;
use crate::text::Safe;
use crate::verify;

/// Show what an archive holds
///
/// The signature is checked, the content is not: that is what `verify` does. What an archive says about itself is shown only
/// when it was signed by a key that you trust.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("keys").required(true).multiple(false))]
#[command(after_help = "Examples:\n  ombundle inspect upgrade.ombundle --trust-key signer.pub\n  \
                  ombundle inspect upgrade.ombundle --site site.yaml --format json | jq '.roots[].source'")]
pub(super) struct InspectCommand {
    #[command(flatten)]
    archive: ArchiveArgs,

    /// The site file whose keys count
    #[arg(long, value_name = "FILE", group = "keys")]
    site: Option<PathBuf>,

    /// A public key that counts
    #[arg(long, value_name = "FILE", group = "keys")]
    trust_key: Vec<PathBuf>,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,
}

pub(super) fn run(command: InspectCommand, _: &Context) -> Result<(), Failure> {
    let site = command.site.as_deref().map(SiteFile::read).transpose()?;
    let trust = match &site {
        Some(site) => site.trust()?,
        None => trust(&command.trust_key, 1)?,
    };
    // Looking is allowed at any age; what would speak against importing is told.
    let mut policy = policy(None, Some("only looking"), now()?)?;
    policy.floor = None;
    let source = command.archive.open()?;
    let opened = verify::open(source, &trust, &policy, &LIMITS)?;
    let inventory = opened.inventory();
    if command.format == ResultFormat::Json {
        return print_json(inventory.fields());
    }
    // For whom it is stands below; to compare it is for whoever imports it.
    let notes: Vec<Finding> =
        opened.notes().iter().filter(|note| note.code != "SITE_NOT_COMPARED").cloned().collect();
    show_findings(&notes);
    let mut text = format!(
        "{}\n  inventory   {}\n  made        {} by {}\n  expires     {}\n  generation  {} of channel {}{}\n  size        {} ({} bytes), {} entries\n",
        command.archive.shown(),
        inventory.digest(),
        inventory.created,
        Safe(inventory.tool.as_str()),
        inventory.expires,
        inventory.sequence,
        inventory.channel,
        inventory.target.as_ref().map(|target| format!(", only for the site {target}")).unwrap_or_default(),
        human_bytes(inventory.total_size),
        inventory.total_size,
        inventory.entry_count,
    );
    for catalog in &inventory.catalogs {
        text.push_str(&format!("  changes     {} as of {}\n", catalog.source, catalog.digest));
    }
    if inventory.prerequisites.count > 0 {
        text.push_str(&format!(
            "  builds on   {} blobs that production must hold\n",
            inventory.prerequisites.count
        ));
    }
    for root in inventory.roots.iter().filter(|root| root.kind == RootKind::Release) {
        let tag = root.tag.as_ref().map_or_else(|| root.digest.to_string(), ToString::to_string);
        let keys: Vec<_> = root.verified.iter().map(|signature| signature.key.as_str()).collect();
        text.push_str(&format!("  release     OpenShift {tag}, signed by {}\n", Safe(&keys.join(", "))));
    }
    text.push_str("images:\n");
    for root in &inventory.roots {
        let tag = root.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        text.push_str(&format!("  {}{tag}@{}\n", root.source, root.digest));
        for reason in &root.reasons {
            text.push_str(&format!("      {}\n", Safe(reason.as_str())));
        }
    }
    print(&text)
}
