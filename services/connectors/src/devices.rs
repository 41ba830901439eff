//! What people do with devices, and what devices report.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use contracts::access::{Principal, Purpose, SpaceId};
use contracts::events::devices::{DeviceChanged, DeviceReported};
use serde_json::Value;
use sha2::{Digest, Sha256};
use spine::{Cause, Snowflake, Spine};
use uuid::Uuid;

use crate::device::{self, Device, DeviceKind, ItemOutcome, ItemStatus, Report};
use crate::{Connectors, ConnectorsError, store};
use contracts::input;

/// Most reports of one batch.
pub const MOST_EVENTS: usize = 500;
/// Most devices of one person.
const MOST_DEVICES: i64 = 100;
/// What a device's token begins with, so that it is told from others where it leaks.
const TOKEN: &str = "sov_device_";
/// A token is no longer.
const LONGEST_TOKEN: usize = 100;

/// A device to be registered.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub person: Snowflake,
    /// What people call it.
    pub name: String,
    /// What kind it is.
    pub kind: DeviceKind,
}

/// Reports that come together.
#[derive(Clone, Debug, Default)]
pub struct DeviceBatch {
    /// When it was sent, by the device's clock: tells how wrong that is.
    pub sent_at: Option<DateTime<Utc>>,
    /// The reports, each of the shape of [`crate::DeviceEvent`].
    pub events: Vec<Value>,
}

impl Connectors {
    /// Registers a device; its token is told here and never again. None where the id is known already.
    ///
    /// # Errors
    /// The input is not acceptable; the person has a hundred devices; the database failed.
    pub async fn register_device(
        &self,
        new: NewDevice,
        cause: Cause,
    ) -> Result<(Device, Option<String>), ConnectorsError> {
        let token = new_token()?;
        let device = Device {
            id: new.id,
            person: new.person,
            name: input::name(&new.name)?,
            kind: new.kind,
            version: 1,
            created_at: self.0.spine.clock().now(),
            last_seen_at: None,
        };
        let mut tx = self.0.spine.begin(cause).await?;
        if store::devices::insert(tx.conn(), &device, &hash(&token), MOST_DEVICES).await? {
            tx.record(&changed(device.id, device.person, "registered"))?;
            tx.commit().await?;
            return Ok((device, Some(token)));
        }
        tx.rollback().await?;
        match store::devices::find(self.0.spine.pool(), new.id).await? {
            Some(known) => Ok((known, None)),
            None => Err(ConnectorsError::Invalid(format!(
                "a person has at most {MOST_DEVICES} devices, and an id is used once"
            ))),
        }
    }

    /// One device.
    ///
    /// # Errors
    /// There is none; the database failed.
    pub async fn device(&self, id: Uuid) -> Result<Device, ConnectorsError> {
        store::devices::find(self.0.spine.pool(), id).await?.ok_or(ConnectorsError::NotFound)
    }

    /// Gives a device another name.
    ///
    /// # Errors
    /// It was changed meanwhile, as compared with `device`; the name is not acceptable; the database failed.
    pub async fn rename_device(
        &self,
        device: &Device,
        name: &str,
        cause: Cause,
    ) -> Result<Device, ConnectorsError> {
        let name = input::name(name)?;
        let mut tx = self.0.spine.begin(cause).await?;
        if !store::devices::rename(tx.conn(), device, &name).await? {
            return Err(ConnectorsError::ChangedMeanwhile);
        }
        tx.record(&changed(device.id, device.person, "renamed"))?;
        tx.commit().await?;
        self.device(device.id).await
    }

    /// Gives a device a new token, told here and never again; the one before ends at once.
    ///
    /// # Errors
    /// It was changed meanwhile, as compared with `device`; the database failed.
    pub async fn renew_device_token(
        &self,
        device: &Device,
        cause: Cause,
    ) -> Result<(Device, String), ConnectorsError> {
        let token = new_token()?;
        let mut tx = self.0.spine.begin(cause).await?;
        if !store::devices::renew(tx.conn(), device, &hash(&token)).await? {
            return Err(ConnectorsError::ChangedMeanwhile);
        }
        tx.record(&changed(device.id, device.person, "renewed"))?;
        let (known, id) = (Arc::clone(&self.0.devices), device.id);
        tx.on_commit(move || known.forget(id));
        tx.commit().await?;
        Ok((self.device(device.id).await?, token))
    }

    /// Removes a device: its token ends at once. With `erase` all that it reported becomes unreadable.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_device(
        &self,
        device: &Device,
        erase: bool,
        cause: Cause,
    ) -> Result<(), ConnectorsError> {
        let mut tx = self.0.spine.begin(cause).await?;
        let now = self.0.spine.clock().now();
        if store::devices::remove(tx.conn(), device.id, now).await? {
            if erase {
                Spine::erase(&mut tx, &format!("device:{}", device.id)).await?;
            }
            tx.record(&changed(device.id, device.person, "removed"))?;
            let (known, id) = (Arc::clone(&self.0.devices), device.id);
            tx.on_commit(move || known.forget(id));
            tx.commit().await?;
        }
        Ok(())
    }

    /// The device with this token.
    ///
    /// # Errors
    /// The database failed.
    pub async fn authenticate_device(
        &self,
        token: &str,
    ) -> Result<Option<Device>, ConnectorsError> {
        if !token.starts_with(TOKEN) || token.len() > LONGEST_TOKEN {
            return Ok(None);
        }
        let hash = hash(token);
        if let Some(device) = self.0.devices.get(&hash) {
            return Ok(Some(device));
        }
        let before = self.0.devices.before();
        let found = store::devices::by_token(self.0.spine.pool(), &hash).await?;
        if let Some(device) = &found {
            self.0.devices.keep(hash, device.clone(), before);
        }
        Ok(found)
    }

    /// Takes reports of a device, in one transaction; what became of each, in their order.
    ///
    /// A report keeps its own time, also where it comes late: up to 31 days, beyond which it is refused. A
    /// time that is more than five minutes ahead becomes the time of arrival; where the batch says when it was
    /// sent and the device's clock is off by more than five minutes, all its times are put right first.
    ///
    /// # Errors
    /// More than 500 reports; the device was removed; the database failed.
    pub async fn receive_device_events(
        &self,
        device: &Device,
        batch: DeviceBatch,
    ) -> Result<Vec<ItemOutcome>, ConnectorsError> {
        if batch.events.len() > MOST_EVENTS {
            return Err(ConnectorsError::Invalid(format!(
                "a batch has at most {MOST_EVENTS} events"
            )));
        }
        let now = self.0.spine.clock().now();
        let clock_error = device::clock_error(batch.sent_at, now);
        let read: Vec<_> =
            batch.events.iter().map(|item| device::read(item, clock_error, now)).collect();
        let ids: Vec<&str> = read.iter().flatten().map(|report| report.id.as_str()).collect();
        let cause = Cause {
            space: Some(SpaceId::of_person(device.person).to_string()),
            purpose: Some(Purpose::SYNC.to_string()),
            ..Cause::by(Principal::Device(device.id).to_string())
        };
        let mut tx = self.0.spine.begin(cause).await?;
        if !store::reports::seen(tx.conn(), device.id, now).await? {
            return Err(ConnectorsError::NotFound);
        }
        let mut new = store::reports::remember(tx.conn(), device.id, &ids, now).await?;
        let mut outcomes = Vec::with_capacity(read.len());
        for report in read {
            let (report, status, reason) = match report {
                // The first of two with one id in a batch is the one that counts.
                Ok(report) if new.remove(&report.id) => {
                    let id = report.id.clone();
                    tx.record(&reported(device, report))?;
                    (Some(id), ItemStatus::Accepted, None)
                }
                Ok(report) => (Some(report.id), ItemStatus::Repeated, None),
                Err((report, reason)) => (report, ItemStatus::Refused, Some(reason)),
            };
            outcomes.push(ItemOutcome { report, status, reason });
        }
        tx.commit().await?;
        Ok(outcomes)
    }
}

fn reported(device: &Device, report: Report) -> DeviceReported {
    DeviceReported {
        device: device.id,
        person: device.person,
        report: report.id,
        facet: report.facet,
        at: report.at,
        data: report.data,
    }
}

fn changed(device: Uuid, person: Snowflake, change: &str) -> DeviceChanged {
    DeviceChanged { device, person, change: change.to_owned() }
}

/// A new token: 256 random bits.
fn new_token() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{TOKEN}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// What is stored of a token. SHA-256 is enough where the token itself is 256 random bits.
fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
