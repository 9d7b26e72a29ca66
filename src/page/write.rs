//! The page as a whole: its head, its policy, the switch between languages, the chapters in their order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::html::{Html, said};
use super::language::Language;
use super::message::Message;
use super::model::Model;
use super::{head, images, seal, style, ways};
use crate::digest::Digest;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::papers::Sealed;
use crate::plan::Plan;

/// What a page is written for.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The plan as it is approved.
    pub plan_digest: Digest,
    /// The archive, once there is one.
    pub sealed: Option<&'a Sealed>,
    /// What else is worth knowing, besides what the plan says.
    pub notes: &'a [Finding],
    /// The language in which the page opens.
    pub language: Language,
}

/// Writes the page.
pub fn page(plan: &Plan, occasion: &Occasion<'_>, limits: &Limits) -> String {
    let Occasion { plan_digest, sealed, notes, language } = *occasion;
    let model = Model::of(plan, plan_digest, sealed, notes, limits);
    let mut html = Html::default();
    html.raw("<!DOCTYPE html>\n<html lang=\"")
        .text(language.code())
        .raw("\">\n<head>\n<meta charset=\"utf-8\">\n");
    policy(&mut html, &model);
    html.raw("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n")
        .raw("<meta name=\"color-scheme\" content=\"light dark\">\n")
        .raw("<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    title(&mut html, &model, language);
    html.raw("</title>\n<style>").drawn(&style::sheet(&model)).raw("</style>\n</head>\n<body>\n");
    switch(&mut html, language);
    html.raw("<div class=\"page\">\n");
    head::write(&mut html, &model);
    ways::changes(&mut html, &model);
    ways::write(&mut html, &model);
    images::write(&mut html, &model);
    seal::findings(&mut html, &model);
    seal::write(&mut html, &model);
    seal::import(&mut html, &model);
    seal::approval(&mut html, &model);
    html.raw("</div>\n</body>\n</html>\n");
    html.done()
}

/// Nothing is loaded, nothing runs, and only this page's own style holds, whatever might have got into it.
fn policy(html: &mut Html, model: &Model<'_>) {
    let hash = STANDARD.encode(Digest::of(style::sheet(model).as_bytes()).bytes());
    html.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; style-src &#39;sha256-")
        .text(&hash)
        .raw("&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;\">\n");
}

fn title(html: &mut Html, model: &Model<'_>, language: Language) {
    match model.sealed {
        Some(sealed) => html.text(&sealed.name),
        None => html.text(&said(&Message::Plan, language)),
    };
    html.raw(" · ").text(&model.plan.channel).raw(" ").shown(model.plan.sequence);
}

/// Radio buttons that stand before everything else, so that a style rule can hide what is not asked for.
fn switch(html: &mut Html, language: Language) {
    for one in Language::ALL {
        html.raw("<input type=\"radio\" name=\"language\" id=\"in-").text(one.code()).raw("\"");
        if one == language {
            html.raw(" checked");
        }
        html.raw(">\n");
    }
    html.raw("<div class=\"bar\" role=\"group\"><span class=\"hidden\">")
        .say(&Message::Language)
        .raw("</span>");
    for one in Language::ALL {
        html.raw("<label for=\"in-").text(one.code()).raw("\" class=\"of-").text(one.code()).raw("\">");
        html.text(one.name()).raw("</label>");
    }
    html.raw("</div>\n");
}
