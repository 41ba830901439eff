//! Letting one more person see a post that is stored: it came to his own inbox too.

use spine::Tx;

use super::stored::{ReplyTo, StoredPost};
use crate::events::PostStored;
use crate::store::inbound_posts as store;
use crate::store::write_home::{self, HomeColumns};
use crate::write::notifications::{self, Wanted};
use crate::write::record;
use crate::{AccountId, PostId, Social, SocialError, Visibility};

/// Lets one of our own see a post that is stored and not for everyone, as if it had named him
/// silently from the start: a direct one comes into his home timeline where he follows its author.
/// `post` is as it was read now; `false` where he could see it before, or it is another's.
///
/// # Errors
/// The store failed.
pub async fn admit(
    social: &Social,
    tx: &mut Tx,
    post: &StoredPost,
    stored: PostId,
    reader: AccountId,
) -> Result<bool, SocialError> {
    let Some(known) = store::admit(tx.conn(), stored, post.author, reader).await? else {
        return Ok(false);
    };
    let now = social.spine().clock().now();
    let mut home = Vec::new();
    let mut wanted = Vec::new();
    // A follower sees what is for followers without this, and nobody else has it at home.
    if known.visibility == Visibility::Direct as i16 {
        let columns = HomeColumns {
            post_id: vec![stored.number()],
            author_id: vec![post.author.number()],
            boost_of_id: vec![None],
            is_reply: vec![post.reply_to != ReplyTo::Nothing],
            reply_to_account_id: vec![known.in_reply_to_account_id],
            visibility: vec![known.visibility],
            language: vec![post.language.as_deref()],
        };
        for entry in write_home::fan_out(tx.conn(), &columns, now).await? {
            let account = AccountId::from_number(entry.account_id);
            home.push(account);
            if entry.notify {
                wanted.push(Wanted {
                    account,
                    kind: "status",
                    from: post.author,
                    post: Some(stored),
                    cause: post.cause.clone(),
                });
            }
        }
    }
    let before = tx.cause().clone();
    tx.set_cause(post.cause.clone());
    // The same event again, for him alone: streams show it to him, caches of his are stale.
    record(
        social,
        tx,
        &PostStored {
            post: stored,
            uri: post.uri.clone(),
            author: post.author,
            local: false,
            visibility: Visibility::from_number(known.visibility).unwrap_or(post.visibility),
            boost_of: None,
            in_reply_to: known.in_reply_to_id.map(PostId::from_number),
            tags: post.tags.clone(),
            has_media: !post.media.is_empty(),
            home,
            mentioned: vec![reader],
        },
    )?;
    tx.set_cause(before);
    notifications::make(social, tx, &wanted).await?;
    Ok(true)
}
