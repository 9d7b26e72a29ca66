//! Names of signatures that lie beside an archive: another person's, made after it was packed.

use crate::trust::KeyId;

const END: &str = ".sig";

/// The file of a key's signature beside an archive: `upgrade.ombundle.KEYID.sig`. It holds the 64 bytes, as a signature inside does.
pub fn cosignature_file(archive: &str, key: KeyId) -> String {
    format!("{archive}.{key}{END}")
}

/// The archive and the key that a file name speaks of; nothing where it is no signature's.
pub fn cosigned(file: &str) -> Option<(&str, KeyId)> {
    let (archive, id) = file.strip_suffix(END)?.rsplit_once('.')?;
    let plain = !archive.is_empty() && !archive.contains(['/', '\\']) && !archive.contains(char::is_control);
    Some((archive, id.parse().ok()?)).filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        let id = "ab".repeat(32);
        let key: KeyId = id.parse().unwrap();
        let file = cosignature_file("a.ombundle", key);
        assert_eq!(file, format!("a.ombundle.{id}.sig"));
        assert_eq!(cosigned(&file), Some(("a.ombundle", key)));
        for other in [
            format!(".{id}.sig"),
            format!("{id}.sig"),
            format!("a.{id}.SIG"),
            format!("a.{}.sig", id.to_uppercase()),
            format!("a.{}.sig", &id[1..]),
            format!("../a.{id}.sig"),
            format!("a\nb.{id}.sig"),
            "a.ombundle.sig".to_owned(),
        ] {
            assert_eq!(cosigned(&other), None, "{other}");
        }
    }
}
