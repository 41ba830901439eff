//! Voting in a poll.

use spine::JobOptions;

use super::transaction::transaction;
use crate::outbound::{self, ClosePoll};
use crate::store::write_commands as store;
use crate::write::votes::{self, Choice, NewVote};
use crate::{AccountId, PollId, PostId, Social, SocialError};

impl Social {
    /// Votes in a poll, all choices at once; a vote cannot be changed.
    ///
    /// # Errors
    /// Not found (or not for the actor), [`SocialError::Invalid`] where the poll has ended, is the
    /// actor's own, was voted in before, or takes fewer or other choices; or the store failed.
    pub async fn vote(
        &self,
        actor: AccountId,
        poll: PollId,
        choices: &[i16],
    ) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let mut connection = self.spine().pool().acquire().await?;
        let row = store::poll(&mut connection, poll.number(), actor.number())
            .await?
            .ok_or(SocialError::NotFound)?;
        drop(connection);
        let post = self.visible_post(actor, PostId::from_number(row.post_id)).await?;
        let now = self.spine().clock().now();
        let invalid = |what: &str| Err(SocialError::Invalid(what.to_owned()));
        if post.is_author {
            return invalid("You cannot vote in your own poll");
        }
        if row.closed_at.is_some() || row.ends_at.is_some_and(|end| end <= now) {
            return invalid("The poll has already ended");
        }
        if row.has_voted {
            return invalid("You have already voted in this poll");
        }
        let mut chosen: Vec<(i16, String)> = Vec::new();
        for choice in choices {
            let option = usize::try_from(*choice).ok().and_then(|at| row.titles.get(at));
            let Some(option) = option else {
                return invalid("The chosen option does not exist");
            };
            if !chosen.iter().any(|(known, _)| known == choice) {
                chosen.push((*choice, option.clone()));
            }
        }
        if chosen.is_empty() || (chosen.len() > 1 && !row.multiple) {
            return invalid("This poll takes exactly one choice");
        }
        transaction!(self, &me.uri, tx => {
            let mut new = Vec::with_capacity(chosen.len());
            let mut notes = Vec::with_capacity(chosen.len());
            for (position, option) in &chosen {
                let uri = format!("{}#votes/{}", me.uri, self.spine().snowflakes().next());
                new.push(NewVote {
                    account: actor,
                    post: post.post(),
                    choice: Choice::Position(*position),
                    uri: Some(uri.clone()),
                    cause: tx.cause().clone(),
                });
                notes.push((uri, option.clone()));
            }
            let counted = votes::vote(self, tx, &new).await?;
            if counted.contains(&false) {
                return Err(SocialError::Invalid("You have already voted in this poll".to_owned()));
            }
            if !post.author_is_local {
                outbound::vote(self, tx, &me, &post, &notes).await?;
                // Ours end by themselves; of another's end its local voters are told too.
                if let Some(ends_at) = row.ends_at {
                    let job = ClosePoll { post: post.post() };
                    tx.schedule_with(&job, JobOptions::default().at(ends_at))?;
                }
            }
            Ok(())
        });
        Ok(())
    }
}
