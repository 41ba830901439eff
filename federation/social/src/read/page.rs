//! Paging: which part of a list is asked for, and where its neighbours begin.
//!
//! Lists are sorted by a rising number (a post's id, a follow's id), newest first. `max_id` goes
//! back in time, `min_id` goes forward from a place, `since_id` gives the newest above a place.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::Serialize;
use spine::Snowflake;

/// A place in a list: what `max_id`, `since_id` and `min_id` carry. Which rows it counts (posts,
/// favourites, follows) is the list's own business; to clients it is opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(i64);

impl Cursor {
    /// The cursor at a row with this number.
    pub fn at(number: i64) -> Self {
        Self(number)
    }

    /// The row's number.
    pub fn number(self) -> i64 {
        self.0
    }

    /// The cursor just before this one, so that `min_id` includes the row itself.
    fn before(self) -> Self {
        Self(self.0.saturating_sub(1).max(0))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Snowflake>().map(|number| Self(number.0))
    }
}

/// Which part of a list a client asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Page {
    /// Only what is older than this.
    pub max_id: Option<Cursor>,
    /// Only what is newer than this, newest first.
    pub since_id: Option<Cursor>,
    /// Only what is newer than this, the rows next to it.
    pub min_id: Option<Cursor>,
    /// How many; each list has its own default and maximum.
    pub limit: Option<u32>,
}

impl Page {
    /// The first page of this many.
    pub fn first(limit: u32) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    /// How many rows this page has at most.
    pub(crate) fn size(&self, default: u32, most: u32) -> usize {
        let size = self.limit.unwrap_or(default).clamp(1, most);
        usize::try_from(size).unwrap_or(usize::MAX)
    }

    /// The bounds as SQL wants them: each side exclusive, absent sides open.
    pub(crate) fn bounds(&self) -> Bounds {
        let above = match (self.min_id, self.since_id) {
            (Some(min), Some(since)) => Some(min.max(since)),
            (min, since) => min.or(since),
        };
        Bounds {
            above: above.map_or(-1, Cursor::number),
            below: self.max_id.map_or(i64::MAX, Cursor::number),
            forward: self.min_id.is_some(),
        }
    }
}

/// A page's bounds, both exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Rows have a greater number than this.
    pub above: i64,
    /// Rows have a smaller number than this.
    pub below: i64,
    /// Whether rows are taken from the lower end (`min_id`).
    pub forward: bool,
}

/// One page of a list, newest first, and the cursors of its neighbours for the `Link` header.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Paged<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// `max_id` of the next (older) page; none when this is known to be the last.
    #[serde(skip)]
    pub next: Option<Cursor>,
    /// `min_id` of the previous (newer) page.
    #[serde(skip)]
    pub prev: Option<Cursor>,
}

impl<T> Paged<T> {
    /// The page without its items, for the `Link` header alone.
    pub fn links(&self) -> Links {
        Links { next: self.next, prev: self.prev }
    }
}

/// The cursors of a page's neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// `max_id` of the next (older) page; none when this is known to be the last.
    pub next: Option<Cursor>,
    /// `min_id` of the previous (newer) page.
    pub prev: Option<Cursor>,
}

/// Rows of a page as they came from the store: sorted as asked for, with one row more than the page
/// holds where there are more.
pub(crate) struct Rows<T> {
    /// The page's rows, newest first.
    pub rows: Vec<T>,
    pub links: Links,
}

impl<T> Rows<T> {
    /// Cuts `rows`, of which up to `size + 1` were fetched (from the lower end first for `min_id`),
    /// to the page, and computes its neighbours from all rows, also from those that are dropped
    /// later because they cannot be shown: paging neither repeats nor skips.
    pub fn cut(page: &Page, size: usize, mut rows: Vec<T>, number: impl Fn(&T) -> i64) -> Self {
        let has_more = rows.len() > size;
        rows.truncate(size);
        if page.min_id.is_some() {
            rows.reverse();
        }
        let links = match (rows.first(), rows.last()) {
            (Some(newest), Some(oldest)) => {
                let has_older = match page.min_id {
                    // Whatever the cursor stood at is older than this page.
                    Some(min) => min.number() > 0,
                    None => has_more,
                };
                Links {
                    next: has_older.then(|| Cursor(number(oldest))),
                    prev: Some(Cursor(number(newest))),
                }
            }
            // An empty page says where the client stands, so that it does not lose its place.
            _ => Links {
                next: None,
                prev: page.min_id.or(page.since_id).or(page.max_id.map(Cursor::before)),
            },
        };
        Self { rows, links }
    }

    /// The page of these items, made from the rows.
    pub fn paged<U>(&self, items: Vec<U>) -> Paged<U> {
        Paged { items, next: self.links.next, prev: self.links.prev }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(page: Page, rows: Vec<i64>) -> (Vec<i64>, Links) {
        let rows = Rows::cut(&page, 2, rows, |row| *row);
        (rows.rows, rows.links)
    }

    #[test]
    fn the_last_page_has_no_next() {
        let (rows, links) = cut(Page::default(), vec![9, 8]);
        assert_eq!((rows, links.next, links.prev), (vec![9, 8], None, Some(Cursor(9))));
        let (rows, links) = cut(Page::default(), vec![9, 8, 7]);
        assert_eq!((rows, links.next), (vec![9, 8], Some(Cursor(8))));
    }

    #[test]
    fn a_forward_page_is_turned_newest_first() {
        let page = Page { min_id: Some(Cursor(3)), ..Page::default() };
        let (rows, links) = cut(page, vec![4, 5, 6]);
        assert_eq!(rows, vec![5, 4]);
        assert_eq!((links.next, links.prev), (Some(Cursor(4)), Some(Cursor(5))));
    }

    #[test]
    fn an_empty_page_echoes_the_cursor() {
        let page = Page { min_id: Some(Cursor(3)), ..Page::default() };
        assert_eq!(cut(page, vec![]).1, Links { next: None, prev: Some(Cursor(3)) });
        let page = Page { max_id: Some(Cursor(3)), ..Page::default() };
        assert_eq!(cut(page, vec![]).1, Links { next: None, prev: Some(Cursor(2)) });
        assert_eq!(cut(Page::default(), vec![]).1, Links::default());
    }

    #[test]
    fn limits_are_clamped() {
        assert_eq!(Page::first(0).size(20, 40), 1);
        assert_eq!(Page::first(4_000).size(20, 40), 40);
        assert_eq!(Page::default().size(20, 40), 20);
    }
}
