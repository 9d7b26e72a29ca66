//! A second person's signature: made over an archive that was judged, and counted with the archive's own.

use std::path::PathBuf;

use crate::archive::{Front, ReadAt};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::store::cosignatures;
use crate::text::SafePath;
use crate::trust::{Signature, TrustSet};

/// The signatures beside an archive that count, and what is wrong with the others: those beside `paths`, and the `named` ones.
///
/// One that does not fit counts for nothing and is named: anybody can lay a file beside an archive. A key that signed inside counts
/// once. Nothing is said of an archive whose front cannot be read; whoever judges it says that.
pub fn beside(
    source: &dyn ReadAt,
    trust: &TrustSet,
    paths: &[PathBuf],
    named: &[PathBuf],
    limits: &Limits,
) -> Result<(Vec<Signature>, Vec<Finding>), AnyFault> {
    let mut files = named.to_vec();
    files.extend(cosignatures::find(paths)?.into_iter().filter(|path| !named.contains(path)));
    let Ok(front) = Front::read(source, limits) else { return Ok(Default::default()) };
    let (mut counted, mut findings): (Vec<Signature>, Vec<Finding>) = Default::default();
    for (index, path) in files.iter().enumerate() {
        let subject = SafePath(path).to_string();
        if index as u64 >= limits.cosignatures {
            let message =
                format!("there are more than {} signatures beside the archive", limits.cosignatures);
            let finding = Finding::warning("COSIGNATURES_TOO_MANY", subject, message);
            findings.push(finding.hint("name those that count with `--signature`"));
            break;
        }
        let Some(signature) = cosignatures::load(path)? else {
            let message = "it is no signature: its name or its size is another";
            findings.push(Finding::warning("COSIGNATURE_MALFORMED", subject, message));
            continue;
        };
        let key = signature.key();
        let known = front.signatures.iter().chain(&counted).any(|known| known.key() == key);
        match trust.fits(&front.inventory, &signature) {
            Some(true) if known => {}
            Some(true) => counted.push(signature),
            Some(false) => {
                let message =
                    "it does not fit this archive: it is of another one, or damaged; it counts for nothing";
                findings.push(Finding::warning("COSIGNATURE_FOREIGN", subject, message));
            }
            None => {
                let message = format!("key {key} is not trusted: its signature counts for nothing");
                findings.push(Finding::warning("COSIGNATURE_UNTRUSTED", subject, message));
            }
        }
    }
    // As many as an archive may have inside.
    let most = usize::try_from(limits.signatures).unwrap_or(usize::MAX);
    counted.truncate(most.saturating_sub(front.signatures.len()));
    Ok((counted, findings))
}
