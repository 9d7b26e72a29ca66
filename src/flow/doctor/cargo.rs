//! The archive that is to come in: whether it may, and what it will ask of the registries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::archive::ReadAt;
use crate::digest::Digest;
use crate::fault::{AnyFault, Exit, Fault as _};
use crate::flow::doctor::Doctor;
use crate::flow::doctor::report::{Part, Question};
use crate::flow::doctor::sheet::Sheet;
use crate::flow::import::contents::Contents;
use crate::flow::import::{for_staging, place};
use crate::flow::verify::verify;
use crate::mapping::Mapping;
use crate::plan::Plan;
use crate::reference::Repository;
use crate::text::human_bytes;
use crate::transfer::Delivery;
use crate::verify::Policy;

/// What an archive brings to each of both registries at most: what is there already is not counted off.
pub(super) struct Cargo {
    /// The plan that it was packed from.
    pub(super) plan: Plan,
    /// Where everything goes.
    pub(super) repositories: BTreeSet<Repository>,
    /// Where production has what the archive builds on.
    pub(super) places: BTreeMap<Digest, Repository>,
    /// Blobs, each counted once.
    pub(super) blobs: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// The largest of them.
    pub(super) largest: u64,
    /// Manifests, each counted once for each of its repositories.
    pub(super) manifests: u64,
    /// Requests that an import makes to one of the registries, about.
    pub(super) requests: u64,
}

impl Cargo {
    fn of(contents: Contents<'_>, mapping: &Mapping) -> Result<Self, AnyFault> {
        let deliveries = for_staging(&contents);
        let mut blobs: BTreeMap<Digest, u64> = BTreeMap::new();
        let mut uses: BTreeSet<(&Repository, Digest)> = BTreeSet::new();
        for Delivery { repository, blobs: all, .. } in &deliveries {
            blobs.extend(all.iter().map(|blob| (blob.digest, blob.size)));
            uses.extend(all.iter().map(|blob| (repository, blob.digest)));
        }
        let manifests: u64 = deliveries.iter().map(|delivery| delivery.manifests.len() as u64).sum();
        let repositories: BTreeSet<Repository> =
            deliveries.iter().map(|delivery| delivery.repository.clone()).collect();
        let places = contents.plan.prerequisites.iter();
        let places = places
            .map(|needed| Ok((needed.digest, place(&contents, mapping, needed)?)))
            .collect::<Result<_, AnyFault>>()?;
        let requests = EACH_BLOB * uses.len() as u64
            + EACH_MANIFEST * manifests
            + EACH_REPOSITORY * repositories.len() as u64
            + EACH_CATALOG * contents.catalogs.len() as u64;
        Ok(Self {
            repositories,
            places,
            blobs: blobs.len() as u64,
            bytes: blobs.values().sum(),
            largest: blobs.values().copied().max().unwrap_or_default(),
            manifests,
            requests,
            plan: contents.plan,
        })
    }
}

/// Requests for a blob in one repository: is it there, begin, send, finish, prove.
const EACH_BLOB: u64 = 5;
/// Requests for a manifest in one repository: twice whether it is there, put, prove.
const EACH_MANIFEST: u64 = 4;
/// Requests for a repository: an upload is begun and given up.
const EACH_REPOSITORY: u64 = 2;
/// Requests for a catalog: it is read, merged, put, proven, and the record kept.
const EACH_CATALOG: u64 = 60;

impl Doctor<'_> {
    /// Judges the archive and measures it. What it brings is nothing where it may not come in.
    pub(super) fn cargo(
        &self,
        source: &Arc<dyn ReadAt>,
        policy: &Policy,
    ) -> Result<(Sheet, Option<Cargo>), AnyFault> {
        let mut sheet = Sheet::of(Part::Archive, None);
        let rest = [Question::Contents];
        let Ok(trust) = self.trust else {
            sheet.unasked_for(&[Question::Archive], Question::Trust);
            sheet.unasked_for(&rest, Question::Trust);
            return Ok((sheet, None));
        };
        let verified = match verify(Arc::clone(source), trust, policy, self.events, self.limits) {
            Ok(verified) => verified,
            Err(refused) if refused.exit() == Exit::Interrupted => return Err(refused.into()),
            Err(refused) => {
                sheet.found(Question::Archive, refused.to_string(), refused.findings());
                sheet.unasked_for(&rest, Question::Archive);
                return Ok((sheet, None));
            }
        };
        let inventory = verified.inventory();
        let told = format!("generation {}, packed {}", inventory.sequence, inventory.created);
        sheet.found(Question::Archive, told, verified.notes().to_vec());
        let cargo = Mapping::new(&self.site.spec.repositories).map_err(AnyFault::from).and_then(|mapping| {
            Cargo::of(Contents::read(&verified, self.site, &mapping, self.limits)?, &mapping)
        });
        let cargo = match cargo {
            Ok(cargo) => cargo,
            Err(fault) => {
                sheet.failed(Question::Contents, "CONTENTS", &*fault);
                return Ok((sheet, None));
            }
        };
        let Cargo { blobs, bytes, largest, manifests, requests, .. } = &cargo;
        sheet.ok(
            Question::Contents,
            format!(
                "{blobs} blobs of {}, the largest {}; {manifests} manifests; about {requests} requests to each registry",
                human_bytes(*bytes),
                human_bytes(*largest)
            ),
        );
        Ok((sheet, Some(cargo)))
    }
}
