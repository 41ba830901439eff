//! For how long a signature is good.

use chrono::{DateTime, Duration, Utc};

use super::SignatureError;

/// How far the two clocks may disagree.
const SKEW: Duration = Duration::hours(1);
/// Life of a signature that states none.
const DEFAULT_LIFETIME: Duration = Duration::minutes(5);
/// Longest life, whatever the signer states: nobody keeps nonces, so this bounds a replay.
const MAX_LIFETIME: Duration = Duration::hours(1);

/// Refuses a signature from the future or past its life.
pub(super) fn check(
    created: DateTime<Utc>,
    expires: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), SignatureError> {
    let age = now.signed_duration_since(created);
    if age < -SKEW {
        return Err(SignatureError::NotYetValid);
    }
    let lifetime = expires
        .map_or(DEFAULT_LIFETIME, |expires| expires.signed_duration_since(created))
        .min(MAX_LIFETIME);
    if age > lifetime + SKEW {
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
    fn the_window_has_an_hour_of_skew_on_both_sides() {
        let now = at(0);
        assert_eq!(check(at(3600), None, now), Ok(()));
        assert_eq!(check(at(3601), None, now), Err(SignatureError::NotYetValid));
        assert_eq!(check(at(-3900), None, now), Ok(()));
        assert_eq!(check(at(-3901), None, now), Err(SignatureError::Expired));
    }

    #[test]
    fn a_stated_life_is_capped_at_an_hour() {
        let now = at(0);
        assert_eq!(check(at(-7200), Some(at(100_000)), now), Ok(()));
        assert_eq!(check(at(-7201), Some(at(100_000)), now), Err(SignatureError::Expired));
        assert_eq!(check(at(-3700), Some(at(-3690)), now), Err(SignatureError::Expired));
        assert_eq!(check(at(0), Some(at(-3601)), now), Err(SignatureError::Expired));
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
