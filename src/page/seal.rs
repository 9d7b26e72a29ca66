//! Findings, signatures, files, what happens on site, and the lines that people sign on.

use super::html::Html;
use super::message::Message;
use super::model::Model;
use crate::finding::Severity;
use crate::text::{Word, human_bytes};

pub(super) fn findings(html: &mut Html, model: &Model<'_>) {
    html.raw("<section id=\"findings\">\n<h2>").say(&Message::Findings).raw("</h2>\n");
    if model.findings.is_empty() {
        html.raw("<p>").say(&Message::NoFindings).raw("</p>\n");
    } else {
        html.raw("<ul class=\"findings\">\n");
    }
    for finding in &model.findings {
        html.raw(match finding.severity {
            Severity::Error => "<li class=\"error\">",
            Severity::Warning => "<li class=\"warning\">",
            Severity::Info => "<li class=\"note\">",
        });
        html.raw("<p><b>")
            .say(&Message::Weight(finding.severity))
            .raw("</b> <strong>")
            .prose(&finding.subject);
        html.raw("</strong> ").code(&finding.code).raw("</p>\n<p>").prose(&finding.message).raw("</p>\n");
        if !finding.hint.is_empty() {
            html.raw("<p class=\"faint\">")
                .say(&Message::Remedy)
                .raw(": ")
                .prose(&finding.hint)
                .raw("</p>\n");
        }
        html.raw("</li>\n");
    }
    html.raw(if model.findings.is_empty() { "</section>\n" } else { "</ul>\n</section>\n" });
}

pub(super) fn write(html: &mut Html, model: &Model<'_>) {
    html.raw("<section id=\"seal\">\n<h2>").say(&Message::Seal).raw("</h2>\n");
    match model.sealed {
        None => {
            html.raw("<p>").say(&Message::NotSigned).raw("</p>\n");
        }
        Some(sealed) => {
            html.raw("<p>")
                .say(&Message::SignedBy { count: sealed.signers.len() })
                .raw("</p>\n<ul class=\"keys\">\n");
            for signer in &sealed.signers {
                html.raw("<li>").code(&signer.fingerprint()).raw("</li>\n");
            }
            html.raw("</ul>\n");
        }
    }
    releases(html, model);
    files(html, model);
    html.raw("</section>\n");
}

fn releases(html: &mut Html, model: &Model<'_>) {
    if model.plan.releases.is_empty() {
        return;
    }
    html.raw("<p>")
        .say(&Message::ReleaseSignatures)
        .raw("</p>\n<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr>");
    for column in [Message::OpenShiftWay, Message::Key, Message::SignedAt] {
        html.column(&column);
    }
    html.raw("</tr></thead>\n<tbody>\n");
    for release in &model.plan.releases {
        for signature in &release.signatures {
            html.raw("<tr><th scope=\"row\">").text(&release.label()).raw("</th><td>").code(&signature.key);
            html.raw("</td><td>").shown(signature.made).raw("</td></tr>\n");
        }
    }
    html.raw("</tbody></table></div>\n");
}

fn files(html: &mut Html, model: &Model<'_>) {
    let Some(sealed) = model.sealed else { return };
    let count = sealed.volumes.len();
    let said = if count == 0 { Message::OneFile } else { Message::InVolumes { count } };
    html.raw("<p>").say(&said).raw(" ").say(&Message::Sums { file: format!("{}.SHA256SUMS", sealed.name) });
    html.raw("</p>\n<div class=\"scroll\" tabindex=\"0\"><table class=\"numbers\">\n<thead><tr>");
    for column in [Message::File, Message::Size, Message::Bytes] {
        html.column(&column);
    }
    html.raw("</tr></thead>\n<tbody>\n");
    let whole = (sealed.name.clone(), sealed.size);
    for (name, bytes) in if count == 0 { std::slice::from_ref(&whole) } else { &sealed.volumes } {
        html.raw("<tr><th scope=\"row\">")
            .text(name)
            .raw("</th><td class=\"size\">")
            .text(&human_bytes(*bytes));
        html.raw("</td><td class=\"size\">").shown(bytes).raw("</td></tr>\n");
    }
    html.raw("</tbody></table></div>\n");
}

pub(super) fn import(html: &mut Html, model: &Model<'_>) {
    let name = model.sealed.map_or("upgrade.ombundle", |sealed| &sealed.name);
    let word = Word(name).to_string();
    html.raw("<section id=\"import\">\n<h2>")
        .say(&Message::Import)
        .raw("</h2>\n<p>")
        .say(&Message::ImportWhy);
    html.raw("</p>\n<ol class=\"steps\">\n");
    step(
        html,
        &Message::CheckFiles,
        &format!("sha256sum -c {}", Word(&format!("{name}.SHA256SUMS"))),
        &Message::CheckFilesSays,
    );
    html.raw("</li>\n");
    step(html, &Message::Verify, &format!("ombundle verify {word} --site site.yaml"), &Message::VerifySays);
    html.raw("</li>\n");
    let says = Message::RunSays { images: model.plan.images.len() };
    step(html, &Message::Run, &format!("ombundle import {word} --site site.yaml -o OUT"), &says);
    if !model.plan.catalogs.is_empty() {
        html.raw("<p>").say(&Message::RunCatalogs).raw("</p>\n<ul class=\"names\">\n");
        for catalog in &model.plan.catalogs {
            html.raw("<li>").code(&catalog.source.to_string()).raw("</li>\n");
        }
        html.raw("</ul>\n");
    }
    html.raw("</li>\n<li><strong>").say(&Message::Follow).raw("</strong>\n<p>").say(&Message::FollowSays);
    html.raw("</p></li>\n</ol>\n<p>").say(&Message::NothingElse).raw("</p>\n</section>\n");
}

/// Opens a step; whoever asked closes it, behind what else there is to say.
fn step(html: &mut Html, what: &Message, command: &str, says: &Message) {
    html.raw("<li><strong>")
        .say(what)
        .raw("</strong>\n<pre tabindex=\"0\">")
        .code(command)
        .raw("</pre>\n<p>");
    html.say(says).raw("</p>\n");
}

pub(super) fn approval(html: &mut Html, model: &Model<'_>) {
    html.raw("<section id=\"approval\">\n<h2>")
        .say(&Message::Approval)
        .raw("</h2>\n<table class=\"approval\">\n<thead><tr><td></td>");
    for column in [Message::Name, Message::Date, Message::Signature] {
        html.column(&column);
    }
    html.raw("</tr></thead>\n<tbody>\n");
    for who in [Message::ApprovedBy, Message::CarriedBy, Message::ReceivedBy] {
        html.raw("<tr><th scope=\"row\">").say(&who).raw("</th><td></td><td></td><td></td></tr>\n");
    }
    html.raw("</tbody></table>\n</section>\n<footer><p>").say(&Message::Beside).raw("</p><p>");
    html.say(&Message::MadeBy { tool: model.plan.tool.clone() }).raw("</p></footer>\n");
}
