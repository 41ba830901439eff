//! What goes when keys are destroyed, whoever did so.

use async_trait::async_trait;
use spine::event::SubjectErased;
use spine::{Event, EventData as _, Filter, Handler, HandlerError, Tx};
use uuid::Uuid;

use super::{Forget, Scope, is_told_again};
use crate::store::keys;

/// Has forgotten what an erased subject stands for: an entity, a person's own space, all that came from a
/// connector's account, a message, a call.
pub(crate) struct ErasedHandler;

#[async_trait]
impl Handler for ErasedHandler {
    fn name(&self) -> &'static str {
        "data.erased"
    }

    fn filter(&self) -> Filter {
        Filter::Types(&[SubjectErased::TYPE])
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        let scopes: Vec<(&Event, Scope)> = events
            .iter()
            .filter(|event| !is_told_again(event))
            .filter_map(|event| Some((event, Scope::of_subject(&event.subject)?)))
            .collect();
        let entities: Vec<Uuid> = scopes
            .iter()
            .filter_map(|(_, scope)| match scope {
                Scope::Entity(id) => Some(*id),
                _ => None,
            })
            .collect();
        // Most of them were erased here.
        let known = match entities.is_empty() {
            true => Vec::new(),
            false => keys::roots(tx.conn(), &entities).await?,
        };
        for (event, scope) in scopes {
            if let Scope::Entity(id) = scope
                && !known.iter().any(|(known, _)| *known == id)
            {
                continue;
            }
            tx.set_cause(event.as_cause());
            tx.schedule(&Forget::new(scope))?;
        }
        Ok(())
    }
}
