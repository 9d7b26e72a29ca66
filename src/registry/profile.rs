//! What is known of each kind of registry, as data: how to upload, and how to recognise it.

use crate::registry::AuthKind;
use crate::site::ProfileName;

/// How a blob is uploaded after the session was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upload {
    /// One `PUT` with the whole content.
    Monolithic,
    /// One `PATCH` with the whole content, then an empty `PUT`.
    PatchThenPut,
}

/// What a client must know of one kind of registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Which kind.
    pub name: ProfileName,
    /// How it takes blobs.
    pub upload: Upload,
    /// Whether it takes a blob from another of its repositories when asked to. Where that is unreliable it is not asked.
    pub mounts: bool,
    /// Whether it answers the referrers API; else the tag schema is asked at once.
    pub referrers: bool,
    /// What frees space after a deletion.
    pub reclaim: &'static str,
}

/// One row for each kind. Sources: nexus-public issues, distribution's source, and the makers' manuals; the Harbor, Quay and
/// Artifactory rows were not tried against live registries.
pub const PROFILES: [Profile; 6] = [
    // One PATCH: chunked uploads of big layers fail there (regclient#540), a single one does not. Mounts: manifest-tool#190.
    Profile {
        name: ProfileName::Nexus,
        upload: Upload::PatchThenPut,
        mounts: false,
        referrers: false,
        reclaim: "run the tasks `Docker - Delete incomplete uploads`, `Docker - Delete unused manifests and images`, \
                  `Admin - Cleanup unused asset blobs` and `Admin - Compact blob store`, in this order",
    },
    Profile {
        name: ProfileName::Harbor,
        upload: Upload::PatchThenPut,
        mounts: true,
        referrers: true,
        reclaim: "have its system administrator run it: Administration, Clean Up, Garbage Collection, GC Now",
    },
    Profile {
        name: ProfileName::Quay,
        upload: Upload::PatchThenPut,
        mounts: true,
        referrers: true,
        reclaim: "wait: it collects by itself once the time machine of the organization lets go (two weeks where nothing else was set)",
    },
    // A PUT without a PATCH before it is answered with 404 (buildx#196, containerd#3533). Mounts work within one repository key.
    Profile {
        name: ProfileName::Artifactory,
        upload: Upload::PatchThenPut,
        mounts: false,
        referrers: true,
        reclaim: "run its garbage collection",
    },
    Profile {
        name: ProfileName::Distribution,
        upload: Upload::Monolithic,
        mounts: true,
        referrers: false,
        reclaim: "stop it and run `registry garbage-collect`",
    },
    Profile {
        name: ProfileName::Zot,
        upload: Upload::Monolithic,
        mounts: true,
        referrers: true,
        reclaim: "wait: it collects by itself",
    },
];

impl Profile {
    /// The row of a kind; the one of the reference implementation where the kind is not known.
    pub fn of(name: ProfileName) -> Self {
        let fallback = Self {
            name: ProfileName::Distribution,
            upload: Upload::Monolithic,
            mounts: true,
            referrers: false,
            reclaim: "run its garbage collection",
        };
        PROFILES.into_iter().find(|profile| profile.name == name).unwrap_or(fallback)
    }
}

/// What the answer to `GET /v2/` tells about the kind of a registry.
pub(super) struct Signs<'a> {
    pub(super) server: &'a str,
    pub(super) header_names: Vec<&'a str>,
    pub(super) auth: AuthKind,
    pub(super) realm: &'a str,
    pub(super) service: &'a str,
}

/// Recognises the kind of a registry; [`ProfileName::Distribution`] where nothing speaks for another.
pub(super) fn recognise(signs: &Signs<'_>) -> ProfileName {
    let server = signs.server.to_ascii_lowercase();
    let realm = signs.realm.to_ascii_lowercase();
    let has = |prefix: &str| signs.header_names.iter().any(|name| name.starts_with(prefix));
    if server.starts_with("nexus/") || realm.contains("sonatype nexus") {
        ProfileName::Nexus
    } else if server.starts_with("artifactory")
        || has("x-jfrog-")
        || has("x-artifactory-")
        || realm.contains("artifactory")
    {
        ProfileName::Artifactory
    } else if signs.service == "harbor-registry" || has("x-harbor-") {
        ProfileName::Harbor
    } else if signs.auth == AuthKind::Bearer && realm.ends_with("/v2/auth") {
        ProfileName::Quay
    } else if server.starts_with("zot") || signs.service == "zot" {
        ProfileName::Zot
    } else {
        ProfileName::Distribution
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_row_and_its_signs() {
        use AuthKind::{Anonymous, Basic, Bearer};
        let signs = |server, header: &'static str, auth, realm, service| {
            recognise(&Signs { server, header_names: vec![header], auth, realm, service })
        };
        for (found, expected) in [
            (signs("Nexus/3.72.0-04 (OSS)", "server", Anonymous, "", ""), ProfileName::Nexus),
            (signs("nginx", "server", Basic, "Sonatype Nexus Repository Manager", ""), ProfileName::Nexus),
            (signs("nginx", "x-jfrog-version", Basic, "", ""), ProfileName::Artifactory),
            (
                signs("", "server", Bearer, "https://h.example/service/token", "harbor-registry"),
                ProfileName::Harbor,
            ),
            (signs("nginx", "server", Bearer, "https://quay.io/v2/auth", "quay.io"), ProfileName::Quay),
            (
                signs("", "docker-distribution-api-version", Basic, "basic-realm", ""),
                ProfileName::Distribution,
            ),
        ] {
            assert_eq!(found, expected);
        }
        for row in PROFILES {
            assert_eq!(Profile::of(row.name), row);
        }
        assert_eq!(Profile::of(ProfileName::Auto).name, ProfileName::Distribution);
    }
}
