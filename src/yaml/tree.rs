//! A YAML document as a tree in which each value and key knows its line.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::limits::Limits;

/// One value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The line where it begins, counted from 1.
    pub line: u64,
    /// What it is.
    pub value: Value,
}

impl Node {
    /// The value of a mapping's key, the first of that name; nothing in what is no mapping.
    pub fn field(&self, name: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value)
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        if let Value::Scalar { text, .. } = &self.value { Some(text) } else { None }
    }

    /// The entries of a mapping; none in what is no mapping.
    pub fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }
}

/// What a node is. Scalars keep their text: what it means depends on the field that it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A scalar; `plain` when it was written without quotes.
    Scalar {
        /// The text, unescaped.
        text: String,
        /// Whether it was written without quotes, so that it may be a number, a boolean or null.
        plain: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file, duplicates included.
    Map(Vec<Entry>),
}

/// One key of a mapping and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Whether the key was written without quotes.
    pub plain: bool,
    /// The line of the key.
    pub line: u64,
    /// The value.
    pub value: Node,
}

/// Tags whose scalars are what their text says.
const RESOLVED: [&str; 4] = ["int", "float", "bool", "null"];

/// Why a text is not YAML that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SyntaxError {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong there.
    pub what: String,
}

/// Reads every document of a text. Aliases are expanded, up to `limits.yaml_nodes` nodes in all.
pub fn parse(text: &str, limits: &Limits) -> Result<Vec<Node>, SyntaxError> {
    if text.len() as u64 > limits.yaml_bytes {
        let what = format!("the file has more than {} bytes", limits.yaml_bytes);
        return Err(SyntaxError { line: 1, what });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    refuse_controls(text)?;
    // Where the last line is open: the parser ends a block there, which has no line end to keep.
    let open_end = (!text.ends_with('\n')).then(|| text.chars().count());
    let mut builder =
        Builder { limits, open: Vec::new(), anchors: BTreeMap::new(), nodes: 0, done: Vec::new() };
    for event in Parser::new_from_str(text) {
        let (mut event, span) = event.map_err(|error| SyntaxError {
            line: error.marker().line() as u64,
            what: error.info().to_owned(),
        })?;
        if let Event::Scalar(text, ScalarStyle::Literal | ScalarStyle::Folded, ..) = &mut event
            && open_end.is_some_and(|end| span.end.index() >= end)
            && text.ends_with('\n')
        {
            text.to_mut().pop();
        }
        builder.take(event, span.start.line() as u64)?;
    }
    Ok(builder.done)
}

/// What YAML's own character set leaves out (YAML 1.1, section 5.1): a picture is no document.
fn refuse_controls(text: &str) -> Result<(), SyntaxError> {
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    let Some((before, found)) = text.char_indices().find(|(_, c)| control(*c)) else { return Ok(()) };
    let line = text.bytes().take(before).map(|byte| u64::from(byte == b'\n')).sum::<u64>() + 1;
    Err(SyntaxError { line, what: format!("control characters are not allowed, and here is {found:?}") })
}

/// A list or mapping whose end has not come yet.
struct Open {
    line: u64,
    anchor: usize,
    kind: OpenKind,
}

/// A key whose value has not come yet.
struct Key {
    text: String,
    plain: bool,
    line: u64,
}

enum OpenKind {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Key> },
}

struct Builder<'l> {
    limits: &'l Limits,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    done: Vec<Node>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, line: u64) -> Result<(), SyntaxError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                // `!!str 1.8` is a way of quoting, and `!!int "8"` one of taking the quotes off.
                let plain = match &tag {
                    Some(tag) => tag.is_yaml_core_schema() && RESOLVED.contains(&tag.suffix.as_str()),
                    None => style == ScalarStyle::Plain,
                };
                let node = Node { line, value: Value::Scalar { text: text.into_owned(), plain } };
                self.close(node, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(line, anchor, OpenKind::List(Vec::new())),
            Event::MappingStart(anchor, _) => {
                self.begin(line, anchor, OpenKind::Map { entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let value = match open.kind {
                    OpenKind::List(items) => Value::List(items),
                    OpenKind::Map { entries, .. } => Value::Map(entries),
                };
                self.close(Node { line: open.line, value }, open.anchor)
            }
            Event::Alias(anchor) => {
                let Some(target) = self.anchors.get(&anchor) else {
                    return Err(SyntaxError {
                        line,
                        what: "an alias stands inside its own anchor".to_owned(),
                    });
                };
                let node = Node { line, value: target.value.clone() };
                self.count(&node)?;
                self.close(node, 0)
            }
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, line: u64, anchor: usize, kind: OpenKind) -> Result<(), SyntaxError> {
        if self.open.len() >= self.limits.json_depth {
            let what = format!("it is nested deeper than {} levels", self.limits.json_depth);
            return Err(SyntaxError { line, what });
        }
        self.open.push(Open { line, anchor, kind });
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn close(&mut self, node: Node, anchor: usize) -> Result<(), SyntaxError> {
        self.nodes += 1;
        self.check_count(node.line)?;
        if anchor != 0 {
            self.count(&node)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.done.push(node),
            Some(OpenKind::List(items)) => items.push(node),
            Some(OpenKind::Map { entries, key }) => match key.take() {
                Some(Key { text, plain, line }) => {
                    entries.push(Entry { key: text, plain, line, value: node });
                }
                None => match node.value {
                    Value::Scalar { text, plain } => *key = Some(Key { text, plain, line: node.line }),
                    Value::List(_) | Value::Map(_) => {
                        return Err(SyntaxError { line: node.line, what: "a key must be a word".to_owned() });
                    }
                },
            },
        }
        Ok(())
    }

    fn count(&mut self, node: &Node) -> Result<(), SyntaxError> {
        self.nodes += size(node);
        self.check_count(node.line)
    }

    fn check_count(&self, line: u64) -> Result<(), SyntaxError> {
        if self.nodes > self.limits.yaml_nodes {
            let what =
                format!("it has more than {} values once aliases are expanded", self.limits.yaml_nodes);
            return Err(SyntaxError { line, what });
        }
        Ok(())
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::Scalar { .. } => 1,
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| size(&entry.value)).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LIMITS;

    fn scalar(node: &Node) -> (&str, bool, u64) {
        match &node.value {
            Value::Scalar { text, plain } => (text, *plain, node.line),
            other => panic!("{other:?} is no scalar"),
        }
    }

    fn map(node: &Node) -> &[Entry] {
        match &node.value {
            Value::Map(entries) => entries,
            other => panic!("{other:?} is no map"),
        }
    }

    #[test]
    fn keeps_lines_quotes_order_and_duplicates() {
        let text = "\u{feff}# a comment\n---\nb: 1.8\na:\n- 'x'\n- y   # why\nb: \"1.8\"\n";
        let documents = parse(text, &LIMITS).unwrap();
        let entries = map(&documents[0]);
        let keys: Vec<_> = entries.iter().map(|entry| (entry.key.as_str(), entry.line)).collect();
        assert_eq!(keys, [("b", 3), ("a", 4), ("b", 7)]);
        assert_eq!(scalar(&entries[0].value), ("1.8", true, 3));
        assert_eq!(scalar(&entries[2].value), ("1.8", false, 7));
        let Value::List(items) = &entries[1].value.value else { panic!("no list") };
        assert_eq!((scalar(&items[0]), scalar(&items[1])), (("x", false, 5), ("y", true, 6)));
    }

    #[test]
    fn names_the_line_of_a_syntax_error() {
        for (text, line) in
            [("a: 1\nb: [1,\nc: 2\n", 3), ("a: 1\n b: 2\n", 2), ("a: *b\n", 1), ("a: &x [*x]\n", 1)]
        {
            assert_eq!(parse(text, &LIMITS).unwrap_err().line, line, "{text:?}");
        }
    }

    #[test]
    fn an_alias_is_its_anchors_value_at_its_own_line() {
        let documents = parse("a: &n {c: d}\nb: *n\n", &LIMITS).unwrap();
        let entries = map(&documents[0]);
        assert_eq!(entries[0].value.value, entries[1].value.value);
        assert_eq!(entries[1].value.line, 2);
    }

    #[test]
    fn a_block_keeps_the_line_end_that_it_has() {
        for (text, expected) in [
            ("a: |\n  b", "b"),
            ("a: |\n  é", "é"),
            ("a: |\n  b\n", "b\n"),
            ("a: |+\n  b\n\n", "b\n\n"),
            ("a: >\n  b\n  c", "b c"),
            ("a: |-\n  b\n", "b"),
            ("a: |\n  b\n# end", "b\n"),
        ] {
            let documents = parse(text, &LIMITS).unwrap();
            assert_eq!(documents[0].field("a").unwrap().text(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn control_characters_are_refused() {
        for text in ["a\n\u{89}PNG", "a\nb: \u{1b}[2J", "a\n\0", "a\n\u{7f}"] {
            let error = parse(text, &LIMITS).unwrap_err();
            assert!(error.line == 2 && error.what.contains("control characters"), "{error:?}");
        }
        assert_eq!(parse("a: \u{85}b\t\u{2028}\r\n", &LIMITS).unwrap().len(), 1);
    }

    #[test]
    fn bombs_and_depth_end_at_their_ceilings() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..10 {
            let below = format!("*a{}", level - 1);
            let line = format!("a{level}: &a{level} [{}]\n", [below.as_str(); 10].join(","));
            bomb.push_str(&line);
        }
        assert!(parse(&bomb, &LIMITS).unwrap_err().what.contains("aliases"));
        let deep = "[".repeat(100);
        assert!(parse(&deep, &LIMITS).unwrap_err().what.contains("nested"));
        assert!(parse(&deep.repeat(1_000), &LIMITS).is_err());
        let small = Limits { yaml_bytes: 3, ..LIMITS };
        assert!(parse("a: b\n", &small).unwrap_err().what.contains("3 bytes"));
    }
}
