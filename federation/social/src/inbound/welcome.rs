//! Whose reactions the author of one of our posts takes.

use sqlx::PgConnection;

use crate::AccountId;
use crate::store::inbound_posts::PostRow;
use crate::store::inbound_relations::{can_know, is_turned_away};

/// Whether somebody elsewhere may react to a post of ours: its author turns neither him nor his host
/// away, and he may see the post. Costs a statement, and a second one where not everyone may.
pub(super) async fn may_react(
    conn: &mut PgConnection,
    post: &PostRow,
    account: AccountId,
) -> sqlx::Result<bool> {
    if is_turned_away(conn, post.author_id, account).await? {
        return Ok(false);
    }
    Ok(post.is_for_everyone() || can_know(conn, post.id, account).await?)
}
