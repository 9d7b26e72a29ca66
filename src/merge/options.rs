//! What a merge is told beforehand.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::catalog::Catalog;
use crate::fault::{Exit, Fault};
use crate::site::InstalledOperator;

/// What a merge knows of the site, and what a person decided.
#[derive(Debug, Clone, Default)]
pub struct MergeOptions {
    /// What runs in the cluster: the way of each from where it is to the head of its channel must survive.
    pub installed: Vec<InstalledOperator>,
    /// Whether both catalogs are indexes of the same OpenShift minor.
    pub minors: Minors,
    /// What was decided for single packages.
    pub modes: BTreeMap<String, Mode>,
    /// What to do when both sides have a bundle of one name with different images.
    pub on_bundle_image: OnBundleImage,
    /// The default channel that upstream's own package names, where it is known: a package that was cut down to a few channels
    /// may have to name another.
    pub upstream_defaults: BTreeMap<String, String>,
    /// Edges that a person vouches for.
    pub bridges: Vec<Bridge>,
    /// Mirrors whose references mean the same as the source's.
    pub aliases: Vec<Alias>,
    /// What another catalog of the same cluster will offer: OLM takes what a bundle requires from any of them.
    pub elsewhere: Catalog,
}

/// Which OpenShift minors the two catalogs are indexes for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Minors {
    /// The same, or it does not matter.
    #[default]
    Same,
    /// Different ones: upstream's channels may have branched.
    Different,
}

/// How a package is merged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Whatever loses nothing, else a conflict.
    #[default]
    Auto,
    /// Entry by entry.
    Union,
    /// The new side's package whole. What production had beside it is gone.
    Replace,
    /// The package leaves production's catalog; a second one beside it offers the new side's, whole.
    Split,
    /// Production's package stays as it is; the new side's is dropped.
    KeepOld,
}

/// What to do when both sides have a bundle of one name with different images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnBundleImage {
    /// Refuse.
    #[default]
    Fail,
    /// Take the new one. What is installed is not touched: OLM never installs an equal name again.
    New,
    /// Keep production's.
    Old,
}

/// An edge that a person vouches for: in this channel, `to` may replace `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// The package.
    pub package: String,
    /// The channel.
    pub channel: String,
    /// The lower bundle.
    pub from: String,
    /// The upper bundle.
    pub to: String,
}

/// References below `mirror` mean those below `source`: hosts with leading path components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// For instance `nexus.example:5000/olm-redhat`.
    pub mirror: String,
    /// For instance `registry.redhat.io`.
    pub source: String,
}

/// A decision that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}")]
pub struct InvalidOption {
    text: String,
    what: &'static str,
}

impl Fault for InvalidOption {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl FromStr for Bridge {
    type Err = InvalidOption;

    /// `PACKAGE/CHANNEL:FROM=TO`.
    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        let parts = || {
            let (package, rest) = text.split_once('/')?;
            let (channel, rest) = rest.split_once(':')?;
            let (from, to) = rest.split_once('=')?;
            let parts = [package, channel, from, to];
            parts.iter().all(|part| !part.is_empty()).then(|| parts.map(str::to_owned))
        };
        let what = "a bridge: it must be `PACKAGE/CHANNEL:FROM=TO`";
        let [package, channel, from, to] =
            parts().ok_or_else(|| InvalidOption { text: text.to_owned(), what })?;
        Ok(Self { package, channel, from, to })
    }
}

impl FromStr for Mode {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        Ok(match text {
            "auto" => Self::Auto,
            "union" => Self::Union,
            "replace" => Self::Replace,
            "split" => Self::Split,
            "keep-old" => Self::KeepOld,
            _ => {
                let what = "a way to merge: it must be auto, union, replace, split or keep-old";
                return Err(InvalidOption { text: text.to_owned(), what });
            }
        })
    }
}

impl FromStr for OnBundleImage {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        Ok(match text {
            "fail" => Self::Fail,
            "new" => Self::New,
            "old" => Self::Old,
            _ => {
                return Err(InvalidOption { text: text.to_owned(), what: "one of fail, new, old" });
            }
        })
    }
}

impl MergeOptions {
    /// A reference with the source's host instead of the mirror's; the longest alias wins.
    pub(super) fn source_of(&self, image: &str) -> Option<String> {
        let rest_of = |alias: &Alias| {
            let rest = image.strip_prefix(&alias.mirror)?;
            rest.starts_with('/').then(|| format!("{}{rest}", alias.source))
        };
        let aliases = self.aliases.iter().filter_map(|alias| Some((alias.mirror.len(), rest_of(alias)?)));
        aliases.max().map(|(_, source)| source)
    }
}
