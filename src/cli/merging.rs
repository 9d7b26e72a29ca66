//! Decisions about a merge, as several commands take them.

use clap::Args;

use crate::cli::failure::Failure;
use crate::merge::{Bridge, InvalidOption, MergeOptions, Mode, OnBundleImage};

/// What to do instead of a split.
const SPLIT_BY_HAND: &str = "give the newer versions a catalog of their own by hand: name their index, for instance `…-index:v4.21`, in the \
     ImageSetConfiguration and under `catalogs` of the site file with a `mirror` and a `name` of its own, and switch the Subscription to \
     it; or choose `keep-old`, `union` or `replace` here";

/// What a person decided about a merge.
#[derive(Debug, Clone, Args)]
pub(super) struct MergeArgs {
    /// How one package is merged: auto, union, replace, split, keep-old
    #[arg(long, value_name = "PACKAGE=MODE", value_parser = package_mode)]
    merge_mode: Vec<(String, Mode)>,

    /// An edge that you vouch for: in this channel TO may replace FROM
    #[arg(long, value_name = "PACKAGE/CHANNEL:FROM=TO")]
    bridge: Vec<Bridge>,

    /// When both sides have a bundle of one name with different images: fail, new or old
    #[arg(long, value_name = "CHOICE", default_value = "fail")]
    on_bundle_image: OnBundleImage,
}

impl MergeArgs {
    /// The same for the merge.
    pub(super) fn options(&self) -> Result<MergeOptions, Failure> {
        if let Some((package, _)) = self.merge_mode.iter().find(|(_, mode)| *mode == Mode::Split) {
            return Err(Failure::usage(format!(
                "`--merge-mode {package}=split` would offer `{package}` from two catalogs, and OLM takes what depends on it from either"
            ))
            .hint(SPLIT_BY_HAND));
        }
        Ok(MergeOptions {
            modes: self.merge_mode.iter().cloned().collect(),
            on_bundle_image: self.on_bundle_image,
            bridges: self.bridge.clone(),
            ..MergeOptions::default()
        })
    }

    /// Which of them cannot be taken back once clusters have seen what came of it.
    pub(super) fn risks(&self) -> Vec<String> {
        let replaced = self.merge_mode.iter().filter(|(_, mode)| *mode == Mode::Replace).map(|(package, _)| {
            format!("of `{package}` production will offer what the archive brings, and nothing that it has beside that")
        });
        let bridged = self.bridge.iter().map(|bridge| {
            format!("`{}` will be offered as the successor of `{}`, on your word", bridge.to, bridge.from)
        });
        let rebuilt = (self.on_bundle_image == OnBundleImage::New)
            .then(|| "bundles that production has with another image will get the archive's".to_owned());
        replaced.chain(bridged).chain(rebuilt).collect()
    }
}

fn package_mode(text: &str) -> Result<(String, Mode), String> {
    let (package, mode) = text.split_once('=').ok_or("it must be `PACKAGE=MODE`")?;
    Ok((package.to_owned(), mode.parse().map_err(|error: InvalidOption| error.to_string())?))
}
