//! `ETag`, `If-Match` and `If-None-Match` (RFC 9110, section 13): nobody overwrites what they have not
//! seen, and nobody is sent what they have.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use spine::Problem;

/// The tag of a version.
pub fn etag(version: impl std::fmt::Display) -> HeaderValue {
    // A version is a number or a hash: always a header's text.
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// What the caller says about versions.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    matches: Option<String>,
    none_match: Option<String>,
}

impl Conditions {
    fn of(headers: &HeaderMap) -> Self {
        // A condition that cannot be read is one that no version meets, not the absence of one.
        let tags = |name| {
            let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default());
            lines.map(str::to_owned).reduce(|all, line| all + "," + &line)
        };
        Self { matches: tags(header::IF_MATCH), none_match: tags(header::IF_NONE_MATCH) }
    }

    /// Before a change: the caller must have seen this version, if they name any.
    ///
    /// # Errors
    /// 412: it changed meanwhile.
    pub fn check(&self, version: impl std::fmt::Display) -> Result<(), Problem> {
        match &self.matches {
            Some(tags) if !lists(tags, &version) => Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "changed-meanwhile",
                "This was changed meanwhile; please read it again",
            )),
            _ => Ok(()),
        }
    }

    /// Before an answer: whether the caller has this version already (304).
    pub fn has(&self, version: impl std::fmt::Display) -> bool {
        self.none_match.as_ref().is_some_and(|tags| lists(tags, &version))
    }
}

fn lists(tags: &str, version: &impl std::fmt::Display) -> bool {
    let wanted = format!("\"{version}\"");
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == wanted)
}

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_with_what_the_caller_saw() {
        let mut headers = HeaderMap::new();
        assert!(Conditions::of(&headers).check(3).is_ok());
        headers.insert(header::IF_MATCH, HeaderValue::from_static("\"2\", W/\"3\""));
        headers.insert(header::IF_NONE_MATCH, etag(4));
        let conditions = Conditions::of(&headers);
        assert!(conditions.check(3).is_ok());
        assert_eq!(conditions.check(4).unwrap_err().status(), StatusCode::PRECONDITION_FAILED);
        assert!(conditions.has(4) && !conditions.has(3));
    }

    #[test]
    fn a_condition_that_cannot_be_read_is_not_met() {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, HeaderValue::from_bytes(b"\"\xff\"").unwrap());
        assert!(Conditions::of(&headers).check(3).is_err());
        headers.append(header::IF_MATCH, etag(3));
        assert!(Conditions::of(&headers).check(3).is_ok(), "lines are one list");
    }
}
