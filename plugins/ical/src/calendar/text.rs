//! The text of a calendar, whatever its bytes are.

/// UTF-8 as RFC 5545 wants it, UTF-16 where its mark says so, and Windows-1252 as old programs write it.
pub fn decoded(body: &[u8]) -> String {
    let text = utf16(body).or_else(|| utf8(body));
    let text = text.unwrap_or_else(|| body.iter().copied().map(windows_1252).collect());
    let text = text.trim_start_matches('\u{feff}');
    // Lotus Notes ended lines as old Macintoshes did.
    if text.contains('\n') { text.to_owned() } else { text.replace('\r', "\n") }
}

fn utf16(body: &[u8]) -> Option<String> {
    let (mark, rest) = body.split_at_checked(2)?;
    let pairs = rest.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    let units: Vec<u16> = match mark {
        [0xff, 0xfe] => pairs.map(u16::from_le_bytes).collect(),
        [0xfe, 0xff] => pairs.map(u16::from_be_bytes).collect(),
        _ => return None,
    };
    Some(String::from_utf16_lossy(&units))
}

fn utf8(body: &[u8]) -> Option<String> {
    whole(body).or_else(|| whole(&unfolded(body)))
}

/// The text, up to its last whole character: a calendar that is cut off may end within one.
fn whole(bytes: &[u8]) -> Option<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.to_owned()),
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok().map(str::to_owned)
        }
        Err(_) => None,
    }
}

/// Without folds: programs that count bytes fold lines within a character (RFC 5545, section 3.1).
fn unfolded(body: &[u8]) -> Vec<u8> {
    let mut unfolded = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((byte, after)) = rest.split_first() {
        rest = match rest {
            [b'\r', b'\n', b' ' | b'\t', after @ ..] | [b'\n', b' ' | b'\t', after @ ..] => after,
            _ => {
                unfolded.push(*byte);
                after
            }
        };
    }
    unfolded
}

/// As the WHATWG's Encoding standard has it.
fn windows_1252(byte: u8) -> char {
    const SPECIAL: [char; 32] = [
        '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}',
        '\u{2021}', '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}',
        '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}',
        '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}',
        '\u{178}',
    ];
    match byte {
        0x80..=0x9f => SPECIAL[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}
