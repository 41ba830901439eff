//! What the service does about events.

use async_trait::async_trait;
use spine::event::SubjectErased;
use spine::{Event, EventData, Filter, Handler, HandlerError, Snowflake, Tx};

use crate::Communication;

/// With a person go their channels, and all that these carried.
pub(crate) struct PeopleErased(pub(crate) Communication);

#[async_trait]
impl Handler for PeopleErased {
    fn name(&self) -> &'static str {
        "communication.people_erased"
    }

    fn filter(&self) -> Filter {
        Filter::Types(&[SubjectErased::TYPE])
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        for event in events {
            let person = event.subject.strip_prefix("account:").map(str::parse::<Snowflake>);
            if let Some(Ok(person)) = person {
                tx.set_cause(event.as_cause());
                self.0.erase_person(tx, person).await?;
            }
        }
        Ok(())
    }
}
