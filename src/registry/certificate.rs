//! What a certificate says of itself: whose it is, who signed it, and how long it is good (RFC 5280, section 4.1).
//!
//! Nothing is decided by this: TLS judges certificates elsewhere, and people are told what was seen.

use crate::archive::Moment;

/// A certificate in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is; empty where it names nobody.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// When it ends; nothing where it does not say so in a form that is known.
    pub until: Option<Moment>,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const OBJECT: u8 = 0x06;
/// `[0] EXPLICIT`: the version, which the first version leaves out.
const VERSION: u8 = 0xa0;
/// `id-at-commonName` and `id-at-organizationName`.
const NAMES: [(&[u8], &str); 2] = [(&[0x55, 0x04, 0x03], "CN"), (&[0x55, 0x04, 0x0a], "O")];

impl Certificate {
    /// Reads a certificate in DER; nothing where it is none.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (certificate, _) = of_kind(der, SEQUENCE)?;
        let (mut rest, _) = of_kind(certificate, SEQUENCE)?;
        if let Some((_, after)) = of_kind(rest, VERSION) {
            rest = after;
        }
        let (_serial, rest) = value(rest).map(|(_, content, rest)| (content, rest))?;
        let (_algorithm, rest) = of_kind(rest, SEQUENCE)?;
        let (issuer, rest) = of_kind(rest, SEQUENCE)?;
        let (validity, rest) = of_kind(rest, SEQUENCE)?;
        let (subject, _) = of_kind(rest, SEQUENCE)?;
        let (_, _, after) = value(validity)?;
        let until = value(after).and_then(|(kind, content, _)| moment(kind, content));
        Some(Self { subject: name(subject), issuer: name(issuer), until })
    }
}

/// The first value: its kind, its content, and what follows it.
fn value(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let digits = usize::from(first & 0x7f);
        if digits == 0 || digits > 4 {
            return None;
        }
        let (length, rest) = rest.split_at_checked(digits)?;
        (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((kind, content, rest))
}

fn of_kind(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    value(bytes).filter(|(kind, ..)| *kind == wanted).map(|(_, content, rest)| (content, rest))
}

/// A name in words: its common name and organization, as far as it has them.
fn name(mut relative: &[u8]) -> String {
    let mut parts = Vec::new();
    while let Some((set, rest)) = of_kind(relative, SET) {
        relative = rest;
        let attribute = of_kind(set, SEQUENCE).and_then(|(pair, _)| of_kind(pair, OBJECT));
        let Some((kind, text)) = attribute else { continue };
        let known = NAMES.iter().find(|(object, _)| *object == kind);
        if let (Some((_, word)), Some((_, text, _))) = (known, value(text)) {
            parts.push(format!("{word}={}", super::reply::clean(&String::from_utf8_lossy(text))));
        }
    }
    parts.join(", ")
}

/// `YYMMDDHHMMSSZ`, in this century before 50, or `YYYYMMDDHHMMSSZ`.
fn moment(kind: u8, content: &[u8]) -> Option<Moment> {
    let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let text = match kind {
        UTC_TIME => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize| text.get(from..from + 2);
    let (year, rest) = (text.get(..4)?, [part(4)?, part(6)?, part(8)?, part(10)?, part(12)?]);
    let [month, day, hour, minute, second] = rest;
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

    use super::*;

    fn signed(until: (i32, u8, u8)) -> Vec<u8> {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "house authority");
        authority.distinguished_name.push(DnType::OrganizationName, "House");
        let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
        let mut server = CertificateParams::new(vec!["r.example".to_owned()]).unwrap();
        server.distinguished_name = rcgen::DistinguishedName::new();
        server.distinguished_name.push(DnType::CommonName, "r.example\u{1b}[2J");
        server.not_after = date_time_ymd(until.0, until.1, until.2);
        server.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().to_vec()
    }

    #[test]
    fn it_is_told_in_words() {
        // The first is written as UTCTime, the second as GeneralizedTime.
        for (until, told) in
            [((2031, 2, 3), "2031-02-03T00:00:00Z"), ((2051, 12, 31), "2051-12-31T00:00:00Z")]
        {
            let found = Certificate::read(&signed(until)).unwrap();
            assert_eq!(found.until.map(|until| until.to_string()).as_deref(), Some(told));
            assert!(
                found.issuer.contains("CN=house authority") && found.issuer.contains("O=House"),
                "{found:?}"
            );
            assert_eq!(found.subject, "CN=r.example\\u{1b}[2J");
        }
    }

    #[test]
    fn what_is_cut_off_is_none_or_the_same() {
        let whole = signed((2031, 2, 3));
        for end in 0..whole.len() {
            assert_eq!(Certificate::read(&whole[..end]), None, "{end}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = Certificate::read(&bytes);
        }
    }
}
