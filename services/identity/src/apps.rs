//! OAuth apps: any app may register itself (Mastodon, methods/apps).

use spine::{Cause, Snowflake};
use url::Url;

use crate::events::AppRegistered;
use crate::{Identity, IdentityError, Scopes, secret, store};

/// The address that means "show the code to the person" (once RFC 6749's out-of-band practice).
pub(crate) const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";

/// A registered app, without its secret.
#[derive(Clone, Debug)]
pub struct App {
    /// Its number.
    pub id: Snowflake,
    /// Its public id.
    pub client_id: String,
    /// Its name for people.
    pub name: String,
    /// Its home page.
    pub website: Option<String>,
    /// Where codes may be sent.
    pub redirect_uris: Vec<String>,
    /// What it may ask for.
    pub scopes: Scopes,
}

/// An app that wants to register.
#[derive(Clone, Debug)]
pub struct NewApp {
    /// Its name for people.
    pub name: String,
    /// Its home page.
    pub website: Option<String>,
    /// Where codes may be sent: absolute URIs, also of schemes of the app's own.
    pub redirect_uris: Vec<String>,
    /// What it may ask for, as the app wrote it.
    pub scopes: String,
}

/// An app that has just registered; the secret is shown this once.
#[derive(Clone, Debug)]
pub struct RegisteredApp {
    /// The app.
    pub app: App,
    /// Its secret.
    pub client_secret: String,
}

impl Identity {
    /// Registers an app.
    ///
    /// # Errors
    /// The name is empty or long, a redirect URI is not absolute or could run a script, or a
    /// scope is unknown.
    pub async fn register_app(&self, new: NewApp) -> Result<RegisteredApp, IdentityError> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > 200 {
            return Err(IdentityError::Invalid("an app's name has 1 to 200 characters".into()));
        }
        let redirects: Vec<String> = new
            .redirect_uris
            .iter()
            .map(|uri| uri.trim().to_owned())
            .filter(|uri| !uri.is_empty())
            .collect();
        if redirects.is_empty() || redirects.len() > 20 {
            return Err(IdentityError::Invalid("an app has 1 to 20 redirect URIs".into()));
        }
        for uri in &redirects {
            check_redirect(uri)?;
        }
        let website = new.website.filter(|site| {
            Url::parse(site).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        });
        let scopes = Scopes::parse(&new.scopes)
            .ok_or_else(|| IdentityError::Invalid("one of the scopes is unknown".into()))?;
        let client_secret = secret::new_secret()?;
        let app = App {
            id: self.0.spine.snowflakes().next(),
            client_id: secret::new_secret()?,
            name: name.to_owned(),
            website,
            redirect_uris: redirects,
            scopes,
        };
        let mut tx = self.0.spine.begin(Cause::by(format!("app:{}", app.id))).await?;
        let now = self.0.spine.clock().now();
        store::apps::insert(tx.conn(), &app, &secret::hash(&client_secret), now).await?;
        tx.record(&AppRegistered {
            app: app.id,
            name: app.name.clone(),
            scopes: app.scopes.names().to_vec(),
        })?;
        tx.commit().await?;
        Ok(RegisteredApp { app, client_secret })
    }

    /// The app with this client id.
    ///
    /// # Errors
    /// The database failed.
    pub async fn app(&self, client_id: &str) -> Result<Option<App>, IdentityError> {
        Ok(store::apps::by_client_id(self.0.spine.pool(), client_id).await?.map(|(app, _)| app))
    }

    /// The app with this number.
    ///
    /// # Errors
    /// The database failed.
    pub async fn app_by_number(&self, id: Snowflake) -> Result<Option<App>, IdentityError> {
        Ok(store::apps::by_number(self.0.spine.pool(), id).await?)
    }

    /// The app that proves itself by its secret.
    ///
    /// # Errors
    /// [`IdentityError::InvalidClient`].
    pub async fn verify_client(
        &self,
        client_id: &str,
        client_secret: &str,
    ) -> Result<App, IdentityError> {
        let found = store::apps::by_client_id(self.0.spine.pool(), client_id).await?;
        found
            .filter(|(_, hash)| secret::matches(client_secret, hash))
            .map(|(app, _)| app)
            .ok_or(IdentityError::InvalidClient)
    }
}

/// Absolute, without a fragment (RFC 6749, section 3.1.2), and of no scheme that runs scripts.
/// Schemes of an app's own, with or without a host, are fine.
fn check_redirect(uri: &str) -> Result<(), IdentityError> {
    let refuse = |why: &str| Err(IdentityError::Invalid(format!("redirect URI {uri:?} {why}")));
    if uri == OUT_OF_BAND {
        return Ok(());
    }
    if uri.len() > 2_000 {
        return Err(IdentityError::Invalid("a redirect URI is too long".into()));
    }
    let Ok(url) = Url::parse(uri) else { return refuse("is not an absolute URI") };
    if matches!(url.scheme(), "data" | "javascript" | "vbscript" | "file" | "blob" | "about") {
        return refuse("has a forbidden scheme");
    }
    if url.fragment().is_some() {
        return refuse("must not have a fragment");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_redirects_of_real_apps_pass_and_scripts_do_not() {
        for good in [
            OUT_OF_BAND,
            "icecubesapp://",
            "com.tapbots.Ivory.10217:/request_token",
            "https://elk.zone/api/node.example/oauth/https%3A%2F%2Felk.zone",
            "http://localhost:8080/callback?x=1",
        ] {
            assert!(check_redirect(good).is_ok(), "{good}");
        }
        for bad in
            ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "/path", "https://a/#b"]
        {
            assert!(check_redirect(bad).is_err(), "{bad}");
        }
    }
}
