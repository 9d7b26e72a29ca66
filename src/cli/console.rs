//! What a person or a script sees while work goes on: bars on a terminal, lines in a pipe, JSON lines on request.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::digest::Digest;
use crate::event::{Event, Events, Phase};
use crate::text::{Safe, counted, human_bytes, plain_json};

/// How messages on stderr look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line (`schema/events.v1.json`).
    Json,
}

/// Objects smaller than this get no bar of their own: they are gone before a person could read it.
const OWN_BAR: u64 = 1 << 20;

/// Shows events on stderr, and knows whether the person pressed Ctrl-C.
pub(super) struct Console {
    format: LogFormat,
    verbose: bool,
    bars: Option<MultiProgress>,
    interrupted: Arc<AtomicBool>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Option<Running>,
    objects: HashMap<Digest, (ProgressBar, u64)>,
}

struct Running {
    phase: Phase,
    bar: ProgressBar,
    bytes: u64,
    done_items: u64,
    done_bytes: u64,
    there_bytes: u64,
    began: Instant,
    last_line: Instant,
}

impl Console {
    /// Bars where stderr is a terminal and nobody asked for lines.
    pub(super) fn new(
        format: LogFormat,
        no_progress: bool,
        verbose: bool,
        interrupted: Arc<AtomicBool>,
    ) -> Self {
        let bars = (format == LogFormat::Text && !no_progress && std::io::stderr().is_terminal())
            .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        Self { format, verbose, bars, interrupted, state: Mutex::default() }
    }

    /// Whether the person wants to know more.
    pub(super) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Says something on stderr without tearing a bar apart.
    pub(super) fn say(&self, text: &str) {
        match (&self.bars, self.format) {
            (_, LogFormat::Json) => line(&json_line("note", json!({ "text": text }))),
            (Some(bars), _) => bars.suspend(|| line(text)),
            (None, _) => line(text),
        }
    }

    /// Says something only to those who want to know more.
    pub(super) fn detail(&self, text: &str) {
        if self.verbose {
            self.say(&Safe(text).to_string());
        }
    }

    fn begin(&self, state: &mut State, phase: Phase, count: u64, bytes: u64) {
        let bar = match &self.bars {
            None => ProgressBar::hidden(),
            Some(bars) => {
                let template = if bytes > 0 {
                    "{prefix:>9} [{bar:32}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left {msg}"
                } else {
                    "{prefix:>9} [{bar:32}] {pos}/{len} {msg}"
                };
                let bar = bars.add(ProgressBar::new(if bytes > 0 { bytes } else { count.max(1) }));
                bar.set_style(style(template));
                bar.set_prefix(verb(phase));
                bar.enable_steady_tick(Duration::from_millis(200));
                bar
            }
        };
        if self.bars.is_none() && self.format == LogFormat::Text {
            let count = if count > 0 { format!(": {}", items(count, phase)) } else { String::new() };
            let size = if bytes > 0 { format!(", {}", human_bytes(bytes)) } else { String::new() };
            line(&format!("{}{count}{size} …", verb(phase)));
        }
        let now = Instant::now();
        state.phase = Some(Running {
            phase,
            bar,
            bytes,
            done_items: 0,
            done_bytes: 0,
            there_bytes: 0,
            began: now,
            last_line: now,
        });
    }

    fn advance(&self, state: &mut State, digest: &Digest, bytes: u64) {
        if let Some((bar, done)) = state.objects.get_mut(digest) {
            bar.inc(bytes);
            *done += bytes;
        }
        if let Some(running) = &mut state.phase {
            running.done_bytes += bytes;
            if running.bytes > 0 {
                running.bar.inc(bytes);
            }
            // A pipe gets a line now and then, so that a log shows that it lives.
            if self.bars.is_none() && running.last_line.elapsed() > Duration::from_secs(10) {
                running.last_line = Instant::now();
                let text = format!(
                    "{}: {} of {}",
                    verb(running.phase),
                    human_bytes(running.done_bytes),
                    human_bytes(running.bytes)
                );
                if self.format == LogFormat::Text {
                    line(&text);
                }
            }
        }
    }

    fn item_done(state: &mut State, digest: &Digest) {
        if let Some((bar, _)) = state.objects.remove(digest) {
            bar.finish_and_clear();
        }
        if let Some(running) = &mut state.phase {
            running.done_items += 1;
            if running.bytes == 0 {
                running.bar.inc(1);
            }
        }
    }

    fn end(&self, state: &mut State, phase: Phase) {
        for (_, (bar, _)) in state.objects.drain() {
            bar.finish_and_clear();
        }
        let Some(running) = state.phase.take().filter(|running| running.phase == phase) else { return };
        running.bar.finish_and_clear();
        if self.format == LogFormat::Json {
            return;
        }
        let seconds = running.began.elapsed().as_secs_f64();
        let mut text = past(phase).to_owned();
        if running.done_items > 0 {
            text.push_str(&format!(": {}", items(running.done_items, phase)));
        }
        if running.done_bytes > 0 {
            let milliseconds = u64::try_from(running.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
            let rate = human_bytes(running.done_bytes.saturating_mul(1_000) / milliseconds);
            text.push_str(&format!(", {} in {seconds:.1} s ({rate}/s)", human_bytes(running.done_bytes)));
        }
        if running.there_bytes > 0 {
            text.push_str(&format!(", {} were there already", human_bytes(running.there_bytes)));
        }
        match &self.bars {
            Some(bars) => bars.suspend(|| line(&text)),
            None => line(&text),
        }
    }
}

impl Events for Console {
    fn emit(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        if self.format == LogFormat::Json
            && let Some(text) = event_line(event)
        {
            line(&text);
        }
        match *event {
            Event::Begin { phase, items, bytes } => self.begin(state, phase, items, bytes),
            Event::Started { digest, label, bytes } => {
                if let Some(bars) = self.bars.as_ref().filter(|_| bytes >= OWN_BAR) {
                    let bar = bars.add(ProgressBar::new(bytes));
                    bar.set_style(style("          {bar:24} {bytes:>10}/{total_bytes:<10} {msg}"));
                    bar.set_message(Safe(label).to_string());
                    state.objects.insert(digest, (bar, 0));
                } else if self.verbose && self.format == LogFormat::Text {
                    self.say(&format!("  {} {}", human_bytes(bytes), Safe(label)));
                }
            }
            Event::Advanced { digest, bytes } => self.advance(state, &digest, bytes),
            Event::Finished { digest } => Self::item_done(state, &digest),
            Event::Skipped { digest, bytes } => {
                Self::item_done(state, &digest);
                if let Some(running) = &mut state.phase {
                    running.there_bytes += bytes;
                    if running.bytes > 0 {
                        running.bar.inc(bytes);
                    }
                }
            }
            Event::End { phase } => self.end(state, phase),
            Event::Retrying { request, attempt, wait, reason } if self.format == LogFormat::Text => {
                self.say(&format!(
                    "retrying {} (try {attempt}) in {:.1} s: {}",
                    Safe(request),
                    wait.as_secs_f64(),
                    Safe(reason)
                ));
            }
            Event::Note { text } if self.format == LogFormat::Text => self.say(&Safe(text).to_string()),
            Event::Warning { text } if self.format == LogFormat::Text => {
                self.say(&format!("warning: {}", Safe(text)));
            }
            _ => {}
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// An event as a line of `schema/events.v1.json`, but for those of which there are too many.
fn event_line(event: &Event<'_>) -> Option<String> {
    let (name, fields) = match *event {
        Event::Begin { phase, items, bytes } => {
            ("begin", json!({"phase": verb(phase), "items": items, "bytes": bytes}))
        }
        Event::Started { digest, label, bytes } => {
            ("started", json!({"digest": digest, "label": label, "bytes": bytes}))
        }
        Event::Finished { digest } => ("finished", json!({ "digest": digest })),
        Event::Skipped { digest, bytes } => ("skipped", json!({"digest": digest, "bytes": bytes})),
        Event::End { phase } => ("end", json!({ "phase": verb(phase) })),
        Event::Retrying { request, attempt, wait, reason } => (
            "retrying",
            json!({"request": request, "attempt": attempt, "waitSeconds": wait.as_secs_f64(), "reason": reason}),
        ),
        Event::Note { text } => ("note", json!({ "text": text })),
        Event::Warning { text } => ("warning", json!({ "text": text })),
        // One line for every chunk would drown the rest.
        Event::Advanced { .. } => return None,
    };
    Some(json_line(name, fields))
}

/// One line of `schema/events.v1.json`.
pub(super) fn json_line(event: &str, mut fields: Value) -> String {
    if let Some(map) = fields.as_object_mut() {
        map.insert("event".to_owned(), Value::from(event));
    }
    plain_json(&fields.to_string())
}

fn line(text: &str) {
    // A closed stderr is no reason to fail an import.
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

fn verb(phase: Phase) -> &'static str {
    match phase {
        Phase::Plan => "plan",
        Phase::Fetch => "fetch",
        Phase::Copy => "copy",
        Phase::Protect => "protect",
        Phase::Mend => "mend",
        Phase::Verify => "verify",
        Phase::Stage => "stage",
        Phase::Merge => "merge",
        Phase::Promote => "promote",
        Phase::List => "list",
        Phase::Check => "check",
        Phase::Emit => "emit",
        Phase::Vacuum => "vacuum",
    }
}

/// So many of what a phase counts.
fn items(count: u64, phase: Phase) -> String {
    let what = match phase {
        Phase::Plan => "step",
        Phase::Fetch | Phase::Stage | Phase::Promote => "blob",
        Phase::Verify => "entry",
        Phase::Merge => "catalog",
        Phase::List | Phase::Check => "image",
        Phase::Copy | Phase::Protect | Phase::Emit => "file",
        Phase::Mend => "block",
        Phase::Vacuum => "manifest",
    };
    counted(count, what)
}

fn past(phase: Phase) -> &'static str {
    match phase {
        Phase::Plan => "planned",
        Phase::Fetch => "fetched",
        Phase::Copy => "copied",
        Phase::Protect => "protected",
        Phase::Mend => "mended",
        Phase::Verify => "verified",
        Phase::Stage => "staged",
        Phase::Merge => "merged",
        Phase::Promote => "promoted",
        Phase::List => "listed",
        Phase::Check => "checked",
        Phase::Emit => "emitted",
        Phase::Vacuum => "deleted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_fits_its_schema() {
        let schema: Value = serde_json::from_str(include_str!("../../schema/events.v1.json")).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        let digest = Digest::of(b"");
        let events = [
            (Event::Begin { phase: Phase::Fetch, items: 3, bytes: 9 }, Some("begin")),
            (Event::Started { digest, label: "a", bytes: 9 }, Some("started")),
            (Event::Advanced { digest, bytes: 4 }, None),
            (Event::Finished { digest }, Some("finished")),
            (Event::Skipped { digest, bytes: 9 }, Some("skipped")),
            (Event::End { phase: Phase::Emit }, Some("end")),
            (
                Event::Retrying {
                    request: "GET a/v2/",
                    attempt: 2,
                    wait: Duration::from_millis(1500),
                    reason: "b",
                },
                Some("retrying"),
            ),
            (Event::Note { text: "a" }, Some("note")),
            (Event::Warning { text: "a" }, Some("warning")),
        ];
        for (event, name) in events {
            let line = event_line(&event).map(|line| serde_json::from_str::<Value>(&line).unwrap());
            assert_eq!(line.as_ref().and_then(|line| line["event"].as_str()), name, "{event:?}");
            if let Some(line) = line {
                assert!(schema.is_valid(&line), "{line}");
                let mut foreign = line;
                foreign["extra"] = Value::from(1);
                assert!(!schema.is_valid(&foreign), "the schema says nothing about {foreign}");
            }
        }
        let phases = [
            Phase::Plan,
            Phase::Fetch,
            Phase::Copy,
            Phase::Protect,
            Phase::Mend,
            Phase::Verify,
            Phase::Stage,
            Phase::Merge,
            Phase::Promote,
            Phase::List,
            Phase::Check,
            Phase::Vacuum,
            Phase::Emit,
        ];
        for phase in phases {
            let line = event_line(&Event::End { phase }).unwrap();
            assert!(schema.is_valid(&serde_json::from_str(&line).unwrap()), "{line}");
        }
    }
}
