//! What a drawing says that is no name, and the languages that it says it in.

use super::graph::Mark;

/// Something that a drawing says of a version or a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// What it is.
    Mark(Mark),
    /// It is the channel that is taken where nobody asks for another.
    Default,
    /// It replaces something that is not in its channel.
    ReplacesAbsent {
        /// The name of that.
        name: String,
    },
    /// It skips these versions.
    Skips {
        /// A few of them.
        names: String,
    },
    /// It skips more than can be named.
    SkipsMany {
        /// How many.
        count: usize,
    },
    /// It skips names that are not in its channel.
    SkipsAbsent {
        /// How many.
        count: usize,
    },
    /// It has a skipRange.
    SkipRange {
        /// The range.
        range: String,
    },
    /// What somebody else says in their own words, or a name.
    Said(String),
}

/// A language that drawings can be in.
#[derive(Debug, Clone, Copy)]
pub struct Tongue {
    /// Its code in a document (BCP 47).
    pub code: &'static str,
    /// Its words.
    pub say: fn(&Note) -> String,
}

/// The words in English.
pub fn english(note: &Note) -> String {
    match note {
        Note::Mark(mark) => mark.word().unwrap_or_default().to_owned(),
        Note::Default => "default".to_owned(),
        Note::ReplacesAbsent { name } => format!("replaces {name}, which is not here"),
        Note::Skips { names } => format!("skips {names}"),
        Note::SkipsMany { count } => format!("skips {count} versions"),
        Note::SkipsAbsent { count } => format!("skips {count} that are not here"),
        Note::SkipRange { range } => format!("skipRange {range}"),
        Note::Said(words) => words.clone(),
    }
}

/// Words of a drawing: in one form, or in one of each language, of which the page shows one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken(Vec<(&'static str, String)>);

impl Spoken {
    /// The same for everybody.
    pub fn name(words: impl Into<String>) -> Self {
        Self(vec![("", words.into())])
    }

    /// In each language, by its code. Where all are the same they are a name.
    pub fn each(words: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let words: Vec<_> = words.into_iter().collect();
        match words.split_first() {
            Some(((_, first), rest)) if rest.iter().all(|(_, other)| other == first) => Self::name(first),
            _ => Self(words),
        }
    }

    /// What these languages make of something.
    pub(super) fn by(tongues: &[Tongue], say: impl Fn(&Tongue) -> String) -> Self {
        Self::each(tongues.iter().map(|tongue| (tongue.code, say(tongue))))
    }

    /// Each form with its language, which is empty where it is for all.
    pub(super) fn forms(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(code, words)| (*code, words.as_str()))
    }

    /// All forms beside each other, for a tip, which cannot be in one language only.
    pub(super) fn together(&self) -> String {
        self.forms().map(|(_, words)| words).collect::<Vec<_>>().join(" / ")
    }

    /// Whether there is nothing to say.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, words)| words.is_empty())
    }

    /// The same with each form changed.
    pub(super) fn map(&self, change: impl Fn(&str) -> String) -> Self {
        Self(self.forms().map(|(code, words)| (code, change(words))).collect())
    }
}
