//! The lines between versions, and the numbers of the hops.

use super::layout::{Arc, BETWEEN, Bracket, CHIP, Layout};
use crate::draw::graph::{Edge, Graph, Node, Stroke};

/// Radius of a bend.
const BEND: f64 = 6.0;
/// Length of an arrow's head.
const TIP: f64 = 7.0;
/// How far lines of one kind keep from the middle of a box.
const ASIDE: f64 = 4.0;
/// How far above the middle of a row a line passes over words.
const OVER: f64 = 8.0;

/// The class of a stroke.
pub(super) fn class(stroke: Stroke) -> &'static str {
    match stroke {
        Stroke::Solid => "solid",
        Stroke::Dashed => "dashed",
        Stroke::Dotted => "dotted",
        Stroke::Double => "double",
        Stroke::Link => "link",
    }
}

/// All lines, the chosen path last and so on top.
pub(super) fn lines(graph: &Graph, layout: &Layout) -> String {
    let mut out = String::new();
    for found in &layout.brackets {
        out.push_str(&bracket(graph, layout, found));
    }
    for chosen in [false, true] {
        for arc in layout.arcs.iter().filter(|arc| arc.edge.hop.is_some() == chosen) {
            out.push_str(&route(graph, layout, arc).map_or_else(String::new, |route| route.drawing));
        }
        for edge in layout.crossings.iter().filter(|edge| edge.hop.is_some() == chosen) {
            out.push_str(&crossing(graph, layout, edge).map_or_else(String::new, |route| route.drawing));
        }
    }
    out
}

/// The number of each hop, on its line.
pub(super) fn badges(graph: &Graph, layout: &Layout) -> String {
    let mut out = String::new();
    let arcs = layout.arcs.iter().map(|arc| (arc.edge, route(graph, layout, arc)));
    let crossings = layout.crossings.iter().map(|edge| (*edge, crossing(graph, layout, edge)));
    for (edge, route) in arcs.chain(crossings) {
        let (Some(hop), Some(Route { middle: (x, y), .. })) = (edge.hop.filter(|hop| *hop > 0), route) else {
            continue;
        };
        out.push_str(&format!(
            "<circle class=\"og-badge\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"7.5\"/><text class=\"og-badge-text og-on-fill\" \
             x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{hop}</text>\n",
            y + 3.4
        ));
    }
    out
}

struct Route {
    drawing: String,
    /// Where a number may stand.
    middle: (f64, f64),
}

/// A line with a head.
fn drawn(edge: &Edge, path: &str, head: &str) -> String {
    let class = class(edge.stroke);
    let (chosen, tip) = if edge.hop.is_some() { (" og-path", "path") } else { ("", class) };
    let head =
        if head.is_empty() { String::new() } else { format!("<path class=\"og-tip-{tip}\" d=\"{head}\"/>") };
    format!("<path class=\"og-line og-{class}{chosen}\" d=\"{path}\"/>{head}\n")
}

fn route(graph: &Graph, layout: &Layout, Arc { edge, x }: &Arc) -> Option<Route> {
    let (from, to) = graph.ends(edge)?;
    let place = layout.lanes.get(from.lane)?;
    let (start, end) = (layout.y(from.row), layout.y(to.row));
    // An edge that leads down is an odd one; it is drawn all the same.
    let up = if end <= start { -1.0 } else { 1.0 };
    let Some(x) = *x else {
        let x = f64::midpoint(place.chip_left, place.chip_right);
        let (start, end) = (start + up * CHIP / 2.0, end - up * CHIP / 2.0);
        let path = format!("M{x:.1} {start:.1}V{:.1}", end - up * (TIP - 2.0));
        let head = format!("M{x:.1} {end:.1}l-4 {0:.1}h8z", -up * TIP);
        return Some(Route { drawing: drawn(edge, &path, &head), middle: (x, f64::midpoint(start, end)) });
    };
    let side = place.chip_left;
    let path = format!(
        "M{side:.1} {start:.1}H{0:.1}Q{x:.1} {start:.1} {x:.1} {1:.1}V{2:.1}Q{x:.1} {end:.1} {0:.1} {end:.1}H{3:.1}",
        x + BEND,
        start + up * BEND,
        end - up * BEND,
        side - TIP + 1.0
    );
    let head = format!("M{side:.1} {end:.1}l-{TIP} -4v8z");
    Some(Route { drawing: drawn(edge, &path, &head), middle: (x, f64::midpoint(start, end)) })
}

/// One line for all that lead to a version in the same way.
fn bracket(graph: &Graph, layout: &Layout, Bracket { to, stroke, from, x }: &Bracket) -> String {
    let Some((node, place)) =
        graph.nodes.get(*to).and_then(|node| Some((node, layout.lanes.get(node.lane)?)))
    else {
        return String::new();
    };
    // Two kinds of line may lead to the same version, and from it.
    let aside = if *stroke == Stroke::Dashed { -ASIDE } else { ASIDE };
    let (side, end, x) = (place.chip_right, layout.y(node.row) + aside, *x);
    let rows = from.iter().filter_map(|index| graph.nodes.get(*index));
    let mut ends: Vec<f64> = rows.map(|node: &Node| layout.y(node.row) + aside).collect();
    ends.sort_by(f64::total_cmp);
    let Some(last) = ends.last().copied() else { return String::new() };
    let up = if last >= end { 1.0 } else { -1.0 };
    let mut path = format!(
        "M{:.1} {end:.1}H{:.1}Q{x:.1} {end:.1} {x:.1} {:.1}V{:.1}Q{x:.1} {last:.1} {1:.1} {last:.1}H{side:.1}",
        side + TIP - 1.0,
        x - BEND,
        end + up * BEND,
        last - up * BEND
    );
    for y in ends.iter().rev().skip(1) {
        path.push_str(&format!("M{x:.1} {y:.1}H{side:.1}"));
    }
    let class = class(*stroke);
    let head = format!("M{side:.1} {end:.1}l{TIP} -4v8z");
    format!(
        "<path class=\"og-line og-{class}\" d=\"{path}\"/><path class=\"og-tip-{class}\" d=\"{head}\"/>\n"
    )
}

/// From one lane to another: beside the words to the nearest gap between lanes, up in it, then across.
fn crossing(graph: &Graph, layout: &Layout, edge: &Edge) -> Option<Route> {
    let (from, to) = graph.ends(edge)?;
    let (here, there) = (layout.lanes.get(from.lane)?, layout.lanes.get(to.lane)?);
    let (x, gap, side, out) = if there.left > here.left {
        (here.chip_right, here.right + BETWEEN / 2.0, there.chip_left, 1.0)
    } else {
        (here.chip_left, here.left - BETWEEN / 2.0, there.chip_right, -1.0)
    };
    let start = layout.y(from.row) - OVER;
    let end = layout.y(to.row) - if out > 0.0 { 0.0 } else { OVER };
    let bend = ((start - end).abs() / 2.0).min(BEND) * if end <= start { -1.0 } else { 1.0 };
    let path = format!(
        "M{x:.1} {start:.1}H{:.1}Q{gap:.1} {start:.1} {gap:.1} {:.1}V{:.1}Q{gap:.1} {end:.1} {:.1} {end:.1}H{:.1}",
        gap - out * BEND,
        start + bend,
        end - bend,
        gap + out * BEND,
        side - out * (TIP - 1.0)
    );
    let head = format!("M{side:.1} {end:.1}l{:.1} -4v8z", -out * TIP);
    Some(Route { drawing: drawn(edge, &path, &head), middle: (gap, f64::midpoint(start, end)) })
}
