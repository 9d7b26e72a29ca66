//! Blobs as they are written: Go's case-insensitive keys, last duplicate wins, `null` is nothing, unknown fields pass.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A type that is filled key by key.
pub(super) trait Fields<'de>: Default {
    /// Takes the value of `key` if it knows it.
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error>;

    /// Is told each key before its value, and may refuse it.
    fn notice(&mut self, _key: &str) -> Result<(), String> {
        Ok(())
    }
}

/// A JSON object read as Go reads it into a struct.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Fields<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Fields<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Object(T::default()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut it = T::default();
        while let Some(Key(key)) = map.next_key()? {
            it.notice(&key).map_err(A::Error::custom)?;
            if !it.take(&key, &mut map)? {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Object(it))
    }
}

/// An object's key, borrowed where it has no escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// A list of objects; `null` is an empty one.
fn list<'de, T: Fields<'de>, A: MapAccess<'de>>(map: &mut A) -> Result<Vec<T>, A::Error> {
    let list: Option<Vec<Object<T>>> = map.next_value()?;
    Ok(list.unwrap_or_default().into_iter().map(|Object(it)| it).collect())
}

fn text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<String, A::Error> {
    Ok(map.next_value::<Option<String>>()?.unwrap_or_default())
}

fn is(key: &str, name: &str) -> bool {
    key.eq_ignore_ascii_case(name)
}

/// What every blob begins with.
#[derive(Default)]
pub(super) struct WireMeta {
    pub(super) schema: String,
    pub(super) package: String,
    pub(super) name: String,
    /// Each as written, by how it is written in small letters.
    keys: BTreeMap<String, String>,
}

impl<'de> Fields<'de> for WireMeta {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if is(key, "schema") {
            self.schema = map.next_value()?;
        } else if is(key, "package") {
            self.package = map.next_value()?;
        } else if is(key, "name") {
            self.name = map.next_value()?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn notice(&mut self, key: &str) -> Result<(), String> {
        match self.keys.entry(key.to_lowercase()) {
            Slot::Occupied(seen) if seen.get() != key => {
                return Err(format!("keys `{}` and `{key}` differ in case only", seen.get()));
            }
            Slot::Occupied(_) => {}
            Slot::Vacant(slot) => {
                slot.insert(key.to_owned());
            }
        }
        Ok(())
    }
}

/// A blob of any schema that opm knows: the union of their fields.
#[derive(Default)]
pub(super) struct WireBlob<'a> {
    pub(super) meta: WireMeta,
    pub(super) default_channel: String,
    pub(super) icon: WireIcon,
    pub(super) image: String,
    pub(super) entries: Vec<WireEntry>,
    pub(super) properties: Vec<WireProperty<'a>>,
    pub(super) related_images: Vec<WireImage>,
}

impl<'de> Fields<'de> for WireBlob<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if is(key, "defaultChannel") {
            self.default_channel = text(map)?;
        } else if is(key, "icon") {
            self.icon = map.next_value::<Object<WireIcon>>()?.0;
        } else if is(key, "image") {
            self.image = text(map)?;
        } else if is(key, "entries") {
            self.entries = list(map)?;
        } else if is(key, "properties") {
            self.properties = list(map)?;
        } else if is(key, "relatedImages") {
            self.related_images = list(map)?;
        } else {
            return self.meta.take(key, map);
        }
        Ok(true)
    }

    fn notice(&mut self, key: &str) -> Result<(), String> {
        self.meta.notice(key)
    }
}

/// A package's icon.
#[derive(Default)]
pub(super) struct WireIcon {
    pub(super) data: String,
}

impl<'de> Fields<'de> for WireIcon {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if is(key, "base64data") {
            self.data = text(map)?;
        } else if is(key, "mediatype") {
            text(map)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

/// An entry of a channel or of deprecations.
#[derive(Default)]
pub(super) struct WireEntry {
    pub(super) name: String,
    pub(super) replaces: String,
    pub(super) skips: Vec<String>,
    pub(super) skip_range: String,
    pub(super) reference: WireReference,
    pub(super) message: String,
}

impl<'de> Fields<'de> for WireEntry {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if is(key, "name") {
            self.name = text(map)?;
        } else if is(key, "replaces") {
            self.replaces = text(map)?;
        } else if is(key, "skips") {
            self.skips = map.next_value::<Option<Vec<String>>>()?.unwrap_or_default();
        } else if is(key, "skipRange") {
            self.skip_range = text(map)?;
        } else if is(key, "reference") {
            self.reference = map.next_value::<Object<WireReference>>()?.0;
        } else if is(key, "message") {
            self.message = text(map)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

/// What a deprecation is about.
#[derive(Default)]
pub(super) struct WireReference {
    pub(super) schema: String,
    pub(super) name: String,
}

impl<'de> Fields<'de> for WireReference {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if is(key, "schema") {
            self.schema = text(map)?;
        } else if is(key, "name") {
            self.name = text(map)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

/// A property, its value as a slice of the blob.
#[derive(Default)]
pub(super) struct WireProperty<'a> {
    pub(super) kind: String,
    pub(super) value: Option<&'a RawValue>,
}

impl<'de> Fields<'de> for WireProperty<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if is(key, "type") {
            self.kind = text(map)?;
        } else if is(key, "value") {
            self.value = Some(map.next_value()?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

/// A related image.
#[derive(Default)]
pub(super) struct WireImage {
    pub(super) name: String,
    pub(super) image: String,
}

impl<'de> Fields<'de> for WireImage {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if is(key, "name") {
            self.name = text(map)?;
        } else if is(key, "image") {
            self.image = text(map)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}
