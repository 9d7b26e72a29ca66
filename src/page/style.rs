//! The style of the page: its own rules, those of the drawings, and what stands at the foot of each printed sheet.

use super::model::Model;
use crate::draw;
use crate::papers::spoken;

/// Rules that no page differs in.
const RULES: &str = include_str!("style.css");

pub(super) fn sheet(model: &Model<'_>) -> String {
    let digest = model.sealed.map_or(&model.digest, |sealed| &sealed.inventory);
    // Digits and blanks only.
    let foot = format!(
        "@page{{@bottom-left{{content:\"{}\"}}@bottom-right{{content:counter(page) \" / \" counter(pages)}}}}\n",
        spoken(digest)
    );
    [RULES, &draw::style_sheet(), &draw::tile_sheet(), &foot].concat()
}
