//! For how long a signature is good.

use chrono::{DateTime, Duration, Utc};

use super::SignatureError;

/// How far ahead of ours the signer's clock may be, as with Mastodon.
const AHEAD: Duration = Duration::hours(1);
/// How old a signature may be by our clock, whatever the signer states: nobody keeps nonces, so this
/// bounds a replay. It covers a request's own way and a signer's clock that is slow, for which
/// Mastodon allows as much.
const MAX_AGE: Duration = Duration::hours(1);
/// A signer who states an end means it; this much later is a matter of clocks.
const GRACE: Duration = Duration::minutes(5);

/// Refuses a signature from the future, one that is too old, and one past its stated end.
pub(super) fn check(
    created: DateTime<Utc>,
    expires: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), SignatureError> {
    let age = now.signed_duration_since(created);
    if age < -AHEAD {
        return Err(SignatureError::NotYetValid);
    }
    let is_over = expires.is_some_and(|expires| now.signed_duration_since(expires) > GRACE);
    if age > MAX_AGE || is_over {
        return Err(SignatureError::Expired);
    }
    Ok(())
}

/// Seconds since 1970, as `created` and `expires` are written.
pub(super) fn from_timestamp(seconds: i64) -> Result<DateTime<Utc>, SignatureError> {
    DateTime::from_timestamp(seconds, 0).ok_or(SignatureError::Malformed("a time is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        from_timestamp(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_signature_is_good_for_an_hour_on_both_sides_of_now() {
        let now = at(0);
        assert_eq!(check(at(3600), None, now), Ok(()));
        assert_eq!(check(at(3601), None, now), Err(SignatureError::NotYetValid));
        assert_eq!(check(at(-3600), None, now), Ok(()));
        assert_eq!(check(at(-3601), None, now), Err(SignatureError::Expired));
    }

    #[test]
    fn a_stated_end_shortens_that_and_never_lengthens_it() {
        let now = at(0);
        assert_eq!(check(at(-3600), Some(at(100_000)), now), Ok(()));
        assert_eq!(check(at(-3601), Some(at(100_000)), now), Err(SignatureError::Expired));
        assert_eq!(check(at(-400), Some(at(-300)), now), Ok(()));
        assert_eq!(check(at(-400), Some(at(-301)), now), Err(SignatureError::Expired));
        assert_eq!(check(at(0), Some(at(-301)), now), Err(SignatureError::Expired));
    }

    #[test]
    fn absurd_times_do_not_overflow() {
        assert!(from_timestamp(i64::MAX).is_err());
        let far = DateTime::<Utc>::MAX_UTC;
        assert_eq!(check(far, Some(far), at(0)), Err(SignatureError::NotYetValid));
        let past = DateTime::<Utc>::MIN_UTC;
        assert_eq!(check(past, Some(far), at(0)), Err(SignatureError::Expired));
    }
}
