//! What kind of image a file is and how large, from how it begins.

/// `a PNG image of 640×480 pixels`; without its size where that is not near the start.
pub(super) fn describe(start: &[u8]) -> Option<String> {
    let is = |magic: &[u8]| start.starts_with(magic);
    let (kind, size) = if is(b"\x89PNG\r\n\x1a\n") {
        ("a PNG image", be32(start, 16).zip(be32(start, 20)))
    } else if is(b"\xff\xd8\xff") {
        ("a JPEG image", jpeg(start))
    } else if is(b"GIF87a") || is(b"GIF89a") {
        ("a GIF image", le16(start, 6).zip(le16(start, 8)))
    } else if is(b"RIFF") && start.get(8..12) == Some(b"WEBP") {
        ("a WebP image", None)
    } else {
        return None;
    };
    let size = size.map(|(width, height)| format!(" of {width}×{height} pixels"));
    Some(kind.to_owned() + &size.unwrap_or_default())
}

/// The size stands in the first segment that begins a frame.
fn jpeg(start: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let (mark, kind) = (*start.get(at)?, *start.get(at + 1)?);
        if mark != 0xff {
            return None;
        }
        let is_frame = (0xc0..=0xcf).contains(&kind) && ![0xc4, 0xc8, 0xcc].contains(&kind);
        if is_frame {
            return be16(start, at + 7).zip(be16(start, at + 5));
        }
        at += 2 + be16(start, at + 2)? as usize;
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 2)?.try_into().ok().map(|it| u32::from(u16::from_be_bytes(it)))
}

fn le16(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 2)?.try_into().ok().map(|it| u32::from(u16::from_le_bytes(it)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(start: &[u8], expected: Option<&str>) {
        assert_eq!(describe(start).as_deref(), expected);
    }

    #[test]
    fn the_size_is_read_where_it_is_near() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0";
        check(png, Some("a PNG image of 640×480 pixels"));
        check(&png[..18], Some("a PNG image"));
        check(b"GIF89a\x08\0\x10\0", Some("a GIF image of 8×16 pixels"));
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x0b\x08\0\x10\0\x08";
        check(jpeg, Some("a JPEG image of 8×16 pixels"));
        check(b"RIFF1234WEBP", Some("a WebP image"));
        check(b"text", None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = describe(&[b"\xff\xd8\xff".as_slice(), &bytes].concat());
        }
    }
}
