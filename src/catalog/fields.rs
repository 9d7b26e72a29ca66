//! The fields of each schema as opm knows them: their order, which it leaves out when they are empty, which lists it sorts.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::model;

/// How an object's fields are laid out, or those of each object in a list.
#[derive(Debug)]
pub(super) struct Layout {
    /// In opm's order; fields that are not among them come after them.
    pub(super) fields: &'static [Field],
    /// Where it is a list: the order of its elements.
    pub(super) list: ListOrder,
}

/// One field that opm knows.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    /// What opm writes where it is missing; nothing where opm leaves it out when it is empty.
    pub(super) default: Option<&'static str>,
    pub(super) inner: &'static Layout,
}

/// In which order opm writes a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListOrder {
    /// As it is.
    Kept,
    /// By one field's text; equal ones as they are.
    By(&'static str),
    /// As it is, but those with one of these types last: what is large comes after what is small.
    Last(&'static [&'static str]),
}

impl Layout {
    /// Fields that nobody knows.
    pub(super) const PLAIN: Self = Self { fields: &[], list: ListOrder::Kept };

    const fn of(fields: &'static [Field]) -> Self {
        Self { fields, list: ListOrder::Kept }
    }

    /// The layout of a blob of this schema.
    pub(super) fn of_schema(schema: &str) -> &'static Self {
        match schema {
            model::PACKAGE => &PACKAGE,
            model::CHANNEL => &CHANNEL,
            model::BUNDLE => &BUNDLE,
            model::DEPRECATIONS => &DEPRECATIONS,
            _ => PLAIN,
        }
    }
}

const PLAIN: &Layout = &Layout::PLAIN;

/// A text that is always written.
const fn text(name: &'static str) -> Field {
    always(name, "\"\"", PLAIN)
}

const fn always(name: &'static str, default: &'static str, inner: &'static Layout) -> Field {
    Field { name, default: Some(default), inner }
}

/// A field that is left out when it is empty.
const fn filled(name: &'static str, inner: &'static Layout) -> Field {
    Field { name, default: None, inner }
}

/// Bundle objects and the trimmed CSV: most of a bundle.
const BULKY: &[&str] = &["olm.bundle.object", "olm.csv.metadata"];

const PROPERTY: &[Field] = &[text("type"), always("value", "null", PLAIN)];
const PROPERTIES: &Layout = &Layout::of(PROPERTY);

const PACKAGE: Layout = Layout::of(&[
    text("schema"),
    text("name"),
    text("defaultChannel"),
    filled("icon", &Layout::of(&[text("base64data"), text("mediatype")])),
    filled("description", PLAIN),
    filled("properties", PROPERTIES),
]);

const ENTRIES: &Layout = &Layout::of(&[
    text("name"),
    filled("replaces", PLAIN),
    filled("skips", PLAIN),
    filled("skipRange", PLAIN),
]);

const CHANNEL: Layout = Layout::of(&[
    text("schema"),
    text("name"),
    text("package"),
    always("entries", "null", ENTRIES),
    filled("properties", PROPERTIES),
]);

const BUNDLE: Layout = Layout::of(&[
    text("schema"),
    text("name"),
    text("package"),
    text("image"),
    filled("properties", &Layout { fields: PROPERTY, list: ListOrder::Last(BULKY) }),
    filled("relatedImages", &Layout { fields: &[text("name"), text("image")], list: ListOrder::By("image") }),
]);

const REFERENCE: &Layout = &Layout::of(&[text("schema"), filled("name", PLAIN)]);

const DEPRECATIONS: Layout = Layout::of(&[
    text("schema"),
    text("package"),
    always("entries", "null", &Layout::of(&[filled("reference", REFERENCE), text("message")])),
]);

/// An object's members in the order of the text; of two with the same key the last value counts. Empty for all else.
pub(super) fn object(json: &str) -> Vec<(String, &RawValue)> {
    serde_json::from_str::<Members<'_>>(json).map(|members| members.0).unwrap_or_default()
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &'de RawValue)> = Vec::new();
                let mut known: BTreeMap<String, usize> = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if let Some((_, before)) = known.get(&key).and_then(|place| members.get_mut(*place)) {
                        *before = value;
                        continue;
                    }
                    known.insert(key.clone(), members.len());
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}
