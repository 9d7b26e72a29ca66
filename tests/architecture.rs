//! The shape of the crate, checked on every run: who may look at whom, and who may touch the world.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Rooms from the ground up, and whether they only compute. Data flows down this list, imports look up it.
const ROOMS: &[(&str, Kind)] = &[
    // nouns
    ("digest", Kind::Pure),
    ("fault", Kind::Pure),
    ("reference", Kind::Pure),
    ("limits", Kind::Pure),
    ("text", Kind::Pure),
    ("event", Kind::Pure),
    ("finding", Kind::Pure),
    ("yaml", Kind::Pure),
    ("version", Kind::Pure),
    ("oci", Kind::Pure),
    ("trust", Kind::Pure),
    ("archive", Kind::Pure),
    ("volume", Kind::Pure),
    ("repair", Kind::Pure),
    ("catalog", Kind::Pure),
    ("draw", Kind::Pure),
    ("release", Kind::Pure),
    ("imageset", Kind::Pure),
    ("site", Kind::Pure),
    ("plan", Kind::Pure),
    ("mapping", Kind::Pure),
    ("retain", Kind::Pure),
    ("papers", Kind::Pure),
    ("page", Kind::Pure),
    // edges
    ("store", Kind::Edge),
    ("workers", Kind::Edge),
    ("registry", Kind::Edge),
    ("transfer", Kind::Edge),
    // steps
    ("fetch", Kind::Edge),
    ("verify", Kind::Pure),
    ("stage", Kind::Edge),
    ("merge", Kind::Pure),
    ("promote", Kind::Edge),
    ("emit", Kind::Pure),
    ("check", Kind::Edge),
    ("vacuum", Kind::Edge),
    ("flow", Kind::Edge),
    // the door
    ("serve", Kind::Edge),
    ("demo", Kind::Edge),
    ("cli", Kind::Edge),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Bytes and values in, values out.
    Pure,
    /// May touch files, network, threads or the terminal, each in its place.
    Edge,
}

/// Modules of the standard library that a pure room leaves alone. Of `std::net` the address types are values.
const WORLD: &[&str] = &["fs", "env", "process", "thread", "net"];
const ADDRESSES: &[&str] =
    &["IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "SocketAddrV4", "SocketAddrV6", "AddrParseError"];

/// What else gives a pure room away.
const EFFECTS: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "io::stdin",
    "io::stdout",
    "io::stderr",
    ".try_exists(",
    ".exists()",
    ".canonicalize()",
    ".read_dir(",
];

const PRINTING: &[&str] = &["println!", "print!", "eprintln!", "eprint!", "dbg!"];

/// Paths that may be named in these rooms only.
const CONFINED: &[(&str, &[&str])] = &[
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("anyhow", &["cli"]),
    ("ctrlc", &["cli"]),
    ("ureq", &["registry"]),
    ("rustls", &["registry", "serve"]),
    ("hyper", &["serve"]),
    ("hyper_util", &["serve"]),
    ("http_body_util", &["serve"]),
    ("tokio", &["serve"]),
    ("pgp", &["release"]),
    ("reed_solomon_simd", &["repair"]),
    ("std::fs", &["store", "registry", "serve", "demo", "cli"]),
];

/// Longest file, tests included.
const MAX_LINES: usize = 600;

#[test]
fn the_rooms_keep_their_order() {
    let faults: Vec<_> = sources().iter().flat_map(faults_of).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_room_stands_in_the_list() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared: BTreeSet<_> = code(&lib)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned))
        .collect();
    let listed: BTreeSet<_> = ROOMS.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(declared.difference(&listed).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// The checker is worth something only if it sees what it is there for.
#[test]
fn a_planted_violation_is_found() {
    let filler = "// line\n".repeat(MAX_LINES);
    for (room, file, text, complaint) in [
        ("digest", "digest.rs", "use crate::cli::Args;", "`digest` uses `cli`, which comes after it"),
        (
            "digest",
            "digest.rs",
            "use crate::{\n    reference::Tag,\n};",
            "uses `reference`, which comes after",
        ),
        ("merge", "merge/a.rs", "fn f() { crate::store::open(); }", "`merge` is pure and uses `store`"),
        ("plan", "plan/a.rs", "use std::fs::File;", "`std::fs` in a pure room"),
        ("plan", "plan/a.rs", "use std::{env, io};", "`std::env` in a pure room"),
        ("plan", "plan/a.rs", "use std::net::TcpStream;", "`std::net` in a pure room"),
        ("plan", "plan/a.rs", "fn f() { std::thread::sleep(t); }", "`std::thread` in a pure room"),
        ("plan", "plan/a.rs", "let t = Instant::now();", "`Instant::now` in a pure room"),
        ("stage", "stage/a.rs", "println!(\"\");", "`println!` outside `cli`"),
        ("stage", "stage/a.rs", "use anyhow::Context;", "`anyhow` outside `cli`"),
        ("stage", "stage/a.rs", "fn f() { std::fs::read(p); }", "`std::fs` outside `store`"),
        ("fetch", "fetch/a.rs", "use ureq::Agent;", "`ureq` outside `registry`"),
        ("flow", "flow/a.rs", "use super::super::cli;", "name the room with `crate::`"),
        ("flow", "flow/mod.rs", "use super::cli;", "name the room with `crate::`"),
        ("flow", "flow/mod.rs", "mod tests;", "`mod tests;` without `#[cfg(test)]`"),
        ("flow", "flow/mod.rs", &filler, "601 lines"),
        ("attic", "attic.rs", "", "room `attic` is not in the list"),
        (
            "plan",
            "plan/a.rs",
            "#[cfg(test)]\nmod tests {\n    use std::env;\n}\nuse std::fs;",
            "`std::fs` in a pure room",
        ),
    ] {
        let source =
            Source { room: room.into(), file: file.into(), text: format!("//! A sentence.\n{text}") };
        let faults = faults_of(&source);
        assert!(faults.iter().any(|fault| fault.contains(complaint)), "{text}: {faults:?}");
    }
    let source = Source { room: "plan".into(), file: "plan/a.rs".into(), text: "use a::b;\n".into() };
    assert_eq!(faults_of(&source), ["plan/a.rs: no opening sentence (`//! …`)"]);
}

#[test]
fn what_is_allowed_is_not_complained_of() {
    for (room, file, text) in [
        (
            "plan",
            "plan/a.rs",
            "// std::fs\n/* crate::cli */ const A: &str = \"std::env crate::cli println!\";",
        ),
        (
            "plan",
            "plan/a.rs",
            "const A: &str = r#\"std::fs \"quoted\" \"#; const B: char = '\"'; use crate::site::Site;",
        ),
        ("plan", "plan/a.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n    use super::super::a;\n}"),
        ("plan", "plan/tests.rs", "use std::fs;\nuse std::env;"),
        ("plan", "plan/a.rs", "fn f<'a>(a: &'a str) -> std::net::Ipv4Addr { my_println!(); fsx::a() }"),
        ("store", "store/a.rs", "use std::fs::File; use crate::digest::Digest;"),
        ("flow", "flow/a.rs", "use super::step; use crate::{fetch, merge::{A, B}};"),
    ] {
        let source =
            Source { room: room.into(), file: file.into(), text: format!("//! A sentence.\n{text}\n") };
        assert_eq!(faults_of(&source), Vec::<String>::new(), "{text}");
    }
}

/// One source file.
struct Source {
    room: String,
    /// Below `src`, with `/`.
    file: String,
    text: String,
}

fn faults_of(source: &Source) -> Vec<String> {
    let Source { room, file, text } = source;
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        faults.push(format!("{file}: {lines} lines ({MAX_LINES} at most)"));
    }
    if !text.starts_with("//! ") {
        faults.push(format!("{file}: no opening sentence (`//! …`)"));
    }
    let Some(here) = ROOMS.iter().position(|(name, _)| name == room) else {
        faults.push(format!("{file}: room `{room}` is not in the list"));
        return faults;
    };
    if file.ends_with("/tests.rs") || file.contains("/tests/") {
        return faults;
    }
    let code = code(text);
    let mut fault = |at: usize, what: String| {
        let line = code[..at].matches('\n').count() + 1;
        faults.push(format!("{file}:{line}: {what}"));
    };
    for (at, target) in paths(&code, "crate") {
        let Some(there) = ROOMS.iter().position(|(name, _)| *name == target) else { continue };
        if there > here {
            fault(at, format!("`{room}` uses `{target}`, which comes after it"));
        } else if ROOMS[here].1 == Kind::Pure && ROOMS[there].1 != Kind::Pure {
            fault(at, format!("`{room}` is pure and uses `{target}`, which is not"));
        }
    }
    if ROOMS[here].1 == Kind::Pure {
        for (at, module) in paths(&code, "std") {
            let value = paths(&code[at..], "std::net").first().is_some_and(|(offset, name)| {
                module == "net" && *offset == 0 && ADDRESSES.contains(&name.as_str())
            });
            if WORLD.contains(&module.as_str()) && !value {
                fault(at, format!("`std::{module}` in a pure room"));
            }
        }
        for effect in EFFECTS {
            for (at, _) in code.match_indices(effect) {
                fault(at, format!("`{effect}` in a pure room"));
            }
        }
    }
    if room != "cli" {
        for print in PRINTING {
            for (at, _) in words(&code, print) {
                fault(at, format!("`{print}` outside `cli`"));
            }
        }
    }
    for (path, homes) in CONFINED {
        if !homes.contains(&room.as_str()) {
            for (at, _) in words(&code, &format!("{path}::")).chain(words(&code, &format!("{path};"))) {
                fault(at, format!("`{path}` outside `{}`", homes.join("`, `")));
            }
        }
    }
    let is_door = !file.contains('/') || (file.ends_with("/mod.rs") && file.matches('/').count() == 1);
    for (at, _) in words(&code, "super::") {
        if is_door || code[at..].starts_with("super::super::") {
            fault(at, "name the room with `crate::`".to_owned());
        }
    }
    for (at, _) in words(&code, "mod tests;") {
        fault(at, "`mod tests;` without `#[cfg(test)]`".to_owned());
    }
    faults
}

/// Every file of every room; `lib.rs` and `main.rs` are the doors, not rooms.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(&root).unwrap();
                let file = below.components().map(|part| part.as_os_str().to_str().unwrap());
                let file = file.collect::<Vec<_>>().join("/");
                let first = file.split(['/', '.']).next().unwrap().to_owned();
                if file != "lib.rs" && file != "main.rs" {
                    found.insert(
                        file.clone(),
                        Source { room: first, file, text: fs::read_to_string(&path).unwrap() },
                    );
                }
            }
        }
    }
    assert!(found.len() >= ROOMS.len(), "src was not found");
    found.into_values().collect()
}

/// The text with comments, what stands in quotes, and test modules blanked out; lines stay where they are.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let blank = |out: &mut String, what: &str| {
        out.extend(what.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
    };
    while let Some(first) = rest.chars().next() {
        let after_word = out.chars().last().is_some_and(|c| c.is_alphanumeric() || c == '_');
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == 'r' && !after_word && rest[1..].trim_start_matches('#').starts_with('"') {
            let hashes = rest[1..].find('"').unwrap();
            let close = format!("\"{}", "#".repeat(hashes));
            rest[hashes + 2..].find(&close).map_or(rest.len(), |end| hashes + 2 + end + close.len())
        } else if first == '\'' && (rest[1..].starts_with('\\') || rest[1..].chars().nth(1) == Some('\'')) {
            quoted(rest, '\'')
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        blank(&mut out, &rest[..length]);
        rest = &rest[length..];
    }
    without_tests(&out)
}

/// Length of a quoted literal at the start of `text`, its quotes included.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The code with each item under `#[cfg(test)]` blanked out, up to the `}` or `;` that ends it.
fn without_tests(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut end: Option<String> = None;
    for line in code.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if line.trim() == "#[cfg(test)]" {
            end = Some(format!("{indent}}}"));
        } else if let Some(close) = &end {
            let short = line.trim_end().ends_with(';') && format!("{indent}}}") == *close;
            if short || line.trim_end() == close {
                end = None;
            }
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// The names behind `prefix::` or in `prefix::{…}`, with where the path begins.
fn paths(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, path) in words(code, &format!("{prefix}::")) {
        let rest = &code[at + path.len()..];
        let names = rest.strip_prefix('{').map_or_else(|| vec![name(rest)], group);
        found.extend(names.into_iter().filter(|name| !name.is_empty()).map(|name| (at, name)));
    }
    found
}

/// Where `what` stands and no longer word ends in it.
fn words<'a>(code: &'a str, what: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    code.match_indices(what).filter(|(at, _)| {
        !code[..*at].chars().last().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

/// The leading names of one `{…}` group, not those nested deeper.
fn group(text: &str) -> Vec<String> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                names.push(name(text[start..at].trim()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
