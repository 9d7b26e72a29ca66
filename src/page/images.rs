//! What travels: a treemap of it, and every image in the group that it belongs to.

use super::html::Html;
use super::message::Message;
use super::model::{Carried, Group, Model, Of, Status, whole};
use super::words::spoken;
use crate::draw::{Shape, Spoken, Tile, TileGroup, tiles};
use crate::plan::PlannedImage;
use crate::text::human_bytes;

/// Images up to which every list of them is open from the start.
const OPEN: usize = 80;

pub(super) fn write(html: &mut Html, model: &Model<'_>) {
    let plan = model.plan;
    html.raw("<section id=\"images\">\n<h2>").say(&Message::Images).raw("</h2>\n<p>");
    let there = model.there();
    let new = plan.images.len().saturating_sub(there);
    html.say(&Message::ImagesSaid { new, there, bytes: model.size() }).raw("</p>\n");
    if !plan.prerequisites.is_empty() {
        let bytes = plan.prerequisites.iter().map(|needed| needed.size).sum();
        html.raw("<p>").say(&Message::Prerequisites { count: plan.prerequisites.len(), bytes }).raw("</p>\n");
    }
    treemap(html, model);
    let open = plan.images.len() <= OPEN;
    if !open {
        html.raw("<p class=\"faint\">").say(&Message::Opened).raw("</p>\n");
    }
    for (number, group) in model.groups.iter().enumerate() {
        list(html, number, group, open);
    }
    html.raw("</section>\n");
}

fn treemap(html: &mut Html, model: &Model<'_>) {
    let groups: Vec<TileGroup> = model.groups.iter().map(tile_group).collect();
    let (Some(wide), Some(tall)) = (tiles(&groups, Shape::Wide), tiles(&groups, Shape::Tall)) else {
        return;
    };
    html.raw("<figure class=\"treemap\">\n")
        .drawn(&wide)
        .drawn(&tall)
        .raw("<figcaption>")
        .say(&Message::Treemap);
    let nothing =
        model.groups.iter().flat_map(|group| &group.images).filter(|carried| carried.item.bytes == 0);
    match nothing.count() {
        0 => {}
        count => {
            html.raw(" ").say(&Message::AddNothing { count });
        }
    }
    html.raw("</figcaption>\n</figure>\n");
}

fn tile_group(group: &Group<'_>) -> TileGroup {
    let label = match &group.of {
        Of::Package(_, name) => Spoken::name(name),
        of => of.message().map_or_else(|| Spoken::name(""), |message| spoken(&message)),
    };
    let tile = |carried: &Carried<'_>| Tile {
        label: last(carried.image),
        title: named(carried.image),
        bytes: carried.item.bytes,
    };
    TileGroup { label, tiles: group.images.iter().map(tile).collect() }
}

/// The last part of the repository: what people call an image.
fn last(image: &PlannedImage) -> String {
    let repository = image.source.repository.as_str();
    repository.rsplit('/').next().unwrap_or(repository).to_owned()
}

fn named(image: &PlannedImage) -> String {
    let tag = image.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
    format!("{}{tag}", image.source)
}

fn list(html: &mut Html, number: usize, group: &Group<'_>, open: bool) {
    html.raw("<details class=\"group\" id=\"group-").shown(number).raw(if open { "\" open>" } else { "\">" });
    html.raw("<summary><strong>");
    match (&group.of, group.of.message()) {
        (Of::Package(_, name), _) => html.text(name),
        (_, Some(message)) => html.say(&message),
        (_, None) => html,
    };
    html.raw("</strong> <span class=\"faint\">");
    html.say(&Message::Counted { count: group.images.len(), bytes: group.bytes() });
    html.raw("</span></summary>\n<div class=\"scroll\" tabindex=\"0\"><table class=\"images numbers\">\n<thead><tr>");
    let columns = [Message::Image, Message::Size, Message::Adds, Message::Status, Message::Reason];
    for column in columns {
        html.column(&column);
    }
    html.raw("</tr></thead>\n<tbody>\n");
    for carried in &group.images {
        row(html, carried);
    }
    html.raw("</tbody></table></div></details>\n");
}

fn row(html: &mut Html, carried: &Carried<'_>) {
    let Carried { image, item, status } = *carried;
    html.raw("<tr><td class=\"image\">").text(&named(image)).raw("<br>").code(&image.root.digest.to_string());
    html.raw("</td><td class=\"size\">").text(&human_bytes(whole(image))).raw("</td><td class=\"size\">");
    html.text(&if item.bytes == 0 { "–".to_owned() } else { human_bytes(item.bytes) });
    html.raw(match status {
        Status::New => "</td><td class=\"is-new\">",
        Status::Shared | Status::There => "</td><td class=\"faint\">",
    });
    html.say(match status {
        Status::New => &Message::IsNew,
        Status::Shared => &Message::IsShared,
        Status::There => &Message::IsThere,
    });
    html.raw("</td><td class=\"why\">").prose(&image.reasons.join("; ")).raw("</td></tr>\n");
}
