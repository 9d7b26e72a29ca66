//! What of a blob is kept: all of it, or what the rules look at.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::model::{DEPRECATIONS, Property};
use super::wire::WireProperty;

/// How much of each blob is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All of it, so that nothing unknown is lost when it is written again.
    Whole,
    /// What [`super::validate`] looks at. The bulk, a CSV's metadata and embedded objects, is read and let go. Such a catalog
    /// can be judged and must not be written: most of its blobs have no text.
    Facts,
}

/// Properties of which the rules need to know only that they are there, and are objects.
const BULK: [&str; 2] = ["olm.csv.metadata", "olm.bundle.object"];

/// A blob's JSON, and how much of it is kept.
#[derive(Clone, Copy)]
pub(super) enum Text<'a> {
    Whole(&'a RawValue),
    Facts(&'a str),
}

impl<'a> Text<'a> {
    pub(super) fn new(raw: &'a RawValue, keep: Keep) -> Self {
        match keep {
            Keep::Whole => Self::Whole(raw),
            Keep::Facts => Self::Facts(raw.get()),
        }
    }

    pub(super) fn json(self) -> &'a str {
        match self {
            Self::Whole(raw) => raw.get(),
            Self::Facts(json) => json,
        }
    }

    /// The text that a blob of this schema keeps.
    pub(super) fn kept(self, schema: &str) -> Arc<RawValue> {
        match self {
            Self::Whole(raw) => raw.to_owned().into(),
            Self::Facts(json) if schema == DEPRECATIONS => owned(json.to_owned()),
            Self::Facts(_) => RawValue::NULL.to_owned().into(),
        }
    }

    /// The text that a bundle keeps, and its properties, whose values are slices of it.
    pub(super) fn bundle(self, properties: Vec<WireProperty<'_>>) -> (Arc<RawValue>, Vec<Property>) {
        match self {
            Self::Whole(raw) => whole(raw, properties),
            Self::Facts(_) => condensed(properties),
        }
    }
}

fn owned(json: String) -> Arc<RawValue> {
    RawValue::from_string(json).unwrap_or_else(|_| RawValue::NULL.to_owned()).into()
}

fn whole(raw: &RawValue, properties: Vec<WireProperty<'_>>) -> (Arc<RawValue>, Vec<Property>) {
    let start = raw.get().as_ptr().addr();
    let kept: Arc<RawValue> = raw.to_owned().into();
    let property = |property: WireProperty<'_>| {
        let span = property.value.map_or(0..0, |value| {
            let from = value.get().as_ptr().addr().saturating_sub(start);
            from..from + value.get().len()
        });
        Property::within(property.kind, Arc::clone(&kept), span)
    };
    let properties = properties.into_iter().map(property).collect();
    (kept, properties)
}

/// The values one behind the other in a list of their own, `{}` for the bulk.
fn condensed(properties: Vec<WireProperty<'_>>) -> (Arc<RawValue>, Vec<Property>) {
    let mut text = String::from("[");
    let mut spans = Vec::with_capacity(properties.len());
    for property in &properties {
        let json = property.value.map_or("null", RawValue::get);
        let is_bulk = json.starts_with('{') && BULK.contains(&property.kind.as_str());
        let json = if is_bulk { "{}" } else { json };
        if text.len() > 1 {
            text.push(',');
        }
        spans.push(text.len()..text.len() + json.len());
        text.push_str(json);
    }
    text.push(']');
    let kept = owned(text);
    let property =
        |(property, span): (WireProperty<'_>, _)| Property::within(property.kind, Arc::clone(&kept), span);
    let properties = properties.into_iter().zip(spans).map(property).collect();
    (kept, properties)
}
