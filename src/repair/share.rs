//! How much of an archive may be lost and still be mended.

use std::fmt;
use std::str::FromStr;

use crate::repair::RepairError;

/// Hundredths of a percent that are all of it.
const WHOLE: u32 = 10_000;

/// A share of an archive: `5%`, `0.5%`, up to `100%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    /// That share of `count` blocks, rounded up: one at least.
    pub fn of(self, count: u64) -> u64 {
        count.saturating_mul(u64::from(self.0)).div_ceil(u64::from(WHOLE)).max(1)
    }
}

impl FromStr for Share {
    type Err = RepairError;

    fn from_str(text: &str) -> Result<Self, RepairError> {
        let wrong = || RepairError::Share { text: text.to_owned() };
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let (percent, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        if !digits(percent) || !digits(fraction) || fraction.len() > 2 {
            return Err(wrong());
        }
        let percent: u32 = percent.parse().map_err(|_| wrong())?;
        let hundredths: u32 = format!("{fraction:0<2}").parse().map_err(|_| wrong())?;
        let share = percent.saturating_mul(100).saturating_add(hundredths);
        if (1..=WHOLE).contains(&share) { Ok(Self(share)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (percent, 0) => write!(f, "{percent}%"),
            (percent, rest) => write!(f, "{percent}.{rest:02}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_as_people_write_them() {
        for (text, hundredths, shown) in [
            ("5%", 500, "5%"),
            ("5", 500, "5%"),
            ("0.5%", 50, "0.50%"),
            ("2.25 %", 225, "2.25%"),
            ("100%", 10_000, "100%"),
            ("0.01%", 1, "0.01%"),
        ] {
            let share: Share = text.parse().unwrap();
            assert_eq!((share, share.to_string().as_str()), (Share(hundredths), shown), "{text}");
        }
        for text in
            ["", "%", "0%", "0.001%", "100.01%", "-5%", "5%%", "+5", "5.%", ".5", "1e1", "4294967296%"]
        {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_is_rounded_up() {
        let share: Share = "5%".parse().unwrap();
        assert_eq!([1, 20, 21, 1_000].map(|count| share.of(count)), [1, 1, 2, 50]);
    }
}
