//! Learns who lives here, from identity's events.

use async_trait::async_trait;
use contracts::access::Principal;
use contracts::events::policy::{ConsentWithdrawn, PrincipalChanged, SpaceChanged};
use serde::Deserialize;
use spine::{Event, Filter, Handler, HandlerError, Snowflake, Tx};

use super::payload;
use crate::{PersonState, PolicyError, PolicyService, Role, store};

const REGISTERED: &str = "identity.PersonRegistered.v1";
const CHANGED: &str = "identity.PersonChanged.v1";

/// Learns who lives here.
pub(crate) struct People(PolicyService);

impl People {
    pub(crate) fn new(service: PolicyService) -> Self {
        Self(service)
    }
}

/// Of `identity.PersonRegistered.v1`, what policies are about.
#[derive(Deserialize)]
struct Registered {
    account: Snowflake,
    role: String,
    state: String,
}

/// Of `identity.PersonChanged.v1`, what policies are about.
#[derive(Deserialize)]
struct Changed {
    account: Snowflake,
    change: String,
    /// The new role, where `change` is `role`.
    #[serde(default)]
    role: Option<String>,
}

#[async_trait]
impl Handler for People {
    fn name(&self) -> &'static str {
        "policy.people"
    }

    fn filter(&self) -> Filter {
        Filter::Types(&[REGISTERED, CHANGED])
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        let mut anything = false;
        for event in events {
            tx.set_cause(event.as_cause());
            anything |= match &*event.kind {
                REGISTERED => registered(event, tx).await?,
                _ => changed(event, tx).await?,
            };
        }
        if anything {
            self.0.changed(tx).await?;
        }
        Ok(())
    }
}

async fn registered(event: &Event, tx: &mut Tx) -> Result<bool, HandlerError> {
    // Erased: they are gone, as the event that follows says.
    let Some(person) = payload::<Registered>(event)? else { return Ok(false) };
    let role = person.role.parse().unwrap_or(Role::Member);
    let state = person.state.parse().unwrap_or(PersonState::Suspended);
    let new = store::people::insert(tx.conn(), person.account, role, state, event.time).await?;
    if new {
        tell(tx, person.account, "registered")?;
    }
    Ok(new)
}

async fn changed(event: &Event, tx: &mut Tx) -> Result<bool, HandlerError> {
    let Some(change) = payload::<Changed>(event)? else { return Ok(false) };
    let (account, at) = (change.account, event.time);
    let state = match change.change.as_str() {
        "approved" | "restored" => PersonState::Active,
        "suspended" => PersonState::Suspended,
        "deleted" => PersonState::Deleted,
        "role" => {
            let Some(role) = change.role.and_then(|role| role.parse().ok()) else {
                tracing::warn!(account.id = %account, "a role changed and the event does not say to what");
                return Ok(false);
            };
            let changed = store::people::set_role(tx.conn(), account, role, at).await?;
            if changed {
                tell(tx, account, "role")?;
            }
            return Ok(changed);
        }
        _ => return Ok(false),
    };
    let mut changed = store::people::set_state(tx.conn(), account, state, at).await?;
    // Somebody whose registration was erased before it came here is not to be taken for somebody new.
    if matches!(state, PersonState::Suspended | PersonState::Deleted) {
        changed |= store::people::insert(tx.conn(), account, Role::Member, state, at).await?;
    }
    if changed {
        tell(tx, account, &change.change)?;
    }
    let gone = state == PersonState::Deleted && forget(tx, account, at).await?;
    Ok(changed || gone)
}

/// Ends what somebody who is gone shared and consented to, and what others consented to for them.
async fn forget(
    tx: &mut Tx,
    account: Snowflake,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<bool, PolicyError> {
    let circles = store::circles::leave_all(tx.conn(), account).await?;
    for circle in &circles {
        store::circles::count_change(tx.conn(), *circle).await?;
        let space = contracts::access::SpaceId::of_circle(*circle);
        tx.record(&SpaceChanged {
            space: space.clone(),
            member: Some(account),
            change: "left".to_owned(),
        })?;
        if let Some(keeper) = store::circles::appoint(tx.conn(), *circle).await? {
            let change = "joined".to_owned();
            tx.record(&SpaceChanged { space, member: Some(keeper), change })?;
        } else if store::circles::remove_empty(tx.conn(), *circle, at).await? {
            tx.record(&SpaceChanged { space, member: None, change: "removed".to_owned() })?;
        }
    }
    let withdrawn = store::consents::withdraw_all_of(tx.conn(), account, at).await?;
    for (consent, subject) in &withdrawn {
        tx.record(&ConsentWithdrawn { consent: *consent, subject: *subject })?;
    }
    Ok(!circles.is_empty() || !withdrawn.is_empty())
}

/// Other processes hear of it once it is in force, which is later than the event that brought it.
fn tell(tx: &mut Tx, account: Snowflake, change: &str) -> Result<(), spine::SpineError> {
    let principal = Principal::Person(account);
    tx.record(&PrincipalChanged { principal, change: change.to_owned() })?;
    Ok(())
}
