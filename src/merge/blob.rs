//! Changes single fields of a blob and leaves the text of all others as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::catalog::{Blob, Channel, Entry};

type Fields = BTreeMap<String, Box<RawValue>>;

/// The blob with these fields set. Go reads names without regard to case, so every spelling of a field goes.
pub(super) fn with_fields(
    blob: &Blob,
    fields: impl IntoIterator<Item = (&'static str, Box<RawValue>)>,
) -> Blob {
    let Ok(mut object) = serde_json::from_str::<Fields>(blob.raw.get()) else { return blob.clone() };
    for (name, value) in fields {
        object.retain(|key, _| !key.eq_ignore_ascii_case(name));
        object.insert(name.to_owned(), value);
    }
    match to_raw_value(&object) {
        Ok(raw) => Blob { raw: Arc::from(raw), ..blob.clone() },
        Err(_) => blob.clone(),
    }
}

/// A field of the blob, whatever its spelling; the last one, as Go reads it.
pub(super) fn field(blob: &Blob, name: &str) -> Option<Box<RawValue>> {
    let object: Fields = serde_json::from_str(blob.raw.get()).ok()?;
    object.into_iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next_back()
}

/// A raw value of something that surely is one.
pub(super) fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_default()
}

/// The channel's blob with its entries as they are now; what the sides say beside the edges of an entry is kept, the new side's
/// first.
pub(super) fn channel(entries: &[Entry], new: &Channel, old: Option<&Channel>) -> Blob {
    let mut known: BTreeMap<String, serde_json::Map<String, Value>> = BTreeMap::new();
    for side in old.into_iter().chain([new]) {
        for entry in field(&side.blob, "entries")
            .and_then(|raw| serde_json::from_str::<Vec<Value>>(raw.get()).ok())
            .into_iter()
            .flatten()
        {
            if let Value::Object(mut fields) = entry {
                let name = take(&mut fields, "name");
                for edge in ["replaces", "skips", "skipRange"] {
                    take(&mut fields, edge);
                }
                if let Some(name) = name.as_ref().and_then(Value::as_str) {
                    known.insert(name.to_owned(), fields);
                }
            }
        }
    }
    let entries: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let mut fields = known.remove(&entry.name).unwrap_or_default();
            fields.insert("name".to_owned(), json!(entry.name));
            if let Some(replaces) = &entry.replaces {
                fields.insert("replaces".to_owned(), json!(replaces));
            }
            if !entry.skips.is_empty() {
                fields.insert("skips".to_owned(), json!(entry.skips));
            }
            if let Some(range) = &entry.skip_range {
                fields.insert("skipRange".to_owned(), json!(range));
            }
            fields.into()
        })
        .collect();
    with_fields(&new.blob, [("entries", raw(&entries.into()))])
}

fn take(fields: &mut serde_json::Map<String, Value>, name: &str) -> Option<Value> {
    let keys: Vec<String> = fields.keys().filter(|key| key.eq_ignore_ascii_case(name)).cloned().collect();
    keys.iter().filter_map(|key| fields.remove(key)).next_back()
}
