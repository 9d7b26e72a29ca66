//! Colours and strokes, for light and dark screens and for paper.

/// A colour on light and on dark ground.
struct Colour {
    light: &'static str,
    dark: &'static str,
}

const GROUND: Colour = Colour { light: "#ffffff", dark: "#14171c" };
const PANEL: Colour = Colour { light: "#f5f6f8", dark: "#1c2027" };
const RULE: Colour = Colour { light: "#e2e5ea", dark: "#2c323c" };
const CHIP: Colour = Colour { light: "#ffffff", dark: "#262c36" };
const EDGE: Colour = Colour { light: "#8b95a3", dark: "#7d8796" };
const TEXT: Colour = Colour { light: "#1b1f24", dark: "#e6e9ee" };
const FAINT: Colour = Colour { light: "#5c6570", dark: "#9aa4b2" };
const PATH: Colour = Colour { light: "#0b62d6", dark: "#5aa2ff" };
const REACHED: Colour = Colour { light: "#12803c", dark: "#2f9e58" };
const FILLED: Colour = Colour { light: "#0b62d6", dark: "#1f6fe0" };
const ARRIVED: Colour = Colour { light: "#12803c", dark: "#1b7a3f" };
const WARN: Colour = Colour { light: "#b45309", dark: "#f0a04b" };
const SKIPS: Colour = Colour { light: "#7c4fd6", dark: "#b08cff" };
const RANGE: Colour = Colour { light: "#0b8285", dark: "#3cc4c0" };
const ON_FILL: Colour = Colour { light: "#ffffff", dark: "#ffffff" };

/// Class, property, colour.
const COLOURS: &[(&str, &str, &Colour)] = &[
    ("og-ground", "fill", &GROUND),
    ("og-panel", "fill", &PANEL),
    ("og-rule", "stroke", &RULE),
    ("og-text", "fill", &TEXT),
    ("og-faint", "fill", &FAINT),
    ("og-warn", "fill", &WARN),
    ("og-good", "fill", &REACHED),
    ("og-lead", "fill", &PATH),
    ("og-chip", "fill", &CHIP),
    ("og-chip", "stroke", &EDGE),
    ("og-chip-absent", "fill", &PANEL),
    ("og-chip-absent", "stroke", &RULE),
    ("og-chip-path", "stroke", &PATH),
    ("og-chip-old", "stroke", &WARN),
    ("og-chip-installed", "fill", &FILLED),
    ("og-chip-installed", "stroke", &FILLED),
    ("og-chip-target", "fill", &ARRIVED),
    ("og-chip-target", "stroke", &ARRIVED),
    ("og-on-fill", "fill", &ON_FILL),
    ("og-solid", "stroke", &EDGE),
    ("og-dashed", "stroke", &SKIPS),
    ("og-dotted", "stroke", &RANGE),
    ("og-double", "stroke", &WARN),
    ("og-link", "stroke", &EDGE),
    ("og-path", "stroke", &PATH),
    ("og-tip-solid", "fill", &EDGE),
    ("og-tip-dashed", "fill", &SKIPS),
    ("og-tip-dotted", "fill", &RANGE),
    ("og-tip-double", "fill", &WARN),
    ("og-tip-link", "fill", &EDGE),
    ("og-tip-path", "fill", &PATH),
    ("og-badge", "fill", &FILLED),
];

/// What does not depend on the ground.
const SHAPES: &str = "\
.og text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;font-size:12px}
.og .og-title{font-size:19px;font-weight:650}
.og .og-head{font-size:13px;font-weight:650}
.og .og-label{font-weight:600;font-variant-numeric:tabular-nums}
.og .og-note{font-size:11px}
.og .og-strike{text-decoration:line-through}
.og .og-line{fill:none;stroke-width:1.4;stroke-linejoin:round;stroke-linecap:round}
.og .og-rule{fill:none;stroke-width:1}
.og .og-chip{stroke-width:1.2}
.og .og-chip-path{stroke-width:2}
.og .og-chip-withheld{stroke-dasharray:3 3}
.og .og-dashed{stroke-dasharray:6 4}
.og .og-dotted{stroke-dasharray:1 4;stroke-width:1.8}
.og .og-link{stroke-dasharray:2 4}
.og .og-path{stroke-width:3}
.og .og-path.og-dotted{stroke-dasharray:1 6}
.og .og-path.og-dashed{stroke-dasharray:9 6}
.og .og-badge-text{font-size:9.5px;font-weight:700}
";

/// The style sheet of a document. On paper the ground is light; a drawing that would become too small to read takes several pages.
pub(super) fn sheet(one_page: bool) -> String {
    let fit = if one_page { "max-height:100vh;" } else { "" };
    format!(
        "{}@media print{{svg.og{{width:100%;height:auto;{fit}}}.og .og-ground{{fill:none}}}}\n",
        colours()
    )
}

/// What every drawing looks like, light and dark.
pub(super) fn colours() -> String {
    let rules = |pick: fn(&Colour) -> &'static str| {
        let rule = |(class, property, colour): &(&str, &str, &Colour)| {
            format!(".og .{class}{{{property}:{}}}\n", pick(colour))
        };
        COLOURS.iter().map(rule).collect::<Vec<_>>().concat()
    };
    format!(
        "{SHAPES}{}@media screen and (prefers-color-scheme:dark){{\n{}}}\n",
        rules(|colour| colour.light),
        rules(|colour| colour.dark),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::contrast;

    #[test]
    fn words_can_be_read_on_what_they_stand_on() {
        let words = [
            (&TEXT, &GROUND),
            (&TEXT, &PANEL),
            (&TEXT, &CHIP),
            (&FAINT, &GROUND),
            (&FAINT, &PANEL),
            (&FAINT, &CHIP),
            (&WARN, &PANEL),
            (&REACHED, &PANEL),
            (&PATH, &PANEL),
            (&ON_FILL, &FILLED),
            (&ON_FILL, &ARRIVED),
        ];
        for (front, back) in words {
            for pick in [|it: &Colour| it.light, |it: &Colour| it.dark] {
                let found = contrast(pick(front), pick(back));
                assert!(found >= 4.5, "{} on {}: {found:.2}", pick(front), pick(back));
            }
        }
    }
}
