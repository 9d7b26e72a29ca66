//! Where everything stands: numbers only, in the drawing's units.

use std::collections::{BTreeMap, BTreeSet};

use crate::draw::graph::{Edge, Graph, Lane, Mark, Node, Stroke};
use crate::draw::words::{Note, Spoken, Tongue};
use crate::text::Safe;

/// From one row to the next.
pub(super) const ROW: f64 = 34.0;
/// Height of a version's box.
pub(super) const CHIP: f64 = 22.0;
/// Around the whole.
pub(super) const MARGIN: f64 = 24.0;
/// Around a figure, which has the page's own margin around it.
const EDGE: f64 = 2.0;
/// From one column of lines to the next.
const COLUMN: f64 = 11.0;
/// Between a box and the first column of lines, and on the inner side of a lane.
const GAP: f64 = 15.0;
/// Between lanes.
pub(super) const BETWEEN: f64 = 20.0;
/// The names of the bands.
const BANDS: f64 = 46.0;
/// The head of a lane.
const HEAD: f64 = 40.0;
/// Labels are bold, and so wider than their size says.
const LABEL_SIZE: f64 = 13.2;
/// Longest label in a box, in characters.
const LABEL: usize = 30;
/// Widest notes: of one lane, and of each of several.
const NOTE: (f64, f64) = (460.0, 330.0);
/// With more lanes than this, notes are tips only.
const NOTED_LANES: usize = 3;
/// Lines beside one lane; what comes after shares the last column.
const COLUMNS: usize = 24;

/// How wide a text is, roughly: there are no fonts to ask.
pub(in crate::draw) fn width(text: &str, size: f64) -> f64 {
    let one = |c: char| match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' => 0.36,
        'm' | 'w' | 'M' | 'W' | '→' => 0.92,
        c if u32::from(c) >= 0x1100 => 1.05,
        _ => 0.62,
    };
    text.chars().map(one).sum::<f64>() * size
}

/// Cuts a text that would be wider than `most`.
pub(in crate::draw) fn fitted(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(&kept, size) > most - size {
            break;
        }
    }
    format!("{}…", kept.trim_end())
}

/// A label that fits into a box.
pub(super) fn label(node: &Node) -> String {
    let text = Safe(&node.label).to_string();
    if text.chars().count() <= LABEL {
        return text;
    }
    let kept: String = text.chars().take(LABEL - 1).collect();
    format!("{kept}…")
}

/// What stands beside a box.
pub(super) fn note(graph: &Graph, node: &Node, tongues: &[Tongue]) -> Spoken {
    // What an outline shows needs no words, unless somebody is about to look for it.
    let shown = |mark: &&Mark| matches!(mark, Mark::Withheld | Mark::Absent) && !is_lead(node);
    let marks = node.marks.iter().filter(|mark| !shown(mark) && mark.word().is_some());
    let mut notes: Vec<Note> = marks.copied().map(Note::Mark).collect();
    if graph.lanes.len() <= NOTED_LANES {
        notes.extend_from_slice(&node.notes);
    }
    let most = if graph.lanes.len() == 1 { NOTE.0 } else { NOTE.1 };
    Spoken::by(tongues, |tongue| {
        let parts: Vec<String> = notes.iter().map(|note| Safe(&(tongue.say)(note)).to_string()).collect();
        fitted(&parts.join(" · "), 11.0, most)
    })
}

/// How wide the widest form is.
pub(super) fn widest(words: &Spoken, size: f64) -> f64 {
    words.forms().map(|(_, words)| width(words, size)).fold(0.0, f64::max)
}

/// What stands beside the name of a lane.
pub(super) fn remarks(lane: &Lane, tongues: &[Tongue]) -> (Spoken, Spoken) {
    let said = |note: Option<&Note>| {
        Spoken::by(tongues, |tongue| note.map(|note| (tongue.say)(note)).unwrap_or_default())
    };
    let deprecated = Note::Mark(Mark::Deprecated);
    (said(lane.remark.as_ref()), said(lane.deprecated.then_some(&deprecated)))
}

/// A lane's place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LanePlace {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) chip_left: f64,
    pub(super) chip_right: f64,
    pub(super) notes: f64,
}

/// A line on the left of a lane, from one version to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arc {
    pub(super) edge: Edge,
    /// Nothing where nothing stands between the two: it goes straight up.
    pub(super) x: Option<f64>,
}

/// The lines that lead to one version from several, on the right of a lane.
#[derive(Debug, Clone)]
pub(super) struct Bracket {
    pub(super) to: usize,
    pub(super) stroke: Stroke,
    pub(super) from: Vec<usize>,
    pub(super) x: f64,
}

/// The whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    /// Where the names of the bands begin.
    pub(super) left: f64,
    pub(super) width: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) lanes: Vec<LanePlace>,
    pub(super) arcs: Vec<Arc>,
    pub(super) brackets: Vec<Bracket>,
    /// From one lane to another.
    pub(super) crossings: Vec<Edge>,
}

/// What is around the lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// A title above them and a legend below.
    Document,
    /// Nothing: the page has both.
    Figure,
}

impl Layout {
    pub(super) fn of(graph: &Graph, frame: Frame, tongues: &[Tongue]) -> Self {
        let (top, margin) = match frame {
            Frame::Document => (MARGIN + 62.0, MARGIN),
            Frame::Figure => (EDGE, EDGE),
        };
        let mut layout = Self { left: margin, top, ..Self::default() };
        layout.bottom = top + HEAD + ROW * graph.rows.len() as f64 + 6.0;
        let mut left = margin + BANDS;
        for lane in 0..graph.lanes.len() {
            left = layout.lane(graph, lane, left, tongues) + BETWEEN;
        }
        let across = |edge: &&Edge| graph.ends(edge).is_some_and(|(from, to)| from.lane != to.lane);
        layout.crossings = graph.edges.iter().filter(across).copied().collect();
        layout.width = left - BETWEEN + margin;
        if frame == Frame::Document {
            let title = width(&graph.title, 19.0).max(width(&graph.subtitle, 12.0)) + 2.0 * MARGIN;
            layout.width = layout.width.max(title).max(420.0);
        }
        layout
    }

    /// The middle of a row.
    pub(super) fn y(&self, row: usize) -> f64 {
        self.top + HEAD + ROW * (row as f64 + 0.5)
    }

    /// Places a lane; its right edge.
    fn lane(&mut self, graph: &Graph, lane: usize, left: f64, tongues: &[Tongue]) -> f64 {
        let nodes = graph.in_lane(lane);
        let rows: BTreeSet<usize> = nodes.iter().map(|(_, node)| node.row).collect();
        let inside =
            |edge: &&Edge| graph.ends(edge).is_some_and(|(from, to)| (from.lane, to.lane) == (lane, lane));
        let mut arcs = Vec::new();
        let mut fans: BTreeMap<(usize, Stroke), Vec<usize>> = BTreeMap::new();
        for edge in graph.edges.iter().filter(inside) {
            if edge.hop.is_none() && matches!(edge.stroke, Stroke::Dashed | Stroke::Dotted) {
                fans.entry((edge.to, edge.stroke)).or_default().push(edge.from);
            } else if let Some((from, to)) = graph.ends(edge) {
                arcs.push((from.row.min(to.row), from.row.max(to.row), *edge));
            }
        }
        // What nothing stands between needs no room beside the boxes.
        let straight = |above: usize, below: usize| !rows.range(above..below).any(|row| *row > above);
        let (direct, bent): (Vec<_>, Vec<_>) =
            arcs.into_iter().partition(|(above, below, _)| straight(*above, *below));
        let (arc_columns, arc_count) = columns(&bent.iter().map(|(a, b, _)| (*a, *b)).collect::<Vec<_>>());
        let spans: Vec<_> = fans.iter().map(|((to, _), from)| span(graph, *to, from)).collect();
        let (fan_columns, fan_count) = columns(&spans);

        let most = |texts: &mut dyn Iterator<Item = f64>| texts.fold(0.0, f64::max);
        let chip = most(&mut nodes.iter().map(|(_, node)| width(&label(node), LABEL_SIZE))) + 20.0;
        let beside = most(&mut nodes.iter().map(|(_, node)| widest(&note(graph, node, tongues), 11.0)));
        let chip_left = left + GAP + COLUMN * arc_count as f64;
        let chip_right = chip_left + chip;
        let notes_left = chip_right + GAP + COLUMN * fan_count as f64;
        let head = graph.lanes.get(lane).map_or(0.0, |it| {
            let (remark, deprecated) = remarks(it, tongues);
            width(&it.name, 13.0) + widest(&remark, 11.0) + widest(&deprecated, 11.0) + 44.0
        });
        let right = (notes_left + beside + if beside > 0.0 { GAP } else { 0.0 }).max(left + head);
        self.lanes.push(LanePlace { left, right, chip_left, chip_right, notes: notes_left });
        let at = |column: usize| GAP * 0.8 + COLUMN * column as f64;
        self.arcs.extend(direct.into_iter().map(|(.., edge)| Arc { edge, x: None }));
        self.arcs.extend(
            bent.into_iter()
                .zip(arc_columns)
                .map(|((.., edge), column)| Arc { edge, x: Some(chip_left - at(column)) }),
        );
        self.brackets.extend(
            fans.into_iter().zip(fan_columns).map(|(((to, stroke), from), column)| Bracket {
                to,
                stroke,
                from,
                x: chip_right + at(column),
            }),
        );
        right
    }
}

/// The rows that a fan covers.
fn span(graph: &Graph, to: usize, from: &[usize]) -> (usize, usize) {
    let row = |index: &usize| graph.nodes.get(*index).map_or(0, |node| node.row);
    let rows = || from.iter().chain([&to]).map(row);
    (rows().min().unwrap_or(0), rows().max().unwrap_or(0))
}

/// Gives each span of rows a column in which it overlaps no other, the shortest innermost; and how many there are.
fn columns(spans: &[(usize, usize)]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|index| spans.get(*index).map(|(above, below)| (below - above, *above)));
    let mut taken: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut columns = vec![0; spans.len()];
    for index in order {
        let Some(&(above, below)) = spans.get(index) else { continue };
        let free = |column: &Vec<(usize, usize)>| column.iter().all(|(a, b)| below < *a || *b < above);
        let column = taken.iter().position(free).unwrap_or(taken.len()).min(COLUMNS - 1);
        if column == taken.len() {
            taken.push(Vec::new());
        }
        if let (Some(spans), Some(mine)) = (taken.get_mut(column), columns.get_mut(index)) {
            spans.push((above, below));
            *mine = column;
        }
    }
    (columns, taken.len())
}

/// Whether a version is one that a reader looks for.
fn is_lead(node: &Node) -> bool {
    [Mark::Installed, Mark::Target, Mark::OnPath].into_iter().any(|mark| node.is(mark))
}
