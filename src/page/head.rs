//! The head of the page: what this is, how large, and what to read aloud.

use super::html::Html;
use super::message::Message;
use super::model::Model;
use crate::digest::Digest;
use crate::papers::spoken;
use crate::text::human_bytes;

pub(super) fn write(html: &mut Html, model: &Model<'_>) {
    let plan = model.plan;
    html.raw("<header>\n<p class=\"kicker\">");
    match model.sealed {
        Some(sealed) => {
            html.say(&Message::Archive).raw("</p>\n<h1>").text(&sealed.name).raw("</h1>\n");
        }
        None => {
            html.raw("ombundle</p>\n<h1>").say(&Message::Plan).raw("</h1>\n");
        }
    }
    let number = Message::Generation {
        number: plan.sequence,
        channel: plan.channel.clone(),
        target: plan.target.clone(),
    };
    let carries = Message::Carries {
        operators: model.operators.len(),
        releases: plan.releases.len(),
        images: plan.images.len(),
        bytes: model.size(),
    };
    html.raw("<p class=\"lead\">").say(&number).raw(".<br>").say(&carries).raw("</p>\n</header>\n");
    chapters(html, model);
    facts(html, model);
    aloud(html, model);
}

fn chapters(html: &mut Html, model: &Model<'_>) {
    html.raw("<nav><h2 class=\"hidden\">").say(&Message::Chapters).raw("</h2><ul>\n");
    html.raw("<li><a href=\"#changes\">").say(&Message::Changes).raw("</a></li>\n");
    if super::ways::any(model) {
        html.raw("<li><a href=\"#ways\">").say(&Message::Ways).raw("</a></li>\n");
    }
    html.raw("<li><a href=\"#images\">").say(&Message::Images).raw("</a></li>\n");
    html.raw("<li><a href=\"#findings\">").say(&Message::Findings).raw("</a></li>\n");
    html.raw("<li><a href=\"#seal\">").say(&Message::Seal).raw("</a></li>\n");
    html.raw("<li><a href=\"#import\">").say(&Message::Import).raw("</a></li>\n");
    html.raw("<li><a href=\"#approval\">").say(&Message::Approval).raw("</a></li>\n</ul></nav>\n");
}

fn facts(html: &mut Html, model: &Model<'_>) {
    let (plan, there) = (model.plan, model.there());
    html.raw("<dl class=\"facts\">\n");
    fact(html, &Message::Carry, &human_bytes(model.size()));
    if let Some(sealed) = model.sealed.filter(|sealed| !sealed.volumes.is_empty()) {
        html.raw("<span class=\"aside\">")
            .say(&Message::Volumes { count: sealed.volumes.len() })
            .raw("</span>");
    }
    html.raw("</dd></div>\n");
    fact(html, &Message::NewImages, &plan.images.len().saturating_sub(there).to_string());
    html.raw("</dd></div>\n");
    fact(html, &Message::ThereAlready, &there.to_string());
    html.raw("</dd></div>\n");
    fact(html, &Message::Growth, &human_bytes(plan.bytes.store));
    html.raw("<span class=\"aside\">").say(&Message::GrowthEach).raw("</span></dd></div>\n");
    fact(html, &Message::Made, &day(&plan.created));
    html.raw("<span class=\"aside\">").text(&clock(&plan.created)).raw("</span></dd></div>\n");
    fact(html, &Message::Expires, &day(&plan.expires));
    html.raw("<span class=\"aside\">").text(&clock(&plan.expires)).raw("</span></dd></div>\n");
    html.raw("</dl>\n<p class=\"faint\">").say(&Message::Platforms).raw(": ");
    if plan.platforms.is_empty() {
        html.say(&Message::AllPlatforms);
    }
    for (index, platform) in plan.platforms.iter().enumerate() {
        html.raw(if index > 0 { ", " } else { "" }).shown(platform);
    }
    html.raw(" · ").say(&Message::Download).raw(": ").text(&human_bytes(plan.bytes.download)).raw("</p>\n");
}

/// Opens a fact; whoever asked closes it, behind what else there is to say.
fn fact(html: &mut Html, name: &Message, value: &str) {
    html.raw("<div><dt>").say(name).raw("</dt><dd>").text(value);
}

/// The day of a time in RFC 3339.
fn day(time: &str) -> String {
    time.split('T').next().unwrap_or_default().to_owned()
}

/// The time of day, to the minute: `09:30 UTC`.
fn clock(time: &str) -> String {
    let clock = time.split('T').nth(1).unwrap_or_default();
    let minutes: Vec<&str> = clock.split(':').take(2).collect();
    if minutes.len() == 2 { format!("{} UTC", minutes.join(":")) } else { String::new() }
}

fn aloud(html: &mut Html, model: &Model<'_>) {
    html.raw("<section class=\"aloud\" id=\"aloud\">\n<h2>").say(&Message::Aloud).raw("</h2>\n<p>");
    html.say(&Message::AloudWhy).raw("</p>\n<dl>\n");
    if let Some(sealed) = model.sealed {
        groups(html, &Message::ArchiveDigest, &sealed.inventory);
    }
    groups(html, &Message::PlanDigest, &model.digest);
    html.raw("</dl>\n<p class=\"faint\">").say(&Message::Unsigned).raw("</p>\n</section>\n");
}

fn groups(html: &mut Html, name: &Message, digest: &Digest) {
    html.raw("<dt>").say(name).raw("</dt><dd><span class=\"groups\">");
    for group in spoken(digest).split(' ') {
        html.raw("<b>").text(group).raw("</b> ");
    }
    html.raw("</span>").code(&digest.to_string()).raw("</dd>\n");
}
