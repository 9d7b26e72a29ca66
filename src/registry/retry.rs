//! Trying again: what deserves it, how long to wait, and when to stop.

use std::time::{Duration, Instant, SystemTime};

use crate::event::{Event, Events};
use crate::registry::{ClientOptions, RegistryError};

/// A try that failed.
pub(super) struct Failed {
    pub(super) error: RegistryError,
    pub(super) again: Again,
}

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It would fail in the same way.
    Never,
    /// After the usual wait, or the one that the registry asked for.
    Later(Option<Duration>),
    /// Without waiting: something of ours was out of date.
    AtOnce,
}

impl From<RegistryError> for Failed {
    fn from(error: RegistryError) -> Self {
        let passing = matches!(error, RegistryError::Connection { .. } | RegistryError::Timeout { .. });
        Self { error, again: if passing { Again::Later(None) } else { Again::Never } }
    }
}

/// Whether a status may be another one next time (the method is judged by the caller: everything that this room sends is
/// idempotent or can be started over).
pub(super) fn passing_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// A `Retry-After` header: seconds, or a date.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|c| c.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Counts the tries of one request.
pub(super) struct Tries<'a> {
    options: &'a ClientOptions,
    events: &'a (dyn Events + Send + Sync),
    done: u32,
    at_once: u32,
    end: Option<Instant>,
}

impl<'a> Tries<'a> {
    pub(super) fn new(options: &'a ClientOptions, events: &'a (dyn Events + Send + Sync)) -> Self {
        let end = options.total_timeout.and_then(|total| Instant::now().checked_add(total));
        Self { options, events, done: 0, at_once: 0, end }
    }

    /// How many tries failed so far.
    pub(super) fn failed(&self) -> u32 {
        self.done + self.at_once
    }

    /// Progress was made: the count starts over.
    pub(super) fn renew(&mut self) {
        self.done = 0;
        self.at_once = 0;
    }

    /// Waits before the next try, or gives the error back when there is to be none.
    pub(super) fn wait(&mut self, request: &str, failed: Failed) -> Result<(), RegistryError> {
        let Failed { error, again } = failed;
        if self.events.interrupted() {
            return Err(RegistryError::Interrupted);
        }
        let asked = match again {
            Again::Never => return Err(error),
            // Twice at most: a renewed token that is refused, or a session that is lost again, is no accident.
            Again::AtOnce if self.at_once < 2 => {
                self.at_once += 1;
                return Ok(());
            }
            Again::AtOnce => None,
            Again::Later(asked) => asked,
        };
        if self.done >= self.options.retries {
            return Err(error);
        }
        let wait = asked.unwrap_or_else(|| self.backoff()).min(self.options.retry_wait_cap);
        if self.end.is_some_and(|end| Instant::now() + wait >= end) {
            return Err(error);
        }
        self.done += 1;
        let reason = error.to_string();
        let reason =
            reason.strip_prefix(request).map_or(reason.as_str(), |rest| rest.trim_start_matches([':', ' ']));
        self.events.emit(&Event::Retrying { request, attempt: self.done + 1, wait, reason });
        self.sleep(wait)
    }

    /// Whether the time for the whole transfer is over.
    pub(super) fn over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Doubles with each try; between half and all of it, so that many clients do not come back together.
    fn backoff(&self) -> Duration {
        let whole = self.options.retry_wait.saturating_mul(1_u32.checked_shl(self.done).unwrap_or(u32::MAX));
        let whole = whole.min(self.options.retry_wait_cap);
        let dice = getrandom::u32().map_or(0.5, |dice| f64::from(dice) / f64::from(u32::MAX));
        whole.mul_f64(0.5 + dice / 2.0)
    }

    fn sleep(&self, wait: Duration) -> Result<(), RegistryError> {
        let end = Instant::now() + wait;
        loop {
            if self.events.interrupted() {
                return Err(RegistryError::Interrupted);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sat, 21 Nov 2026 12:00:00 GMT").unwrap();
        for (value, expected) in [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sat, 21 Nov 2026 12:00:09 GMT", Some(9)),
            ("Sat, 21 Nov 2026 11:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now), expected.map(Duration::from_secs), "{value:?}");
        }
    }

    #[test]
    fn waits_grow_and_are_capped() {
        let options = ClientOptions {
            retry_wait: Duration::from_secs(1),
            retry_wait_cap: Duration::from_secs(6),
            ..ClientOptions::default()
        };
        let mut tries = Tries::new(&options, &crate::event::Silent);
        for (done, low, high) in [(0, 0.5, 1.0), (1, 1.0, 2.0), (2, 2.0, 4.0), (3, 3.0, 6.0), (40, 3.0, 6.0)]
        {
            tries.done = done;
            let wait = tries.backoff().as_secs_f64();
            assert!(wait >= low && wait <= high, "{done}: {wait}");
        }
    }
}
