//! Consents: given and withdrawn by whoever the data is about.

use chrono::{DateTime, Datelike as _, SubsecRound as _, Utc};
use contracts::access::{Principal, Purpose};
use contracts::events::policy::{ConsentGiven, ConsentWithdrawn};
use spine::{Cause, Problem, Snowflake};
use uuid::Uuid;

use crate::engine::{Consent, is_special};
use crate::{PolicyError, PolicyService, store};

/// Most consents of a person that hold or will.
const MOST: i64 = 1_000;
/// Most categories and types of one.
const MOST_NAMED: usize = 50;
/// The longest word on what it rests on.
const LONGEST_BASIS: usize = 500;

/// A consent as somebody gives it.
pub(crate) struct NewConsent {
    pub(crate) id: Uuid,
    pub(crate) subject: Snowflake,
    pub(crate) grantee: String,
    pub(crate) purpose: String,
    pub(crate) categories: Vec<String>,
    pub(crate) types: Vec<String>,
    pub(crate) from: Option<DateTime<Utc>>,
    pub(crate) until: Option<DateTime<Utc>>,
    pub(crate) basis: String,
}

impl PolicyService {
    /// Keeps a consent; from the commit on it holds (or from its own moment on). Given again under the
    /// same id, it is what it was.
    pub(crate) async fn give_consent(
        &self,
        cause: Cause,
        new: NewConsent,
    ) -> Result<Consent, Problem> {
        let (id, subject) = (new.id, new.subject);
        let now = self.0.spine.clock().now();
        let consent = check(new, now)?;
        let mut tx = self.0.spine.begin(cause).await?;
        if !store::consents::insert(tx.conn(), &consent).await? {
            tx.rollback().await?;
            let found = store::consents::find(self.0.spine.pool(), id).await?;
            let found = found.filter(|found| found.subject == subject);
            return Ok(found.ok_or(PolicyError::NotFound)?);
        }
        if store::consents::count(tx.conn(), subject, now).await? > MOST {
            let title = "there are as many consents of yours as there can be; please withdraw some";
            return Err(PolicyError::Conflict("too-many-consents", title).into());
        }
        tx.record(&ConsentGiven {
            consent: id,
            subject,
            grantee: consent.grantee.clone(),
            purpose: consent.purpose.clone(),
        })?;
        self.changed(&mut tx).await?;
        tx.commit().await?;
        Ok(consent)
    }

    /// Withdraws a consent: it holds no more from the commit on.
    pub(crate) async fn withdraw_consent(
        &self,
        cause: Cause,
        id: Uuid,
        subject: Snowflake,
    ) -> Result<Consent, Problem> {
        let mut tx = self.0.spine.begin(cause).await?;
        let now = self.0.spine.clock().now();
        if store::consents::withdraw(tx.conn(), id, subject, now).await? {
            tx.record(&ConsentWithdrawn { consent: id, subject })?;
            self.changed(&mut tx).await?;
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        let found = store::consents::find(self.0.spine.pool(), id).await?;
        let found = found.filter(|found| found.subject == subject);
        Ok(found.ok_or(PolicyError::NotFound)?)
    }
}

fn check(new: NewConsent, now: DateTime<Utc>) -> Result<Consent, PolicyError> {
    let invalid = |what: &str| Err(PolicyError::Invalid("invalid-consent", what.to_owned()));
    let grantee: Principal = match new.grantee.parse() {
        Ok(
            grantee @ (Principal::Person(_)
            | Principal::App(_)
            | Principal::Plugin(_)
            | Principal::Service(_)),
        ) => grantee,
        _ => return invalid("a consent is for a person, an app, a plugin or a service"),
    };
    if grantee == Principal::Person(new.subject) {
        return invalid("nobody needs a consent for their own data");
    }
    if new.grantee.len() > 200 || new.grantee.chars().any(|c| c.is_control() || c == ' ') {
        return invalid("that is the name of nobody");
    }
    let Some(purpose) = Purpose::parse(&new.purpose) else {
        return invalid("a purpose is 1 to 64 of the characters a-z, 0-9 and :._-");
    };
    if new.categories.len() > MOST_NAMED || new.types.len() > MOST_NAMED {
        return invalid("that names too many categories or types");
    }
    if !new.categories.iter().all(|category| is_special(category)) {
        return invalid("a category is health, finance, location, minor or intimate");
    }
    let is_type = |name: &String| {
        (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte))
    };
    if !new.types.iter().all(is_type) {
        return invalid("a type is 1 to 64 letters, digits and _.:-");
    }
    if new.basis.chars().count() > LONGEST_BASIS || new.basis.contains('\0') {
        return invalid("what it rests on is said in up to 500 characters");
    }
    let from = new.from.unwrap_or(now).trunc_subsecs(6);
    let until = new.until.map(|until| until.trunc_subsecs(6));
    let sensible = |moment: DateTime<Utc>| (2000..=9999).contains(&moment.year());
    if !sensible(from) || !until.is_none_or(sensible) {
        return invalid("times are between the years 2000 and 9999");
    }
    if until.is_some_and(|until| until <= from || until <= now) {
        return invalid("it would end before it begins to hold");
    }
    Ok(Consent {
        id: new.id,
        subject: new.subject,
        grantee,
        purpose: purpose.to_string(),
        categories: new.categories,
        types: new.types,
        from,
        until,
        basis: new.basis,
        given_at: now.trunc_subsecs(6),
        withdrawn_at: None,
    })
}
