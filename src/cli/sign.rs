//! `sign`: a person's signature beside an archive that others made.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::custody::{CustodyArgs, Told};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::{SiteFile, now, secret_key, trust};
use crate::cli::options::ResultFormat;
use crate::cli::verify::policy;
use crate::cli::volumes::ArchiveArgs;
use crate::cli::{Context, print, print_json};
use crate::flow;
use crate::limits::LIMITS;
use crate::papers::{Deed, spoken};
use crate::store::cosignatures;
use crate::store::files::folder_of;
use crate::text::{Safe, SafePath, counted, human_bytes};
use crate::trust::KeyId;
use crate::verify::VerifiedArchive;

/// Add your signature to an archive that somebody else made
///
/// For the rule of two people: the archive is judged in full first, then what is signed is shown, and the signature goes into a small
/// file beside the archive, which itself stays as it is. `verify --threshold 2`, and `import` at a site whose file says `threshold: 2`,
/// count it with the archive's own.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("keys").required(true).multiple(false))]
#[command(
    after_help = "Examples:\n  ombundle sign upgrade.ombundle --trust-key first.pub --key second.key\n  \
                  ombundle sign /media/dvd --site site.yaml --key second.key -o signatures  # a DVD\n  \
                  ombundle verify upgrade.ombundle --trust-key first.pub --trust-key second.pub --threshold 2"
)]
pub(super) struct SignCommand {
    #[command(flatten)]
    archive: ArchiveArgs,

    /// Your private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// The site file: one of its keys must have signed before you
    #[arg(long, value_name = "FILE", group = "keys")]
    site: Option<PathBuf>,

    /// The public key of who signed before you
    #[arg(long, value_name = "FILE", group = "keys")]
    trust_key: Vec<PathBuf>,

    /// The folder for the signature; by default that of the archive
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    #[command(flatten)]
    custody: CustodyArgs,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,
}

pub(super) fn run(command: SignCommand, context: &Context) -> Result<(), Failure> {
    let key = secret_key(&command.key)?;
    let id = key.public().id();
    let site = command.site.as_deref().map(SiteFile::read).transpose()?;
    let files = site.as_ref().map_or(command.trust_key.clone(), |site| site.site.key_files(&site.base));
    // Whoever signs second cannot ask for two signatures.
    let trust = trust(&files, 1)?;
    let mut policy = policy(None, None, now()?)?;
    policy.site = site.as_ref().map(|site| site.site.name().parse()).transpose()?;
    let medium = command.archive.open()?;
    show_findings(&command.archive.cosigned(&*medium, &trust, &mut policy)?);
    let archive = flow::verify::verify(medium.clone(), &trust, &policy, &*context.console, &LIMITS)?;
    show_findings(archive.notes());
    if archive.inventory().signers.contains(&id) {
        return Err(Failure::usage(format!("key {id} signed this archive already, inside"))
            .hint("a second person signs with a key of their own"));
    }
    context.agree(&[format!(
        "{}You sign it with key {}.",
        shown(&archive, medium.name()),
        id.fingerprint()
    )])?;
    let beside = medium.files().next().map(folder_of).map(PathBuf::from).unwrap_or_default();
    let folder = command.output.as_ref().unwrap_or(&beside);
    let path = cosignatures::put(folder, medium.name(), id, &key.sign(archive.inventory().raw())).map_err(
        |error| match &command.output {
            Some(_) => Failure::from(error),
            None => Failure::from(error).hint("name a folder for the signature with `-o`"),
        },
    )?;
    let inventory = Some(archive.inventory().digest());
    let told = Told { action: Deed::Sign, archive: medium.name(), inventory, keys: &[id], result: "signed" };
    command.custody.note(&told, context);
    match command.format {
        ResultFormat::Json => print_json(&json!({
            "signature": path, "key": id, "inventory": archive.inventory().digest(),
            "generation": archive.inventory().sequence, "signers": archive.signers(),
        })),
        ResultFormat::Text => print(&format!(
            "{}signed with key {id}: {}\nnext: carry this file beside the archive\n",
            shown(&archive, medium.name()),
            SafePath(&path)
        )),
    }
}

/// What a person must know before signing.
fn shown(archive: &VerifiedArchive, name: &str) -> String {
    let inventory = archive.inventory();
    let target =
        inventory.target.as_ref().map(|site| format!(", only for the site {site}")).unwrap_or_default();
    let signers: Vec<String> = archive.signers().iter().map(KeyId::fingerprint).collect();
    format!(
        "{}\n  generation  {} of channel {}{target}\n  size        {}, {}\n  to compare  {}\n  signed by   {}\n",
        Safe(name),
        inventory.sequence,
        inventory.channel,
        human_bytes(inventory.total_size),
        counted(inventory.roots.len(), "image"),
        spoken(&inventory.digest()),
        signers.join("\n              "),
    )
}
