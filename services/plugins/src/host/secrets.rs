//! Secrets by the names in the manifest. What is `inject_only` never reaches the guest.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Guest, HostFailure};
use crate::engine::bindings::{secrets, types};
use crate::manifest::{SecretAsked, SecretKind};

/// Where the secrets of an account are: Postgres, sealed; or a file for plugin authors.
#[async_trait]
pub(crate) trait Vault: Send + Sync {
    /// The secret as it is to be sent: a text, or a token that is still good for a while.
    async fn current(&self, secret: &SecretAsked) -> Result<Option<String>, VaultFailure>;

    /// A newer token than this one, which a service refused.
    async fn renewed(
        &self,
        secret: &SecretAsked,
        refused: &str,
    ) -> Result<Option<String>, VaultFailure>;
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VaultFailure {
    /// The person has to sign in again.
    #[error("sign in again: {0}")]
    SignIn(String),
    /// Whoever gives tokens is away; later they may be there.
    #[error("the sign-in service is away: {0}")]
    Away(String),
    /// Our own side failed.
    #[error("the secret store failed")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The secrets of the account that a call is for.
pub(crate) struct Secrets {
    pub(crate) declared: Arc<[SecretAsked]>,
    pub(crate) vault: Arc<dyn Vault>,
}

/// Why the host cannot use a secret for the guest.
pub(crate) enum Unusable {
    Secret(types::SecretError),
    Away(String),
}

impl Guest {
    /// A secret that the host uses for the guest, which the guest does not see.
    pub(crate) async fn lent(
        &mut self,
        name: &str,
    ) -> wasmtime::Result<Result<(SecretAsked, String), Unusable>> {
        let declared = self.declared(name);
        let (Some(secret), Some(secrets)) = (declared, &self.secrets) else {
            return Ok(Err(Unusable::Secret(types::SecretError::NotDeclared)));
        };
        let vault = Arc::clone(&secrets.vault);
        let found = self.asked(vault.current(&secret)).await?;
        self.received(secret, found)
    }

    /// A newer token than the one that was refused.
    pub(crate) async fn renewed(
        &mut self,
        secret: SecretAsked,
        refused: &str,
    ) -> wasmtime::Result<Result<(SecretAsked, String), Unusable>> {
        let Some(secrets) = &self.secrets else {
            return Ok(Err(Unusable::Secret(types::SecretError::NotDeclared)));
        };
        let vault = Arc::clone(&secrets.vault);
        let found = self.asked(vault.renewed(&secret, refused)).await?;
        self.received(secret, found)
    }

    /// What the vault says while the guest has patience: it may have to ask a sign-in service first.
    async fn asked(
        &mut self,
        answer: impl Future<Output = Result<Option<String>, VaultFailure>>,
    ) -> wasmtime::Result<Result<Option<String>, VaultFailure>> {
        self.ask()?;
        self.waits_for_us = true;
        let answer = tokio::time::timeout(self.patience(), answer).await;
        self.waits_for_us = false;
        Ok(answer.unwrap_or_else(|_elapsed| {
            Err(VaultFailure::Away("the secret could not be had in time".to_owned()))
        }))
    }

    fn declared(&self, name: &str) -> Option<SecretAsked> {
        self.secrets.as_ref()?.declared.iter().find(|secret| secret.name == name).cloned()
    }

    fn received(
        &mut self,
        secret: SecretAsked,
        found: Result<Option<String>, VaultFailure>,
    ) -> wasmtime::Result<Result<(SecretAsked, String), Unusable>> {
        match found {
            Ok(Some(value)) => {
                self.log.hide(&value);
                Ok(Ok((secret, value)))
            }
            Ok(None) => {
                if secret.required {
                    self.sign_in = Some(format!("the secret `{}` is not set", secret.name));
                }
                Ok(Err(Unusable::Secret(types::SecretError::NotSet)))
            }
            Err(VaultFailure::SignIn(reason)) => {
                self.sign_in = Some(reason);
                Ok(Err(Unusable::Secret(types::SecretError::NotSet)))
            }
            Err(VaultFailure::Away(reason)) => Ok(Err(Unusable::Away(reason))),
            Err(VaultFailure::Store(error)) => Err(HostFailure::ending(error)),
        }
    }
}

impl secrets::Host for Guest {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, types::SecretError>> {
        match self.declared(&name) {
            None => return Ok(Err(types::SecretError::NotDeclared)),
            Some(secret) if secret.inject_only => return Ok(Err(types::SecretError::NotReadable)),
            Some(_) => {}
        }
        Ok(match self.lent(&name).await? {
            Ok((_, value)) => Ok(value),
            Err(Unusable::Secret(error)) => Err(error),
            // A token is there, and cannot be renewed just now.
            Err(Unusable::Away(_)) => Err(types::SecretError::NotSet),
        })
    }
}

/// Whether the host can get a newer one where a service refuses it.
pub(crate) fn is_renewable(secret: &SecretAsked) -> bool {
    secret.kind == SecretKind::OAuth2
}
