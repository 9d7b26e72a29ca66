//! What drawings say, in the languages of the page.

use super::html::said;
use super::language::Language;
use super::message::Message;
use crate::draw::{Note, Spoken, Tongue};

/// The languages of the page as a drawing takes them.
pub(super) fn tongues() -> [Tongue; 3] {
    Language::ALL.map(|language| Tongue {
        code: language.code(),
        say: match language {
            Language::English => |note| noted(note, Language::English),
            Language::Korean => |note| noted(note, Language::Korean),
            Language::Chinese => |note| noted(note, Language::Chinese),
        },
    })
}

fn noted(note: &Note, language: Language) -> String {
    said(&Message::Noted(note.clone()), language)
}

/// A message as a drawing takes it.
pub(super) fn spoken(message: &Message) -> Spoken {
    Spoken::each(Language::ALL.map(|language| (language.code(), said(message, language))))
}
