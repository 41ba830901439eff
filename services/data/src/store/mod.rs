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

/// What stands between labels where many rows of them come in one statement, each row as a text: none has a
/// control character.
const BETWEEN: &str = "\u{1f}";

/// Labels as one text, which SQL takes apart again (`string_to_array`).
pub(crate) fn in_one_text(labels: &[String]) -> String {
    labels.join(BETWEEN)
}

/// The spaces in which the asker may see something, each with the labels that hide in it: for queries that read
/// each space by itself, in the order of an index, and so no more of it than they answer.
pub(crate) fn places(permitted: &Permitted) -> Vec<(&SpaceId, &[String])> {
    let whole = permitted.whole.iter().map(|space| (space, &[] as &[String]));
    let partial = permitted.partial.iter().filter(|space| !permitted.whole.contains(space));
    let partial = partial.map(|space| (space, permitted.hidden_labels.as_slice()));
    let mut places: Vec<_> = whole.chain(partial).collect();
    places.sort_unstable();
    places.dedup_by_key(|(space, _)| *space);
    places
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

/// Only where the asker may see the newest version of the entity that this column names, or that it became
/// part of: as it is now, wherever it was before.
pub(crate) fn only_permitted_newest(
    query: &mut QueryBuilder<Postgres>,
    column: &'static str,
    permitted: &Permitted,
) {
    query.push(format_args!(
        "EXISTS (SELECT FROM data.identity i
                   CROSS JOIN LATERAL (SELECT n.space, n.labels FROM data.entity n
                                        WHERE n.id = i.root ORDER BY n.version DESC LIMIT 1) AS e
                  WHERE i.id = {column} AND i.erased_at IS NULL AND "
    ));
    only_permitted(query, "e", permitted);
    query.push(")");
}
