//! `inspect`: what an archive holds.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::archive::ImageKind;
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::{SiteFile, now, trust};
use crate::cli::papers::TableArgs;
use crate::cli::verify::policy;
use crate::cli::volumes::ArchiveArgs;
use crate::cli::{Context, print};
use crate::digest::Digest;
use crate::finding::Finding;
use crate::flow::documents;
use crate::limits::LIMITS;
use crate::page::{Language, Occasion, page};
use crate::papers::{self, Sealed};
use crate::store::files::{self, Mode};
use crate::store::volumes::Medium;
use crate::text::{Safe, counted, human_bytes, plain_json};
use crate::trust::Signature;
use crate::verify::{self, Opened};

/// Show what an archive holds
///
/// The signature is checked, the content is not: that is what `verify` does. What an archive says about itself is shown only
/// when it was signed by a key that you trust.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("keys").required(true).multiple(false))]
#[command(after_help = "Examples:\n  ombundle inspect upgrade.ombundle --trust-key signer.pub\n  \
                  ombundle inspect upgrade.ombundle --site site.yaml --format html -o upgrade.html\n  \
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
    format: InspectFormat,

    /// Where it is written; to stdout by default
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    table: TableArgs,

    /// The language in which the page opens; it has all of them
    #[arg(long, value_name = "LANG", value_parser = languages(), default_value = Language::English.code())]
    lang: Language,
}

fn languages() -> impl TypedValueParser<Value = Language> {
    PossibleValuesParser::new(Language::ALL.map(Language::code)).try_map(|code| code.parse::<Language>())
}

/// How an archive is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum InspectFormat {
    /// For people.
    Text,
    /// What was signed: `schema/inventory.v1.json`.
    Json,
    /// A table for a spreadsheet: packages and images.
    Csv,
    /// A bill of materials in CycloneDX 1.6.
    Cyclonedx,
    /// One page to look at, with drawings, for the browser and for paper.
    Html,
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
    show_findings(&command.archive.cosigned(&*source, &trust, &mut policy)?);
    let opened = verify::open(source.clone(), &trust, &policy, &LIMITS)?;
    let result = match command.format {
        InspectFormat::Json => {
            // Told like any result: indented, and plain for terminals.
            let text = serde_json::to_string_pretty(opened.inventory().fields())
                .map_err(|error| Failure::usage(error.to_string()))?;
            plain_json(&format!("{text}\n"))
        }
        InspectFormat::Csv => {
            papers::contents(&documents::put_together(&opened, &LIMITS)?, command.table.form())
        }
        InspectFormat::Cyclonedx => {
            papers::bill(&documents::put_together(&opened, &LIMITS)?, Some(&sealed(&opened, &source)))
        }
        InspectFormat::Html => {
            let plan = documents::put_together(&opened, &LIMITS)?;
            let plan_digest = Digest::of(plan.to_json()?.as_bytes());
            let sealed = sealed(&opened, &source);
            let (notes, language) = (notes(&opened), command.lang);
            page(&plan, &Occasion { plan_digest, sealed: Some(&sealed), notes: &notes, language }, &LIMITS)
        }
        InspectFormat::Text => {
            show_findings(&notes(&opened));
            told(&command, &opened)
        }
    };
    match &command.output {
        Some(path) => Ok(files::replace(path, result.as_bytes(), Mode::Public)?),
        None => print(&result),
    }
}

/// What speaks against importing it. For whom it is the archive says itself; to compare it is for whoever imports it.
fn notes(opened: &Opened) -> Vec<Finding> {
    opened.notes().iter().filter(|note| note.code != "SITE_NOT_COMPARED").cloned().collect()
}

fn sealed(opened: &Opened, medium: &Medium) -> Sealed {
    let inventory = opened.inventory();
    Sealed {
        name: medium.name().to_owned(),
        inventory: inventory.digest(),
        size: inventory.total_size,
        // Those beside the archive among them.
        signers: opened.signatures().iter().map(Signature::key).collect(),
        volumes: medium.shape().sized(medium.name(), medium.cut()),
    }
}

fn told(command: &InspectCommand, opened: &Opened) -> String {
    let inventory = opened.inventory();
    let mut text = format!(
        "{}\n  inventory   {}\n  made        {} by {}\n  expires     {}\n  generation  {} of channel {}{}\n  size        {} ({} bytes), {}\n",
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
        counted(inventory.entry_count, "entry"),
    );
    for key in opened.signers() {
        let beside = if inventory.signers.contains(key) { "" } else { ", beside the archive" };
        text.push_str(&format!("  signed by   {} ({}){beside}\n", key, key.fingerprint()));
    }
    for catalog in &inventory.catalogs {
        text.push_str(&format!("  changes     {} as of {}\n", catalog.source, catalog.digest));
    }
    if inventory.prerequisites.count > 0 {
        text.push_str(&format!(
            "  builds on   {} of production\n",
            counted(inventory.prerequisites.count, "blob")
        ));
    }
    for root in inventory.roots.iter().filter(|root| root.kind == ImageKind::Release) {
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
    text
}
