//! The verdict over a release: which signatures are good, by whom, and what they call it.

use std::collections::BTreeSet;

use crate::archive::Moment;
use crate::digest::Digest;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::reference::{ImageRef, RepositoryRef};
use crate::release::signature::claim::Claim;
use crate::release::signature::keyring::{KeyRing, claimed_maker};
use crate::release::signature::message::Message;
use crate::release::signature::{KeyFlaw, ReleaseKeys, SignatureError, SignatureFault};
use crate::text::Safe;

/// How far a clock may be wrong before a signature counts as one from the future: a day, in seconds.
const SKEW: i64 = 24 * 60 * 60;

/// A release image that every key ring stands for. Only [`verify_release`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRelease {
    digest: Digest,
    signatures: Vec<ReleaseSignature>,
    passed_over: Vec<(usize, SignatureFault)>,
}

/// A good signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseSignature {
    bytes: Vec<u8>,
    reference: String,
    key: String,
    made: Moment,
}

impl VerifiedRelease {
    /// The release image, by the digest that was signed.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The good signatures, in the order of the store. There is at least one.
    pub fn signatures(&self) -> &[ReleaseSignature] {
        &self.signatures
    }

    /// What a person should know of this release's signatures when it comes from this repository.
    pub fn findings(&self, release: &RepositoryRef) -> Vec<Finding> {
        let subject = format!("release {}", self.digest);
        let others = self.passed_over.iter().map(|(number, fault)| {
            let message = format!("signature-{number} was passed over: {}", Safe(&fault.to_string()));
            Finding::info("RELEASE_SIGNATURE_PASSED_OVER", &subject, message)
                .hint("another signature of this release is good; this one is not carried")
        });
        let names: BTreeSet<_> = self.signatures.iter().map(ReleaseSignature::reference).collect();
        let names_it = |name: &&str| name.parse::<ImageRef>().is_ok_and(|name| name.repository == *release);
        let foreign = names.iter().filter(|_| !names.iter().any(names_it)).map(|name| {
            let message = format!("it was signed as {}, not as an image of {release}", Safe(name));
            Finding::warning("RELEASE_SIGNED_UNDER_OTHER_NAME", &subject, message)
                .hint("the digest is the one that was signed; look whether this is the release that you mean")
        });
        others.chain(foreign).collect()
    }
}

impl ReleaseSignature {
    /// The file as it came: what goes into the cluster's ConfigMap.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the image was called when it was signed, mostly `quay.io/openshift-release-dev/ocp-release:4.20.3-x86_64`.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// The fingerprint of the key that signed, in hexadecimal digits.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// When it was signed, as the signer says.
    pub fn made(&self) -> Moment {
        self.made
    }
}

/// Verifies the signatures of a release image, given in the order of the store, `signature-1` first.
///
/// `now` is the clock of whoever verifies. The error names what is wrong with each signature.
pub fn verify_release(
    release: Digest,
    signatures: &[Vec<u8>],
    keys: &ReleaseKeys,
    now: Moment,
    limits: &Limits,
) -> Result<VerifiedRelease, SignatureError> {
    if signatures.is_empty() {
        return Err(SignatureError::Unsigned { release });
    }
    let judged: Vec<Vec<_>> = keys
        .rings()
        .iter()
        .map(|ring| signatures.iter().map(|file| judge(file, release, ring, now, limits)).collect())
        .collect();
    for (ring, verdicts) in keys.rings().iter().zip(&judged) {
        if !verdicts.iter().any(Result::is_ok) {
            return Err(SignatureError::Unverified {
                release,
                ring: ring.name().to_owned(),
                reasons: faults(verdicts),
            });
        }
    }
    let (mut good, mut passed_over) = (Vec::new(), Vec::new());
    for index in 0..signatures.len() {
        let mut verdicts = judged.iter().filter_map(|verdicts| verdicts.get(index));
        match verdicts.clone().find_map(|verdict| verdict.as_ref().ok()) {
            Some(signature) => good.push(signature.clone()),
            None => passed_over.extend(
                verdicts.next().and_then(|verdict| Some((index + 1, verdict.as_ref().err()?.clone()))),
            ),
        }
    }
    Ok(VerifiedRelease { digest: release, signatures: good, passed_over })
}

fn faults(verdicts: &[Result<ReleaseSignature, SignatureFault>]) -> Vec<(usize, SignatureFault)> {
    let numbered = verdicts.iter().enumerate();
    numbered.filter_map(|(index, verdict)| Some((index + 1, verdict.as_ref().err()?.clone()))).collect()
}

/// One signature against one ring. The statement is read last: only once a key that may sign is known to have signed it.
fn judge(
    file: &[u8],
    release: Digest,
    ring: &KeyRing,
    now: Moment,
    limits: &Limits,
) -> Result<ReleaseSignature, SignatureFault> {
    let message = Message::parse(file, limits)?;
    let signature = &message.signature;
    let claimed: Vec<_> = ring.claimed(signature).collect();
    let first =
        claimed.first().ok_or_else(|| SignatureFault::UnknownKey { key: claimed_maker(signature) })?;
    let mut fitting = claimed.iter().filter(|key| key.fits(signature, message.content()));
    let fits = fitting.next().ok_or_else(|| SignatureFault::Bad { key: first.fingerprint() })?;
    let made = signature.created().map(|created| i64::from(created.as_secs()));
    let made = made.and_then(Moment::from_unix).ok_or(SignatureFault::Undated)?;
    let key = fits.fingerprint();
    // One key may be there in several copies: an older one of before it was prolonged is no harm, but one copy that takes the
    // key back is enough.
    let flaws: Vec<_> =
        std::iter::once(fits).chain(fitting).map(|copy| copy.flaw_at(made.unix(), now.unix())).collect();
    let revoked = flaws.iter().flatten().find(|flaw| **flaw == KeyFlaw::Revoked);
    let flaw = revoked.copied().or(flaws.first().copied().flatten().filter(|_| !flaws.contains(&None)));
    if let Some(flaw) = flaw {
        return Err(SignatureFault::Key { key, flaw });
    }
    if made.unix() > now.unix() + SKEW {
        return Err(SignatureFault::Future { at: made });
    }
    let lasts = signature.signature_expiration_time().map(|lasts| i64::from(lasts.as_secs()));
    // Zero means for ever (RFC 9580 §5.2.3.18).
    let end = lasts.filter(|lasts| *lasts > 0).and_then(|lasts| Moment::from_unix(made.unix() + lasts));
    if let Some(at) = end.filter(|end| *end <= now) {
        return Err(SignatureFault::Expired { at });
    }
    let claim = Claim::parse(message.content())?;
    if claim.digest != release {
        return Err(SignatureFault::OtherDigest { found: claim.digest });
    }
    Ok(ReleaseSignature { bytes: file.to_vec(), reference: claim.reference, key, made })
}
