//! Consent: who lets whom see their data, what for, which of it, and until when.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contracts::access::Principal;
use spine::Snowflake;
use uuid::Uuid;

use super::vocabulary::{Categories, bit_of, special};

/// A consent. Where it names special categories it is about data of these and no other; else about data
/// of none. Where it names types it is about these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Consent {
    pub(crate) id: Uuid,
    pub(crate) subject: Snowflake,
    pub(crate) grantee: Principal,
    pub(crate) purpose: String,
    pub(crate) categories: Vec<String>,
    pub(crate) types: Vec<String>,
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: Option<DateTime<Utc>>,
    pub(crate) basis: String,
    pub(crate) given_at: DateTime<Utc>,
    pub(crate) withdrawn_at: Option<DateTime<Utc>>,
}

impl Consent {
    fn holds(&self, now: DateTime<Utc>) -> bool {
        self.withdrawn_at.is_none()
            && self.from <= now
            && self.until.is_none_or(|until| now < until)
    }

    fn is_for(&self, grantee: &Principal, purpose: &str) -> bool {
        self.grantee == *grantee && self.purpose == purpose
    }

    fn is_about(&self, class: Option<&str>) -> bool {
        self.types.is_empty()
            || class.is_some_and(|class| self.types.iter().any(|name| name == class))
    }
}

/// What the consents of a subject say to one access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Coverage {
    /// The special categories that may be seen.
    pub(super) covered: Categories,
    /// Whether this very thing may be seen.
    pub(super) consented: bool,
}

/// All consents, by whose data they are about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Consents(HashMap<Snowflake, Vec<Consent>>);

impl FromIterator<Consent> for Consents {
    fn from_iter<I: IntoIterator<Item = Consent>>(consents: I) -> Self {
        let mut all: HashMap<Snowflake, Vec<Consent>> = HashMap::new();
        for consent in consents {
            all.entry(consent.subject).or_default().push(consent);
        }
        Self(all)
    }
}

impl Consents {
    fn of(&self, subject: Option<Snowflake>) -> &[Consent] {
        subject.and_then(|subject| self.0.get(&subject)).map_or(&[], Vec::as_slice)
    }

    /// What the subject lets this grantee see for this purpose, now.
    pub(super) fn coverage(
        &self,
        subject: Option<Snowflake>,
        (grantee, purpose): (&Principal, &str),
        (class, labelled): (Option<&str>, Categories),
        now: DateTime<Utc>,
    ) -> Coverage {
        let mut coverage = Coverage::default();
        let mut ordinary = false;
        for consent in self.of(subject) {
            if consent.is_for(grantee, purpose) && consent.holds(now) && consent.is_about(class) {
                ordinary |= consent.categories.is_empty();
                coverage.covered |= special(consent.categories.iter().map(String::as_str));
            }
        }
        coverage.consented = match labelled {
            0 => ordinary,
            labelled => labelled & !coverage.covered == 0,
        };
        coverage
    }

    /// Whether there was such a consent that does not hold now.
    pub(super) fn lapsed(
        &self,
        subject: Option<Snowflake>,
        (grantee, purpose): (&Principal, &str),
        now: DateTime<Utc>,
    ) -> bool {
        self.of(subject)
            .iter()
            .any(|consent| consent.is_for(grantee, purpose) && !consent.holds(now))
    }

    /// Whose data this grantee may see some of, for this purpose, now.
    pub(super) fn subjects_for<'a>(
        &'a self,
        grantee: &'a Principal,
        purpose: &'a str,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = Snowflake> + 'a {
        self.0.iter().filter_map(move |(subject, consents)| {
            let any = consents
                .iter()
                .any(|consent| consent.is_for(grantee, purpose) && consent.holds(now));
            any.then_some(*subject)
        })
    }

    /// The next moment at which a consent begins or ends by itself.
    pub(super) fn next_change(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let all = self.0.values().flatten().filter(|consent| consent.withdrawn_at.is_none());
        all.flat_map(|consent| [Some(consent.from), consent.until])
            .flatten()
            .filter(|moment| *moment > now)
            .min()
    }
}

/// Whether this is the name of a special category.
pub(crate) fn is_special(label: &str) -> bool {
    bit_of(label) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: u32) -> DateTime<Utc> {
        format!("2026-03-01T{hour:02}:00:00Z").parse().unwrap()
    }

    fn consent(categories: &[&str], types: &[&str]) -> Consent {
        Consent {
            id: Uuid::nil(),
            subject: Snowflake(1),
            grantee: Principal::Plugin("rss".to_owned()),
            purpose: "sync".to_owned(),
            categories: categories.iter().map(ToString::to_string).collect(),
            types: types.iter().map(ToString::to_string).collect(),
            from: at(10),
            until: Some(at(12)),
            basis: "said so".to_owned(),
            given_at: at(9),
            withdrawn_at: None,
        }
    }

    fn coverage(consents: &Consents, class: Option<&str>, labels: &[&str], hour: u32) -> Coverage {
        let grantee = Principal::Plugin("rss".to_owned());
        let labelled = special(labels.iter().copied());
        consents.coverage(Some(Snowflake(1)), (&grantee, "sync"), (class, labelled), at(hour))
    }

    #[test]
    fn a_consent_holds_from_its_first_moment_until_before_its_last() {
        let consents: Consents = [consent(&[], &[])].into_iter().collect();
        let held: Vec<bool> =
            (9..=12).map(|hour| coverage(&consents, None, &[], hour).consented).collect();
        assert_eq!(held, [false, true, true, false]);
        assert_eq!(consents.next_change(at(9)), Some(at(10)));
        assert_eq!(consents.next_change(at(10)), Some(at(12)));
        assert_eq!(consents.next_change(at(12)), None);
    }

    #[test]
    fn a_consent_for_a_category_is_about_nothing_else() {
        let consents: Consents = [consent(&["health"], &[])].into_iter().collect();
        assert!(coverage(&consents, None, &["health"], 10).consented);
        assert!(!coverage(&consents, None, &[], 10).consented);
        assert!(!coverage(&consents, None, &["health", "finance"], 10).consented);
        let both: Consents =
            [consent(&["health"], &[]), consent(&["finance"], &[])].into_iter().collect();
        assert!(coverage(&both, None, &["health", "finance"], 10).consented);
    }

    #[test]
    fn a_consent_for_types_is_about_these() {
        let consents: Consents = [consent(&[], &["Event"])].into_iter().collect();
        assert!(coverage(&consents, Some("Event"), &[], 10).consented);
        assert!(!coverage(&consents, Some("Person"), &[], 10).consented);
        assert!(!coverage(&consents, None, &[], 10).consented);
    }
}
