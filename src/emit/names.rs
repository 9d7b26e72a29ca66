//! Names of our objects: the same in every generation, within the cluster's limits, and nobody else's.

use crate::digest::Digest;
use crate::finding::Finding;
use crate::site::cluster::{ClusterDump, MANAGED_BY};
use crate::text::Safe;

/// The namespace in which a CatalogSource serves the whole cluster.
pub(super) const MARKETPLACE: &str = "openshift-marketplace";

/// The namespace in which a cluster looks for signatures of releases.
const MANAGED: &str = "openshift-config-managed";

/// The namespace of the update service's operator.
const UPDATES: &str = "openshift-update-service";

/// The longest name: OLM uses it as the value of a label and as the name of a Service.
const LONGEST: usize = 63;

/// Hex digits of a digest that keep cut names apart.
const SUFFIX: usize = 8;

/// The kinds that are written, and nothing else ever is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Where images are looked for by digest.
    ImageDigestMirrorSet,
    /// Where images are looked for by tag.
    ImageTagMirrorSet,
    /// A catalog of OLM v0.
    CatalogSource,
    /// A catalog of OLM v1.
    ClusterCatalog,
    /// Where images are looked for by digest, before OpenShift 4.13.
    ImageContentSourcePolicy,
    /// Signatures of a release, and nothing else.
    ConfigMap,
    /// The update service of a cluster.
    UpdateService,
}

impl Kind {
    /// As in `kind:`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImageDigestMirrorSet => "ImageDigestMirrorSet",
            Self::ImageTagMirrorSet => "ImageTagMirrorSet",
            Self::CatalogSource => "CatalogSource",
            Self::ClusterCatalog => "ClusterCatalog",
            Self::ImageContentSourcePolicy => "ImageContentSourcePolicy",
            Self::ConfigMap => "ConfigMap",
            Self::UpdateService => "UpdateService",
        }
    }

    /// As in `apiVersion:`.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::ImageDigestMirrorSet | Self::ImageTagMirrorSet => "config.openshift.io/v1",
            Self::CatalogSource => "operators.coreos.com/v1alpha1",
            Self::ClusterCatalog => "olm.operatorframework.io/v1",
            Self::ImageContentSourcePolicy => "operator.openshift.io/v1alpha1",
            Self::ConfigMap => "v1",
            Self::UpdateService => "updateservice.operator.openshift.io/v1",
        }
    }

    /// As `oc` calls it on the command line, without its group.
    pub fn resource(self) -> String {
        self.as_str().to_ascii_lowercase()
    }

    /// As `oc` prints it: `catalogsource.operators.coreos.com`; a kind of the core group has none.
    pub fn full_resource(self) -> String {
        match self.api_version().split_once('/') {
            Some((group, _)) => format!("{}.{group}", self.resource()),
            None => self.resource(),
        }
    }

    /// The namespace where ours are, if the kind has one.
    pub fn namespace(self) -> Option<&'static str> {
        match self {
            Self::CatalogSource => Some(MARKETPLACE),
            Self::ConfigMap => Some(MANAGED),
            Self::UpdateService => Some(UPDATES),
            Self::ImageDigestMirrorSet
            | Self::ImageTagMirrorSet
            | Self::ImageContentSourcePolicy
            | Self::ClusterCatalog => None,
        }
    }
}

/// A name that every place takes where OLM uses it: DNS-1035 label, 63 characters at most.
///
/// A name that is one already stays as it is. Else what does not fit is replaced or cut, and eight digits of the
/// digest of the whole keep different names different.
pub fn fit(name: &str) -> String {
    let good = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let bytes = name.as_bytes();
    if bytes.len() <= LONGEST
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|&c| c != b'-')
        && bytes.iter().all(|&c| good(c))
    {
        return name.to_owned();
    }
    let lower = name.to_ascii_lowercase();
    let mut fitted: String =
        lower.chars().map(|c| if u8::try_from(c).is_ok_and(good) { c } else { '-' }).collect();
    if !fitted.starts_with(|c: char| c.is_ascii_lowercase()) {
        fitted.insert_str(0, "x-");
    }
    // All ASCII now, so that a cut cannot split a character.
    fitted.truncate(LONGEST - SUFFIX - 1);
    let hex = Digest::of(name.as_bytes()).hex();
    format!("{}-{}", fitted.trim_end_matches('-'), &hex[..SUFFIX])
}

/// A name as every other object takes it: DNS-1123 subdomain, 253 characters at most, kept where it is one.
pub(super) fn subdomain(name: &str) -> String {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(good) && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() <= 253 && name.split('.').all(is_label) {
        return name.to_owned();
    }
    let lower = name.to_ascii_lowercase();
    let tame = lower.chars().map(|c| if good(c) || c == '.' { c } else { '-' }).take(200).collect::<String>();
    let labels: Vec<_> =
        tame.split('.').map(|label| label.trim_matches('-')).filter(|label| !label.is_empty()).collect();
    let hex = Digest::of(name.as_bytes()).hex();
    format!("{}-{}", labels.join("."), &hex[..SUFFIX])
}

/// What is wrong with giving an object this name: somebody else's has it.
pub(super) fn collision(cluster: &ClusterDump, kind: Kind, name: &str) -> Option<Finding> {
    let taken = cluster.object(kind.as_str(), kind.namespace(), name)?;
    if taken.is_ours() {
        return None;
    }
    let (label, ours) = MANAGED_BY;
    let owner = match &taken.managed_by {
        Some(owner) => format!("it is managed by `{}`", Safe(owner)),
        None => "nothing says that it is ours".to_owned(),
    };
    let scope = kind.namespace().map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
    let place = kind.namespace().map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default();
    let subject = format!("{} {name}{place}", kind.as_str());
    let message =
        format!("the cluster has an object of this name already, and {owner}: ours would overwrite it");
    let choose = match kind {
        Kind::CatalogSource | Kind::ClusterCatalog => "give the catalog another `name` in the site file",
        Kind::ImageDigestMirrorSet | Kind::ImageTagMirrorSet | Kind::ImageContentSourcePolicy => {
            "give the site another `metadata.name`"
        }
        Kind::ConfigMap | Kind::UpdateService => "remove it if it says the same",
    };
    let hint = format!(
        "{choose}, or hand the object over if it may be replaced: `oc label {}{scope} {name} {label}={ours} --overwrite`, then dump the cluster again",
        kind.full_resource()
    );
    Some(Finding::error("NAME_TAKEN", subject, message).hint(hint))
}

/// One path component made of a name from outside: itself where that is safe, else tamed and told apart by digest.
pub fn file_name(name: &str) -> String {
    let good = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    let first = |c: &u8| c.is_ascii_alphanumeric();
    if name.len() <= 200 && name.as_bytes().first().is_some_and(first) && name.bytes().all(good) {
        return name.to_owned();
    }
    let tame: String =
        name.chars().map(|c| if u8::try_from(c).is_ok_and(good) { c } else { '_' }).take(150).collect();
    let hex = Digest::of(name.as_bytes()).hex();
    format!("_{tame}-{}", &hex[..SUFFIX])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn good_names_stay() {
        let longest = "a".repeat(63);
        for name in ["cs-redhat", "a", "a1-2", &longest] {
            assert_eq!(fit(name), name);
        }
    }

    #[test]
    fn other_names_are_fitted_and_stay_apart() {
        assert_eq!(fit("CS_Redhat"), "cs-redhat-6a1c963b");
        assert_eq!(fit("4.20"), "x-4-20-a767288f");
        assert_eq!(fit(""), "x-e3b0c442");
        assert_ne!(fit(&"a".repeat(64)), fit(&"a".repeat(65)));
        assert_eq!(fit(&"a".repeat(64)).len(), 63);
    }

    #[test]
    fn file_names_leave_no_folder() {
        assert_eq!(file_name("web-terminal"), "web-terminal");
        for name in ["..", ".", "", "../../etc/passwd", "a/b", "a\\b", "a\0b", "-a", "\u{202e}"] {
            let file = file_name(name);
            assert!(file.starts_with('_') && !file.contains(['/', '\\', '\0']), "{file}");
        }
    }

    proptest! {
        #[test]
        fn every_name_fits(name: String) {
            let fitted = fit(&name);
            prop_assert!(fitted.len() <= 63 && !fitted.is_empty());
            prop_assert!(fitted.starts_with(|c: char| c.is_ascii_lowercase()));
            prop_assert!(!fitted.ends_with('-'));
            prop_assert!(fitted.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-'));
            prop_assert_eq!(fit(&fitted), fitted);
        }
    }
}
