//! Web sessions: who is signed in to the node's own pages.

use chrono::{DateTime, Duration, Utc};
use spine::Snowflake;

use crate::{Identity, IdentityError, Person, secret, store};

/// How long an idle session lasts.
const LIFETIME: Duration = Duration::days(30);

/// A web session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who is signed in.
    pub person: Person,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

impl Identity {
    /// Opens a session; the token goes into the cookie.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open_session(
        &self,
        account_id: Snowflake,
        user_agent: &str,
    ) -> Result<String, IdentityError> {
        let token = secret::new_secret()?;
        let now = self.0.spine.clock().now();
        let agent: String = user_agent.chars().take(200).collect();
        store::sessions::insert(
            self.0.spine.pool(),
            &secret::hash(&token),
            account_id,
            now,
            now + LIFETIME,
            &agent,
        )
        .await?;
        Ok(token)
    }

    /// The session behind a cookie, if it still stands and its person may log in.
    ///
    /// # Errors
    /// The database failed.
    pub async fn session(&self, token: &str) -> Result<Option<Session>, IdentityError> {
        let now = self.0.spine.clock().now();
        let found =
            store::sessions::touch(self.0.spine.pool(), &secret::hash(token), now, now + LIFETIME)
                .await?;
        let Some((account_id, expires_at)) = found else { return Ok(None) };
        Ok(self
            .person(account_id)
            .await?
            .filter(|person| person.state.admit().is_ok())
            .map(|person| Session { person, expires_at }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The database failed.
    pub async fn close_session(&self, token: &str) -> Result<(), IdentityError> {
        Ok(store::sessions::delete(self.0.spine.pool(), &secret::hash(token)).await?)
    }
}
