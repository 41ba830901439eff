//! Post documents.

use std::sync::Arc;

use activitypub::builders;
use serde_json::{Value, json};

use super::Document;
use crate::store::documents_accounts;
use crate::store::documents_posts::{self, NoteRow};
use crate::visibility::Standing;
use crate::{PostId, Social, SocialError, Visibility};

impl Social {
    /// The object of one of our posts, or the `Announce` of a boost. `requester` is whom
    /// [`Social::verify_fetch`] named.
    ///
    /// # Errors
    /// The store failed.
    pub async fn post_document(
        &self,
        username: &str,
        id: PostId,
        requester: Option<&str>,
    ) -> Result<Option<Document>, SocialError> {
        self.listen();
        if requester.is_none()
            && let Some(document) = self.0.documents.posts.get(&id)
            && is_by(&document, username)
        {
            return Ok(Some(Document::Here(document.as_ref().clone())));
        }
        let Some(row) = self.own_post(username, id, requester).await? else {
            return self.buried_post(username, id).await;
        };
        let Some(document) = self.render_post(&row) else { return Ok(None) };
        if row.visibility <= Visibility::Unlisted as i16 {
            self.0.documents.posts.insert(id, Arc::new(document.clone()));
        }
        Ok(Some(Document::Here(document)))
    }

    /// The activity that published one of our posts: a `Create`, or an `Announce`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn activity_document(
        &self,
        username: &str,
        id: PostId,
        requester: Option<&str>,
    ) -> Result<Option<Document>, SocialError> {
        let Some(row) = self.own_post(username, id, requester).await? else {
            return self.buried_post(username, id).await;
        };
        Ok(self.render_publication(&row).map(Document::Here))
    }

    /// One of our posts, if the requester may see it.
    pub(super) async fn own_post(
        &self,
        username: &str,
        id: PostId,
        requester: Option<&str>,
    ) -> Result<Option<NoteRow>, SocialError> {
        let pool = self.0.spine.pool();
        let Some(row) = documents_posts::notes(pool, &[id.number()]).await?.into_iter().next()
        else {
            return Ok(None);
        };
        let ours = row.local && row.author_username.eq_ignore_ascii_case(username);
        let Some(visibility) = Visibility::from_number(row.visibility).filter(|_| ours) else {
            return Ok(None);
        };
        let mut standing = Standing { author_is_gone: row.author_is_gone, ..Standing::default() };
        if let Some(requester) = requester
            && let Some(known) =
                documents_posts::standing(pool, row.id, row.author_id, requester).await?
        {
            standing.is_author = known.is_author;
            standing.follows_author = known.follows_author;
            standing.is_mentioned = known.is_mentioned;
            standing.blocked_by_author = known.blocked_by_author;
        }
        Ok(visibility.admits(standing).then_some(row))
    }

    /// The tombstone of a post that was deleted here.
    async fn buried_post(
        &self,
        username: &str,
        id: PostId,
    ) -> Result<Option<Document>, SocialError> {
        let pool = self.0.spine.pool();
        let Some(author) = documents_accounts::local_actor(pool, username).await? else {
            return Ok(None);
        };
        let uri = format!("{}/statuses/{id}", author.uri);
        let Some(deleted) = documents_posts::buried_at(pool, &uri).await? else {
            return Ok(None);
        };
        Ok(Some(Document::Gone(json!({
            "@context": builders::context(),
            "id": uri,
            "type": "Tombstone",
            "deleted": deleted.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        }))))
    }
}

/// Whether a rendered document is by the account of this name: its author's id ends in it.
fn is_by(document: &Value, username: &str) -> bool {
    ["attributedTo", "actor"]
        .iter()
        .find_map(|key| document.get(key)?.as_str())
        .and_then(|author| author.rsplit('/').next())
        .is_some_and(|name| name.eq_ignore_ascii_case(username))
}
