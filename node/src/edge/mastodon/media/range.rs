//! Which bytes of a file a request wants (RFC 9110, section 14).

use std::ops::Range;

use http::{HeaderMap, Method, header};

/// What of a file is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Nothing that is in it.
    PastTheEnd,
}

impl Wanted {
    /// What a request wants of a file of this size. Several ranges, and what is no range, get the
    /// whole file, which is always allowed.
    pub(super) fn of(method: &Method, headers: &HeaderMap, size: u64) -> Self {
        // `If-Range` names a version of the file, and we give none a name that it could be.
        if *method != Method::GET || headers.contains_key(header::IF_RANGE) {
            return Self::Whole;
        }
        let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
        range.and_then(|range| read(range, size)).unwrap_or(Self::Whole)
    }
}

fn read(header: &str, size: u64) -> Option<Wanted> {
    let (unit, range) = header.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let part = match (first.trim(), last.trim()) {
        ("", length) => size.saturating_sub(number(length)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some(if part.is_empty() { Wanted::PastTheEnd } else { Wanted::Part(part) })
}

/// Digits only; more of them than any file has bytes are the largest number.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(range: &str) -> Wanted {
        let headers = HeaderMap::from_iter([(header::RANGE, range.parse().unwrap())]);
        Wanted::of(&Method::GET, &headers, 1_000)
    }

    #[test]
    fn ranges_are_read_and_cut_at_the_end() {
        for (range, part) in [
            ("bytes=0-99", 0..100),
            ("bytes=0-0", 0..1),
            ("Bytes = 100-", 100..1_000),
            ("bytes=999-", 999..1_000),
            ("bytes=990-2000", 990..1_000),
            ("bytes=0-99999999999999999999999", 0..1_000),
            ("bytes=-5", 995..1_000),
            ("bytes=-5000", 0..1_000),
        ] {
            assert_eq!(wanted(range), Wanted::Part(part), "{range}");
        }
    }

    #[test]
    fn what_lies_past_the_end_is_told_apart_from_what_is_no_range() {
        for range in
            ["bytes=1000-", "bytes=1000-1001", "bytes=99999999999999999999999-", "bytes=-0"]
        {
            assert_eq!(wanted(range), Wanted::PastTheEnd, "{range}");
        }
        for range in
            ["bytes=5-1", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=-", "bytes=+1-2"]
        {
            assert_eq!(wanted(range), Wanted::Whole, "{range}");
        }
    }

    #[test]
    fn only_a_get_without_condition_asks_for_a_part() {
        let mut headers = HeaderMap::from_iter([(header::RANGE, "bytes=0-1".parse().unwrap())]);
        assert_eq!(Wanted::of(&Method::HEAD, &headers, 9), Wanted::Whole);
        assert_eq!(Wanted::of(&Method::GET, &headers, 9), Wanted::Part(0..2));
        headers.insert(header::IF_RANGE, "\"a\"".parse().unwrap());
        assert_eq!(Wanted::of(&Method::GET, &headers, 9), Wanted::Whole);
    }
}
