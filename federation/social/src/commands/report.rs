//! Reporting an account to the moderators here and, if asked, to those of its own server.

use super::transaction::transaction;
use crate::outbound;
use crate::store::{documents_accounts, write_commands as store};
use crate::write::reports::{self, NewReport};
use crate::{AccountId, PostId, Social, SocialError};

/// Longest comment, in characters.
const LONGEST_COMMENT: usize = 1_000;
/// Most posts of one report.
const MOST_POSTS: usize = 100;
const CATEGORIES: [&str; 4] = ["spam", "legal", "violation", "other"];

/// A report as a person makes it.
#[derive(Clone, Debug)]
pub struct NewComplaint {
    /// Who is reported.
    pub target: AccountId,
    /// His posts that it is about; others' are left out.
    pub posts: Vec<PostId>,
    /// What the person says, plain text.
    pub comment: String,
    /// Whether the reported account's own server is told, without the person's name.
    pub forward: bool,
    /// `spam`, `legal`, `violation` or `other`.
    pub category: String,
}

impl Social {
    /// Reports an account: the report's id.
    ///
    /// # Errors
    /// Not found, [`SocialError::Invalid`] where it is too long or of an unknown category, or the
    /// store failed.
    pub async fn report_account(
        &self,
        actor: AccountId,
        complaint: NewComplaint,
    ) -> Result<i64, SocialError> {
        let me = self.actor(actor).await?;
        let target = self.other(actor, complaint.target).await?;
        if complaint.comment.chars().count() > LONGEST_COMMENT {
            return Err(SocialError::Invalid(format!(
                "Comment is too long (maximum is {LONGEST_COMMENT} characters)"
            )));
        }
        if !CATEGORIES.contains(&complaint.category.as_str()) {
            return Err(SocialError::Invalid("Category is not included in the list".to_owned()));
        }
        let asked: Vec<i64> =
            complaint.posts.iter().take(MOST_POSTS).map(|post| post.number()).collect();
        let forward = complaint.forward && !target.is_local;
        let instance = match forward {
            true => self.instance_row().await?,
            false => None,
        };
        Ok(transaction!(self, &me.uri, tx => {
            let posts = store::uris_of(tx.conn(), target.id, &asked).await?;
            let report = NewReport {
                account: actor,
                target: complaint.target,
                comment: complaint.comment.clone(),
                category: complaint.category.clone(),
                posts: posts.iter().map(|(id, _)| PostId::from_number(*id)).collect(),
                uri: None,
                forwarded: instance.is_some(),
            };
            let Some(id) = reports::file(self, tx, &report).await? else {
                return Err(SocialError::Raced);
            };
            if let Some(instance) = &instance {
                let uris: Vec<String> = posts.into_iter().map(|(_, uri)| uri).collect();
                // Not the report's number: that would tell how many reports there are.
                let uri = format!("{}#flags/{}", instance.uri, self.spine().snowflakes().next());
                let comment = &complaint.comment;
                outbound::flag(self, tx, instance, &target, &uris, comment, &uri).await?;
            }
            Ok(id)
        }))
    }

    async fn instance_row(&self) -> Result<Option<store::ActorRow>, SocialError> {
        let pool = self.spine().pool();
        match documents_accounts::instance_actor(pool).await? {
            Some(row) => Ok(store::actor(pool, row.id).await?),
            None => Ok(None),
        }
    }
}
