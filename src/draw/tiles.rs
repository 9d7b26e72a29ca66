//! A treemap as SVG: groups with their tiles, each as large as it weighs.

use std::cmp::Reverse;

use super::svg::{each_text, fitted, width};
use super::treemap::{Area, squarified};
use super::words::Spoken;
use crate::text::{Markup, Safe, human_bytes};

/// Something with a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// What stands in it, where there is room.
    pub label: String,
    /// What it is, in full.
    pub title: String,
    /// Its size.
    pub bytes: u64,
}

/// Tiles that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileGroup {
    /// What stands above them.
    pub label: Spoken,
    /// The tiles.
    pub tiles: Vec<Tile>,
}

/// How wide and high a treemap is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// For desks and paper.
    Wide,
    /// For telephones.
    Tall,
}

/// Tiles that are drawn by themselves; smaller ones are drawn as one in each group.
const DRAWN: usize = 400;

/// The least share of the whole that a tile of its own has.
const LEAST: u64 = 8_000;

/// Height of a group's label.
const HEAD: f64 = 19.0;

/// Groups that have no room for a label get less above their tiles.
const EDGE: f64 = 2.0;

const LABEL: f64 = 11.0;

/// Draws groups and tiles, the largest first. Nothing comes back where nothing has a size.
pub fn tiles(groups: &[TileGroup], shape: Shape) -> Option<String> {
    let mut order: Vec<(usize, u64, &TileGroup)> = groups
        .iter()
        .enumerate()
        .map(|(index, group)| (index, group.tiles.iter().map(|tile| tile.bytes).sum(), group))
        .filter(|(_, bytes, _)| *bytes > 0)
        .collect();
    order.sort_by_key(|(index, bytes, _)| (Reverse(*bytes), *index));
    if order.is_empty() {
        return None;
    }
    let (width, height, class) = match shape {
        Shape::Wide => (1000.0, 460.0, "tm tm-wide"),
        Shape::Tall => (340.0, 520.0, "tm tm-tall"),
    };
    let area = Area { x: 0.0, y: 0.0, width, height };
    let weights: Vec<f64> = order.iter().map(|(_, bytes, _)| *bytes as f64).collect();
    let least = least(groups);
    let mut out = format!("<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n");
    for ((index, bytes, group), place) in order.into_iter().zip(squarified(&weights, area)) {
        out.push_str(&drawn(group, index, bytes, place, least));
    }
    out.push_str("</svg>\n");
    Some(out)
}

/// Tiles below these bytes are not drawn by themselves.
fn least(groups: &[TileGroup]) -> u64 {
    let mut all: Vec<u64> = groups.iter().flat_map(|group| &group.tiles).map(|tile| tile.bytes).collect();
    all.sort_unstable_by_key(|bytes| Reverse(*bytes));
    let share = all.iter().sum::<u64>() / LEAST;
    all.get(DRAWN).map_or(0, |bytes| bytes + 1).max(share).max(1)
}

fn drawn(group: &TileGroup, index: usize, bytes: u64, place: Area, least: u64) -> String {
    let roomy = place.width > 60.0 && place.height > HEAD + 16.0;
    let inside = place.within(if roomy { HEAD } else { EDGE }, EDGE);
    let colour = index % COLOURS.len();
    let mut out = format!(
        "<g class=\"tm-{colour}\"><title>{}</title>{}",
        Markup(&format!("{}: {}", group.label.together(), human_bytes(bytes))),
        rectangle(place.within(EDGE / 2.0, EDGE / 2.0), "tm-group")
    );
    if roomy {
        let label = group.label.map(|label| format!("{label} · {}", human_bytes(bytes)));
        out.push_str(&words(place.x + 6.0, place.y + 14.0, place.width - 12.0, "tm-head", &label));
    }
    let mut all: Vec<&Tile> = group.tiles.iter().filter(|tile| tile.bytes > 0).collect();
    all.sort_by_key(|tile| Reverse(tile.bytes));
    let (large, small) = all.split_at(all.partition_point(|tile| tile.bytes >= least));
    let rest: u64 = small.iter().map(|tile| tile.bytes).sum();
    let rest = (rest > 0).then(|| Tile {
        label: format!("+{}", small.len()),
        title: format!("+{}", small.len()),
        bytes: rest,
    });
    let shown: Vec<&Tile> = large.iter().copied().chain(rest.as_ref()).collect();
    let weights: Vec<f64> = shown.iter().map(|tile| tile.bytes as f64).collect();
    for (tile, place) in shown.into_iter().zip(squarified(&weights, inside)) {
        out.push_str(&one(tile, place));
    }
    out.push_str("</g>\n");
    out
}

fn one(tile: &Tile, place: Area) -> String {
    let told = format!("{} · {}", tile.title, human_bytes(tile.bytes));
    let mut out =
        format!("<g><title>{}</title>{}", Markup(&told), rectangle(place.within(0.75, 0.75), "tm-tile"));
    if place.width > 44.0 && place.height > 17.0 {
        out.push_str(&words(
            place.x + 5.0,
            place.y + 14.0,
            place.width - 10.0,
            "tm-label",
            &Spoken::name(&tile.label),
        ));
    }
    if place.width > 44.0 && place.height > 32.0 {
        let size = Spoken::name(human_bytes(tile.bytes));
        out.push_str(&words(place.x + 5.0, place.y + 28.0, place.width - 10.0, "tm-size", &size));
    }
    out.push_str("</g>\n");
    out
}

fn rectangle(place: Area, class: &str) -> String {
    format!(
        "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\"/>",
        place.x, place.y, place.width, place.height
    )
}

/// Words cut to the room that there is; nothing where only a letter or two would be left.
fn words(x: f64, y: f64, room: f64, class: &str, words: &Spoken) -> String {
    let shown = words.map(|words| {
        let words = Safe(words).to_string();
        let shown = fitted(&words, LABEL, room);
        let is_stump = shown != words && width(&shown, LABEL) < 3.0 * LABEL;
        if is_stump { String::new() } else { shown }
    });
    each_text(x, y, class, &shown)
}

/// What a group of tiles is painted with.
struct Hue {
    light: Grounds,
    dark: Grounds,
}

struct Grounds {
    group: &'static str,
    tile: &'static str,
}

/// Neighbours differ; every ground is one that [`TEXT`] can be read on.
const COLOURS: &[Hue] = &[
    Hue {
        light: Grounds { group: "#e6effc", tile: "#c6dbf9" },
        dark: Grounds { group: "#16243c", tile: "#214272" },
    },
    Hue {
        light: Grounds { group: "#e4f4e8", tile: "#c4e6ce" },
        dark: Grounds { group: "#14291b", tile: "#1d4d30" },
    },
    Hue {
        light: Grounds { group: "#fdf0de", tile: "#f8dab0" },
        dark: Grounds { group: "#33230e", tile: "#654115" },
    },
    Hue {
        light: Grounds { group: "#f0e9fc", tile: "#dccdf7" },
        dark: Grounds { group: "#271d3d", tile: "#45316f" },
    },
    Hue {
        light: Grounds { group: "#e1f3f3", tile: "#bde3e3" },
        dark: Grounds { group: "#12292a", tile: "#194b4d" },
    },
    Hue {
        light: Grounds { group: "#fdeaed", tile: "#f7ccd4" },
        dark: Grounds { group: "#371a20", tile: "#692636" },
    },
    Hue {
        light: Grounds { group: "#f4f1dc", tile: "#e6dfaf" },
        dark: Grounds { group: "#2b2811", tile: "#4d471b" },
    },
    Hue {
        light: Grounds { group: "#eceff3", tile: "#d5dbe3" },
        dark: Grounds { group: "#22262d", tile: "#3c434e" },
    },
];
/// Words on light and on dark grounds.
const TEXT: (&str, &str) = ("#1b1f24", "#e8ebf0");

/// The rules that [`tiles`] need, once in a page.
pub fn tile_sheet() -> String {
    let rules = |grounds: fn(&Hue) -> &Grounds, text: &str| {
        let hues = COLOURS.iter().map(grounds).enumerate().map(|(index, Grounds { group, tile })| {
            format!(".tm-{index} .tm-group{{fill:{group}}}.tm-{index} .tm-tile{{fill:{tile}}}\n")
        });
        format!("{}.tm text{{fill:{text}}}\n", hues.collect::<Vec<_>>().concat())
    };
    format!(
        ".tm text{{font-size:{LABEL}px}}.tm .tm-head{{font-weight:650}}\n{}\
         @media screen and (prefers-color-scheme:dark){{\n{}}}\n",
        rules(|hue| &hue.light, TEXT.0),
        rules(|hue| &hue.dark, TEXT.1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::contrast;

    fn group(label: &str, sizes: &[u64]) -> TileGroup {
        let tile = |bytes: &u64| Tile {
            label: format!("{label}-{bytes}"),
            title: format!("quay.io/{label}"),
            bytes: *bytes,
        };
        TileGroup { label: Spoken::name(label), tiles: sizes.iter().map(tile).collect() }
    }

    #[test]
    fn words_can_be_read_on_every_tile() {
        for Hue { light, dark } in COLOURS {
            for (text, grounds) in [(TEXT.0, light), (TEXT.1, dark)] {
                assert!(contrast(text, grounds.group) >= 6.0, "{text} on {}", grounds.group);
                assert!(contrast(text, grounds.tile) >= 6.0, "{text} on {}", grounds.tile);
            }
        }
    }

    #[test]
    fn each_thing_with_a_size_has_a_tile() {
        let drawing = tiles(&[group("small", &[10, 0, 20]), group("large", &[900])], Shape::Wide).unwrap();
        assert_eq!(drawing.matches("tm-tile").count(), 3);
        let (large, small) = (drawing.find("large-900").unwrap(), drawing.find("quay.io/small").unwrap());
        assert!(large < small, "{drawing}");
        // The colour belongs to the group, wherever it stands.
        assert!(drawing.find("class=\"tm-1\"").unwrap() < drawing.find("class=\"tm-0\"").unwrap());
        assert_eq!(tiles(&[group("none", &[0])], Shape::Tall), None);
    }

    #[test]
    fn what_is_small_is_drawn_as_one() {
        let sizes: Vec<u64> = (1..=2_000).map(|size| size * 1_000).collect();
        let drawing = tiles(&[group("many", &sizes)], Shape::Wide).unwrap();
        assert_eq!(drawing.matches("tm-tile").count(), DRAWN + 1);
        assert!(drawing.contains(">+1600<"), "{drawing}");
    }

    #[test]
    fn names_stay_names() {
        let hostile = TileGroup {
            label: Spoken::name("</g><script>\u{202e}"),
            tiles: vec![Tile { label: "\"><script>".into(), title: "</title><script>".into(), bytes: 5 }],
        };
        let drawing = tiles(&[hostile], Shape::Wide).unwrap();
        assert!(!drawing.contains("<script") && !drawing.contains('\u{202e}'), "{drawing}");
    }
}
