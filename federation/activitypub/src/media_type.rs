//! The media types of ActivityStreams documents.

use mime::Mime;

/// The profile that makes JSON-LD an ActivityStreams document.
const PROFILE: &str = "https://www.w3.org/ns/activitystreams";

/// Whether a `Content-Type` is one of the two that ActivityPub allows. Anything else may be a file
/// that somebody uploaded, and is never read as an object (CVE-2024-25623).
pub fn is_activity_streams(content_type: &str) -> bool {
    let Ok(media_type) = content_type.parse::<Mime>() else { return false };
    match media_type.essence_str() {
        "application/activity+json" => true,
        "application/ld+json" => media_type.get_param("profile").is_some_and(|profile| {
            profile.as_str().split_ascii_whitespace().any(|one| one == PROFILE)
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_media_types_are_accepted() {
        for accepted in [
            "application/activity+json",
            "application/activity+json; charset=utf-8",
            "Application/Activity+JSON",
            r#"application/ld+json; profile="https://www.w3.org/ns/activitystreams""#,
            r#"application/ld+json;profile="https://x.example/ https://www.w3.org/ns/activitystreams"; charset=utf-8"#,
        ] {
            assert!(is_activity_streams(accepted), "{accepted}");
        }
        for refused in [
            "",
            "application/json",
            "application/ld+json",
            "text/html",
            r#"application/ld+json; profile="https://x.example/""#,
            "text/plain; application/activity+json",
        ] {
            assert!(!is_activity_streams(refused), "{refused}");
        }
    }
}
