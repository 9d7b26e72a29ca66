//! `key`: signing keys, made and shown.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::inputs::public_key;
use crate::cli::options::ResultFormat;
use crate::cli::{Context, print, print_json};
use crate::store::files::{self, Mode};
use crate::trust::{PublicKey, SecretKey};

/// Make and show signing keys
///
/// Keys are Ed25519 in the files that openssl writes and reads: PKCS#8 and SPKI, PEM.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle key generate --out signer\n  ombundle key show signer.pub")]
pub(super) struct KeyCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key pair: NAME.key, which stays secret, and NAME.pub, which goes into the site file
    #[command(after_help = "Example:\n  ombundle key generate --out signer\n\n\
                      The same with openssl:\n  openssl genpkey -algorithm ed25519 -out signer.key && chmod 600 signer.key\n  \
                      openssl pkey -in signer.key -pubout -out signer.pub")]
    Generate {
        /// Name of both files without their endings
        #[arg(long, value_name = "NAME")]
        out: PathBuf,
    },
    /// Show the id of a public key, and a fingerprint to read aloud over the phone
    #[command(after_help = "Example:\n  ombundle key show signer.pub")]
    Show {
        /// The public key
        file: PathBuf,
        /// How the result looks
        #[arg(long, value_enum, default_value = "text")]
        format: ResultFormat,
    },
}

pub(super) fn run(command: KeyCommand, _: &Context) -> Result<(), Failure> {
    match command.action {
        Action::Generate { out } => generate(&out),
        Action::Show { file, format } => show(&public_key(&file)?, format),
    }
}

fn generate(out: &std::path::Path) -> Result<(), Failure> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed)
        .map_err(|error| Failure::usage(format!("the system gives no random bytes: {error}")))?;
    let secret = SecretKey::from_seed(&seed);
    let public = secret.public();
    let (secret_path, public_path) = (files::beside(out, "key"), files::beside(out, "pub"));
    // The public half first: should the second one fail, no secret without a public half is left behind.
    files::create(&public_path, public.to_pem()?.as_bytes(), Mode::Public)?;
    if let Err(error) = files::create(&secret_path, secret.to_pem()?.as_bytes(), Mode::Private) {
        drop(std::fs::remove_file(&public_path));
        return Err(error.into());
    }
    print(&format!(
        "{} is secret: whoever has it can sign archives that your sites take\n{} goes into `spec.trust.keys` of each site file\n",
        secret_path.display(),
        public_path.display()
    ))?;
    show(&public, ResultFormat::Text)
}

fn show(key: &PublicKey, format: ResultFormat) -> Result<(), Failure> {
    let id = key.id();
    match format {
        ResultFormat::Text => print(&format!("key id       {id}\nfingerprint  {}\n", id.fingerprint())),
        ResultFormat::Json => {
            print_json(&serde_json::json!({"keyId": id.to_string(), "fingerprint": id.fingerprint()}))
        }
    }
}
