//! What the database knows of everything that some documents name, loaded in a few statements for
//! all of them.

use std::collections::{BTreeSet, HashMap, HashSet};

use activitypub::vocabulary::{PUBLIC, parse_url};
use serde_json::Value;
use sqlx::PgConnection;
use url::Url;

use super::limits;
use crate::store::inbound_accounts::{self, AccountRow};
use crate::store::inbound_posts::{self, PostRow};
use crate::store::inbound_tombstones;

/// Ids looked up for one document; whoever names more is not answered about the rest.
const IDS: usize = 2 * limits::MENTIONS;
/// How far objects within objects are looked at.
const DEPTH: usize = 3;

/// Accounts, posts and tombstones by their ActivityPub id.
#[derive(Debug, Default)]
pub(crate) struct Known {
    accounts: HashMap<String, AccountRow>,
    posts: HashMap<String, PostRow>,
    tombstones: HashMap<String, String>,
    followed_here: HashSet<i64>,
}

/// Ids to look up.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeSet<String>);

impl Names {
    /// Adds everything that this document names.
    pub(crate) fn add_document(&mut self, document: &Value) {
        let mut ids = BTreeSet::new();
        collect_ids(document, &mut ids, DEPTH);
        self.0.append(&mut ids);
    }

    /// Adds an id.
    pub(crate) fn add(&mut self, id: &Url) {
        self.0.insert(id.as_str().to_owned());
    }
}

impl Known {
    /// Looks up everything that was named.
    pub(crate) async fn load(conn: &mut PgConnection, names: Names) -> sqlx::Result<Self> {
        let mut known = Self::default();
        known.look_up(conn, names.0.into_iter().collect()).await?;
        Ok(known)
    }

    /// Finds out which of the known remote accounts somebody here follows.
    pub(crate) async fn load_followed(&mut self, conn: &mut PgConnection) -> sqlx::Result<()> {
        let accounts: Vec<i64> = self
            .accounts
            .values()
            .filter(|account| !account.is_local())
            .map(|account| account.id.number())
            .collect();
        self.followed_here =
            inbound_accounts::followed_here(conn, &accounts).await?.into_iter().collect();
        Ok(())
    }

    async fn look_up(&mut self, conn: &mut PgConnection, uris: Vec<String>) -> sqlx::Result<()> {
        if uris.is_empty() {
            return Ok(());
        }
        for account in inbound_accounts::by_uris(conn, &uris).await? {
            self.accounts.insert(account.uri.clone(), account);
        }
        for post in inbound_posts::by_uris(conn, &uris).await? {
            self.posts.insert(post.uri.clone(), post);
        }
        for tombstone in inbound_tombstones::tombstones(conn, &uris).await? {
            self.tombstones.insert(tombstone.uri, tombstone.actor_uri);
        }
        Ok(())
    }

    /// Looks again at these ids: something changed them in this transaction.
    pub(crate) async fn refresh(
        &mut self,
        conn: &mut PgConnection,
        uris: Vec<String>,
    ) -> sqlx::Result<()> {
        for uri in &uris {
            self.accounts.remove(uri);
            self.posts.remove(uri);
        }
        self.look_up(conn, uris).await
    }

    /// The account with this id, where it was asked for and is stored.
    pub(crate) fn account(&self, uri: &Url) -> Option<&AccountRow> {
        self.accounts.get(uri.as_str())
    }

    /// The account with this id that takes part: neither suspended nor deleted.
    pub(crate) fn active_account(&self, uri: &Url) -> Option<&AccountRow> {
        self.account(uri).filter(|account| account.is_active())
    }

    /// One of our own accounts.
    pub(crate) fn local_account(&self, uri: &Url) -> Option<&AccountRow> {
        self.active_account(uri).filter(|account| account.is_local())
    }

    /// The post with this id, where it was asked for and is stored.
    pub(crate) fn post(&self, uri: &Url) -> Option<&PostRow> {
        self.posts.get(uri.as_str())
    }

    /// Whether this actor deleted or undid this before.
    pub(crate) fn is_buried(&self, uri: &Url, actor: &Url) -> bool {
        self.tombstones.get(uri.as_str()).is_some_and(|by| by == actor.as_str())
    }

    /// Notes that a post was just deleted.
    pub(crate) fn forget_post(&mut self, uri: &Url) {
        self.posts.remove(uri.as_str());
    }

    /// Remembers a tombstone that was just made.
    pub(crate) fn bury(&mut self, uri: &Url, actor: &Url) {
        self.tombstones.insert(uri.as_str().to_owned(), actor.as_str().to_owned());
        self.posts.remove(uri.as_str());
    }

    /// Whether somebody here follows the account.
    pub(crate) fn is_followed_here(&self, account: &AccountRow) -> bool {
        self.followed_here.contains(&account.id.number())
    }
}

/// Ids within a value and the objects in it.
fn collect_ids(value: &Value, ids: &mut BTreeSet<String>, depth: usize) {
    if ids.len() >= IDS {
        return;
    }
    match value {
        Value::String(text) => add_id(text, ids),
        Value::Array(items) => {
            for item in items.iter().take(IDS) {
                collect_ids(item, ids, depth);
            }
        }
        Value::Object(object) => {
            if let Some(Value::String(id)) = object.get("id") {
                add_id(id, ids);
            }
            for key in [
                "actor",
                "attributedTo",
                "inReplyTo",
                "object",
                "target",
                "origin",
                "to",
                "cc",
                "movedTo",
            ] {
                match object.get(key) {
                    Some(Value::String(text)) => add_id(text, ids),
                    Some(inner) if depth > 0 => collect_ids(inner, ids, depth - 1),
                    _ => {}
                }
            }
            // Of tags only the people that they name.
            for tag in object.get("tag").and_then(Value::as_array).into_iter().flatten().take(IDS) {
                if let Some(href) = tag.get("href").and_then(Value::as_str)
                    && tag.get("type").and_then(Value::as_str) == Some("Mention")
                {
                    add_id(href, ids);
                }
            }
        }
        _ => {}
    }
}

fn add_id(text: &str, ids: &mut BTreeSet<String>) {
    if ids.len() < IDS
        && text != PUBLIC
        && let Some(url) = parse_url(text)
    {
        ids.insert(url.into());
    }
}
