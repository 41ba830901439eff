//! Access tokens: issued, checked on every call, revoked.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use spine::{Event, Snowflake, Tx};

use crate::events::{AccessGranted, AccessRevoked};
use crate::{App, Identity, IdentityError, Scopes, secret, store};

/// A new token; the token itself is shown this once.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The bearer token (RFC 6750).
    pub access_token: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was issued.
    pub created_at: DateTime<Utc>,
}

/// For whom a token was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The app itself.
    App,
    /// The person with this social account.
    Person(Snowflake),
    /// Who will have this account once they are approved. Until then they may do nothing.
    Applicant(Snowflake),
}

/// What a valid token says about a caller.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The token's number.
    pub token_id: Snowflake,
    /// For whom.
    pub holder: Holder,
    /// The app's number.
    pub app_id: Snowflake,
    /// The app's name.
    pub app_name: String,
    /// The app's home page.
    pub app_website: Option<String>,
    /// What it may do.
    pub scopes: Scopes,
}

impl Identity {
    /// The grant behind a bearer token, if it stands and its person may log in, or waits for that.
    ///
    /// # Errors
    /// The database failed.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Arc<Grant>>, IdentityError> {
        if token.is_empty() || token.len() > 200 {
            return Ok(None);
        }
        let hash = secret::hash(token);
        if let Some(grant) = self.0.grants.get(&hash) {
            return Ok(Some(grant));
        }
        let found = store::tokens::grant(self.0.spine.pool(), &hash).await?.map(Arc::new);
        // What says that somebody waits is asked again each time: they are let in at once then.
        if let Some(grant) = &found
            && !matches!(grant.holder, Holder::Applicant(_))
        {
            self.0.grants.insert(hash, Arc::clone(grant));
        }
        Ok(found)
    }

    /// A token for the app itself (RFC 6749, section 4.4).
    ///
    /// # Errors
    /// The scope is more than the app registered.
    pub async fn grant_to_app(
        &self,
        app: &App,
        scope: Option<&str>,
    ) -> Result<IssuedToken, IdentityError> {
        let scopes = self.requested(app, scope)?;
        self.issue_alone(app, None, scopes).await
    }

    /// A token for a name and password (RFC 6749, section 4.3), where this is switched on.
    ///
    /// # Errors
    /// It is switched off, the name and password are wrong, or the scope is too wide.
    pub async fn grant_to_password(
        &self,
        app: &App,
        login: &str,
        password: &str,
        scope: Option<&str>,
    ) -> Result<IssuedToken, IdentityError> {
        if !self.0.settings.password_grant {
            return Err(IdentityError::UnsupportedGrant);
        }
        let scopes = self.requested(app, scope)?;
        let person = self.log_in(login, password).await?;
        self.issue_alone(app, Some(person.account_id), scopes).await
    }

    /// Issues a token to the app for this person without a dialogue: registration by API.
    ///
    /// # Errors
    /// The database failed.
    pub async fn grant_to_registration(
        &self,
        tx: &mut Tx,
        app: &App,
        account_id: Snowflake,
        scopes: Scopes,
    ) -> Result<IssuedToken, IdentityError> {
        self.issue(tx, app, Some(account_id), scopes).await
    }

    /// Revokes a token of this app (RFC 7009). An unknown token is no error.
    ///
    /// # Errors
    /// The database failed.
    pub async fn revoke(&self, app: &App, token: &str) -> Result<(), IdentityError> {
        let hash = secret::hash(token);
        let now = self.0.spine.clock().now();
        let mut tx = self.0.spine.begin(spine::Cause::by(format!("app:{}", app.id))).await?;
        if let Some((token, account)) = store::tokens::revoke(tx.conn(), &hash, app.id, now).await?
        {
            tx.record(&AccessRevoked { tokens: vec![token], account })?;
            tx.commit().await?;
        }
        self.0.grants.invalidate(&hash);
        Ok(())
    }

    /// Drops what this process remembers of tokens that another process revoked. Called with every
    /// live event.
    pub fn observe(&self, event: &Event) {
        if &*event.kind == <AccessRevoked as spine::EventData>::TYPE {
            self.0.grants.invalidate_all();
        }
    }

    fn requested(&self, app: &App, scope: Option<&str>) -> Result<Scopes, IdentityError> {
        Scopes::parse(scope.unwrap_or_default())
            .filter(|scopes| scopes.within(&app.scopes))
            .ok_or(IdentityError::InvalidScope)
    }

    async fn issue_alone(
        &self,
        app: &App,
        account_id: Option<Snowflake>,
        scopes: Scopes,
    ) -> Result<IssuedToken, IdentityError> {
        let mut tx = self.0.spine.begin(spine::Cause::by(format!("app:{}", app.id))).await?;
        let issued = self.issue(&mut tx, app, account_id, scopes).await?;
        tx.commit().await?;
        Ok(issued)
    }

    pub(crate) async fn issue(
        &self,
        tx: &mut Tx,
        app: &App,
        account_id: Option<Snowflake>,
        scopes: Scopes,
    ) -> Result<IssuedToken, IdentityError> {
        let access_token = secret::new_secret()?;
        let created_at = self.0.spine.clock().now();
        let id = self.0.spine.snowflakes().next();
        store::tokens::insert(
            tx.conn(),
            store::tokens::NewToken {
                id,
                hash: &secret::hash(&access_token),
                app: app.id,
                account: account_id,
                scopes: scopes.names(),
                created_at,
            },
        )
        .await?;
        tx.record(&AccessGranted {
            token: id,
            app: app.id,
            account: account_id,
            scopes: scopes.names().to_vec(),
        })?;
        Ok(IssuedToken { access_token, scopes, created_at })
    }
}
