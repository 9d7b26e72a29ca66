//! What nodes will ask production for, by the mirror sets of their cluster.

use std::collections::BTreeMap;

use crate::check::{Needs, Rewrites};
use crate::finding::Finding;
use crate::mapping::Mapping;
use crate::reference::{ImageRef, RegistryHost, RepositoryRef};
use crate::text::counted;

/// What came of following the mirror sets.
#[derive(Debug, Default)]
pub struct Asked {
    /// Images that nodes ask production for at another place than the site file says.
    pub elsewhere: Needs,
    /// Images that nodes do not ask production for at all.
    pub findings: Vec<Finding>,
}

/// Sources of one kind that no node finds.
struct Lost {
    count: usize,
    first: String,
    user: String,
}

/// Follows the mirror sets for images by their original names. `mapping` says where production holds them.
pub fn asked(
    images: impl Iterator<Item = (ImageRef, (String, String))>,
    rewrites: &Rewrites<'_>,
    mapping: &Mapping,
    production: &RegistryHost,
) -> Asked {
    let mut asked = Asked::default();
    // By what is wrong, and for which host and namespace.
    let mut lost: BTreeMap<(&str, String), Lost> = BTreeMap::new();
    for (image, user) in images {
        if image.repository.host == *production {
            continue;
        }
        let places = rewrites.places(&image);
        let code = if places.is_empty() { "NOT_MIRRORED" } else { "MIRRORED_ELSEWHERE" };
        let held = mapping.mirror(&image.repository).ok();
        let held = held.map(|repository| RepositoryRef { host: production.clone(), repository });
        let here: Vec<ImageRef> =
            places.into_iter().filter(|place| place.repository.host == *production).collect();
        // Where it is held it was looked for already.
        if here.iter().any(|place| Some(&place.repository) == held.as_ref()) {
            continue;
        }
        match here.into_iter().next() {
            Some(place) => asked.elsewhere.add(place, user),
            None => {
                let scope = namespace(&image.repository);
                let named = || Lost { count: 0, first: image.to_string(), user: user.1 };
                lost.entry((code, scope)).or_insert_with(named).count += 1;
            }
        }
    }
    asked.findings =
        lost.into_iter().map(|((code, scope), lost)| lost.finding(code, &scope, production)).collect();
    asked
}

impl Lost {
    fn finding(&self, code: &str, scope: &str, production: &RegistryHost) -> Finding {
        let Self { count, first, user } = self;
        let images = counted(*count, "image");
        let (what, hint) = if code == "NOT_MIRRORED" {
            (
                "no mirror set leads nodes anywhere else than to the source".to_owned(),
                "apply the mirror sets of the last import (`cluster/`), or give a dump that has them: `oc get idms,itms,icsp -o json`",
            )
        } else {
            (
                format!("the mirror sets lead nodes to other registries than {production}"),
                "point these mirror sets to production, or correct `production` in the site file",
            )
        };
        let message = format!("{what}: {images}, `{first}` among them, which `{user}` needs");
        Finding::error(code, scope, message).hint(hint)
    }
}

/// Host and first part of the path: what mirror sets mostly have entries for.
fn namespace(repository: &RepositoryRef) -> String {
    let path = repository.repository.as_str();
    let first = path.split_once('/').map_or(path, |(first, _)| first);
    format!("{}/{first}", repository.host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::PrefixRule;
    use crate::site::cluster::ClusterDump;

    const SETS: &str = "
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: one}
spec:
  imageDigestMirrors:
    - {source: registry.redhat.io, mirrors: ['mirror:5000/olm-redhat']}
    - {source: registry.redhat.io/moved, mirrors: ['other:5000/moved', 'mirror:5000/elsewhere']}
    - {source: registry.redhat.io/both, mirrors: ['mirror:5000/wrong', 'mirror:5000/olm-redhat/both']}
    - {source: quay.io, mirrors: ['other:5000/quay']}
";

    #[test]
    fn each_image_is_asked_for_somewhere_or_named() {
        let (dump, _) = ClusterDump::parse(SETS.as_bytes(), "sets");
        let rule =
            PrefixRule { source: "registry.redhat.io".to_owned(), mirror: "olm-redhat".parse().unwrap() };
        let mapping = Mapping::new(&[rule]).unwrap();
        let digest = format!("sha256:{}", "1".repeat(64));
        let image = |name: &str| -> ImageRef { format!("{name}@{digest}").parse().unwrap() };
        let user = || ("p".to_owned(), "p.v1".to_owned());
        let names = [
            "registry.redhat.io/fine/a",
            "registry.redhat.io/both/a",
            "registry.redhat.io/moved/a",
            "quay.io/x/a",
            "quay.io/x/b",
            "docker.io/y/a",
            "mirror:5000/here/a",
        ];
        let mut images: Vec<_> = names.iter().map(|name| (image(name), user())).collect();
        images.push(("registry.redhat.io/fine/a:v1".parse().unwrap(), user()));
        let asked =
            asked(images.into_iter(), &Rewrites::of(&dump), &mapping, &"mirror:5000".parse().unwrap());
        let places: Vec<String> = asked.elsewhere.pinned.keys().map(ToString::to_string).collect();
        assert_eq!(places, [format!("mirror:5000/elsewhere/a@{digest}")]);
        assert!(asked.elsewhere.tagged.is_empty());
        let told: Vec<(&str, &str)> =
            asked.findings.iter().map(|found| (found.code.as_str(), found.subject.as_str())).collect();
        assert_eq!(
            told,
            [
                ("MIRRORED_ELSEWHERE", "quay.io/x"),
                ("NOT_MIRRORED", "docker.io/y"),
                ("NOT_MIRRORED", "registry.redhat.io/fine"),
            ]
        );
        assert!(asked.findings[0].message.contains("2 images"), "{:?}", asked.findings);
        assert!(asked.findings[2].message.contains("registry.redhat.io/fine/a:v1"), "{:?}", asked.findings);
    }
}
