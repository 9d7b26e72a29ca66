//! `packages.json`: every package with its channels, their heads and edges (operator-registry `pkg/cache/pkgs.go`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::ServeCacheError;
use crate::catalog::graph::UpgradeGraph;
use crate::catalog::model::{Catalog, Channel, Package};
use crate::catalog::{Deprecated, Deprecation};

/// How a package shows itself, from its blob.
#[derive(Debug, Clone)]
pub(super) struct Presentation {
    pub(super) description: String,
    pub(super) icon: Option<Icon>,
    deprecations: Vec<Deprecation>,
}

/// An icon as opm has it: the base64 text in its one canonical form.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Icon {
    #[serde(default)]
    pub(super) base64data: String,
    #[serde(default)]
    pub(super) mediatype: String,
}

/// What users are told.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Told {
    message: String,
}

impl Presentation {
    pub(super) fn of(package: &Package) -> Self {
        #[derive(Deserialize, Default)]
        struct Written {
            #[serde(default)]
            description: Option<String>,
            #[serde(default)]
            icon: Option<Icon>,
        }
        let written: Written = serde_json::from_str(package.blob.raw.get()).unwrap_or_default();
        // An icon without data is none to opm; data that is no base64 was a finding when the catalog was loaded.
        let icon = written.icon.filter(|icon| !icon.base64data.is_empty()).map(|icon| {
            let plain: String = icon.base64data.split_ascii_whitespace().collect();
            let bytes = STANDARD.decode(plain).unwrap_or_default();
            Icon { base64data: STANDARD.encode(bytes), ..icon }
        });
        Self {
            description: written.description.unwrap_or_default(),
            icon,
            deprecations: package.deprecated(),
        }
    }

    /// The deprecation of the package, a channel or a bundle.
    pub(super) fn deprecation(&self, what: &Deprecated) -> Option<Told> {
        let found = self.deprecations.iter().find(|deprecation| deprecation.what == *what)?;
        Some(Told { message: found.message.clone() })
    }
}

#[derive(Serialize)]
pub(super) struct PackageEntry<'a> {
    name: &'a str,
    description: String,
    icon: Option<Icon>,
    #[serde(rename = "defaultChannel")]
    default_channel: &'a str,
    #[serde(rename = "Channels")]
    channels: BTreeMap<&'a str, ChannelEntry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecation: Option<Told>,
}

#[derive(Serialize)]
struct ChannelEntry<'a> {
    #[serde(rename = "Name")]
    name: &'a str,
    #[serde(rename = "Head")]
    head: &'a str,
    #[serde(rename = "Bundles")]
    bundles: BTreeMap<&'a str, BundleEntry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecation: Option<Told>,
}

#[derive(Serialize)]
struct BundleEntry<'a> {
    package: &'a str,
    channel: &'a str,
    name: &'a str,
    replaces: &'a str,
    /// `null` where there are none, as Go writes it.
    skips: Option<Vec<&'a str>>,
}

/// All packages by name.
pub(super) fn index(catalog: &Catalog) -> Result<BTreeMap<&str, PackageEntry<'_>>, ServeCacheError> {
    let packages = catalog.packages.iter();
    packages.map(|(name, package)| Ok((name.as_str(), package_entry(package)?))).collect()
}

fn package_entry(package: &Package) -> Result<PackageEntry<'_>, ServeCacheError> {
    let shown = Presentation::of(package);
    let channels = package.channels.values();
    let channels = channels.map(|channel| {
        let deprecation = shown.deprecation(&Deprecated::Channel(channel.name.clone()));
        Ok((channel.name.as_str(), channel_entry(package, channel, deprecation)?))
    });
    Ok(PackageEntry {
        name: &package.name,
        default_channel: &package.default_channel,
        channels: channels.collect::<Result<_, ServeCacheError>>()?,
        deprecation: shown.deprecation(&Deprecated::Package),
        description: shown.description,
        icon: shown.icon,
    })
}

fn channel_entry<'a>(
    package: &'a Package,
    channel: &'a Channel,
    deprecation: Option<Told>,
) -> Result<ChannelEntry<'a>, ServeCacheError> {
    let head = UpgradeGraph::new(channel).head().ok_or_else(|| ServeCacheError::Unfit {
        what: format!("channel `{}` of package `{}`", channel.name, package.name),
        why: "it has no head, or several".to_owned(),
    })?;
    let bundles = channel.entries.iter().map(|entry| {
        let skips = (!entry.skips.is_empty()).then(|| entry.skips.iter().map(String::as_str).collect());
        let bundle = BundleEntry {
            package: &package.name,
            channel: &channel.name,
            name: &entry.name,
            replaces: entry.replaces.as_deref().unwrap_or_default(),
            skips,
        };
        (entry.name.as_str(), bundle)
    });
    Ok(ChannelEntry { name: &channel.name, head, bundles: bundles.collect(), deprecation })
}
