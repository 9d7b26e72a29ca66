//! Paths inside an image: one spelling each, relative to its root, without `.`, `..` or doubled slashes.

/// Longest path that is looked at: Linux's `PATH_MAX`.
const PATH_BYTES: usize = 4096;

/// The one spelling of a path in a layer; the root is empty. The error says why there is none.
pub(super) fn normalised(written: &[u8]) -> Result<Vec<u8>, &'static str> {
    if written.len() > PATH_BYTES {
        return Err("its path is longer than 4096 bytes");
    }
    if written.contains(&0) {
        return Err("its path has a NUL byte");
    }
    let mut path = Vec::with_capacity(written.len());
    for part in written.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err("its path climbs with `..`"),
            part => {
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(part);
            }
        }
    }
    Ok(path)
}

/// A directory as a label or a caller writes it: `/configs`, `manifests/`. The root itself is none.
pub(super) fn directory(written: &str) -> Option<String> {
    let path = normalised(written.as_bytes()).ok()?;
    String::from_utf8(path).ok().filter(|path| !path.is_empty())
}

/// Whether `path` is `directory` or lies below it.
pub(super) fn within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || directory.is_empty())
}

/// Where a symbolic link at `link` leads, or why it leads nowhere inside the image.
pub(super) fn resolved(link: &str, target: &str) -> Result<String, &'static str> {
    let mut parts: Vec<&str> = Vec::new();
    if !target.starts_with('/') {
        parts.extend(link.split('/'));
        parts.pop();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or("it climbs out of the image")?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// The directories above `path`, the nearest last; the root is not among them.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

/// The directory and the last part of a path.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// `name` below `directory`, which may be the root.
pub(super) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
