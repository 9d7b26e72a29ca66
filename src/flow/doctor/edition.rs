//! Which Nexus it is, and what its edition allows.

use std::fmt;

use crate::finding::Finding;

/// A Nexus by its `Server` header: `Nexus/3.92.0-03 (COMMUNITY)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edition {
    version: (u32, u32),
    told: String,
    is_community: bool,
}

/// What an import asks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) requests: u64,
    pub(super) manifests: u64,
}

/// What the Community Edition takes since a version: components in all, requests in 24 hours (nexus-public#883).
const ALLOWANCES: [((u32, u32), u64, u64); 2] = [((3, 87), 40_000, 100_000), ((3, 77), 100_000, 200_000)];
/// Since this version its clean-up knows OCI manifests (help.sonatype.com, "Docker Registry").
const KNOWS_OCI: (u32, u32) = (3, 71);

impl Edition {
    pub(super) fn of(server: &str) -> Option<Self> {
        let rest = server.strip_prefix("Nexus/")?;
        let mut numbers = rest.split(['.', '-', ' ']).map_while(|part| part.parse().ok());
        let version = (numbers.next()?, numbers.next()?);
        Some(Self { version, told: server.to_owned(), is_community: rest.contains("(COMMUNITY)") })
    }

    /// Components and requests that it takes, where they are limited.
    fn allowance(&self) -> Option<(u64, u64)> {
        let found = ALLOWANCES.iter().find(|(since, ..)| self.version >= *since);
        found.filter(|_| self.is_community).map(|(_, components, requests)| (*components, *requests))
    }

    /// What is to be known of it before an import, and whether an archive's needs go beyond it. How much is used up already its
    /// REST API does not tell.
    pub(super) fn judge(&self, subject: &str, load: Option<Load>) -> Vec<Finding> {
        let old = (self.version < KNOWS_OCI).then(|| {
            let message = "before version 3.71 its clean-up deletes manifests in the OCI form";
            Finding::warning("NEXUS_OLD", subject, message)
                .hint("upgrade Nexus before its clean-up tasks run again")
        });
        let limits = self.allowance().map(|(components, requests)| {
            let takes = format!(
                "the Community Edition takes {requests} requests in 24 hours and {components} components"
            );
            match load {
                None => Finding::info("COMMUNITY", subject, format!("{takes}, and no writes beyond either"))
                    .hint("name the archive, too, and its needs are compared"),
                Some(load) if load.manifests > components => Finding::error(
                    "COMPONENTS",
                    subject,
                    format!("{takes}; the archive brings {} manifests", load.manifests),
                )
                .hint("split the request, or run an edition without that limit"),
                Some(load) if load.requests > requests => Finding::warning(
                    "BUDGET",
                    subject,
                    format!("{takes}; the import makes about {}", load.requests),
                )
                .hint("plan more than one day: the same import goes on where it stopped"),
                Some(load) => Finding::info(
                    "COMMUNITY",
                    subject,
                    format!("{takes}; the import makes about {}", load.requests),
                ),
            }
        });
        old.into_iter().chain(limits).collect()
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editions_are_told_by_their_header() {
        for (server, version, allowance) in [
            ("Nexus/3.92.0-03 (COMMUNITY)", Some((3, 92)), Some((40_000, 100_000))),
            ("Nexus/3.87.0 (COMMUNITY)", Some((3, 87)), Some((40_000, 100_000))),
            ("Nexus/3.86.2-01 (COMMUNITY)", Some((3, 86)), Some((100_000, 200_000))),
            ("Nexus/3.76.0-03 (OSS)", Some((3, 76)), None),
            ("Nexus/3.92.0-03 (PRO)", Some((3, 92)), None),
            ("Nexus/3.70.1-02 (COMMUNITY)", Some((3, 70)), None),
            ("nginx", None, None),
            ("Nexus/x", None, None),
        ] {
            let found = Edition::of(server);
            assert_eq!(found.as_ref().map(|edition| edition.version), version, "{server}");
            assert_eq!(found.and_then(|edition| edition.allowance()), allowance, "{server}");
        }
    }

    #[test]
    fn needs_are_compared_with_what_it_takes() {
        let judge = |server: &str, load: Option<(u64, u64)>| {
            let load = load.map(|(requests, manifests)| Load { requests, manifests });
            let found = Edition::of(server).unwrap().judge("nexus", load);
            found.into_iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        let community = "Nexus/3.92.0-03 (COMMUNITY)";
        assert_eq!(judge(community, None), ["COMMUNITY"]);
        assert_eq!(judge(community, Some((100_000, 40_000))), ["COMMUNITY"]);
        assert_eq!(judge(community, Some((100_001, 40_000))), ["BUDGET"]);
        assert_eq!(judge(community, Some((100_001, 40_001))), ["COMPONENTS"]);
        assert_eq!(judge("Nexus/3.92.0-03 (PRO)", Some((1 << 40, 1 << 40))), [""; 0]);
        assert_eq!(judge("Nexus/3.70.0-03 (OSS)", None), ["NEXUS_OLD"]);
    }
}
