//! Why nothing may be let go: something is not known.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::import::state_repository;
use crate::flow::record::{History, Log, Record};
use crate::flow::vacuum::Vacuum;
use crate::flow::vacuum::error::EMPTY_FIRST;
use crate::flow::vacuum::record::LastMove;
use crate::flow::vacuum::told::lacking;
use crate::retain::{Listing, VacuumPlan};
use crate::site::cluster::{DUMP, DUMP_BEFORE_4_13};
use crate::store::journal::Journal;
use crate::text::counted;

/// What is done about a dump that lacks something.
pub(super) fn dump_all() -> String {
    format!("dump all of each cluster into one file, for all namespaces: `{DUMP}`; {DUMP_BEFORE_4_13}")
}

impl Vacuum<'_> {
    /// Everything that speaks against letting anything go; `mirrors` where it counts who points to a registry.
    pub(super) fn obstacles(&self, listing: &Listing, mirrors: bool) -> Result<Vec<Finding>, AnyFault> {
        let mut found: Vec<Finding> = self.unknown_cluster(mirrors).into_iter().collect();
        found.extend(self.strangers(listing)?);
        found.extend(self.unseen(listing)?);
        found.extend(self.unfinished()?.map(|generation| {
            let message =
                format!("the import of generation {generation} did not get to its end: nothing is let go");
            Finding::warning("UNFINISHED_IMPORT", self.site.name(), message)
                .hint("run that import again, then make a new plan")
        }));
        Ok(found)
    }

    /// The generation of an import that did not get to its end.
    pub(super) fn unfinished(&self) -> Result<Option<u64>, AnyFault> {
        let records: Vec<Record> = Journal::read(&Log::path(self.state))?;
        Ok(History(&records).unfinished())
    }

    /// The site file may be the one from before a move: what it calls staging took over.
    pub(super) fn moved_before(&self) -> Result<Option<Finding>, AnyFault> {
        let last = LastMove::of(self.state)?.filter(|last| last.to == self.site.spec.staging.registry);
        Ok(last.map(|LastMove { to, at, .. }| {
            let message =
                format!("production moved to {to} ({at}), and this site file still calls that registry staging");
            Finding::warning("MOVED_BEFORE", self.site.name(), message).hint(
                "if clusters were led over, use the site file that the move wrote into its folder (`site.yaml`); if the move was given \
                 up, all is well",
            )
        }))
    }

    /// Of what Nexus shares between its repositories nothing comes free as long as one of them has it.
    pub(super) fn held_in_staging(&self, plan: &VacuumPlan) -> Result<Option<Finding>, AnyFault> {
        if self.site.spec.nexus.is_none() || plan.totals.gone == 0 {
            return Ok(None);
        }
        let there = self.list_staging()?;
        let held: BTreeSet<&Digest> =
            there.repositories.values().flat_map(|seen| seen.manifests.keys()).collect();
        let gone = plan.repositories.values().flat_map(|repository| &repository.gone);
        let both = gone.filter(|item| held.contains(&item.digest)).count();
        Ok((both > 0).then(|| {
            let message = format!(
                "it holds {} of those that go from production too: Nexus frees no layer that another of its repositories has",
                counted(both, "manifest")
            );
            Finding::warning("STAGING_HOLDS_TOO", &there.host, message).hint(EMPTY_FIRST)
        }))
    }

    fn unknown_cluster(&self, mirrors: bool) -> Option<Finding> {
        if self.clusters.is_empty() {
            let message = "without a dump of the cluster nobody knows what runs: nothing is let go";
            return Some(Finding::warning("NO_DUMP", self.site.name(), message).hint(format!(
                "make one and give it with `--cluster dump.json`: `{DUMP}`; {DUMP_BEFORE_4_13}"
            )));
        }
        let sites = 1 + self.covered.iter().filter(|site| *site != self.site.name()).count();
        lacking(self.clusters, sites, mirrors).map(|lacks| {
            let message = format!("{lacks}: nothing is let go");
            Finding::warning("DUMP_INCOMPLETE", self.site.name(), message).hint(dump_all())
        })
    }

    /// Other sites that keep their generations in the same registry: what their clusters need is needed.
    pub(super) fn strangers(&self, listing: &Listing) -> Result<Option<Finding>, AnyFault> {
        let state = state_repository(&listing.host)?.repository;
        let tags = listing.repositories.get(&state).into_iter().flat_map(|seen| seen.tags.keys());
        let site_of = |tag: &str| {
            let (digits, site) = tag.strip_prefix('g')?.split_once('.')?;
            digits.bytes().all(|c| c.is_ascii_digit()).then(|| site.to_owned())
        };
        let sites: BTreeSet<String> = tags.filter_map(|tag| site_of(tag.as_str())).collect();
        let other = |site: &&String| site.as_str() != self.site.name() && !self.covered.contains(*site);
        let others: Vec<&str> = sites.iter().filter(other).map(String::as_str).collect();
        Ok((!others.is_empty()).then(|| {
            let message = format!("this registry is also that of {}: nothing is let go", others.join(", "));
            Finding::warning("SHARED_REGISTRY", self.site.name(), message).hint(
                "give dumps of their clusters too, with `--cluster`, and name each of these sites with `--covers SITE`",
            )
        }))
    }
}
