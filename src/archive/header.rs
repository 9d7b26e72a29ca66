//! The one header that a member of this name and size has.

/// The ustar header (POSIX.1-1988) of a plain file: mode 0644, owner 0, time 0, no names. Equal to what
/// `tar --format=ustar --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=0644` writes.
///
/// Sizes over 8 GiB − 1 do not fit the octal field and are written in base 256, as GNU tar does. `path` is ASCII; what
/// goes beyond 100 bytes is cut, and no checked path is so long.
pub fn header(path: &str, size: u64) -> [u8; 512] {
    let mut block = [0; 512];
    let size = size_field(size);
    let fields: [(usize, &[u8]); 10] = [
        (0, path.as_bytes().get(..100).unwrap_or(path.as_bytes())),
        (100, b"0000644\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, &size),
        (136, b"00000000000\0"),
        (156, b"0"),
        (257, b"ustar\x0000"),
        (329, b"0000000\0"),
        (337, b"0000000\0"),
    ];
    // The checksum counts its own field as eight spaces.
    let mut sum = 8 * u32::from(b' ');
    for (offset, bytes) in fields {
        put(&mut block, offset, bytes);
        sum = bytes.iter().fold(sum, |sum, byte| sum.saturating_add(u32::from(*byte)));
    }
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
    if let Some(field) = block.get_mut(offset..offset.saturating_add(bytes.len())) {
        field.copy_from_slice(bytes);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes around every limit that tar readers have (T20), with the twelve bytes of the field.
    const SIZES: [(u64, &[u8; 12]); 14] = [
        (0, b"00000000000\0"),
        (1, b"00000000001\0"),
        (511, b"00000000777\0"),
        (512, b"00000001000\0"),
        ((2 << 30) - 1, b"17777777777\0"),
        (2 << 30, b"20000000000\0"),
        ((4 << 30) - 1, b"37777777777\0"),
        (4 << 30, b"40000000000\0"),
        ((4 << 30) + 1, b"40000000001\0"),
        ((8 << 30) - 1, b"77777777777\0"),
        (8 << 30, b"\x80\0\0\0\0\0\0\x02\0\0\0\0"),
        ((8 << 30) + 1, b"\x80\0\0\0\0\0\0\x02\0\0\0\x01"),
        ((1 << 53) - 1, b"\x80\0\0\0\0\x1f\xff\xff\xff\xff\xff\xff"),
        (u64::MAX, b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"),
    ];

    #[test]
    fn t20_sizes_are_octal_until_they_cannot_be() {
        for (size, field) in SIZES {
            let block = header("a", size);
            assert_eq!(&block[124..136], field, "{size}");
            assert_eq!(size_of(&block), Some(size));
        }
    }

    #[test]
    fn t20_other_spellings_of_a_size_are_none() {
        for field in [
            b"000000000001",
            b"00000000001 ",
            b" 0000000001\0",
            b"0000000001\0\0",
            b"00000000008\0",
            b"-0000000001\0",
            b"\x80\0\0\0\0\0\0\0\0\0\0\x01",
            b"\x80\0\0\0\0\0\0\x01\xff\xff\xff\xff",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x80\x01\0\0\0\0\0\x02\0\0\0\0",
            b"\x81\0\0\0\0\0\0\x02\0\0\0\0",
            b"\0\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            let mut block = header("a", 0);
            block[124..136].copy_from_slice(field);
            assert_eq!(size_of(&block), None, "{field:?}");
        }
    }

    #[test]
    fn a_difference_is_named_by_its_field() {
        let expected = header("inventory.json", 1234);
        assert_eq!(difference(&expected, &expected), None);
        for (offset, name) in [
            (0, "the name"),
            (99, "the name"),
            (100, "the mode"),
            (111, "the owner"),
            (118, "the group"),
            (130, "the size"),
            (140, "the time"),
            (150, "the checksum"),
            (156, "the type"),
            (157, "the link name"),
            (257, "the magic"),
            (263, "the magic's version"),
            (265, "the owner's name"),
            (300, "the group's name"),
            (329, "the device"),
            (345, "the name's prefix"),
            (511, "the padding"),
        ] {
            let mut found = expected;
            found[offset] ^= 1;
            assert_eq!(difference(&expected, &found), Some(name), "byte {offset}");
            found[149] ^= 1;
            assert!(difference(&expected, &found).is_some());
        }
    }
}
