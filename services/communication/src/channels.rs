//! What people do with channels.

use contracts::access::SpaceId;
use serde_json::Value;
use spine::{Cause, JobOptions, Snowflake, Spine, SpineError, Tx};
use uuid::Uuid;

use crate::channel::{self, Channel};
use crate::erasure::Scope;
use crate::jobs::{Erase, ForgetChannel};
use crate::{ChannelState, Communication, CommunicationError, NewChannel, store};
use contracts::input;

/// What is to be changed of a channel; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ChannelChange {
    /// What people call it.
    pub name: Option<String>,
    /// The plugin's settings.
    pub config: Option<Value>,
    /// Where its messages and calls belong from now on.
    pub space: Option<SpaceId>,
    /// What they are labelled with from now on.
    pub labels: Option<Vec<String>>,
    /// Its own address.
    pub address: Option<String>,
    /// Whether it is its owner's default.
    pub is_default: Option<bool>,
    /// Whether it carries anything.
    pub paused: Option<bool>,
}

impl Communication {
    /// Adds a channel. Where its id is known already, the channel that has it is answered, as it is.
    ///
    /// # Errors
    /// The plugin does not accept the configuration, or may not be called; the input is not acceptable; the
    /// database failed.
    pub async fn add(&self, new: NewChannel, cause: Cause) -> Result<Channel, CommunicationError> {
        let (new, address) = new.checked()?;
        self.0.plugins.check_config(&new.plugin, &new.config).await?;
        let now = self.0.spine.clock().now();
        let mut tx = self.0.spine.begin(cause).await?;
        if store::channels::insert(tx.conn(), &new, &address, now).await? {
            tx.commit().await?;
        }
        self.channel(new.id).await
    }

    /// One channel.
    ///
    /// # Errors
    /// There is none; the database failed.
    pub async fn channel(&self, id: Uuid) -> Result<Channel, CommunicationError> {
        self.find_channel(id).await?.ok_or(CommunicationError::NotFound)
    }

    pub(crate) async fn find_channel(
        &self,
        id: Uuid,
    ) -> Result<Option<Channel>, CommunicationError> {
        Ok(store::channels::find(self.0.spine.pool(), id).await?)
    }

    /// Changes what people set. A channel that waited for its owner carries again where it is changed so.
    ///
    /// # Errors
    /// It was changed meanwhile, as compared with `channel`; the plugin does not accept the configuration;
    /// the input is not acceptable; the database failed.
    pub async fn change(
        &self,
        channel: Channel,
        change: ChannelChange,
        cause: Cause,
    ) -> Result<Channel, CommunicationError> {
        let mut next = channel;
        if let Some(name) = &change.name {
            next.name = input::name(name)?;
        }
        if let Some(labels) = change.labels {
            next.labels = input::labels(labels)?;
        }
        if let Some(space) = change.space {
            next.space = space;
        }
        if let Some(address) = &change.address {
            let address = channel::own_address(address)?;
            if address.scheme() != next.scheme {
                return Err(CommunicationError::Invalid(
                    "`address` must stay of its kind; another kind is another channel".to_owned(),
                ));
            }
            next.address = address.as_str().to_owned();
        }
        if let Some(is_default) = change.is_default {
            next.is_default = is_default;
        }
        if let Some(config) = change.config.filter(|config| *config != next.config) {
            channel::config(&config)?;
            self.0.plugins.check_config(&next.plugin, &config).await?;
            next.config = config;
            if next.state == ChannelState::NeedsSignIn {
                next.state = ChannelState::Active;
            }
        }
        match change.paused {
            Some(true) => next.state = ChannelState::Paused,
            Some(false) => next.state = ChannelState::Active,
            None => {}
        }
        if next.state == ChannelState::Active {
            next.last_error = None;
        }
        let mut tx = self.0.spine.begin(cause).await?;
        if !store::channels::update(tx.conn(), &next).await? {
            tx.rollback().await?;
            let there = store::channels::find(self.0.spine.pool(), next.id).await?;
            let meanwhile = |_| CommunicationError::ChangedMeanwhile;
            return Err(there.map_or(CommunicationError::NotFound, meanwhile));
        }
        tx.commit().await?;
        self.channel(next.id).await
    }

    /// Removes a channel. With `erase` all that it carried goes too, here, in the graph and in the ledger.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove(
        &self,
        channel: Uuid,
        erase: bool,
        cause: Cause,
    ) -> Result<(), CommunicationError> {
        let mut tx = self.0.spine.begin(cause).await?;
        remove(&mut tx, channel, erase).await?;
        Ok(tx.commit().await?)
    }

    /// Removes all of a person's channels and what they carried, and whatever else is theirs: what another's channel
    /// carried for them, what one carried that is removed already, and what none could carry.
    pub(crate) async fn erase_person(
        &self,
        tx: &mut Tx,
        person: Snowflake,
    ) -> Result<(), SpineError> {
        let now = tx.spine().clock().now();
        store::erased::person(tx.conn(), person, now).await?;
        let part = JobOptions::default().part(format!("person:{person}"));
        tx.schedule_with(&Erase { scope: Scope::Person(person), batch: 0 }, part)?;
        for channel in store::channels::of_owner(tx.conn(), person).await? {
            remove(tx, channel, true).await?;
        }
        Ok(())
    }
}

async fn remove(tx: &mut Tx, channel: Uuid, erase: bool) -> Result<(), SpineError> {
    let Some(plugin) = store::channels::delete(tx.conn(), channel).await? else {
        return Ok(());
    };
    let part = || JobOptions::default().part(channel.to_string());
    tx.schedule_with(&ForgetChannel { plugin, channel }, part())?;
    if erase {
        // Who wanted no messages through it.
        Spine::erase(tx, &format!("channel:{channel}")).await?;
        tx.schedule_with(&Erase { scope: Scope::Channel(channel), batch: 0 }, part())?;
    }
    Ok(())
}
