//! The one header that a member of this name and size has.

/// The ustar header (POSIX.1-1988) of a plain file: mode 0644, owner 0, time 0, no names. Equal to what
/// `tar --format=ustar --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=0644` writes.
///
/// Sizes over 8 GiB − 1 do not fit the octal field and are written in base 256, as GNU tar does. `path` is ASCII; what
/// goes beyond 100 bytes is cut, and no checked path is so long.
pub fn header(path: &str, size: u64) -> [u8; 512] {
    let mut block = [0; 512];
    put(&mut block, 0, path.as_bytes().get(..100).unwrap_or(path.as_bytes()));
    put(&mut block, 100, b"0000644\0");
    put(&mut block, 108, b"0000000\0");
    put(&mut block, 116, b"0000000\0");
    put(&mut block, 124, &size_field(size));
    put(&mut block, 136, b"00000000000\0");
    put(&mut block, 148, b"        ");
    put(&mut block, 156, b"0");
    put(&mut block, 257, b"ustar\x0000");
    put(&mut block, 329, b"0000000\0");
    put(&mut block, 337, b"0000000\0");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
    block
}

/// The largest size that eleven octal digits hold.
const OCTAL_MAX: u64 = (8 << 30) - 1;

fn size_field(size: u64) -> [u8; 12] {
    let mut field = [0; 12];
    if size <= OCTAL_MAX {
        put(&mut field, 0, format!("{size:011o}").as_bytes());
    } else {
        put(&mut field, 0, &[0x80]);
        put(&mut field, 4, &size.to_be_bytes());
    }
    field
}

fn put(block: &mut [u8], offset: usize, bytes: &[u8]) {
    for (to, from) in block.iter_mut().skip(offset).zip(bytes) {
        *to = *from;
    }
}

/// Reads the size field of a header that is not trusted, if it is in one of the two forms that [`header`] writes.
pub(super) fn size_of(block: &[u8; 512]) -> Option<u64> {
    let field: &[u8; 12] = block.get(124..136)?.try_into().ok()?;
    let size = match field {
        [0x80, 0, 0, 0, rest @ ..] => u64::from_be_bytes(*rest),
        [digits @ .., 0] => digits.iter().try_fold(0_u64, |value, digit| match digit {
            b'0'..=b'7' => Some(value << 3 | u64::from(digit & 7)),
            _ => None,
        })?,
        _ => return None,
    };
    (size_field(size) == *field).then_some(size)
}

const FIELDS: [(usize, &str); 17] = [
    (0, "the name"),
    (100, "the mode"),
    (108, "the owner"),
    (116, "the group"),
    (124, "the size"),
    (136, "the time"),
    (148, "the checksum"),
    (156, "the type"),
    (157, "the link name"),
    (257, "the magic"),
    (263, "the magic's version"),
    (265, "the owner's name"),
    (297, "the group's name"),
    (329, "the device"),
    (337, "the device"),
    (345, "the name's prefix"),
    (500, "the padding"),
];

/// The first field in which two headers differ, in the words of an error message; nothing when they are equal.
pub fn difference(expected: &[u8; 512], found: &[u8; 512]) -> Option<&'static str> {
    if expected == found {
        return None;
    }
    let differs = |offset: usize| expected.get(offset) != found.get(offset);
    // The checksum follows the others: it names the cause only when nothing else differs.
    let mut offsets = (0..512).filter(|&offset| differs(offset));
    let first = offsets.find(|offset| !(148..156).contains(offset)).unwrap_or(148);
    FIELDS.iter().rev().find(|(start, _)| *start <= first).map(|(_, name)| *name)
}
