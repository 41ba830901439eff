//! Filters: what a change of one leaves behind.

use spine::Tx;

use super::record;
use crate::events::FilterChanged;
use crate::{AccountId, FilterId, Social, SocialError};

/// Records that a filter was made, changed or removed (`created`, `updated`, `deleted`).
///
/// # Errors
/// The event cannot be recorded.
pub fn changed(
    social: &Social,
    tx: &mut Tx,
    account: AccountId,
    filter: FilterId,
    change: &str,
) -> Result<(), SocialError> {
    record(social, tx, &FilterChanged { account, filter, change: change.to_owned() })?;
    Ok(())
}
