//! Small things that every reading starts with.

use super::Page;
use super::page::Rows;
use super::views::Addresses;
use crate::store::read_pages::{PageRow, Window};
use crate::store::visibility::Asker;
use crate::{AccountId, PostId, Social};

impl Social {
    /// Who asks, now.
    pub(crate) fn asker(&self, viewer: Option<AccountId>) -> Asker {
        Asker { viewer: viewer.map(AccountId::number), now: self.spine().clock().now() }
    }

    /// The addresses that entities are made of.
    pub(crate) fn addresses(&self) -> &Addresses {
        &self.0.addresses
    }
}

/// How many rows a list gives: by default and at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes(pub u32, pub u32);

/// Lists of posts.
pub(super) const POSTS: Sizes = Sizes(20, 40);
/// Lists of people, notifications, domains.
pub(super) const PEOPLE: Sizes = Sizes(40, 80);
/// Members of a list, where a client asks for all at once.
pub(super) const WHOLE_LIST: Sizes = Sizes(5_000, 5_000);
/// Notifications.
pub(super) const NOTIFICATIONS: Sizes = Sizes(40, 80);
/// Hashtags.
pub(super) const TAGS: Sizes = Sizes(100, 200);

impl Sizes {
    /// The rows to fetch for this page.
    pub fn window(self, page: &Page) -> Window {
        Window { bounds: page.bounds(), size: page.size(self.0, self.1) }
    }
}

/// Cuts fetched rows to their page.
pub(super) fn cut(page: &Page, window: Window, rows: Vec<PageRow>) -> Rows<PageRow> {
    Rows::cut(page, window.size, rows, |row| row.place)
}

/// The posts of a page's rows.
pub(super) fn post_ids(rows: &Rows<PageRow>) -> Vec<PostId> {
    rows.rows.iter().map(|row| PostId::from_number(row.id)).collect()
}

/// The accounts of a page's rows.
pub(super) fn account_ids(rows: &Rows<PageRow>) -> Vec<AccountId> {
    rows.rows.iter().map(|row| AccountId::from_number(row.id)).collect()
}
