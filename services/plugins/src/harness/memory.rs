//! State and secrets in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use crate::host::secrets::{Vault, VaultFailure};
use crate::host::state::{EACH, KeyValues, StateFailure};
use crate::manifest::SecretAsked;

/// The state of the account that is tried.
#[derive(Default)]
pub(super) struct MemoryState(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryState {
    fn values(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl KeyValues for MemoryState {
    async fn get(&self, _: Uuid, key: &str) -> Result<Option<Vec<u8>>, StateFailure> {
        Ok(self.values().get(key).cloned())
    }

    async fn set(
        &self,
        _: Uuid,
        key: &str,
        value: &[u8],
        quota: u64,
    ) -> Result<bool, StateFailure> {
        let mut values = self.values();
        let others = values.iter().filter(|(other, _)| *other != key);
        let size = |key: &str, value: &[u8]| (key.len() + value.len()) as u64 + EACH;
        let used: u64 = others.map(|(key, value)| size(key, value)).sum();
        let fits = used + size(key, value) <= quota;
        if fits {
            values.insert(key.to_owned(), value.to_vec());
        }
        Ok(fits)
    }

    async fn delete(&self, _: Uuid, key: &str) -> Result<(), StateFailure> {
        self.values().remove(key);
        Ok(())
    }

    async fn keys(
        &self,
        _: Uuid,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StateFailure> {
        let values = self.values();
        let keys = values.keys().filter(|key| key.starts_with(prefix));
        let keys = keys.filter(|key| after.is_none_or(|after| key.as_str() > after));
        Ok(keys.take(limit as usize).cloned().collect())
    }
}

/// The secrets that the author gave.
pub(super) struct GivenSecrets(pub(super) BTreeMap<String, String>);

#[async_trait]
impl Vault for GivenSecrets {
    async fn current(&self, secret: &SecretAsked) -> Result<Option<String>, VaultFailure> {
        Ok(self.0.get(&secret.name).cloned())
    }

    async fn renewed(&self, secret: &SecretAsked, _: &str) -> Result<Option<String>, VaultFailure> {
        Err(VaultFailure::SignIn(format!("the given token `{}` was refused", secret.name)))
    }
}
