//! PEM text (RFC 7468), read with the tolerance that the fediverse needs.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::KeyError;

/// An RSA key of 8192 bits takes 1.4 kB of PEM; anything far above is not a key.
const MAX_PEM_LENGTH: usize = 16 * 1024;

const LINE: usize = 64;

const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The DER bytes of the first block labelled as a public key, whatever breaks its lines.
pub(super) fn decode_public_key(text: &str) -> Result<Vec<u8>, KeyError> {
    if text.len() > MAX_PEM_LENGTH {
        return Err(KeyError::Pem);
    }
    // Some servers double-escape: a backslash and an n where a line should end.
    let text = text.replace("\\n", "\n");
    ["PUBLIC KEY", "RSA PUBLIC KEY"]
        .iter()
        .find_map(|label| block(&text, label))
        .ok_or(KeyError::Pem)
        .and_then(|body| TOLERANT.decode(body).map_err(|_| KeyError::Pem))
}

fn block(text: &str, label: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    Some(body.chars().filter(|character| !character.is_whitespace()).collect())
}

/// PEM text with lines of 64 characters and a newline at its end.
pub(super) fn encode(label: &str, der: &[u8]) -> String {
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let der: Vec<u8> = (0..=255).collect();
        let text = encode("PUBLIC KEY", &der);
        assert!(text.lines().all(|line| line.len() <= 64));
        assert_eq!(decode_public_key(&text).unwrap(), der);
        assert_eq!(decode_public_key(&text.replace('\n', "\r\n")).unwrap(), der);
        assert_eq!(decode_public_key(&text.replace('\n', "\\n")).unwrap(), der);
        assert_eq!(decode_public_key(&text.replace('\n', " ")).unwrap(), der);
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "abc", "-----BEGIN PUBLIC KEY-----", &"-".repeat(MAX_PEM_LENGTH + 1)] {
            assert_eq!(decode_public_key(text), Err(KeyError::Pem));
        }
    }
}
