//! Credentials that the host puts into requests.

use ::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Guest, Journey, headers};
use crate::engine::bindings::{http, types};
use crate::host::secrets::{Unusable, is_renewable};
use crate::manifest::SecretAsked;

/// A header that holds a secret.
#[derive(Clone)]
pub(super) struct Credential {
    name: HeaderName,
    value: HeaderValue,
}

/// A credential with the secret that it was made of.
pub(super) struct Lent {
    pub(super) credential: Credential,
    auth: http::Auth,
    secret: SecretAsked,
    text: String,
}

impl Credential {
    pub(super) fn put_into(&self, headers: &mut HeaderMap) {
        headers.insert(self.name.clone(), self.value.clone());
    }

    fn new(auth: &http::Auth, secret: &str) -> Option<Self> {
        let (name, text) = match auth {
            http::Auth::None => return None,
            http::Auth::Bearer(_) => (AUTHORIZATION, format!("Bearer {secret}")),
            http::Auth::Basic((user, _)) => {
                (AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("{user}:{secret}"))))
            }
            http::Auth::Header((name, _)) => (name.parse().ok()?, secret.to_owned()),
        };
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(Self { name, value })
    }
}

impl Lent {
    pub(super) fn is_renewable(&self) -> bool {
        is_renewable(&self.secret)
    }
}

/// Which header the host sets for this.
pub(super) fn header_of(auth: &http::Auth) -> Result<Option<HeaderName>, String> {
    match auth {
        http::Auth::None => Ok(None),
        http::Auth::Bearer(_) => Ok(Some(AUTHORIZATION)),
        // RFC 7617: the user's name ends at the colon.
        http::Auth::Basic((user, _)) if user.contains(':') => {
            Err("the user name has a colon".to_owned())
        }
        http::Auth::Basic(_) => Ok(Some(AUTHORIZATION)),
        http::Auth::Header((name, _)) => match name.parse::<HeaderName>() {
            Ok(name) if !headers::is_reserved(&name) => Ok(Some(name)),
            _ => Err("no secret goes into this header".to_owned()),
        },
    }
}

impl Guest {
    /// What the guest asks the host to add.
    pub(super) async fn credential(
        &mut self,
        auth: &http::Auth,
        journey: &Journey,
    ) -> wasmtime::Result<Result<Option<Lent>, http::HttpError>> {
        let name = match auth {
            http::Auth::None => return Ok(Ok(None)),
            http::Auth::Bearer(name)
            | http::Auth::Basic((_, name))
            | http::Auth::Header((_, name)) => name,
        };
        if !self.http.as_ref().is_some_and(|http| http.may_carry_credentials(&journey.url)) {
            return Ok(Err(http::HttpError::NotAllowed(
                "secrets go only to hosts that the manifest or the configuration names, not to `*`"
                    .to_owned(),
            )));
        }
        let (secret, text) = match self.lent(name).await? {
            Ok(lent) => lent,
            Err(Unusable::Away(reason)) => return Ok(Err(http::HttpError::Connect(reason))),
            Err(Unusable::Secret(error)) => {
                let why = match error {
                    types::SecretError::NotDeclared => "is not declared",
                    types::SecretError::NotSet | types::SecretError::NotReadable => "is not set",
                };
                let name: String = name.chars().take(60).collect();
                return Ok(Err(http::HttpError::NotAllowed(format!("the secret {name:?} {why}"))));
            }
        };
        let Some(credential) = Credential::new(auth, &text) else {
            return Ok(Err(http::HttpError::BadRequest(format!(
                "the secret {name:?} fits into no header"
            ))));
        };
        Ok(Ok(Some(Lent { credential, auth: auth.clone(), secret, text })))
    }

    /// The same credential with a newer token.
    pub(super) async fn renew(&mut self, lent: Lent) -> wasmtime::Result<Result<Credential, ()>> {
        let renewed = self.renewed(lent.secret, &lent.text).await?;
        let fresh = renewed.ok().filter(|(_, text)| *text != lent.text);
        Ok(fresh.and_then(|(_, text)| Credential::new(&lent.auth, &text)).ok_or(()))
    }
}
