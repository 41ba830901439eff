//! Create: somebody published something.

use activitypub::vocabulary::{ActivityKind, Post, PostKind};
use serde_json::Value;
use spine::JobOptions;
use url::Url;

use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use super::welcome::may_react;
use crate::remote::known::Known;
use crate::remote::people::FindPeople;
use crate::remote::post::{ReadPost, Reading};
use crate::threads::{FetchFirstReplies, FetchParents, FirstReplies};
use crate::write::posts::{self, Distribution, Inserted, ReplyTo, StoredPost};
use crate::write::votes::{self, Choice, NewVote};
use crate::{AccountId, SocialError, Visibility};

/// Whether this publishes a post that comes with it: many of them are stored at once.
pub(super) fn is_post(activity: &Incoming) -> bool {
    activity.kind == ActivityKind::Create
        && activity
            .own_object()
            .is_some_and(|object| Post::is_post(object) && !looks_like_vote(object))
}

/// Votes come as notes without text that carry a name and answer a question.
fn looks_like_vote(object: &Value) -> bool {
    let has = |key: &str| object.get(key).is_some_and(|value| !value.is_null());
    has("name") && has("inReplyTo") && !has("content") && !has("contentMap")
}

/// Stores posts that came with their activities.
pub(super) async fn apply_posts(
    applying: &mut Applying<'_>,
    activities: &[&Incoming],
) -> Result<Vec<Outcome>, SocialError> {
    let mut outcomes = vec![Outcome::Applied; activities.len()];
    let mut places = Vec::with_capacity(activities.len());
    let mut stored = Vec::with_capacity(activities.len());
    let mut wishes = Vec::with_capacity(activities.len());
    for (index, activity) in activities.iter().enumerate() {
        match read(applying, activity) {
            Ok((read, replies)) => {
                places.push(index);
                stored.push(read.stored);
                wishes.push((read.unknown_people, replies));
            }
            Err(reason) => outcomes[index] = Outcome::Ignored(reason),
        }
    }
    let inserted = posts::insert(applying.social, applying.tx, &stored).await?;
    for (((index, post), (people, replies)), inserted) in
        places.into_iter().zip(stored).zip(wishes).zip(inserted)
    {
        let reader = delivered_to(&applying.known, activities[index]);
        outcomes[index] = match inserted.outcome {
            posts::Outcome::New => {
                applying.tx.set_cause(activities[index].cause.clone());
                follow_up(applying, &post, &inserted, people, replies)?;
                applying.stored(post.uri);
                Outcome::Applied
            }
            posts::Outcome::Known => {
                applying.is_there(&post.uri);
                match reader.filter(|_| post.visibility > Visibility::Unlisted) {
                    Some(reader) => {
                        let (social, id) = (applying.social, inserted.post);
                        match posts::admit(social, applying.tx, &post, id, reader).await? {
                            true => Outcome::Applied,
                            false => Outcome::Ignored("the post is known, to its receiver too"),
                        }
                    }
                    None => Outcome::Ignored("the post is known"),
                }
            }
            posts::Outcome::Deleted => Outcome::Ignored("the post was deleted before"),
            posts::Outcome::Refused => Outcome::Ignored("its author does not take part"),
        };
    }
    Ok(outcomes)
}

fn read(
    applying: &Applying<'_>,
    activity: &Incoming,
) -> Result<(ReadPost, Option<FirstReplies>), &'static str> {
    let known = &applying.known;
    let object = activity.own_object().ok_or("the object is not its actor's")?;
    let post = Post::parse_within(object, activity).map_err(|_| "the post cannot be read")?;
    let author = known.active_account(&activity.actor).ok_or("its actor is not known")?;
    if known.is_buried(&post.id, &activity.actor) {
        return Err("the post was deleted before");
    }
    let reading = Reading {
        known,
        blocked: &applying.blocked,
        snowflakes: applying.social.0.spine.snowflakes(),
        now: applying.now,
        distribution: Distribution::Everyone,
        delivered_to: delivered_to(known, activity),
        cause: activity.cause.clone(),
    };
    let read = reading.read(&post, author);
    // Whatever nobody here asked for is left to those who did, as Mastodon does.
    let answers_us = post.in_reply_to.as_ref().is_some_and(|parent| known.post(parent).is_some());
    if known.is_followed_here(author) || read.addresses_us || answers_us {
        Ok((read, FirstReplies::of(&post)))
    } else {
        Err("nobody here follows its author or is addressed")
    }
}

/// The local account whose own inbox it came to.
fn delivered_to(known: &Known, activity: &Incoming) -> Option<AccountId> {
    let receiver = activity.delivered_to.as_ref()?;
    known.local_account(receiver).map(|receiver| receiver.id)
}

/// What a new post asks for in the background: the posts it answers, the people it names, the first
/// answers to it.
fn follow_up(
    applying: &mut Applying<'_>,
    post: &StoredPost,
    inserted: &Inserted,
    people: Vec<Url>,
    replies: Option<FirstReplies>,
) -> Result<(), SocialError> {
    let (id, part) = (inserted.post, || JobOptions::default().part(post.uri.clone()));
    let (tx, since) = (&mut *applying.tx, Some(applying.now));
    if inserted.waits_for.is_some() && matches!(post.reply_to, ReplyTo::Uri(_)) {
        tx.schedule_with(&FetchParents { post: id, since }, part())?;
    }
    if !people.is_empty() {
        tx.schedule_with(&FindPeople { post: id, people, since }, part())?;
    }
    if let Some(replies) = replies {
        tx.schedule_with(&FetchFirstReplies { post: id, replies }, part())?;
    }
    Ok(())
}

/// Applies what is no post of its own: a vote, or something that was read from its own id.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    let Some(object) = activity.own_object() else {
        let known = activity.object.id().is_some_and(|id| applying.known.post(&id).is_some());
        return Ok(match known {
            true => Outcome::Applied,
            false => Outcome::Ignored("its object could not be read from its own id"),
        });
    };
    if is_post(activity) {
        return Ok(apply_posts(applying, &[activity]).await?.remove(0));
    }
    match Post::parse_within(object, activity) {
        Ok(post) if post.kind == PostKind::Note => vote(applying, activity, post).await,
        Ok(_) | Err(_) => Ok(Outcome::Ignored("its object is of a type that is not kept")),
    }
}

async fn vote(
    applying: &mut Applying<'_>,
    activity: &Incoming,
    note: Post,
) -> Result<Outcome, SocialError> {
    let known = &applying.known;
    let question = note.in_reply_to.as_ref().and_then(|question| known.post(question));
    let Some(question) = question.filter(|post| post.local && post.poll_id.is_some()) else {
        return Ok(Outcome::Ignored("it answers none of our polls"));
    };
    let (Some(voter), Some(title)) = (known.active_account(&activity.actor), note.name) else {
        return Ok(Outcome::Ignored("it is no vote"));
    };
    if !may_react(applying.tx.conn(), question, voter.id).await? {
        return Ok(Outcome::Ignored("the poll is not for its actor"));
    }
    let vote = NewVote {
        account: voter.id,
        post: question.id,
        choice: Choice::Title(title),
        uri: Some(note.id.into()),
        cause: activity.cause.clone(),
    };
    let counted = votes::vote(applying.social, applying.tx, &[vote]).await?;
    Ok(match counted.first() {
        Some(true) => Outcome::Applied,
        _ => Outcome::Ignored("the vote does not count"),
    })
}
