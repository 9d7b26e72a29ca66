//! The vendor's signatures of a plan's releases, judged anew: when an archive is packed, when it is verified, when it comes in.

use crate::archive::Moment;
use crate::fault::{Exit, Fault};
use crate::finding::Finding;
use crate::limits::Limits;
use crate::plan::{Plan, PlannedRelease};
use crate::release::{ReleaseKeys, SignatureError, VerifiedRelease, verify_release};

/// Releases that a plan carries and that no trusted key stands for.
#[derive(Debug, thiserror::Error)]
#[error("{} of the releases cannot be believed; the first, {}: {}", .releases.len(), .first.0, .first.1)]
pub struct Unproven {
    first: Box<(String, SignatureError)>,
    releases: Vec<(String, SignatureError)>,
}

impl Unproven {
    /// The same for a report: one for each release.
    pub fn findings(&self) -> Vec<Finding> {
        let finding = |(release, why): &(String, SignatureError)| {
            Finding::error("RELEASE_UNVERIFIED", format!("release {release}"), why)
                .hint(why.hint().unwrap_or_default())
        };
        self.releases.iter().map(finding).collect()
    }
}

impl Fault for Unproven {
    fn exit(&self) -> Exit {
        Exit::Trust
    }

    fn hint(&self) -> Option<String> {
        self.first.1.hint()
    }
}

/// Verifies every release of a plan, in the order of the plan. The signatures are those that travel with it; the keys never are.
pub fn prove(
    plan: &Plan,
    keys: Option<&ReleaseKeys>,
    now: Moment,
    limits: &Limits,
) -> Result<Vec<VerifiedRelease>, Unproven> {
    let mut proven = Vec::new();
    let mut unproven = Vec::new();
    for release in &plan.releases {
        match judge(release, keys, now, limits) {
            Ok(verified) => proven.push(verified),
            Err(why) => unproven.push((release.label(), why)),
        }
    }
    match unproven.first() {
        None => Ok(proven),
        Some(first) => Err(Unproven { first: Box::new(first.clone()), releases: unproven }),
    }
}

fn judge(
    release: &PlannedRelease,
    keys: Option<&ReleaseKeys>,
    now: Moment,
    limits: &Limits,
) -> Result<VerifiedRelease, SignatureError> {
    let files: Vec<Vec<u8>> = release.signatures.iter().map(|signature| signature.file.0.clone()).collect();
    verify_release(release.image.digest, &files, keys.ok_or(SignatureError::NoKeys)?, now, limits)
}
