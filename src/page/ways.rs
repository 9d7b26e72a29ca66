//! What changes, in which order, and the way of each: drawings with their steps below.

use super::figures::Figure;
use super::html::Html;
use super::message::{Drawing, Message};
use super::model::{Model, Operator};
use super::openshift;
use super::words::tongues;
use crate::draw::{self, Key};
use crate::plan::order::OrderedStep;
use crate::release::{AdminGate, ReleaseHop, ReleasePath};

pub(super) fn changes(html: &mut Html, model: &Model<'_>) {
    html.raw("<section id=\"changes\">\n<h2>").say(&Message::Changes).raw("</h2>\n");
    html.raw("<div class=\"scroll\" tabindex=\"0\"><table class=\"changes\">\n<thead><tr>");
    for column in [Message::What, Message::From, Message::To, Message::Steps, Message::Reason] {
        html.column(&column);
    }
    html.raw("</tr></thead>\n<tbody>\n");
    match &model.plan.release_path {
        Some(path) => openshift_row(html, path),
        None => releases(html, model),
    }
    for (number, operator) in model.operators.iter().enumerate() {
        operator_row(html, number, operator);
    }
    html.raw("</tbody></table></div>\n");
    order(html, model);
    html.raw("</section>\n");
}

fn openshift_row(html: &mut Html, path: &ReleasePath) {
    html.raw("<tr><th scope=\"row\"><a href=\"#way-openshift\">")
        .say(&Message::OpenShiftWay)
        .raw("</a></th><td class=\"from\">");
    html.text(&path.from).raw("</td><td class=\"to\">").text(&path.to).raw("</td><td>");
    html.say(&Message::Updates { count: path.hops.len() }).raw("</td><td class=\"why\">");
    if let Some(channel) = &path.channel {
        html.say(&Message::UpdateChannel { name: channel.clone() });
    }
    html.raw("</td></tr>\n");
}

/// Releases that travel where nobody said what runs.
fn releases(html: &mut Html, model: &Model<'_>) {
    for release in &model.plan.releases {
        html.raw("<tr><th scope=\"row\">").say(&Message::Release { version: release.label() });
        html.raw("</th><td class=\"faint\">").say(&Message::NotKnown).raw("</td><td class=\"to\">");
        html.shown(&release.version).raw("</td><td>").say(&Message::Arrives).raw("</td><td class=\"why\">");
        html.prose(&release.reasons.join("; ")).raw("</td></tr>\n");
    }
}

fn operator_row(html: &mut Html, number: usize, operator: &Operator<'_>) {
    let package = operator.package;
    html.raw("<tr><th scope=\"row\"><a href=\"#way-").shown(number).raw("\">").text(&package.name);
    html.raw("</a></th><td class=\"from\">");
    match &package.installed {
        Some(installed) => html.text(short(installed, &package.name)),
        None => html.raw("<span class=\"faint\">").say(&Message::NotKnown).raw("</span>"),
    };
    html.raw("</td><td class=\"to\">");
    match (package.hops.last(), &package.installed) {
        (Some(hop), _) => html.text(&hop.version),
        (None, Some(_)) => html.say(&Message::Stays),
        (None, None) => html.say(&Message::Offers { count: package.bundles.len() }),
    };
    html.raw("</td><td>");
    if !package.hops.is_empty() {
        html.say(&Message::Hops { count: package.hops.len() });
    }
    let because = Message::Because { required_by: package.required_by.clone() };
    html.raw("</td><td class=\"why\">").say(&because).raw("</td></tr>\n");
}

/// The version in a CSV's name, where it is the package's.
fn short<'a>(name: &'a str, package: &str) -> &'a str {
    let rest = name.strip_prefix(package).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
    rest.strip_prefix('v').unwrap_or(rest)
}

fn order(html: &mut Html, model: &Model<'_>) {
    let order = &model.plan.order;
    if !order.iter().any(|step| matches!(step, OrderedStep::Operator { .. })) {
        return;
    }
    html.raw("<h3>")
        .say(&Message::Order)
        .raw("</h3>\n<p>")
        .say(&Message::OrderWhy)
        .raw("</p>\n<ol class=\"order\">\n");
    for step in order {
        match step {
            OrderedStep::OpenShift { from, to } => {
                html.raw("<li class=\"cluster\"><strong>").say(&Message::OpenShiftWay).raw("</strong> ");
                html.text(from).raw(" → ").text(to).raw("</li>\n");
            }
            OrderedStep::Operator { package, from, to, why, .. } => {
                html.raw("<li><strong>")
                    .text(package)
                    .raw("</strong> ")
                    .text(short(from, package))
                    .raw(" → ");
                html.text(short(to, package)).raw(" <span class=\"faint\">");
                html.say(&Message::OrderBecause(why.clone())).raw("</span></li>\n");
            }
        }
    }
    html.raw("</ol>\n");
}

/// Whether there is anything to draw.
pub(super) fn any(model: &Model<'_>) -> bool {
    model.plan.release_path.is_some() || !model.operators.is_empty()
}

pub(super) fn write(html: &mut Html, model: &Model<'_>) {
    if !any(model) {
        return;
    }
    html.raw("<section id=\"ways\">\n<h2>")
        .say(&Message::Ways)
        .raw("</h2>\n<p>")
        .say(&Message::WaysWhy)
        .raw("</p>\n");
    if let Some(path) = &model.plan.release_path {
        html.raw("<article id=\"way-openshift\">\n<h3>").say(&Message::OpenShiftWay).raw(" <small>");
        html.text(&path.from).raw(" → ").text(&path.to).raw("</small></h3>\n");
        let graph = openshift::graph(path);
        drawn(html, &draw::figure(&graph, &tongues()), &graph.keys(), Drawing::Releases);
        updates(html, &path.hops);
        gates(html, &model.plan.installed_gates);
        html.raw("</article>\n");
    }
    for (number, operator) in model.operators.iter().enumerate() {
        way(html, number, operator);
    }
    html.raw("</section>\n");
}

fn way(html: &mut Html, number: usize, operator: &Operator<'_>) {
    let package = operator.package;
    html.raw("<article id=\"way-").shown(number).raw("\">\n<h3>").text(&package.name);
    if let (Some(installed), Some(hop)) = (&package.installed, package.hops.last()) {
        html.raw(" <small>")
            .text(short(installed, &package.name))
            .raw(" → ")
            .text(&hop.version)
            .raw("</small>");
    }
    html.raw("</h3>\n");
    match &operator.figure {
        Figure::Drawn { svg, keys } => drawn(html, svg, keys, Drawing::Channels),
        Figure::TooLarge { entries } => {
            html.raw("<p class=\"faint\">").say(&Message::NotDrawn { entries: *entries }).raw("</p>\n");
        }
        Figure::Nothing => {}
    }
    if !package.hops.is_empty() {
        hops(html, operator);
    } else if package.installed.is_none() {
        html.raw("<p class=\"faint\">").say(&Message::NoWay).raw("</p>\n<p class=\"names\">");
        for bundle in &package.bundles {
            html.code(bundle).raw(" ");
        }
        html.raw("</p>\n");
    }
    html.raw("</article>\n");
}

/// A drawing that scrolls by itself where it is wider than the page, and what its lines and boxes mean.
fn drawn(html: &mut Html, svg: &str, keys: &[Key], of: Drawing) {
    html.raw("<figure>\n<div class=\"scroll\" tabindex=\"0\">")
        .drawn(svg)
        .raw("</div>\n<figcaption><ul class=\"legend\">");
    for key in keys {
        html.raw("<li>").drawn(&draw::sample(*key)).say(&Message::Explained(*key, of)).raw("</li>");
    }
    html.raw("</ul></figcaption>\n</figure>\n");
}

fn hops(html: &mut Html, operator: &Operator<'_>) {
    html.raw("<div class=\"scroll\" tabindex=\"0\"><table class=\"steps-of\">\n<thead><tr>");
    for column in [Message::Number, Message::From, Message::To, Message::InChannel, Message::AllowedBy] {
        html.column(&column);
    }
    html.raw("</tr></thead>\n<tbody>\n");
    for (number, hop) in (1..).zip(&operator.package.hops) {
        html.raw("<tr><td class=\"count\">")
            .shown(number)
            .raw("</td><td class=\"from\">")
            .text(short(&hop.from, &operator.package.name));
        html.raw("</td><td class=\"to\">").text(&hop.version).raw("</td><td>").text(&hop.channel);
        html.raw("</td><td class=\"why\">").say(&Message::Allows(hop.edge)).raw("</td></tr>\n");
    }
    html.raw("</tbody></table></div>\n");
}

fn updates(html: &mut Html, hops: &[ReleaseHop]) {
    html.raw("<div class=\"scroll\" tabindex=\"0\"><table class=\"steps-of\">\n<thead><tr>");
    let columns =
        [Message::Number, Message::From, Message::To, Message::Change, Message::Kubernetes, Message::Risks];
    for column in columns {
        html.column(&column);
    }
    html.raw("</tr></thead>\n<tbody>\n");
    for (number, hop) in (1..).zip(hops) {
        html.raw("<tr><td class=\"count\">").shown(number).raw("</td><td class=\"from\">").text(&hop.from);
        html.raw("</td><td class=\"to\">").text(&hop.version).raw("</td><td>");
        html.say(&Message::Changed(hop.change, hop.eus)).raw("</td><td>");
        html.text(hop.kubernetes.as_deref().unwrap_or_default()).raw("</td><td class=\"why\">");
        if hop.risks.is_empty() {
            html.say(&Message::NoRisk);
        }
        for risk in &hop.risks {
            let state = if risk.accepted { Message::Accepted } else { Message::NotAccepted };
            html.raw("<p><strong>").text(&risk.name).raw("</strong> (").say(&state).raw(") ");
            html.prose(&risk.message).raw(" <span class=\"faint\">").text(&risk.url).raw("</span></p>");
        }
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody></table></div>\n");
}

fn gates(html: &mut Html, gates: &[AdminGate]) {
    if gates.is_empty() {
        return;
    }
    html.raw("<p>").say(&Message::Gates).raw("</p>\n<ul>\n");
    for gate in gates {
        html.raw("<li>").code(&gate.key).raw(" ").prose(&gate.text).raw("</li>\n");
    }
    html.raw("</ul>\n");
}
