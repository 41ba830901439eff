//! Storing new posts, many at a time, with everything that follows from it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use spine::{Snowflake, Tx};

use super::place::{Place, Places, Surroundings};
use super::stored::{Attachment, Distribution, Inserted, Outcome, ReplyTo, StoredPost};
use crate::events::{PostReacted, PostStored};
use crate::store::write_home::{self, HomeColumns};
use crate::store::write_posts::{
    self as store, CountChanges, Counted, LocalMention, MediaColumns, PollColumns, PostColumns,
};
use crate::write::notifications::{self, Wanted};
use crate::write::record;
use crate::{AccountId, PostId, Social, SocialError, Visibility};

/// An id for a post from elsewhere: sorts by the time it was published, never in the future.
///
/// Most servers give whole seconds, so the milliseconds are drawn; then two posts of one second
/// share an id once in 65 million times, and [`insert`] gives the later one another.
pub fn remote_id(published: DateTime<Utc>, now: DateTime<Utc>) -> PostId {
    let mut moment = published.min(now).timestamp_millis().max(0);
    if moment % 1_000 == 0 {
        moment += i64::from(rand::random::<u16>() % 1_000);
    }
    PostId(Snowflake(moment << 16 | i64::from(rand::random::<u16>())))
}

/// Stores posts and boosts: rows, counters of authors, parents and boosted posts, conversations,
/// home timelines, notifications, events. A post that is known by its URI (or a second boost of
/// the same post by the same account) is left as it is. At most a few hundred at a time; the
/// number of statements does not depend on how many: one where posts are ours and plain, then one
/// each for lookup, counters, mentions, tags, attachments, polls, home, notifications, only where
/// there are any.
///
/// # Errors
/// [`SocialError::Invalid`] where an upload is not the author's or belongs to another post;
/// [`SocialError::Raced`] where another transaction stored one of the posts at the same moment and
/// this batch builds on it; the store failed. The transaction must then be dropped.
pub async fn insert(
    social: &Social,
    tx: &mut Tx,
    posts: &[StoredPost],
) -> Result<Vec<Inserted>, SocialError> {
    let now = social.spine().clock().now();
    let around = look_around(tx, posts).await?;
    let mut outcomes: Vec<Option<Outcome>> = vec![None; posts.len()];
    let mut ids: Vec<PostId> = posts.iter().map(|post| post.id).collect();
    let mut new: HashMap<&str, usize> = HashMap::with_capacity(posts.len());
    let mut used: HashSet<i64> = HashSet::with_capacity(posts.len());
    for (index, post) in posts.iter().enumerate() {
        if let Some(known) = around.posts.get(&post.uri) {
            ids[index] = PostId::from_number(known.id);
            outcomes[index] = Some(Outcome::Known);
        } else if around.deleted.contains(&post.uri) {
            outcomes[index] = Some(Outcome::Deleted);
        } else if let Some(first) = new.get(post.uri.as_str()) {
            ids[index] = ids[*first];
            outcomes[index] = Some(Outcome::Known);
        } else {
            while around.taken.contains(&ids[index].number()) || !used.insert(ids[index].number()) {
                ids[index] = remote_id(post.created_at, now);
            }
            new.insert(&post.uri, index);
        }
    }
    let mut places = Places::new(posts, &ids, new, &around);
    let mut fresh: Vec<Fresh<'_>> = posts
        .iter()
        .enumerate()
        .filter(|(index, _)| outcomes[*index].is_none())
        .map(|(index, post)| Fresh { index, post, id: ids[index], place: places.of(index) })
        .collect();

    let stored: HashSet<i64> = if fresh.is_empty() {
        HashSet::new()
    } else {
        store::insert(tx.conn(), &columns(&fresh), now).await?.into_iter().collect()
    };
    if stored.len() < fresh.len() {
        for (index, id, outcome) in explain(tx, &fresh, &stored).await? {
            ids[index] = id;
            outcomes[index] = Some(outcome);
        }
        fresh.retain(|item| stored.contains(&item.id.number()));
    }
    if !fresh.is_empty() {
        add_parts(social, tx, &fresh, now).await?;
        if !around.awaited.is_empty() {
            let awaited: Vec<&str> = around.awaited.iter().map(String::as_str).collect();
            store::adopt_orphans(tx.conn(), &awaited).await?;
        }
        hand_out(social, tx, &fresh, now).await?;
    }
    let waiting: HashMap<usize, &str> =
        fresh.iter().filter_map(|item| Some((item.index, item.place.waits_for?))).collect();
    Ok(ids
        .into_iter()
        .enumerate()
        .map(|(index, post)| Inserted {
            post,
            outcome: outcomes[index].unwrap_or(Outcome::New),
            waits_for: waiting.get(&index).map(|uri| (*uri).to_owned()),
        })
        .collect())
}

/// Gives replies that wait for these posts to them, where the posts are stored. For whoever fetched
/// a parent and found that it had arrived meanwhile.
///
/// # Errors
/// The store failed.
pub async fn adopt(tx: &mut Tx, parent_uris: &[&str]) -> Result<(), SocialError> {
    Ok(store::adopt_orphans(tx.conn(), parent_uris).await?)
}

/// A post that was not known before.
struct Fresh<'a> {
    index: usize,
    post: &'a StoredPost,
    id: PostId,
    place: Place<'a>,
}

async fn look_around(tx: &mut Tx, posts: &[StoredPost]) -> Result<Surroundings, SocialError> {
    let from_elsewhere =
        |post: &StoredPost| !post.local || matches!(post.reply_to, ReplyTo::Uri(_));
    if !posts.iter().any(from_elsewhere) {
        // Ids and URIs are ours and new: nothing can be known, deleted or awaited.
        return Ok(Surroundings::default());
    }
    let mut uris: Vec<&str> = posts.iter().map(|post| post.uri.as_str()).collect();
    let new_uris = uris.clone();
    for post in posts {
        if let ReplyTo::Uri(uri) = &post.reply_to {
            uris.push(uri);
        }
    }
    let authors: Vec<i64> = posts.iter().map(|post| post.author.number()).collect();
    let new_ids: Vec<i64> = posts.iter().map(|post| post.id.number()).collect();
    Ok(Surroundings::new(store::find(tx.conn(), &uris, &new_uris, &authors, &new_ids).await?))
}

fn columns<'a>(fresh: &[Fresh<'a>]) -> PostColumns<'a> {
    let mut columns = PostColumns::default();
    for Fresh { post, id, place, .. } in fresh {
        columns.id.push(id.number());
        columns.uri.push(&post.uri);
        columns.url.push(&post.url);
        columns.author_id.push(post.author.number());
        columns.local.push(post.local);
        columns.kind.push(&post.kind);
        columns.boost_of_id.push(post.boost_of.map(PostId::number));
        columns.in_reply_to_id.push(place.parent.map(|parent| parent.id));
        columns.in_reply_to_account_id.push(place.parent.map(|parent| parent.author_id));
        columns.in_reply_to_uri.push(place.waits_for);
        columns.conversation_id.push(place.conversation_id);
        columns.visibility.push(post.visibility as i16);
        columns.content_html.push(&post.content_html);
        columns.content_text.push(post.content_text.as_deref());
        columns.spoiler_text.push(&post.spoiler_text);
        columns.sensitive.push(post.sensitive);
        columns.language.push(post.language.as_deref());
        columns.emojis.push(&post.emojis);
        let application = post.application.as_ref();
        columns.application_name.push(application.map(|application| application.name.as_str()));
        columns
            .application_website
            .push(application.and_then(|application| application.website.as_deref()));
        columns.created_at.push(post.created_at);
        columns.edited_at.push(post.edited_at);
        columns.replies_url.push(post.replies_url.as_deref());
    }
    columns
}

/// What became of those that the store left out.
async fn explain(
    tx: &mut Tx,
    fresh: &[Fresh<'_>],
    stored: &HashSet<i64>,
) -> Result<Vec<(usize, PostId, Outcome)>, SocialError> {
    let left: Vec<&Fresh<'_>> =
        fresh.iter().filter(|item| !stored.contains(&item.id.number())).collect();
    let uris: Vec<&str> = left.iter().map(|item| item.post.uri.as_str()).collect();
    let authors: Vec<i64> = left.iter().map(|item| item.post.author.number()).collect();
    let boosts: Vec<Option<i64>> =
        left.iter().map(|item| item.post.boost_of.map(PostId::number)).collect();
    let mut outcomes = Vec::with_capacity(left.len());
    for reason in store::explain(tx.conn(), &uris, &authors, &boosts).await? {
        let place = usize::try_from(reason.index - 1).unwrap_or(usize::MAX);
        let Some(item) = left.get(place) else { continue };
        let built_on = fresh.iter().any(|other| {
            stored.contains(&other.id.number())
                && other.place.parent.is_some_and(|parent| parent.id == item.id.number())
        });
        let outcome = match reason.known_id {
            _ if built_on => return Err(SocialError::Raced),
            Some(id) => (item.index, PostId::from_number(id), Outcome::Known),
            None if reason.author_is_gone => (item.index, item.id, Outcome::Refused),
            // The id was taken between the lookup and now.
            None => return Err(SocialError::Raced),
        };
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Stores tags, attachments and polls.
async fn add_parts(
    social: &Social,
    tx: &mut Tx,
    fresh: &[Fresh<'_>],
    now: DateTime<Utc>,
) -> Result<(), SocialError> {
    let mut tag_posts = Vec::new();
    let mut tags: Vec<&str> = Vec::new();
    let mut media = MediaColumns::default();
    let mut uploads: (Vec<i64>, Vec<i64>, Vec<i16>) = Default::default();
    let mut polls = PollColumns::default();
    for Fresh { post, id, .. } in fresh {
        for tag in &post.tags {
            tag_posts.push(id.number());
            tags.push(tag);
        }
        for (position, attachment) in (0_i16..).zip(&post.media) {
            match attachment {
                Attachment::Uploaded(upload) => {
                    uploads.0.push(upload.number());
                    uploads.1.push(id.number());
                    uploads.2.push(position);
                }
                Attachment::Remote(remote) => {
                    let media_id = social.spine().snowflakes().next().0;
                    media.push(media_id, post.author.number(), id.number(), position, remote);
                }
            }
        }
        if let Some(poll) = &post.poll {
            polls.push(id.number(), poll);
        }
    }
    if !tags.is_empty() {
        store::insert_tags(tx.conn(), &tag_posts, &tags).await?;
    }
    if !media.id.is_empty() {
        store::insert_media(tx.conn(), &media, now).await?;
    }
    if !uploads.0.is_empty() {
        let attached = store::attach_media(tx.conn(), &uploads.0, &uploads.1, &uploads.2).await?;
        if usize::try_from(attached).ok() != Some(uploads.0.len()) {
            return Err(SocialError::Invalid(
                "an attachment does not exist, is not yours or belongs to another post".to_owned(),
            ));
        }
    }
    if !polls.id.is_empty() {
        store::insert_polls(tx.conn(), &polls, now).await?;
    }
    Ok(())
}

/// Counts, names, hands to home timelines, notifies, and records what happened.
async fn hand_out(
    social: &Social,
    tx: &mut Tx,
    fresh: &[Fresh<'_>],
    now: DateTime<Utc>,
) -> Result<(), SocialError> {
    let counted = count(tx, fresh).await?;
    let named = name(tx, fresh).await?;
    let (home, notify) = fan_out(tx, fresh, now).await?;

    let before = tx.cause().clone();
    let mut wanted = Vec::new();
    for Fresh { post, id, place, .. } in fresh {
        tx.set_cause(post.cause.clone());
        let number = id.number();
        let mentions: Vec<&LocalMention> =
            named.iter().filter(|mention| mention.post_id == number).collect();
        record(
            social,
            tx,
            &PostStored {
                post: *id,
                uri: post.uri.clone(),
                author: post.author,
                local: post.local,
                visibility: post.visibility,
                boost_of: post.boost_of,
                in_reply_to: place.parent.map(|parent| PostId::from_number(parent.id)),
                tags: post.tags.clone(),
                has_media: !post.media.is_empty(),
                home: home.get(&number).cloned().unwrap_or_default(),
                mentioned: mentions
                    .iter()
                    .map(|mention| AccountId::from_number(mention.account_id))
                    .collect(),
            },
        )?;
        let boosted = post
            .boost_of
            .and_then(|boosted| counted.iter().find(|counted| counted.id == boosted.number()));
        if let Some(boosted) = boosted {
            record(
                social,
                tx,
                &PostReacted {
                    post: PostId::from_number(boosted.id),
                    uri: boosted.uri.clone(),
                    account: post.author,
                    reaction: "boost".to_owned(),
                },
            )?;
        }
        if post.distribution == Distribution::Nobody {
            continue;
        }
        let mut want = |account: i64, kind, about: PostId| {
            wanted.push(Wanted {
                account: AccountId::from_number(account),
                kind,
                from: post.author,
                post: Some(about),
                cause: post.cause.clone(),
            });
        };
        for mention in mentions.iter().filter(|mention| !mention.silent) {
            want(mention.account_id, "mention", *id);
        }
        if let Some(boosted) = boosted {
            want(boosted.author_id, "reblog", PostId::from_number(boosted.id));
        }
        for (_, follower) in notify.iter().filter(|(post, _)| *post == number) {
            if !mentions.iter().any(|mention| mention.account_id == *follower) {
                want(*follower, "status", *id);
            }
        }
    }
    tx.set_cause(before);
    notifications::make(social, tx, &wanted).await
}

/// Counts replies at their parents and boosts at what they boost.
async fn count(tx: &mut Tx, fresh: &[Fresh<'_>]) -> Result<Vec<Counted>, SocialError> {
    let mut changes = CountChanges::default();
    for Fresh { post, place, .. } in fresh {
        let is_open = matches!(post.visibility, Visibility::Public | Visibility::Unlisted);
        if let Some(parent) = place.parent.filter(|_| is_open) {
            changes.add(parent.id, 1, 0, 0);
        }
        if let Some(boosted) = post.boost_of {
            changes.add(boosted.number(), 0, 1, 0);
        }
    }
    Ok(store::change_counts(tx.conn(), &changes).await?)
}

/// Stores mentions; those of local accounts.
async fn name(tx: &mut Tx, fresh: &[Fresh<'_>]) -> Result<Vec<LocalMention>, SocialError> {
    let mut posts = Vec::new();
    let mut accounts = Vec::new();
    let mut silent = Vec::new();
    for Fresh { post, id, .. } in fresh {
        for mention in &post.mentions {
            posts.push(id.number());
            accounts.push(mention.account.number());
            silent.push(mention.silent);
        }
    }
    if posts.is_empty() {
        return Ok(Vec::new());
    }
    Ok(store::insert_mentions(tx.conn(), &posts, &accounts, &silent).await?)
}

/// Who got each post into his home timeline, by post.
type Homes = HashMap<i64, Vec<AccountId>>;

/// Fills home timelines: who got what, and (post, follower) of those who want to be told.
async fn fan_out(
    tx: &mut Tx,
    fresh: &[Fresh<'_>],
    now: DateTime<Utc>,
) -> Result<(Homes, Vec<(i64, i64)>), SocialError> {
    let mut columns = HomeColumns::default();
    let mut tag_posts = Vec::new();
    let mut tag_authors = Vec::new();
    let mut tags: Vec<&str> = Vec::new();
    for Fresh { post, id, place, .. } in fresh {
        if post.distribution == Distribution::Nobody {
            continue;
        }
        columns.post_id.push(id.number());
        columns.author_id.push(post.author.number());
        columns.boost_of_id.push(post.boost_of.map(PostId::number));
        columns.is_reply.push(place.parent.is_some() || place.waits_for.is_some());
        columns.reply_to_account_id.push(place.parent.map(|parent| parent.author_id));
        columns.visibility.push(post.visibility as i16);
        columns.language.push(post.language.as_deref());
        if post.visibility == Visibility::Public && post.boost_of.is_none() {
            for tag in &post.tags {
                tag_posts.push(id.number());
                tag_authors.push(post.author.number());
                tags.push(tag);
            }
        }
    }
    let mut homes = Homes::new();
    let mut notify = Vec::new();
    if columns.post_id.is_empty() {
        return Ok((homes, notify));
    }
    let mut entries = write_home::fan_out(tx.conn(), &columns, now).await?;
    if !tags.is_empty() {
        entries.extend(
            write_home::fan_out_tags(tx.conn(), &tag_posts, &tag_authors, &tags, now).await?,
        );
    }
    for entry in entries {
        homes.entry(entry.post_id).or_default().push(AccountId::from_number(entry.account_id));
        if entry.notify {
            notify.push((entry.post_id, entry.account_id));
        }
    }
    Ok((homes, notify))
}
