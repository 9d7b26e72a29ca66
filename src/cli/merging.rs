//! Decisions about a merge, as several commands take them.

use clap::Args;

use crate::merge::{Bridge, InvalidOption, MergeOptions, Mode, OnBundleImage};

/// What a person decided about a merge.
#[derive(Debug, Clone, Args)]
pub(super) struct MergeArgs {
    /// How one package is merged: auto, union, replace, split, keep-old. `split` serves it from a second catalog beside the first,
    /// where it stays until `union` or `replace` takes it back
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
    pub(super) fn options(&self) -> MergeOptions {
        MergeOptions {
            modes: self.merge_mode.iter().cloned().collect(),
            on_bundle_image: self.on_bundle_image,
            bridges: self.bridge.clone(),
            ..MergeOptions::default()
        }
    }

    /// Whether a package is to be served from a second catalog.
    pub(super) fn splits(&self) -> bool {
        self.merge_mode.iter().any(|(_, mode)| *mode == Mode::Split)
    }

    /// Which of them cannot be taken back once clusters have seen what came of it.
    pub(super) fn risks(&self) -> Vec<String> {
        let replaced = self.merge_mode.iter().filter_map(|(package, mode)| match mode {
            Mode::Replace => Some(format!(
                "of `{package}` production will offer what the archive brings, and nothing that it has beside that"
            )),
            Mode::Split => Some(format!(
                "`{package}` will leave the catalog that offers it; a second one beside it will offer what the archive brings"
            )),
            Mode::Auto | Mode::Union | Mode::KeepOld => None,
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
