//! What a JSON file of ours says that it is.

use serde::Deserialize;

/// The field `format` of a document, as far as it can be shown; empty where there is none.
///
/// The whole document is passed over once for it: one of another kind gets its own message, and not that of a field it lacks.
pub fn format_of(bytes: &[u8]) -> Result<String, serde_json::Error> {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(default)]
        format: String,
    }
    let probe: Probe = serde_json::from_slice(bytes)?;
    Ok(probe.format.chars().take(SHOWN).collect())
}

/// Characters: more than any name of a format has.
const SHOWN: usize = 80;
