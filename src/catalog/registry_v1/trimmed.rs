//! `olm.csv.metadata`: what of a CSV a catalog keeps to show the operator, in the order of opm's types.

use serde_json::{Map, Value};

use super::go_json::{self, Html, string};

/// What a field of the CSV's types is (operator-framework/api `clusterserviceversion_types.go`).
enum Shape {
    /// A text, left out when it is empty.
    Text,
    /// A text that is always there.
    Name,
    Flag,
    /// Left out when it is zero.
    Number,
    /// Anything, as it is.
    Any,
    Texts,
    TextMap,
    /// An object that is always there, of these fields.
    Object(&'static [Field]),
    Objects(&'static [Field]),
}

/// A field by its name in both places.
type Field = (&'static str, Shape);

const DESCRIPTOR: &[Field] = &[
    ("path", Shape::Name),
    ("displayName", Shape::Text),
    ("description", Shape::Text),
    ("x-descriptors", Shape::Texts),
    ("value", Shape::Any),
];
const RESOURCE: &[Field] = &[("name", Shape::Name), ("kind", Shape::Name), ("version", Shape::Name)];
const CRD: &[Field] = &[
    ("name", Shape::Name),
    ("version", Shape::Name),
    ("kind", Shape::Name),
    ("displayName", Shape::Text),
    ("description", Shape::Text),
    ("resources", Shape::Objects(RESOURCE)),
    ("statusDescriptors", Shape::Objects(DESCRIPTOR)),
    ("specDescriptors", Shape::Objects(DESCRIPTOR)),
    ("actionDescriptors", Shape::Objects(DESCRIPTOR)),
];
const SERVICE: &[Field] = &[
    ("name", Shape::Name),
    ("group", Shape::Name),
    ("version", Shape::Name),
    ("kind", Shape::Name),
    ("deploymentName", Shape::Text),
    ("containerPort", Shape::Number),
    ("displayName", Shape::Text),
    ("description", Shape::Text),
    ("resources", Shape::Objects(RESOURCE)),
    ("statusDescriptors", Shape::Objects(DESCRIPTOR)),
    ("specDescriptors", Shape::Objects(DESCRIPTOR)),
    ("actionDescriptors", Shape::Objects(DESCRIPTOR)),
];
const LINK: &[Field] = &[("name", Shape::Text), ("url", Shape::Text)];
const MAINTAINER: &[Field] = &[("name", Shape::Text), ("email", Shape::Text)];
const GVK: &[Field] = &[("group", Shape::Name), ("version", Shape::Name), ("kind", Shape::Name)];
const MODE: &[Field] = &[("type", Shape::Name), ("supported", Shape::Flag)];
const CRDS: &[Field] = &[("owned", Shape::Objects(CRD)), ("required", Shape::Objects(CRD))];
const SERVICES: &[Field] = &[("owned", Shape::Objects(SERVICE)), ("required", Shape::Objects(SERVICE))];

/// The fields of the property: its name, the part of the CSV and the field there.
const METADATA: &[(&str, &str, &str, Shape)] = &[
    ("annotations", "metadata", "annotations", Shape::TextMap),
    ("apiServiceDefinitions", "spec", "apiservicedefinitions", Shape::Object(SERVICES)),
    ("crdDescriptions", "spec", "customresourcedefinitions", Shape::Object(CRDS)),
    ("description", "spec", "description", Shape::Text),
    ("displayName", "spec", "displayName", Shape::Text),
    ("installModes", "spec", "installModes", Shape::Objects(MODE)),
    ("keywords", "spec", "keywords", Shape::Texts),
    ("labels", "metadata", "labels", Shape::TextMap),
    ("links", "spec", "links", Shape::Objects(LINK)),
    ("maintainers", "spec", "maintainers", Shape::Objects(MAINTAINER)),
    ("maturity", "spec", "maturity", Shape::Text),
    ("minKubeVersion", "spec", "minKubeVersion", Shape::Text),
    ("nativeAPIs", "spec", "nativeAPIs", Shape::Objects(GVK)),
    ("provider", "spec", "provider", Shape::Object(LINK)),
];

/// A field that is not of the type that it must be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrongType {
    /// Where it is in the CSV.
    pub(super) path: String,
    /// What it should be.
    pub(super) wanted: &'static str,
}

/// The value of the property as JSON text.
pub(super) fn trimmed(csv: &Value) -> Result<String, WrongType> {
    let mut out = Writer { out: vec![b'{'], path: Vec::new(), first: true };
    for (name, part, field, shape) in METADATA {
        out.path = vec![(*part).to_owned()];
        let empty = Map::new();
        let part = csv.get(*part).and_then(Value::as_object).unwrap_or(&empty);
        out.field(name, field, shape, part)?;
    }
    out.out.push(b'}');
    Ok(String::from_utf8(out.out).unwrap_or_default())
}

struct Writer {
    out: Vec<u8>,
    path: Vec<String>,
    /// Whether nothing stands in the innermost object yet.
    first: bool,
}

impl Writer {
    fn field(
        &mut self,
        name: &str,
        source: &str,
        shape: &Shape,
        object: &Map<String, Value>,
    ) -> Result<(), WrongType> {
        // Go matches names whatever their case is, exact ones first.
        let folded =
            || object.iter().find(|(key, _)| key.eq_ignore_ascii_case(source)).map(|(_, value)| value);
        let value = object.get(source).or_else(folded);
        let value = match shape {
            Shape::Any => value,
            _ => value.filter(|value| !value.is_null()),
        };
        let empty = match (shape, value) {
            (Shape::Name | Shape::Flag | Shape::Object(_), _) | (Shape::Any, Some(_)) => false,
            (_, None) => true,
            (_, Some(Value::String(text))) => text.is_empty(),
            (_, Some(Value::Array(items))) => items.is_empty(),
            (_, Some(Value::Object(members))) => members.is_empty(),
            (_, Some(Value::Number(number))) => number.as_i64() == Some(0),
            (_, Some(_)) => false,
        };
        if empty {
            return Ok(());
        }
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        string(name, Html::Plain, &mut self.out);
        self.out.push(b':');
        self.path.push(source.to_owned());
        self.value(shape, value.unwrap_or(&Value::Null))?;
        self.path.pop();
        Ok(())
    }

    fn value(&mut self, shape: &Shape, value: &Value) -> Result<(), WrongType> {
        match (shape, value) {
            (Shape::Text | Shape::Name, Value::String(text)) => string(text, Html::Plain, &mut self.out),
            (Shape::Text | Shape::Name, Value::Null) => self.out.extend_from_slice(b"\"\""),
            (Shape::Text | Shape::Name, _) => return Err(self.wrong("a text")),
            (Shape::Flag, Value::Bool(_)) | (Shape::Any, _) => {
                go_json::write(value, Html::Plain, &mut self.out);
            }
            (Shape::Flag, Value::Null) => self.out.extend_from_slice(b"false"),
            (Shape::Flag, _) => return Err(self.wrong("true or false")),
            (Shape::Number, Value::Number(_)) => go_json::write(value, Html::Plain, &mut self.out),
            (Shape::Number, _) => return Err(self.wrong("a number")),
            (Shape::Texts, Value::Array(items)) => self.list(items, &Shape::Name)?,
            (Shape::Texts, _) => return Err(self.wrong("a list of texts")),
            (Shape::TextMap, Value::Object(members)) => self.text_map(members)?,
            (Shape::TextMap, _) => return Err(self.wrong("an object of texts")),
            (Shape::Object(fields), Value::Object(members)) => self.known(fields, members)?,
            (Shape::Object(fields), Value::Null) => self.known(fields, &Map::new())?,
            (Shape::Object(_), _) => return Err(self.wrong("an object")),
            (Shape::Objects(fields), Value::Array(items)) => self.list(items, &Shape::Object(fields))?,
            (Shape::Objects(_), _) => return Err(self.wrong("a list of objects")),
        }
        Ok(())
    }

    fn known(&mut self, fields: &'static [Field], members: &Map<String, Value>) -> Result<(), WrongType> {
        self.out.push(b'{');
        self.first = true;
        for (name, shape) in fields {
            self.field(name, name, shape, members)?;
        }
        self.first = false;
        self.out.push(b'}');
        Ok(())
    }

    fn text_map(&mut self, members: &Map<String, Value>) -> Result<(), WrongType> {
        self.out.push(b'{');
        for (index, (key, value)) in members.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            string(key, Html::Plain, &mut self.out);
            self.out.push(b':');
            self.path.push(key.clone());
            self.value(&Shape::Name, value)?;
            self.path.pop();
        }
        self.out.push(b'}');
        Ok(())
    }

    fn list(&mut self, items: &[Value], shape: &Shape) -> Result<(), WrongType> {
        self.out.push(b'[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.path.push(index.to_string());
            self.value(shape, item)?;
            self.path.pop();
        }
        self.out.push(b']');
        Ok(())
    }

    fn wrong(&self, wanted: &'static str) -> WrongType {
        WrongType { path: self.path.join("."), wanted }
    }
}
