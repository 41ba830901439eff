//! Small durable state of a guest: a namespace for each account.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::{Guest, HostFailure};
use crate::engine::bindings::state;

/// The longest key, in bytes.
const KEY: usize = 512;
/// The most keys that one call lists.
const KEYS: u32 = 1_000;
/// What each key counts beside its bytes and those of its value: about what it costs to keep, however short.
pub(crate) const EACH: u64 = 64;

/// Where state is kept: Postgres, or memory for plugin authors.
#[async_trait]
pub(crate) trait KeyValues: Send + Sync {
    async fn get(&self, account: Uuid, key: &str) -> Result<Option<Vec<u8>>, StateFailure>;

    /// Sets a key, unless keys and values would then have more than `quota` bytes together, and [`EACH`] more for
    /// each. Answers whether it did.
    async fn set(
        &self,
        account: Uuid,
        key: &str,
        value: &[u8],
        quota: u64,
    ) -> Result<bool, StateFailure>;

    async fn delete(&self, account: Uuid, key: &str) -> Result<(), StateFailure>;

    /// Sorted by bytes.
    async fn keys(
        &self,
        account: Uuid,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StateFailure>;
}

/// The store of state failed.
pub(crate) type StateFailure = Box<dyn std::error::Error + Send + Sync>;

/// The state of one account.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) values: Arc<dyn KeyValues>,
    pub(crate) account: Uuid,
    /// How much it may hold, in bytes.
    pub(crate) quota: u64,
}

impl Guest {
    /// The state of the call's account, for one question to it.
    fn state(&mut self) -> wasmtime::Result<Result<State, state::StateError>> {
        let Some(state) = self.state.clone() else {
            return Ok(Err(state::StateError::Unavailable("this call has no state".to_owned())));
        };
        self.ask()?;
        Ok(Ok(state))
    }

    /// Waits for the store.
    async fn stored<T>(
        &mut self,
        answer: impl Future<Output = Result<T, StateFailure>>,
    ) -> wasmtime::Result<T> {
        self.waits_for_us = true;
        let answer = answer.await;
        self.waits_for_us = false;
        answer.map_err(HostFailure::ending)
    }
}

/// A key that can be stored.
fn usable(key: &str) -> bool {
    (1..=KEY).contains(&key.len()) && !key.contains('\0')
}

impl state::Host for Guest {
    async fn get(
        &mut self,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, state::StateError>> {
        let State { values, account, .. } = match self.state()? {
            Ok(state) => state,
            Err(error) => return Ok(Err(error)),
        };
        if !usable(&key) {
            return Ok(Ok(None));
        }
        self.stored(values.get(account, &key)).await.map(Ok)
    }

    async fn set(
        &mut self,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), state::StateError>> {
        let State { values, account, quota } = match self.state()? {
            Ok(state) => state,
            Err(error) => return Ok(Err(error)),
        };
        if !usable(&key) || value.len() as u64 > quota {
            return Ok(Err(state::StateError::TooLarge));
        }
        let set = self.stored(values.set(account, &key, &value, quota)).await?;
        Ok(if set { Ok(()) } else { Err(state::StateError::QuotaExceeded) })
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), state::StateError>> {
        let State { values, account, .. } = match self.state()? {
            Ok(state) => state,
            Err(error) => return Ok(Err(error)),
        };
        if !usable(&key) {
            return Ok(Ok(()));
        }
        self.stored(values.delete(account, &key)).await.map(Ok)
    }

    async fn keys(
        &mut self,
        prefix: String,
        start_after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<String>, state::StateError>> {
        let State { values, account, .. } = match self.state()? {
            Ok(state) => state,
            Err(error) => return Ok(Err(error)),
        };
        if prefix.contains('\0') || start_after.as_ref().is_some_and(|after| after.contains('\0')) {
            return Ok(Ok(Vec::new()));
        }
        let keys = values.keys(account, &prefix, start_after.as_deref(), limit.min(KEYS));
        self.stored(keys).await.map(Ok)
    }
}
