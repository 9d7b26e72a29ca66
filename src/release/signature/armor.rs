//! Key files as people keep them: armored blocks among other text, or the bytes alone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// The bytes of every block in a key file; of the file itself when it is not text.
///
/// Read as RFC 9580 §6.2 says, text around blocks passed over; and the blank line that ends a block's headers may be missing, as it
/// is in Red Hat's own `verifier-public-key-redhat-release`, which gpg takes with a complaint. The error says what is wrong.
pub(super) fn blocks(file: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    // Every OpenPGP packet begins with its highest bit set (RFC 9580 §4.2), no ASCII text does.
    if file.first().is_some_and(|first| first & 0x80 != 0) {
        return Ok(vec![file.to_vec()]);
    }
    let text = std::str::from_utf8(file).map_err(|_| "it is neither armor nor OpenPGP packets")?;
    if text.contains("-----BEGIN PGP PRIVATE KEY BLOCK-----") {
        return Err("there is a private key in it, which belongs elsewhere");
    }
    let mut lines = text.lines().map(str::trim);
    let mut blocks = Vec::new();
    while lines.by_ref().any(|line| line == BEGIN) {
        blocks.push(block(&mut lines)?);
    }
    if blocks.is_empty() {
        return Err("there is no `-----BEGIN PGP PUBLIC KEY BLOCK-----` in it");
    }
    Ok(blocks)
}

/// One block, from behind its first line to its last.
fn block<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Result<Vec<u8>, &'static str> {
    let mut encoded = String::new();
    let mut checksum = None;
    for line in lines {
        match line {
            // Some ConfigMaps have a stray quote behind it.
            last if last.starts_with(END) => {
                let bytes = STANDARD.decode(&encoded).map_err(|_| "a block is not base64")?;
                return match checksum {
                    Some(written) if written != crc24(&bytes) => {
                        Err("a block's checksum does not fit: it was damaged")
                    }
                    _ => Ok(bytes),
                };
            }
            // No base64 holds a colon, so that a header is one with or without a blank line behind it.
            header if header.contains(": ") && encoded.is_empty() => {}
            line => match line.strip_prefix('=') {
                Some(sum) if sum.len() == 4 => checksum = Some(checksum_of(sum)?),
                _ => encoded.push_str(line),
            },
        }
    }
    Err("a block does not end")
}

fn checksum_of(encoded: &str) -> Result<u32, &'static str> {
    match STANDARD.decode(encoded).as_deref() {
        Ok(&[high, middle, low]) => Ok(u32::from_be_bytes([0, high, middle, low])),
        _ => Err("a block's checksum is not one"),
    }
}

/// RFC 9580 §6.1.1.
fn crc24(bytes: &[u8]) -> u32 {
    const START: u32 = 0x00b7_04ce;
    const POLYNOMIAL: u32 = 0x0186_4cfb;
    let step = |sum: u32, _| {
        let shifted = sum << 1;
        if shifted & 0x0100_0000 == 0 { shifted } else { shifted ^ POLYNOMIAL }
    };
    bytes.iter().fold(START, |sum, byte| (0..8).fold(sum ^ (u32::from(*byte) << 16), step)) & 0x00ff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `123456789` has the check value of the CRC catalogue (CRC-24/OPENPGP): 21cf02.
    const BLOCK: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: GnuPG v1.4.5\n\nMTIzNDU2\nNzg5\n=Ic8C\n-----END PGP PUBLIC KEY BLOCK-----\n";

    #[test]
    fn blocks_are_found_as_gpg_finds_them() {
        let plain = || vec![b"123456789".to_vec()];
        for text in [
            BLOCK.to_owned(),
            BLOCK.replace("Version: GnuPG v1.4.5\n\n", "\n"),
            BLOCK.replace("Version: GnuPG v1.4.5\n\n", ""),
            BLOCK.replace("\n\n", "\n"),
            BLOCK.replace('\n', "\r\n"),
            BLOCK.replace("=Ic8C\n", ""),
            BLOCK.trim_end().to_owned() + "\"",
            format!("pub   4096R/FD431D51 2009-10-22\n\n{BLOCK}and after"),
        ] {
            assert_eq!(blocks(text.as_bytes()), Ok(plain()), "{text}");
        }
        assert_eq!(blocks(format!("{BLOCK}{BLOCK}").as_bytes()).unwrap().len(), 2);
        assert_eq!(blocks(&[0x99, 1, 2]), Ok(vec![vec![0x99, 1, 2]]));
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for (text, why) in [
            (String::new(), "there is no"),
            ("<html>".to_owned(), "there is no"),
            (BLOCK.replace("Ic8C", "Ic8D"), "checksum does not fit"),
            (BLOCK.replace("=Ic8C", "=...."), "checksum is not one"),
            (BLOCK.replace("MTIz", "MT*z"), "not base64"),
            (BLOCK.replace("END", "FIN"), "does not end"),
            (BLOCK.replace("PUBLIC", "PRIVATE"), "private key"),
        ] {
            let found = blocks(text.as_bytes()).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
        assert!(blocks(b"a\xff").is_err());
    }
}
