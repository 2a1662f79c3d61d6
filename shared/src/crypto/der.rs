//! Just enough DER, read strictly: one encoding for one value.

/// A tag of one byte, a length in its shortest form, and so many bytes.
#[cfg(any(test, feature = "client"))]
pub fn write(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        length @ 0..0x80 => out.push(length as u8),
        length @ 0x80..0x100 => out.extend_from_slice(&[0x81, length as u8]),
        length => out.extend_from_slice(&[0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(content);
    out
}

/// A non-negative INTEGER from big-endian bytes, leading zeros or not.
#[cfg(any(test, feature = "client"))]
pub fn write_uint(bytes: &[u8]) -> Vec<u8> {
    let start = bytes
        .iter()
        .position(|&byte| byte != 0)
        .unwrap_or(bytes.len());
    let mut content = Vec::with_capacity(bytes.len() + 1);
    if bytes.get(start).is_none_or(|&byte| byte >= 0x80) {
        content.push(0);
    }
    content.extend_from_slice(&bytes[start..]);
    write(INTEGER, &content)
}

/// Reads one element of at most 65,535 bytes with that tag from the front; `None` unless it is canonical.
pub fn read<'a>(tag: u8, input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let rest = input.strip_prefix(&[tag])?;
    let (length, rest) = match *rest.first()? {
        length @ 0..=0x7f => (usize::from(length), &rest[1..]),
        0x81 => (usize::from(*rest.get(1)?), &rest[2..]),
        0x82 => (
            usize::from(u16::from_be_bytes([*rest.get(1)?, *rest.get(2)?])),
            &rest[3..],
        ),
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    // The length was written the shortest way.
    if input.len() - rest.len() != header_length(length) + length {
        return None;
    }
    *input = rest;
    Some(content)
}

/// Reads a non-negative INTEGER: its big-endian bytes without a leading zero (none for 0).
pub fn read_uint<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    match read(INTEGER, input)? {
        [] => None,
        [0] => Some(&[]),
        [0, rest @ ..] => (rest[0] >= 0x80).then_some(rest),
        content => (content[0] < 0x80).then_some(content),
    }
}

/// Universal tags.
pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const SEQUENCE: u8 = 0x30;

fn header_length(length: usize) -> usize {
    match length {
        0..0x80 => 2,
        0x80..0x100 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 4000] {
            let content = vec![7; length];
            let bytes = write(SEQUENCE, &content);
            let mut input = &bytes[..];
            assert_eq!(read(SEQUENCE, &mut input), Some(&content[..]));
            assert!(input.is_empty());
        }
        for (bytes, der) in [
            (&[][..], &[2, 1, 0][..]),
            (&[0, 0], &[2, 1, 0]),
            (&[0x7f], &[2, 1, 0x7f]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[0, 1, 0], &[2, 2, 1, 0]),
        ] {
            assert_eq!(write_uint(bytes), der);
        }
    }

    #[test]
    fn other_encodings_are_refused() {
        for bad in [
            &[2][..],
            &[2, 0],
            &[2, 2, 1],
            &[2, 2, 0, 1],
            &[2, 1, 0x80],
            &[2, 0x81, 1, 5],
            &[2, 0x82, 0, 1, 5],
            &[2, 0x80, 5, 0, 0],
            &[3, 1, 5],
        ] {
            assert_eq!(read_uint(&mut &bad[..]), None, "{bad:?}");
        }
    }
}
