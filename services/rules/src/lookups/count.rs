//! How many events of a type there were: read from the ledger, as far as the rule may see them.

use contracts::access::SpaceId;
use spine::ledger;

use crate::audience::{Sight, sight_from};
use crate::document::Span;
use crate::engine::{EventDocument, Guard};
use crate::{Rules, RulesError};

/// So many events of the type are looked at, the newest first; more are not counted.
const MOST: usize = 2_000;
/// Read at a time.
const PAGE: u32 = 500;

impl Rules {
    /// How many events of this type happened within `window` before `event`, which itself is not counted.
    pub(crate) async fn count(
        &self,
        space: &SpaceId,
        kind: &str,
        guards: &[Guard],
        window: Span,
        event: &EventDocument,
    ) -> Result<u32, RulesError> {
        let until = event.time.unwrap_or_else(|| self.0.spine.clock().now());
        let mut query = ledger::Query {
            kind: Some(kind.to_owned()),
            from: Some(until - window.delta()),
            ..ledger::Query::default()
        };
        let (mut count, mut seen) = (0, 0);
        while seen < MOST {
            let page = ledger::list(&self.0.spine, &query, PAGE).await?;
            let Some(last) = page.last() else { break };
            query.before = Some(last.position);
            seen += page.len();
            for recorded in &page {
                let counted = recorded.event.time <= until
                    && EventDocument::of(&recorded.event).is_some_and(|past| {
                        past.id != event.id
                            && sight_from(space, &past, || false) == Sight::Yes
                            && guards.iter().all(|guard| guard.admits(&past))
                    });
                count += u32::from(counted);
            }
            if page.len() < PAGE as usize {
                break;
            }
        }
        Ok(count)
    }
}
