//! Webhooks: stored, then answered.

use std::time::Duration;

use chrono::TimeDelta;
use contracts::access::{Principal, Purpose};
use contracts::events::connectors::{DataReceived, RawRecord, WebhookReceived};
use contracts::plugins::{HookAnswer, HookRequest, Undone};
use spine::Cause;
use uuid::Uuid;

use crate::account::{Account, Standing};
use crate::store::webhooks::Request;
use crate::{AccountState, Connectors, ConnectorsError, Trigger, hook, jobs, records, store};

/// For so long a request that comes again is the same one.
const REPEATS: TimeDelta = TimeDelta::minutes(10);
/// When a source may try again that comes while its account is paused.
const PAUSED: Duration = Duration::from_secs(3_600);
/// When a source may try again that comes too often at once.
const CROWDED: Duration = Duration::from_secs(5);

impl Connectors {
    /// Takes a webhook for an account. The plugin checks that it is genuine; what it brings is on disk
    /// when this returns, and a repeat makes nothing twice.
    ///
    /// # Errors
    /// There is no such account; it is paused, or was changed meanwhile; the body is larger than 1 MiB; the plugin
    /// refuses the request or failed; the database failed. In all these cases nothing was stored.
    pub async fn receive_webhook(
        &self,
        account: Uuid,
        request: HookRequest,
    ) -> Result<HookAnswer, ConnectorsError> {
        if request.body.len() > hook::LARGEST_BODY {
            return Err(Undone::HookTooLarge.into());
        }
        let account = self.account(account).await?;
        if account.state == AccountState::Paused {
            return Err(ConnectorsError::later(PAUSED));
        }
        let later = ConnectorsError::later(CROWDED);
        let place = self.0.hooks.take(&account.id.to_string()).ok_or(later)?;
        let (digest, named) = (hook::digest(&request), hook::names_its_delivery(&request));
        let outcome = self
            .0
            .plugins
            .webhook(&account.plugin, account.id, &account.config, request)
            .await
            .inspect_err(|error| {
                tracing::warn!(
                    account.id = %account.id, plugin = account.plugin, %error,
                    "a webhook is not taken"
                );
            })?;
        drop(place);
        let received = Received {
            digest,
            named,
            records: outcome.records,
            plugin_version: outcome.plugin_version,
            sync_soon: outcome.sync_soon,
        };
        self.store_webhook(&account, received).await?;
        Ok(outcome.answer)
    }

    async fn store_webhook(
        &self,
        account: &Account,
        received: Received,
    ) -> Result<(), ConnectorsError> {
        let now = self.0.spine.clock().now();
        let mut tx = self.0.spine.begin(Cause::system()).await?;
        // People may have changed it while its plugin was asked: what counts is how it is now.
        let held = store::webhooks::hold_account(tx.conn(), account.id).await?;
        let held = held.ok_or(ConnectorsError::NotFound)?;
        if held.state == AccountState::Paused {
            return Err(ConnectorsError::later(PAUSED));
        }
        if held.config != account.config {
            return Err(ConnectorsError::later(CROWDED));
        }
        let Standing { space, labels, consent } = held.standing;
        tx.set_cause(Cause {
            space: Some(space.to_string()),
            purpose: Some(Purpose::SYNC.to_string()),
            ..Cause::by(Principal::Plugin(account.plugin.clone()).to_string())
        });
        let records_digest = records::digest(&received.records);
        let request = Request {
            id: Uuid::now_v7(),
            account: account.id,
            digest: &received.digest,
            named: received.named,
            records_digest: records_digest.as_deref(),
        };
        if store::webhooks::remember(tx.conn(), &request, now - REPEATS, now).await? {
            tx.record(&WebhookReceived {
                account: account.id,
                plugin: account.plugin.clone(),
                request: request.id,
            })?;
            for records in records::parts(received.records) {
                tx.record(&DataReceived {
                    account: account.id,
                    plugin: account.plugin.clone(),
                    plugin_version: received.plugin_version.clone(),
                    owner: account.owner,
                    space: space.clone(),
                    labels: labels.clone(),
                    records,
                    consent,
                })?;
            }
        }
        // Also for a repeat: two changes may be told in the same words, and a run that waits already
        // will do for both.
        if received.sync_soon {
            jobs::queue(&mut tx, account.id, Trigger::Webhook).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// What a webhook brought.
struct Received {
    digest: Vec<u8>,
    named: bool,
    records: Vec<RawRecord>,
    plugin_version: String,
    sync_soon: bool,
}
