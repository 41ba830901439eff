//! Every SQL statement of the service.

pub(crate) mod aliases;
pub(crate) mod changes;
pub(crate) mod edges;
pub(crate) mod entities;
pub(crate) mod erase;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod matches;
pub(crate) mod merges;
pub(crate) mod neighbours;
pub(crate) mod read;
pub(crate) mod turns;

use contracts::access::{Permitted, SpaceId};
use sqlx::{Postgres, QueryBuilder};

/// A space as it is stored.
pub(crate) fn space(text: &str) -> sqlx::Result<SpaceId> {
    text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// Only what the asker may see: the policy's answer as a condition on columns `space` and `labels` of
/// the table of this name.
pub(crate) fn only_permitted(
    query: &mut QueryBuilder<Postgres>,
    table: &'static str,
    permitted: &Permitted,
) {
    let (whole, partial, hidden) = permitted.parameters();
    query.push(format_args!("({table}.space = ANY(")).push_bind(whole);
    query.push(format_args!(") OR ({table}.space = ANY(")).push_bind(partial);
    query.push(format_args!(") AND NOT {table}.labels && ")).push_bind(hidden).push("))");
}

/// The same where there are no labels: what may be hidden by one is not shown.
pub(crate) fn only_permitted_space(
    query: &mut QueryBuilder<Postgres>,
    table: &'static str,
    permitted: &Permitted,
) {
    let (whole, _, _) = permitted.parameters();
    query.push(format_args!("{table}.space = ANY(")).push_bind(whole).push(")");
}
