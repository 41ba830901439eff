//! Digests of the body: `Digest` (RFC 3230, with draft-cavage) and `Content-Digest` (RFC 9530).

use aws_lc_rs::digest::{self, SHA256, SHA512};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sfv::{Dictionary, ListEntry, Parser};

use super::SignatureError;

/// The value of a `Digest` header for `body`.
pub(super) fn digest_header(body: &[u8]) -> String {
    format!("SHA-256={}", STANDARD.encode(digest::digest(&SHA256, body)))
}

/// The value of a `Content-Digest` header for `body`.
pub(super) fn content_digest_header(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest::digest(&SHA256, body)))
}

/// Compares a `Digest` header with the bytes that came in.
pub(super) fn check_digest(header: &str, body: &[u8]) -> Result<(), SignatureError> {
    let mut checked = false;
    for part in header.split(',') {
        let Some((algorithm, value)) = part.trim().split_once('=') else {
            return Err(SignatureError::Malformed("the Digest header has no value"));
        };
        let Some(expected) = compute(algorithm, body) else { continue };
        let stated = STANDARD.decode(value.trim()).map_err(|_| SignatureError::DigestMismatch)?;
        compare(&stated, expected.as_ref())?;
        checked = true;
    }
    if checked { Ok(()) } else { Err(SignatureError::UnsupportedDigest) }
}

/// Compares a `Content-Digest` header with the bytes that came in.
pub(super) fn check_content_digest(header: &str, body: &[u8]) -> Result<(), SignatureError> {
    let stated: Dictionary = Parser::new(header)
        .parse()
        .map_err(|_| SignatureError::Malformed("the Content-Digest header is not a dictionary"))?;
    let mut checked = false;
    for (algorithm, value) in &stated {
        let Some(expected) = compute(algorithm.as_str(), body) else { continue };
        let ListEntry::Item(item) = value else { return Err(SignatureError::DigestMismatch) };
        let stated = item.bare_item.as_byte_sequence().ok_or(SignatureError::DigestMismatch)?;
        compare(stated, expected.as_ref())?;
        checked = true;
    }
    if checked { Ok(()) } else { Err(SignatureError::UnsupportedDigest) }
}

fn compute(algorithm: &str, body: &[u8]) -> Option<digest::Digest> {
    if algorithm.eq_ignore_ascii_case("sha-256") {
        Some(digest::digest(&SHA256, body))
    } else if algorithm.eq_ignore_ascii_case("sha-512") {
        Some(digest::digest(&SHA512, body))
    } else {
        None
    }
}

fn compare(stated: &[u8], expected: &[u8]) -> Result<(), SignatureError> {
    if stated == expected { Ok(()) } else { Err(SignatureError::DigestMismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From RFC 9530, appendix D: the digest of `{"hello": "world"}`.
    const BODY: &[u8] = b"{\"hello\": \"world\"}";
    const SHA_256: &str = "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=";
    const SHA_512: &str =
        "WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==";

    #[test]
    fn digests_are_those_of_the_standards() {
        assert_eq!(digest_header(BODY), format!("SHA-256={SHA_256}"));
        assert_eq!(content_digest_header(BODY), format!("sha-256=:{SHA_256}:"));
    }

    #[test]
    fn a_true_digest_passes_in_every_spelling() {
        for header in [
            format!("SHA-256={SHA_256}"),
            format!("sha-256={SHA_256}"),
            format!("SHA-512={SHA_512}"),
            format!("MD5=AAAA, SHA-256={SHA_256}"),
        ] {
            assert_eq!(check_digest(&header, BODY), Ok(()), "{header}");
        }
        for header in [
            format!("sha-256=:{SHA_256}:"),
            format!("sha-512=:{SHA_512}:, sha-256=:{SHA_256}:"),
            format!("unixsum=:AAAA:, sha-512=:{SHA_512}:"),
        ] {
            assert_eq!(check_content_digest(&header, BODY), Ok(()), "{header}");
        }
    }

    #[test]
    fn one_false_digest_is_enough_to_refuse() {
        let header = format!("SHA-256={SHA_256}, SHA-512={SHA_256}");
        assert_eq!(check_digest(&header, BODY), Err(SignatureError::DigestMismatch));
        let header = format!("sha-256=:{SHA_256}:, sha-512=:{SHA_256}:");
        assert_eq!(check_content_digest(&header, BODY), Err(SignatureError::DigestMismatch));
        assert_eq!(check_digest("SHA-256=", BODY), Err(SignatureError::DigestMismatch));
    }

    #[test]
    fn an_unknown_digest_proves_nothing() {
        assert_eq!(check_digest("MD5=AAAA", BODY), Err(SignatureError::UnsupportedDigest));
        assert_eq!(check_content_digest("", BODY), Err(SignatureError::UnsupportedDigest));
        assert!(check_digest("rubbish", BODY).is_err());
        assert!(check_content_digest("sha-256=(", BODY).is_err());
    }
}
