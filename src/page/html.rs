//! HTML as it grows: markup comes from this program, everything else is escaped.

use super::language::Language;
use super::message::Message;
use super::{chinese, english, korean};
use crate::text::Markup;

/// A piece of a page.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup, which only this program writes: there is no way to put anything from outside here.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text from anywhere, between tags or in a quoted attribute.
    pub(super) fn text(&mut self, words: &str) -> &mut Self {
        self.0.push_str(&Markup(words).to_string());
        self
    }

    /// Text from anywhere in which names stand between backticks: each becomes code. A backtick without its other half is one.
    pub(super) fn prose(&mut self, words: &str) -> &mut Self {
        let mut rest = words;
        while let Some((before, name, after)) = quoted(rest) {
            self.text(before).code(name);
            rest = after;
        }
        self.text(rest)
    }

    /// A number or something else that shows itself.
    pub(super) fn shown(&mut self, value: impl std::fmt::Display) -> &mut Self {
        self.text(&value.to_string())
    }

    /// Text as it was written, for names, digests and commands.
    pub(super) fn code(&mut self, words: &str) -> &mut Self {
        self.raw("<code>").text(words).raw("</code>")
    }

    /// A message in every language; the switch shows one.
    pub(super) fn say(&mut self, message: &Message) -> &mut Self {
        for language in Language::ALL {
            self.raw("<span lang=\"")
                .text(language.code())
                .raw("\">")
                .prose(&said(message, language))
                .raw("</span>");
        }
        self
    }

    /// A drawing or a style sheet, which rooms of this program wrote and escaped.
    pub(super) fn drawn(&mut self, drawing: &str) -> &mut Self {
        self.0.push_str(drawing);
        self
    }

    /// A heading of a table's column.
    pub(super) fn column(&mut self, message: &Message) -> &mut Self {
        self.raw("<th scope=\"col\">").say(message).raw("</th>")
    }

    /// The whole.
    pub(super) fn done(self) -> String {
        self.0
    }
}

/// The first name between backticks, with what stands before and behind it.
fn quoted(words: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = words.split_once('`')?;
    let (name, after) = rest.split_once('`')?;
    Some((before, name, after))
}

/// A message in one language.
pub(super) fn said(message: &Message, language: Language) -> String {
    match language {
        Language::English => english::say(message),
        Language::Korean => korean::say(message),
        Language::Chinese => chinese::say(message),
    }
}
