//! Which form of HTTP signature each host understands, remembered over restarts.

use std::time::Duration;

use activitypub::fetch::FormMemory;
use activitypub::signature::SignatureForm;
use async_trait::async_trait;
use moka::future::Cache;
use spine::Clock;
use sqlx::PgPool;

use crate::store::inbound_hosts;

/// Hosts remembered in memory.
const CAPACITY: u64 = 10_000;
/// After this long the database is asked again.
const LIFE: Duration = Duration::from_secs(600);

/// The memory of one process in front of `social.remote_host`.
pub(crate) struct HostForms {
    pool: PgPool,
    clock: Clock,
    cache: Cache<String, SignatureForm>,
}

impl HostForms {
    pub(crate) fn new(pool: PgPool, clock: Clock) -> Self {
        let cache = Cache::builder().max_capacity(CAPACITY).time_to_live(LIFE).build();
        Self { pool, clock, cache }
    }
}

#[async_trait]
impl FormMemory for HostForms {
    async fn preferred(&self, host: &str) -> SignatureForm {
        if let Some(form) = self.cache.get(host).await {
            return form;
        }
        match inbound_hosts::signature_form(&self.pool, host).await {
            Ok(number) => {
                let form = match number {
                    Some(1) => SignatureForm::Rfc9421,
                    _ => SignatureForm::Cavage,
                };
                self.cache.insert(host.to_owned(), form).await;
                form
            }
            Err(error) => {
                tracing::debug!(%error, host, "the host's signature form could not be read");
                SignatureForm::default()
            }
        }
    }

    async fn remember(&self, host: &str, form: SignatureForm) {
        self.cache.insert(host.to_owned(), form).await;
        let number = match form {
            SignatureForm::Cavage => 0,
            SignatureForm::Rfc9421 => 1,
        };
        let now = self.clock.now();
        if let Err(error) = inbound_hosts::set_signature_form(&self.pool, host, number, now).await {
            tracing::debug!(%error, host, "the host's signature form could not be kept");
        }
    }
}
