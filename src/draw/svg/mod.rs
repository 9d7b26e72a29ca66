//! The graph as SVG: self-contained, without scripts and fonts, for light and dark screens and for paper.

mod layout;
mod lines;
mod style;

use crate::draw::graph::{Graph, Key, Mark, Node};
use crate::draw::words::{Note, Spoken, Tongue, english};
use crate::text::Markup;
pub(super) use layout::{fitted, width};

use layout::{CHIP, Frame, Layout, MARGIN, ROW, label, note};

/// What a document of its own is in.
const ENGLISH: [Tongue; 1] = [Tongue { code: "en", say: english }];

/// What fits on a sheet of A4 and can still be read, in the drawing's units.
const SHEET: (f64, f64) = (1400.0, 2000.0);

/// Writes the graph as SVG: a document with its title, its style and the legend.
pub fn svg(graph: &Graph) -> String {
    let layout = Layout::of(graph, Frame::Document, &ENGLISH);
    let legend = legend(graph, &layout);
    let (width, height) = (layout.width.ceil(), (layout.bottom + legend.height + MARGIN).ceil());
    let mut out = opened(graph, width, height, "og");
    out.push_str(&format!("<style>\n{}</style>\n", style::sheet(on_one_sheet(width, height))));
    out.push_str(&format!("<rect class=\"og-ground\" width=\"{width}\" height=\"{height}\"/>\n"));
    out.push_str(&text(MARGIN, MARGIN + 18.0, "og-title og-text", &graph.title));
    out.push_str(&text(MARGIN, MARGIN + 40.0, "og-faint", &graph.subtitle));
    out.push_str(&drawing(graph, &layout, &ENGLISH));
    out.push_str(&legend.drawing);
    out.push_str("</svg>\n");
    out
}

/// The same for a page that has [`style_sheet`], and its own heading and legend, with words in each of these languages: the page shows
/// what is in one of them.
pub fn figure(graph: &Graph, tongues: &[Tongue]) -> String {
    let layout = Layout::of(graph, Frame::Figure, tongues);
    let (width, height) = (layout.width.ceil(), (layout.bottom + layout.top).ceil());
    let class = if on_one_sheet(width, height) { "og og-sheet" } else { "og" };
    let mut out = opened(graph, width, height, class);
    out.push_str(&drawing(graph, &layout, tongues));
    out.push_str("</svg>\n");
    out
}

/// The rules that every [`figure`] and [`sample`] of a page needs, once.
pub fn style_sheet() -> String {
    style::colours()
}

fn on_one_sheet(width: f64, height: f64) -> bool {
    width <= SHEET.0 && height <= SHEET.1
}

fn opened(graph: &Graph, width: f64, height: f64, class: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{class}\" role=\"img\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<title>{}</title>\n",
        Markup(&format!("{} {}", graph.title, graph.subtitle)),
    )
}

fn drawing(graph: &Graph, layout: &Layout, tongues: &[Tongue]) -> String {
    let mut out = panels(graph, layout, tongues) + &bands(graph, layout) + &lines::lines(graph, layout);
    for node in &graph.nodes {
        out.push_str(&chip(graph, layout, node, tongues));
    }
    out + &lines::badges(graph, layout)
}

fn text(x: f64, y: f64, class: &str, words: &str) -> String {
    format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n", Markup(words))
}

/// The same in each language that has its own words.
pub(super) fn each_text(x: f64, y: f64, class: &str, words: &Spoken) -> String {
    let one = |(code, words): (&str, &str)| match code {
        _ if words.is_empty() => String::new(),
        "" => text(x, y, class, words),
        code => format!(
            "<text lang=\"{code}\" class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n",
            Markup(words)
        ),
    };
    words.forms().map(one).collect()
}

fn panels(graph: &Graph, layout: &Layout, tongues: &[Tongue]) -> String {
    let mut out = String::new();
    for (lane, place) in graph.lanes.iter().zip(&layout.lanes) {
        let (x, y) = (place.left, layout.top);
        let (width, height) = (place.right - place.left, layout.bottom - layout.top);
        out.push_str(&format!(
            "<rect class=\"og-panel\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"8\"/>\n"
        ));
        let strike = if lane.deprecated { " og-strike" } else { "" };
        out.push_str(&text(x + 14.0, y + 25.0, &format!("og-head og-text{strike}"), &lane.name));
        let mut after = x + 24.0 + layout::width(&lane.name, 13.5);
        let (remark, deprecated) = layout::remarks(lane, tongues);
        if !remark.is_empty() {
            out.push_str(&each_text(after, y + 25.0, "og-note og-faint", &remark));
            after += layout::widest(&remark, 11.0) + 10.0;
        }
        out.push_str(&each_text(after, y + 25.0, "og-note og-warn", &deprecated));
    }
    out
}

/// A rule and a name where one band ends and the next begins.
fn bands(graph: &Graph, layout: &Layout) -> String {
    let mut out = String::new();
    let mut before: Option<&str> = None;
    let right = layout.lanes.last().map_or(layout.width, |place| place.right);
    for (index, row) in graph.rows.iter().enumerate() {
        if before == Some(row.band.as_str()) {
            continue;
        }
        let y = layout.y(index);
        let top = y - ROW / 2.0;
        out.push_str(&format!("<path class=\"og-rule\" d=\"M{:.1} {top:.1}H{right:.1}\"/>\n", layout.left));
        out.push_str(&text(layout.left, y + 4.0, "og-faint", &row.band));
        before = Some(&row.band);
    }
    out
}

fn chip(graph: &Graph, layout: &Layout, node: &Node, tongues: &[Tongue]) -> String {
    let Some(place) = layout.lanes.get(node.lane) else { return String::new() };
    let y = layout.y(node.row);
    let (x, top) = (place.chip_left, y - CHIP / 2.0);
    let (width, middle) =
        (place.chip_right - place.chip_left, f64::midpoint(place.chip_left, place.chip_right));
    let mut chip = String::from("og-chip");
    let mut words = "og-label og-text";
    for (mark, class) in [
        (Mark::Withheld, " og-chip-withheld"),
        (Mark::Absent, " og-chip-absent"),
        (Mark::Deprecated, " og-chip-old"),
        (Mark::OnPath, " og-chip-path"),
    ] {
        if node.is(mark) {
            chip.push_str(class);
        }
    }
    if node.is(Mark::Target) {
        chip.push_str(" og-chip-target");
        words = "og-label og-on-fill";
    } else if node.is(Mark::Installed) {
        chip.push_str(" og-chip-installed");
        words = "og-label og-on-fill";
    } else if node.is(Mark::Withheld) || node.is(Mark::Absent) {
        words = "og-label og-faint";
    }
    let strike = if node.is(Mark::Deprecated) { " og-strike" } else { "" };
    let mut tip = vec![node.name.clone()];
    let marks = node.marks.iter().filter(|mark| mark.word().is_some());
    let notes = marks.copied().map(Note::Mark).chain(node.notes.iter().cloned());
    tip.extend(notes.map(|note| Spoken::by(tongues, |tongue| (tongue.say)(&note)).together()));
    let tip: Vec<String> = tip.iter().map(|line| Markup(line).to_string()).collect();
    let mut out = format!(
        "<g><title>{}</title><rect class=\"{chip}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{CHIP}\" \
         rx=\"6\"/><text class=\"{words}{strike}\" x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text></g>\n",
        tip.join("\n"),
        y + 4.2,
        Markup(&label(node))
    );
    let beside = note(graph, node, tongues);
    if !beside.is_empty() {
        let class = match node {
            node if node.is(Mark::Target) => "og-note og-good",
            node if node.is(Mark::Installed) => "og-note og-lead",
            node if node.is(Mark::Deprecated) => "og-note og-warn",
            _ => "og-note og-faint",
        };
        out.push_str(&each_text(place.notes, y + 4.0, class, &beside));
    }
    out
}

/// The legend, and how high it is.
struct Legend {
    drawing: String,
    height: f64,
}

/// What the strokes and boxes that occur mean.
fn legend(graph: &Graph, layout: &Layout) -> Legend {
    let (mut x, mut y, mut out) = (MARGIN, layout.bottom + 30.0, String::new());
    for key in graph.keys() {
        let words = match key {
            Key::Path => "chosen path",
            Key::Stroke(stroke) => graph.meaning(stroke),
            Key::Mark(Mark::Withheld) => "skipped: offered to nobody",
            Key::Mark(Mark::Absent) => "not in the catalog",
            Key::Mark(Mark::Deprecated) => "deprecated",
            // The word stands beside the box.
            Key::Mark(_) => continue,
        };
        let width = 38.0 + layout::width(words, 11.0);
        if x + width > layout.width - MARGIN && x > MARGIN {
            (x, y) = (MARGIN, y + 22.0);
        }
        let words = text(38.0, 4.0, "og-note og-text", words);
        out.push_str(&format!("<g transform=\"translate({x:.1} {y:.1})\">{}{words}</g>\n", shape(key)));
        x += width + 22.0;
    }
    Legend { drawing: out, height: y - layout.bottom }
}

/// A small drawing of what a key explains, for a legend in words of one's own.
pub fn sample(key: Key) -> String {
    format!(
        "<svg class=\"og\" aria-hidden=\"true\" width=\"32\" height=\"16\" viewBox=\"-1 -8 32 16\">{}</svg>",
        shape(key)
    )
}

fn shape(key: Key) -> String {
    let line = |class: &str| format!("<path class=\"og-line {class}\" d=\"M0 0h30\"/>");
    let chip = |class: &str| {
        format!("<rect class=\"og-chip {class}\" y=\"-7\" width=\"30\" height=\"14\" rx=\"4\"/>")
    };
    match key {
        Key::Path => line("og-path"),
        Key::Stroke(stroke) => line(&format!("og-{}", lines::class(stroke))),
        Key::Mark(Mark::Installed) => chip("og-chip-installed"),
        Key::Mark(Mark::Target) => chip("og-chip-target"),
        Key::Mark(Mark::Withheld) => chip("og-chip-withheld"),
        Key::Mark(Mark::Absent) => chip("og-chip-absent"),
        Key::Mark(Mark::Deprecated) => chip("og-chip-old"),
        Key::Mark(Mark::OnPath | Mark::Head) => chip("og-chip-path"),
    }
}
