//! Who is named in a text: known people first, then strangers, who are asked for by WebFinger.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::store::write_commands::{self as store, HandleRow};
use crate::text::{MentionText, Mentioned, mentions};
use crate::write::posts::Mention;
use crate::{AccountId, Social, SocialError};

/// Most people a post names; who comes after them stays plain text.
const MOST_MENTIONS: usize = 50;
/// Most unknown handles of one text that are asked for.
const MOST_STRANGERS: usize = 10;
/// How long all of them together may take; who is not found by then stays plain text.
const PATIENCE: Duration = Duration::from_secs(8);

/// The people whom a text names.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// For the text's HTML.
    pub(super) known: HashMap<MentionText, Mentioned>,
    /// For the post, each once.
    pub(super) mentions: Vec<Mention>,
}

impl Named {
    fn add(&mut self, text: MentionText, row: HandleRow) {
        let account = AccountId::from_number(row.id);
        if !self.mentions.iter().any(|mention| mention.account == account) {
            self.mentions.push(Mention { account, silent: false });
        }
        let HandleRow { username, domain, url, .. } = row;
        self.known.insert(text, Mentioned { username, domain, url });
    }
}

impl Social {
    /// Finds the people whom these texts name. Called before the transaction: it may ask other
    /// servers. Who cannot be found is left out.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn people_named(&self, texts: &[&str]) -> Result<Named, SocialError> {
        let mut wanted: Vec<MentionText> = Vec::new();
        for mention in texts.iter().flat_map(|text| mentions(text)) {
            if !wanted.contains(&mention) && wanted.len() < MOST_MENTIONS {
                wanted.push(mention);
            }
        }
        let mut named = Named::default();
        if wanted.is_empty() {
            return Ok(named);
        }
        let ours = self.settings().domain();
        let hosts: Vec<Option<String>> = wanted
            .iter()
            .map(|mention| mention.host.as_deref().map(ascii_host))
            .map(|host| host.filter(|host| *host != ours))
            .collect();
        let usernames: Vec<&str> = wanted.iter().map(|mention| mention.username.as_str()).collect();
        let hosts: Vec<Option<&str>> = hosts.iter().map(Option::as_deref).collect();
        let rows = store::by_handles(self.spine().pool(), &usernames, &hosts).await?;
        for row in rows {
            let index = usize::try_from(row.index - 1).unwrap_or(usize::MAX);
            if let Some(mention) = wanted.get(index) {
                named.add(mention.clone(), row);
            }
        }
        let strangers = wanted
            .iter()
            .zip(&hosts)
            .filter(|(mention, host)| host.is_some() && !named.known.contains_key(*mention))
            .map(|(mention, _)| mention.clone())
            .take(MOST_STRANGERS);
        let strangers: Vec<MentionText> = strangers.collect();
        if !strangers.is_empty() {
            for (mention, row) in self.ask_for(strangers).await {
                named.add(mention, row);
            }
        }
        Ok(named)
    }

    /// Asks other servers, all at once.
    async fn ask_for(&self, strangers: Vec<MentionText>) -> Vec<(MentionText, HandleRow)> {
        let ask = |mention: MentionText| async move {
            let handle = match &mention.host {
                Some(host) => format!("{}@{host}", mention.username),
                None => mention.username.clone(),
            };
            match tokio::time::timeout(PATIENCE, self.find_stranger(&handle)).await {
                Ok(Ok(Some(row))) => Some((mention, row)),
                Ok(Ok(None)) => None,
                Ok(Err(error)) => {
                    tracing::debug!(handle, %error, "a mentioned person could not be found");
                    None
                }
                Err(_) => {
                    tracing::debug!(handle, "a mentioned person was not found in time");
                    None
                }
            }
        };
        join_all(strangers.into_iter().map(ask)).await.into_iter().flatten().collect()
    }

    async fn find_stranger(&self, handle: &str) -> Result<Option<HandleRow>, SocialError> {
        match self.resolve_handle(handle).await? {
            Some(account) => Ok(store::by_id(self.spine().pool(), account.number()).await?),
            None => Ok(None),
        }
    }
}

/// The host as accounts are stored under it: ASCII, lower case.
fn ascii_host(host: &str) -> String {
    activitypub::webfinger::Handle::new("a", host)
        .map_or_else(|_| host.to_owned(), |handle| handle.host().to_owned())
}
