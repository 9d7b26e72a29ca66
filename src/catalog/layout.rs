//! JSON text laid out as opm lays it out, in one pass over the text and without reading it into numbers and maps.
//!
//! Four blanks a level, the escapes of Go without those for HTML (`encoding/json`, `Encoder.SetEscapeHTML(false)`), fields in the
//! order of their [`Layout`]. What opm would lose stays: unknown fields, after the known ones, and the digits of numbers.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use strings::Strings;

use super::fields::{Field, Layout, ListOrder};

mod strings;

pub(super) use strings::go_char;

/// In which order the fields come that no layout knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Members {
    /// By name: so opm writes what it read through a map.
    ByName,
    /// As they are: so opm writes the values that it makes itself.
    AsWritten,
}

/// Nesting past which a value stays on one line: indentation must not outgrow what it indents.
const DEPTH: usize = 64;
/// How much longer than the text its layout may be, past the first 64 MiB. Real ones are at most twice as long.
const GROWTH: usize = 3;
const FREE: usize = 64 << 20;

/// Appends valid JSON text, laid out, without a line break at its end.
pub(super) fn write(json: &str, layout: &'static Layout, members: Members, out: &mut Vec<u8>) {
    let start = out.len();
    let most = start.saturating_add(FREE).saturating_add(json.len().saturating_mul(GROWTH));
    let mut writer = Writer::new(json, members, out);
    if writer.run(layout, most).is_none() {
        // Lists within lists of next to nothing: one line says the same.
        out.truncate(start);
        let mut writer = Writer::new(json, members, out);
        writer.flat();
    }
}

struct Writer<'t, 'o> {
    text: &'t str,
    at: usize,
    by_name: bool,
    strings: Strings<'t>,
    out: &'o mut Vec<u8>,
    open: Vec<Container>,
    /// The members of all open containers that may have to be put into another order.
    members: Vec<Member>,
}

/// An object or list whose end has not come yet.
struct Container {
    object: bool,
    layout: &'static Layout,
    /// Where its content begins in the output.
    start: usize,
    /// Its first one in the list of members.
    first: usize,
    count: usize,
    /// Whether all is in its place so far.
    settled: bool,
    /// Of an object: whether a key comes next.
    key_next: bool,
}

/// A field of an object or an element of a list, as it stands in the output.
struct Member {
    /// Among the known fields; beyond them for others. Of a list: what comes first.
    rank: usize,
    /// The key, or what an element is sorted by, without quotes.
    key: Range<usize>,
    sort: Vec<u8>,
    span: Range<usize>,
    value: usize,
    dropped: bool,
}

/// A member on its way to its place.
struct Piece<'a> {
    rank: usize,
    sort: Cow<'a, [u8]>,
    text: Cow<'a, [u8]>,
}

impl<'t, 'o> Writer<'t, 'o> {
    fn new(text: &'t str, members: Members, out: &'o mut Vec<u8>) -> Self {
        let by_name = members == Members::ByName;
        Self { text, at: 0, by_name, strings: Strings::of(text), out, open: Vec::new(), members: Vec::new() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn slice(&self, range: Range<usize>) -> &'t [u8] {
        self.text.as_bytes().get(range).unwrap_or_default()
    }

    /// Lays everything out; nothing when that would take more than so many bytes of output.
    fn run(&mut self, root: &'static Layout, most: usize) -> Option<()> {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => self.at += 1,
                b'"' if self.open.last().is_some_and(|open| open.object && open.key_next) => self.key(),
                b'}' | b']' => {
                    self.at += 1;
                    self.close();
                }
                _ => {
                    if self.out.len() > most {
                        return None;
                    }
                    let layout = self.begin_value().unwrap_or(root);
                    match byte {
                        b'{' | b'[' if self.open.len() >= DEPTH => {
                            self.flat();
                            self.end_value();
                        }
                        b'{' | b'[' => self.enter(byte, layout),
                        b'"' => {
                            self.at = self.strings.write(self.at, self.out);
                            self.end_value();
                        }
                        _ => {
                            let end = self.scalar_end();
                            self.out.extend_from_slice(self.slice(self.at..end));
                            self.at = end;
                            self.end_value();
                        }
                    }
                }
            }
        }
        Some(())
    }

    fn enter(&mut self, byte: u8, layout: &'static Layout) {
        self.at += 1;
        self.out.push(byte);
        let object = byte == b'{';
        self.open.push(Container {
            object,
            layout,
            start: self.out.len(),
            first: self.members.len(),
            count: 0,
            settled: true,
            key_next: object,
        });
    }

    /// What stands before a member; gives where it begins.
    fn separate(&mut self) -> usize {
        let depth = self.open.len();
        if let Some(open) = self.open.last_mut() {
            open.count += 1;
            if open.count > 1 {
                self.out.push(b',');
            }
            line(depth, self.out);
        }
        self.out.len()
    }

    fn key(&mut self) {
        let start = self.separate();
        self.at = self.strings.write(self.at, self.out);
        let Some(open) = self.open.last_mut() else { return };
        open.key_next = false;
        if open.layout.fields.is_empty() && !self.by_name {
            self.out.extend_from_slice(b": ");
            return;
        }
        let mut key = start + 1..self.out.len() - 1;
        let written = self.out.get(key.clone()).unwrap_or_default();
        let known = open
            .layout
            .fields
            .iter()
            .position(|field| field.name.as_bytes().eq_ignore_ascii_case(written))
            .and_then(|rank| open.layout.fields.get(rank).map(|field| (rank, field)));
        let rank = match known {
            Some((rank, field)) => {
                if field.name.as_bytes() != written {
                    self.out.truncate(start + 1);
                    self.out.extend_from_slice(field.name.as_bytes());
                    self.out.push(b'"');
                    key = start + 1..self.out.len() - 1;
                }
                rank
            }
            None => open.layout.fields.len(),
        };
        self.out.extend_from_slice(b": ");
        let last = self.members.get(open.first..).and_then(<[Member]>::last);
        open.settled &= last.is_none_or(|last| {
            let unknown = rank == open.layout.fields.len();
            match last.rank.cmp(&rank) {
                // Known fields have one name each, so equal ones are doubled.
                Ordering::Equal if unknown && self.by_name => {
                    by_name(self.out, &last.key, &key) == Ordering::Less
                }
                Ordering::Equal => unknown,
                order => order == Ordering::Less,
            }
        });
        let value = self.out.len();
        self.members.push(Member { rank, key, sort: Vec::new(), span: start..value, value, dropped: false });
    }

    /// Gives the layout of the value that begins here; nothing for the text's own.
    fn begin_value(&mut self) -> Option<&'static Layout> {
        let open = self.open.last()?;
        if open.object {
            let rank = self.members.last().map_or(0, |member| member.rank);
            return Some(open.layout.fields.get(rank).map_or(&Layout::PLAIN, |field| field.inner));
        }
        let layout = open.layout;
        let start = self.separate();
        if layout.list != ListOrder::Kept {
            let member = Member {
                rank: 0,
                key: 0..0,
                sort: Vec::new(),
                span: start..start,
                value: start,
                dropped: false,
            };
            self.members.push(member);
        }
        Some(layout)
    }

    fn end_value(&mut self) {
        let end = self.out.len();
        let Some(open) = self.open.last_mut() else { return };
        if !open.object {
            if open.layout.list != ListOrder::Kept {
                self.settle_element(end);
            }
            return;
        }
        open.key_next = true;
        if open.layout.fields.is_empty() && !self.by_name {
            return;
        }
        let Some(member) = self.members.last_mut() else { return };
        if let Some(Field { default, .. }) = open.layout.fields.get(member.rank) {
            let value = self.out.get(member.value..end).unwrap_or_default();
            match default {
                Some(default) if value == b"null" => {
                    self.out.truncate(member.value);
                    self.out.extend_from_slice(default.as_bytes());
                }
                None if matches!(value, b"null" | b"\"\"" | b"[]" | b"{}") => {
                    member.dropped = true;
                    open.settled = false;
                }
                _ => {}
            }
        }
        member.span.end = self.out.len();
    }

    /// An element of a list that has an order is complete.
    fn settle_element(&mut self, end: usize) {
        let Some(open) = self.open.last_mut() else { return };
        let Some((element, before)) = self.members.get_mut(open.first..).and_then(<[Member]>::split_last_mut)
        else {
            return;
        };
        element.span.end = end;
        match open.layout.list {
            ListOrder::Last(late) => {
                let late = late.iter().any(|kind| kind.as_bytes() == element.sort);
                element.rank = usize::from(late);
                element.sort.clear();
            }
            ListOrder::By(_) | ListOrder::Kept => {}
        }
        if let Some(last) = before.last() {
            open.settled &= (last.rank, &last.sort) <= (element.rank, &element.sort);
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let mut count = open.count;
        if open.object {
            let sort = self.element_order(&open);
            let missing: Vec<(usize, &Field, &str)> = self.missing(&open);
            if !open.settled || !missing.is_empty() {
                count = self.rearrange(&open, &missing);
            }
            self.members.truncate(open.first);
            // The order of the list that it is an element of.
            if let (Some(sort), Some(element)) = (sort, self.members.last_mut()) {
                element.sort = sort;
            }
        } else {
            if !open.settled {
                count = self.rearrange(&open, &[]);
            }
            self.members.truncate(open.first);
        }
        if count > 0 {
            line(self.open.len(), self.out);
        }
        self.out.push(if open.object { b'}' } else { b']' });
        self.end_value();
    }

    /// What the object sorts by in the list that it stands in.
    fn element_order(&self, object: &Container) -> Option<Vec<u8>> {
        let list = self.open.last().filter(|list| !list.object)?;
        let field = match list.layout.list {
            ListOrder::Kept => return None,
            ListOrder::By(field) => field,
            ListOrder::Last(_) => "type",
        };
        let rank = object.layout.fields.iter().position(|known| known.name == field)?;
        let members = self.members.get(object.first..).unwrap_or_default();
        let member = members.iter().rev().find(|member| member.rank == rank);
        let text = member.and_then(|member| self.out.get(member.value..member.span.end)).unwrap_or_default();
        Some(text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text).to_vec())
    }

    /// The fields that opm always writes and the object has not got.
    fn missing(&self, object: &Container) -> Vec<(usize, &'static Field, &'static str)> {
        let members = self.members.get(object.first..).unwrap_or_default();
        let fields = object.layout.fields.iter().enumerate();
        fields
            .filter_map(|(rank, field)| Some((rank, field, field.default?)))
            .filter(|(rank, ..)| !members.iter().any(|member| member.rank == *rank))
            .collect()
    }

    /// Puts the members of a container into their order; gives how many are left.
    fn rearrange(&mut self, open: &Container, missing: &[(usize, &'static Field, &str)]) -> usize {
        let written = self.out.split_off(open.start);
        let piece = |span: &Range<usize>| {
            written.get(span.start - open.start..span.end - open.start).unwrap_or_default()
        };
        let known = open.layout.fields.len();
        let mut pieces: Vec<Piece<'_>> = Vec::new();
        for member in self.members.get(open.first..).unwrap_or_default() {
            let sort = match open.object {
                true if member.rank < known || self.by_name => unescaped(piece(&member.key)),
                true => Cow::Borrowed(&[][..]),
                false => Cow::Borrowed(member.sort.as_slice()),
            };
            let text = if member.dropped { &[] } else { piece(&member.span) };
            pieces.push(Piece { rank: member.rank, sort, text: Cow::Borrowed(text) });
        }
        for (rank, field, default) in missing {
            let text = format!("\"{}\": {default}", field.name).into_bytes();
            pieces.push(Piece {
                rank: *rank,
                sort: Cow::Borrowed(field.name.as_bytes()),
                text: Cow::Owned(text),
            });
        }
        pieces.sort_by(|a, b| (a.rank, &a.sort).cmp(&(b.rank, &b.sort)));
        if open.object {
            // Of two with the same key the last one counts, also where it is empty.
            let unnamed = |piece: &Piece<'_>| piece.rank == known && !self.by_name;
            pieces.dedup_by(|later, earlier| {
                let twice = later.rank == earlier.rank && later.sort == earlier.sort && !unnamed(later);
                if twice {
                    std::mem::swap(later, earlier);
                }
                twice
            });
            pieces.retain(|piece| !piece.text.is_empty());
        }
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            line(self.open.len() + 1, self.out);
            self.out.extend_from_slice(&piece.text);
        }
        pieces.len()
    }

    fn scalar_end(&self) -> usize {
        let rest = self.slice(self.at..self.text.len());
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':' | b' ' | b'\t' | b'\n' | b'\r');
        // At least one byte, so that there is an end to text that is no JSON.
        self.at + rest.iter().skip(1).position(ends).map_or(rest.len(), |found| found + 1)
    }

    /// The value that begins here, on one line and as it is.
    fn flat(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'"' => self.at = self.strings.write(self.at, self.out),
                b',' | b':' => {
                    self.out.push(byte);
                    self.at += 1;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.out.push(byte);
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    self.out.push(byte);
                    self.at += 1;
                }
                _ => {
                    let end = self.scalar_end();
                    self.out.extend_from_slice(self.slice(self.at..end));
                    self.at = end;
                }
            }
            if depth == 0 {
                return;
            }
        }
    }
}

fn line(depth: usize, out: &mut Vec<u8>) {
    const BLANKS: [u8; 64] = [b' '; 64];
    out.push(b'\n');
    let mut left = depth * 4;
    while left > 0 {
        let some = left.min(BLANKS.len());
        out.extend_from_slice(BLANKS.get(..some).unwrap_or_default());
        left -= some;
    }
}

fn by_name(out: &[u8], left: &Range<usize>, right: &Range<usize>) -> Ordering {
    let key = |range: &Range<usize>| unescaped(out.get(range.clone()).unwrap_or_default());
    key(left).cmp(&key(right))
}

/// A key without its escapes; Go sorts by what it means.
fn unescaped(key: &[u8]) -> Cow<'_, [u8]> {
    if !key.contains(&b'\\') {
        return Cow::Borrowed(key);
    }
    let quoted = [b"\"", key, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).map_or(Cow::Borrowed(key), |text| Cow::Owned(text.into_bytes()))
}

#[cfg(test)]
mod tests;
