//! What every statement that pages has in common.

use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};

use crate::read::page::Bounds;

/// Which rows of a list a statement fetches: the page and one more.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Between which numbers.
    pub bounds: Bounds,
    /// How many rows the page has.
    pub size: usize,
}

/// A row of a list: the number that pages, and the thing it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct PageRow {
    /// Number of the follow, favourite, post, whatever the list is sorted by.
    pub place: i64,
    /// The post or account.
    pub id: i64,
}

/// Pushes the window's bounds on this column, the order and the limit.
pub fn push_window(query: &mut QueryBuilder<Postgres>, window: Window, column: &'static str) {
    push_bounds(query, window, column);
    push_order(query, window, column);
}

/// Pushes the window's bounds on this column.
pub fn push_bounds(query: &mut QueryBuilder<Postgres>, window: Window, column: &'static str) {
    query
        .push(format_args!(" AND {column} > "))
        .push_bind(window.bounds.above)
        .push(format_args!(" AND {column} < "))
        .push_bind(window.bounds.below);
}

/// Pushes the window's order by this column, and its limit.
pub fn push_order(query: &mut QueryBuilder<Postgres>, window: Window, column: &'static str) {
    let direction = if window.bounds.forward { "ASC" } else { "DESC" };
    let limit = i64::try_from(window.size.saturating_add(1)).unwrap_or(i64::MAX);
    query.push(format_args!(" ORDER BY {column} {direction} LIMIT ")).push_bind(limit);
}

/// Runs a statement that gives [`PageRow`]s.
pub async fn fetch(
    pool: &PgPool,
    query: &mut QueryBuilder<Postgres>,
) -> sqlx::Result<Vec<PageRow>> {
    query.build_query_as().fetch_all(pool).await
}
