//! What ties an operator to OpenShift: the versions on its way, with what each demands and forbids.

use crate::reference::ImageRef;
use crate::release::Minor;
use crate::version::Version;

/// An operator that runs, and the way that the plan offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorWay {
    /// Its package and the catalog that delivers it; nothing where the plan delivers nothing of it.
    pub offer: Option<Offer>,
    /// What runs.
    pub runs: Stand,
    /// What it is upgraded to, hop by hop.
    pub hops: Vec<Stand>,
}

/// Who delivers an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The catalog.
    pub catalog: ImageRef,
    /// The package.
    pub package: String,
}

/// One version of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stand {
    /// Its CSV.
    pub name: String,
    /// How far OpenShift may go while it runs.
    pub ceiling: Ceiling,
    /// The oldest Kubernetes that it takes, where it says.
    pub kubernetes: Option<Version>,
}

/// How far OpenShift may go while an operator runs: its property `olm.maxOpenShiftVersion`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ceiling {
    /// As far as it likes.
    Open,
    /// To this minor release.
    At(Minor),
    /// No minor release is allowed: OLM cannot read what stands there.
    Unreadable(String),
    /// Nobody knows what it says.
    Unknown,
}

impl Ceiling {
    /// Reads the property as OLM does (`pkg/controller/operators/openshift/helpers.go`): two numbers, or three of which the last
    /// is zero.
    pub fn parse(property: Option<&str>) -> Self {
        let Some(text) = property else { return Self::Open };
        match Version::parse_tolerant(text) {
            Ok(version) if version.patch() == 0 && version.pre().is_empty() && version.build().is_empty() => {
                Self::At(Minor::of(&version))
            }
            _ => Self::Unreadable(text.to_owned()),
        }
    }

    /// Whether OpenShift may enter this minor release.
    pub fn allows(&self, next: Minor) -> bool {
        match self {
            Self::Open | Self::Unknown => true,
            Self::At(last) => next <= *last,
            Self::Unreadable(_) => false,
        }
    }
}

impl Stand {
    /// One version, from what its CSV says.
    pub fn new(name: &str, max_openshift: Option<&str>, min_kube: Option<&str>) -> Self {
        // What is no version is told when the catalog is validated; the cluster takes it for nothing.
        let kubernetes = min_kube.and_then(|text| Version::parse_tolerant(text).ok());
        Self { name: name.to_owned(), ceiling: Ceiling::parse(max_openshift), kubernetes }
    }

    /// Whether a cluster of this minor release has the Kubernetes that it needs. Of a minor release whose Kubernetes is not known
    /// nothing is demanded.
    pub(super) fn runs_on(&self, minor: Minor) -> bool {
        let Some(needed) = &self.kubernetes else { return true };
        let there = minor.kubernetes().and_then(|text| text.parse::<Minor>().ok());
        there.is_none_or(|there| Minor::of(needed) <= there)
    }
}

impl OperatorWay {
    /// A version by its place on the way; 0 is what runs.
    pub(super) fn stand(&self, at: usize) -> &Stand {
        at.checked_sub(1).and_then(|hop| self.hops.get(hop)).unwrap_or(&self.runs)
    }

    /// The last place that a cluster of this minor release can get to.
    pub(super) fn reach(&self, minor: Minor) -> usize {
        self.hops.iter().take_while(|stand| stand.runs_on(minor)).count()
    }

    /// What it is called in findings.
    pub(super) fn subject(&self) -> String {
        match &self.offer {
            Some(offer) => format!("package {}", offer.package),
            None => format!("operator {}", self.runs.name),
        }
    }

    /// The minor release that its catalog is made for, as the tag says: `v4.20`.
    pub(super) fn catalog_minor(&self) -> Option<Minor> {
        let tag = self.offer.as_ref()?.catalog.tag.as_ref()?;
        tag.as_str().strip_prefix('v')?.parse().ok()
    }
}
