//! What people change: circles, consents, the household's own policies. Each change is one transaction
//! that counts the revision, records its event, and is in force here once it is committed.

mod circles;
mod consents;
mod policies;

pub(crate) use consents::NewConsent;
