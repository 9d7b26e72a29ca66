//! The custody record: who did what with an archive, where and when (`schema/custody.v1.json`).

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::archive::{Moment, Text};
use crate::digest::Digest;
use crate::text::Safe;
use crate::trust::KeyId;

/// One line of a custody record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Custody {
    /// When, by the clock of that machine.
    pub at: Moment,
    /// Who, as they said themselves.
    pub who: Text,
    /// The keys that they signed with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyId>,
    /// The machine, as it calls itself.
    pub host: Text,
    /// What they did.
    pub action: Deed,
    /// The archive's file name.
    pub archive: Text,
    /// Digest of its inventory; nothing where it was not believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Digest>,
    /// What came of it, in a few words.
    pub result: Text,
}

/// What people do with an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// It was made.
    Pack,
    /// It was copied onto media.
    MediaWrite,
    /// A person's signature was added.
    Sign,
    /// It was judged.
    Verify,
    /// It was brought into a site's registries.
    Import,
}

impl Deed {
    /// The command.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::MediaWrite => "media write",
            Self::Sign => "sign",
            Self::Verify => "verify",
            Self::Import => "import",
        }
    }
}

/// The record as a page: one paragraph for each line.
pub fn custody(lines: &[Custody]) -> String {
    let mut page = String::new();
    for (number, line) in (1..).zip(lines) {
        let what = format!("{} {}", line.action.name(), Safe(line.archive.as_str()));
        let inventory = line.inventory.map(|digest| format!(" ({})", digest.short())).unwrap_or_default();
        let _ = writeln!(page, "{number:>3}  {}  {what}{inventory}", line.at);
        let (who, host) = (Safe(line.who.as_str()), Safe(line.host.as_str()));
        let _ = writeln!(page, "     {who} on {host}: {}", Safe(line.result.as_str()));
        for key in &line.keys {
            let _ = writeln!(page, "     with key {key}");
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Custody {
        Custody {
            at: "2026-09-01T08:00:00Z".parse().unwrap(),
            who: "김철수".parse().unwrap(),
            keys: vec!["ab".repeat(32).parse().unwrap()],
            host: "build7".parse().unwrap(),
            action: Deed::Sign,
            archive: "a.ombundle".parse().unwrap(),
            inventory: Some(Digest::of(b"inventory")),
            result: "signed".parse().unwrap(),
        }
    }

    #[test]
    fn a_page_says_who_did_what() {
        let mut refused = line();
        (refused.action, refused.inventory, refused.keys) = (Deed::Verify, None, Vec::new());
        refused.result = Text::tamed("refused: CONTENT_CHANGED");
        let page = custody(&[line(), refused]);
        assert_eq!(
            page,
            format!(
                "  1  2026-09-01T08:00:00Z  sign a.ombundle ({})\n     김철수 on build7: signed\n     with key {}\n  \
                 2  2026-09-01T08:00:00Z  verify a.ombundle\n     김철수 on build7: refused: CONTENT_CHANGED\n",
                Digest::of(b"inventory").short(),
                "ab".repeat(32)
            )
        );
    }

    #[test]
    fn a_line_goes_there_and_back_and_takes_no_text_that_forges_one() {
        let text = serde_json::to_string(&line()).unwrap();
        assert_eq!(serde_json::from_str::<Custody>(&text).unwrap(), line());
        assert!(serde_json::from_str::<Custody>(&text.replace("build7", "a\\nb")).is_err());
        assert!(serde_json::from_str::<Custody>(&text.replace("\"who\"", "\"whom\"")).is_err());
    }
}
