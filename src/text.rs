//! Text from outside made fit to be shown: it forges no line, moves no cursor, hides nothing, and stays what it is in
//! Markdown and in a shell command.
//!
//! Names and messages in an archive, a catalog, a registry's reply or a cluster dump are written by others. Whoever
//! shows one wraps it: [`Safe`] in a terminal or a log, [`Prose`], [`Code`] and [`Sentence`] in Markdown, [`Markup`] in HTML and XML, [`Word`]
//! in a command.

use std::fmt::{self, Write};
use std::path::Path;

/// The text on one line: what is invisible, ends a line or steers a terminal becomes `\u{…}`.
///
/// ```
/// use ombundle::text::Safe;
/// assert_eq!(Safe("a\u{1b}[2Jb\nc").to_string(), r"a\u{1b}[2Jb\u{a}c");
/// assert_eq!(Safe("한국어 中文").to_string(), "한국어 中文");
/// ```
#[derive(Clone, Copy)]
pub struct Safe<'a>(pub &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_plain(c) { f.write_char(c)? } else { write!(f, "{}", c.escape_unicode())? }
        }
        Ok(())
    }
}

/// A path as [`Safe`] text.
#[derive(Clone, Copy)]
pub struct SafePath<'a>(pub &'a Path);

impl fmt::Display for SafePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Safe(&self.0.to_string_lossy()))
    }
}

/// A number of things in words: `1 bundle`, `2 bundles`, `3 entries`.
pub fn counted(count: impl fmt::Display, what: &str) -> String {
    let count = count.to_string();
    match what.strip_suffix('y') {
        _ if count == "1" => format!("1 {what}"),
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{count} {stem}ies"),
        _ => format!("{count} {what}s"),
    }
}

/// Bytes for people, in powers of 1,000 as media are sold.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1_000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// The text as prose in Markdown: on one line, and without the power to be markup.
#[derive(Clone, Copy)]
pub struct Prose<'a>(pub &'a str);

impl fmt::Display for Prose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                // Every ASCII punctuation character may stand behind a backslash (CommonMark 0.31 §2.4). A colon and an
                // `@` are among them because GitHub links bare addresses.
                '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '#' | '!' | ':' | '@' => {
                    write!(f, "\\{c}")?;
                }
                c if is_plain(c) => f.write_char(c)?,
                c => write!(f, "\\{}", c.escape_unicode())?,
            }
        }
        Ok(())
    }
}

/// A sentence of ours as prose in Markdown: what stands between backticks in it is code.
#[derive(Clone, Copy)]
pub struct Sentence<'a>(pub &'a str);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces: Vec<&str> = self.0.split('`').collect();
        let inner = pieces.get(1..pieces.len() - 1).unwrap_or_default();
        // A name in it may have backticks of its own: then nobody knows which ones are ours.
        if pieces.len().is_multiple_of(2) || inner.contains(&"") {
            return Prose(self.0).fmt(f);
        }
        for (at, piece) in pieces.iter().enumerate() {
            if at.is_multiple_of(2) { Prose(piece).fmt(f)? } else { Code(piece).fmt(f)? }
        }
        Ok(())
    }
}

/// The text as a code span in Markdown, with a fence that it cannot close.
#[derive(Clone, Copy)]
pub struct Code<'a>(pub &'a str);

impl fmt::Display for Code<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.0.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest + 1);
        // One space on both sides is dropped by readers (CommonMark 0.31 §6.1): it keeps backticks off the fence, and
        // spaces that belong to the text in it.
        let edge = |c: Option<char>| c.is_none_or(|c| c == '`' || c == ' ');
        let pad = if edge(self.0.chars().next()) || edge(self.0.chars().last()) { " " } else { "" };
        write!(f, "{fence}{pad}{}{pad}{fence}", Safe(self.0))
    }
}

/// The text in HTML and XML, between tags or in a quoted attribute: on one line, and without the power to be markup.
#[derive(Clone, Copy)]
pub struct Markup<'a>(pub &'a str);

impl fmt::Display for Markup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if is_plain(c) => f.write_char(c)?,
                c => write!(f, "{}", c.escape_unicode())?,
            }
        }
        Ok(())
    }
}

/// The text as one word of a shell command: bare where that is safe, quoted where it is not.
///
/// Text with control characters becomes bash's `$'…'`, so that a command never spans lines.
#[derive(Clone, Copy)]
pub struct Word<'a>(pub &'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = |c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '@' | '%' | '+' | ':' | ',' | '.' | '/' | '_' | '-')
        };
        if !self.0.is_empty() && self.0.chars().all(bare) {
            return f.write_str(self.0);
        }
        if self.0.chars().all(is_plain) {
            return write!(f, "'{}'", self.0.replace('\'', r"'\''"));
        }
        f.write_str("$'")?;
        for c in self.0.chars() {
            match c {
                '\'' | '\\' => write!(f, "\\{c}")?,
                c if is_plain(c) => f.write_char(c)?,
                c if u32::from(c) < 0x80 => write!(f, "\\x{:02x}", u32::from(c))?,
                c => write!(f, "\\U{:08x}", u32::from(c))?,
            }
        }
        f.write_char('\'')
    }
}

/// JSON with the same meaning in which every character shows as itself: what does not becomes `\\u…`.
///
/// JSON's own writers escape control characters up to U+001F and leave the rest, so that a file or a line on a
/// terminal could still hide text or turn its direction.
pub fn plain_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        // Below that they stand between values, not in them.
        if u32::from(c) < 0x20 || is_plain(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            // Writing to a String cannot fail.
            _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// Whether a character shows as itself, in its place: no control character, no line end, nothing that turns the
/// direction of writing, nothing without width.
///
/// Unicode's categories Cc, Zl, Zp and Cf as they matter here, and the fillers and variation selectors that show as
/// nothing (Unicode 16, `DerivedCoreProperties.txt`, Default_Ignorable_Code_Point).
pub fn is_plain(c: char) -> bool {
    !(c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{fffe}'..='\u{ffff}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_is_no_plural() {
        for (count, what, text) in [
            (0, "image", "0 images"),
            (1, "image", "1 image"),
            (2, "repository", "2 repositories"),
            (1, "repository", "1 repository"),
            (3, "entry", "3 entries"),
            (4, "key", "4 keys"),
            (11, "hop", "11 hops"),
        ] {
            assert_eq!(counted(count, what), text);
        }
        assert_eq!(counted(serde_json::json!(1), "package"), "1 package");
    }

    #[test]
    fn bytes_read_well() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (1_073_741_824, "1.1 GB"),
        ] {
            assert_eq!(human_bytes(bytes), text);
        }
    }

    /// One of each kind that must never reach a terminal as it is.
    const HOSTILE: &[char] = &[
        '\0',
        '\u{7}',
        '\u{8}',
        '\t',
        '\n',
        '\u{b}',
        '\r',
        '\u{1b}',
        '\u{7f}',
        '\u{80}',
        '\u{85}',
        '\u{9b}',
        '\u{9d}',
        '\u{ad}',
        '\u{200b}',
        '\u{200d}',
        '\u{200e}',
        '\u{2028}',
        '\u{2029}',
        '\u{202a}',
        '\u{202e}',
        '\u{2066}',
        '\u{2069}',
        '\u{61c}',
        '\u{feff}',
        '\u{3164}',
        '\u{e0041}',
        '\u{e0101}',
        '\u{fe0f}',
    ];

    #[test]
    fn nothing_hostile_is_shown_as_itself() {
        for &c in HOSTILE {
            let text = format!("a{c}b");
            let escaped = format!("a{}b", c.escape_unicode());
            assert_eq!(Safe(&text).to_string(), escaped);
            assert_eq!(SafePath(Path::new(&text)).to_string(), escaped);
            assert_eq!(Code(&text).to_string(), format!("`{escaped}`"));
            assert_eq!(Prose(&text).to_string(), format!("a\\{}b", c.escape_unicode()));
            assert!(Word(&text).to_string().chars().all(is_plain), "{c:?}");
        }
    }

    #[test]
    fn words_are_what_a_shell_reads() {
        for (text, word) in [
            ("web-terminal.v1.8.0", "web-terminal.v1.8.0"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(id)", "'$(id)'"),
            ("it's", r"'it'\''s'"),
            ("`id`", "'`id`'"),
            ("a\nb'\\", r"$'a\x0ab\'\\'"),
            ("\u{202e}", r"$'\U0000202e'"),
            ("~", "'~'"),
            ("a=b", "'a=b'"),
            ("{\"a\":1}", "'{\"a\":1}'"),
        ] {
            assert_eq!(Word(text).to_string(), word);
        }
    }

    #[test]
    fn code_cannot_close_its_fence() {
        for (text, code) in [
            ("a", "`a`"),
            ("a`b", "``a`b``"),
            ("`", "`` ` ``"),
            ("```", "```` ``` ````"),
            ("", "`  `"),
            (" a", "`  a `"),
        ] {
            assert_eq!(Code(text).to_string(), code);
        }
    }

    #[test]
    fn json_hides_nothing() {
        let text: String = HOSTILE.iter().collect();
        let json = plain_json(&serde_json::to_string_pretty(&[&text]).unwrap());
        assert!(json.chars().all(|c| c == '\n' || is_plain(c)), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text]);
    }

    #[test]
    fn prose_has_no_markup() {
        assert_eq!(
            Prose("<b>*x*</b> [a](http://b) # `c` | d").to_string(),
            r"\<b\>\*x\*\</b\> \[a\](http\://b) \# \`c\` \| d"
        );
    }

    #[test]
    fn a_sentence_has_code_where_its_backticks_are_in_pairs() {
        for (text, shown) in [
            ("head of channel `fast`, *all* of it", r"head of channel `fast`, \*all\* of it"),
            ("`a_b` replaces `<c>`", "`a_b` replaces `<c>`"),
            ("nothing", "nothing"),
            ("", ""),
            ("its name is `a`b`", r"its name is \`a\`b\`"),
            ("its name is ``", r"its name is \`\`"),
            ("`a``b`", r"\`a\`\`b\`"),
            ("`a` `*b", r"\`a\` \`\*b"),
        ] {
            assert_eq!(Sentence(text).to_string(), shown);
        }
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            Markup("</title><script>alert('1') & \"2\"\u{202e}").to_string(),
            r"&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;) &amp; &quot;2&quot;\u{202e}"
        );
    }

    proptest! {
        #[test]
        fn plain_json_means_the_same(text in any::<String>()) {
            let json = plain_json(&serde_json::to_string(&text).unwrap());
            prop_assert!(json.chars().all(is_plain));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn any_text_stays_on_its_line(text in any::<String>()) {
            for shown in [
                Safe(&text).to_string(),
                Prose(&text).to_string(),
                Sentence(&text).to_string(),
                Code(&text).to_string(),
                Word(&text).to_string(),
                Markup(&text).to_string(),
            ] {
                prop_assert!(shown.chars().all(is_plain));
            }
        }
    }
}
