//! What can be said of an archive before anything is written: that it is signed, newer than what is in force, and fit for this
//! site.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::archive::ReadAt;
use crate::digest::Digest;
use crate::emit;
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::import::Import;
use crate::flow::import::catalog::{ArchiveFacts, Forward, Place};
use crate::flow::import::contents::{ArchiveSource, Contents};
use crate::flow::import::deliver::{carried_images, place};
use crate::flow::import::releases::ReleaseCase;
use crate::flow::record::{History, Origin};
use crate::flow::standing::Onlooker;
use crate::flow::verify::verify;
use crate::mapping::Mapping;
use crate::merge::MergeOptions;
use crate::plan::{PlannedCatalog, Prerequisite};
use crate::transfer::Proof;
use crate::verify::{Policy, VerifiedArchive, open};

/// An archive that may come in, and what that means at this site.
pub(super) struct Case<'s> {
    /// The archive.
    pub(super) archive: VerifiedArchive,
    /// What it delivers.
    pub(super) contents: Contents<'s>,
    /// Where the site has what.
    pub(super) mapping: Mapping,
    /// What the merge has to know.
    pub(super) merge: MergeOptions,
    /// The places of each catalog of the archive, in the order of their switches unless a package comes back.
    pub(super) places: Vec<Vec<Place>>,
    /// The images that the archive brings or builds on, as references to production.
    pub(super) carried: BTreeSet<String>,
    /// What it brings of OpenShift.
    pub(super) releases: ReleaseCase,
    /// How production's word is tested that it holds all of it.
    pub(super) proof: Proof,
    /// What was noticed about it.
    pub(super) findings: Vec<Finding>,
}

impl Case<'_> {
    /// Where the archive comes from, for the journal.
    pub(super) fn origin(&self) -> Result<Origin, AnyFault> {
        let inventory = self.archive.inventory();
        Ok(Origin {
            plan: Digest::of(self.contents.plan.to_json()?.as_bytes()),
            signers: self.archive.signers().iter().map(ToString::to_string).collect(),
            predecessor: inventory.predecessor.as_ref().map(|before| before.inventory),
        })
    }
}

impl<'a> Import<'a> {
    /// Believes nothing that is not signed, nothing that is older than what is in force. The journal is asked first: what is
    /// damaged or foreign is told without a registry. Then everything that the archive builds on is looked for.
    pub(super) fn judge(&self, source: Arc<dyn ReadAt>, history: History<'_>) -> Result<Case<'a>, AnyFault> {
        let local = Policy { floor: Self::local_floor(history), ..self.policy.clone() };
        let archive = verify(Arc::clone(&source), self.trust, &local, self.events, self.limits)?;
        let mut findings = archive.notes().to_vec();
        if let Some(floor) = self.higher_floor(history, &archive)? {
            let policy = Policy { floor: Some(floor), ..local };
            findings = open(source, self.trust, &policy, self.limits)?.notes().to_vec();
        }
        let mapping = Mapping::new(&self.site.spec.repositories)?;
        let contents = Contents::read(&archive, self.site, &mapping, self.limits)?;
        let source = ArchiveSource::new(&archive, &contents, &mapping, self.site, self.client)?;
        let releases = self.release_case(&contents, &mapping, &source)?;
        let place = |needed: &Prerequisite| place(&contents, &mapping, needed);
        self.prerequisites(&contents.plan, place, history)?;
        let places = self.places(&contents)?;
        if let Some(cluster) = self.cluster {
            let used = places.iter().flatten().map(|place| &place.mirror);
            let releases = releases.resources(&contents.plan, self.legacy_icsp);
            findings.extend(emit::preflight(self.site, used, &releases, cluster));
        }
        let merge = self.merge_options(&contents);
        let carried = carried_images(&contents, self.site);
        let proof = if self.paranoid { Proof::bytes() } else { Proof::sizes() };
        Ok(Case { archive, contents, mapping, merge, places, carried, releases, proof, findings })
    }

    /// The catalogs of the archive, each ready to be brought forward.
    pub(super) fn forwards<'f>(&'f self, case: &'f Case<'_>) -> Vec<Forward<'f>> {
        let catalogs = case.contents.catalogs.iter().map(|(planned, _)| planned).zip(&case.places);
        let places = catalogs.flat_map(|(planned, places)| places.iter().map(move |place| (planned, place)));
        let forward = |(planned, place): (&'f PlannedCatalog, &'f Place)| Forward {
            onlooker: self.onlooker(case),
            planned,
            place,
            archive: ArchiveFacts {
                inventory: case.archive.inventory().digest(),
                generation: case.archive.inventory().sequence,
                created: &case.contents.plan.created,
            },
            carried: &case.carried,
            merge: &case.merge,
        };
        places.map(forward).collect()
    }

    /// Who looks at what production serves.
    pub(super) fn onlooker<'f>(&'f self, case: &'f Case<'_>) -> Onlooker<'f> {
        Onlooker {
            site: self.site,
            mapping: &case.mapping,
            proof: &case.proof,
            client: self.client,
            jobs: self.jobs,
            events: self.events,
            limits: self.limits,
        }
    }
}
