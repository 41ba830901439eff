//! How many events of a type there were: read from the ledger, as far as the rule may see them.

use spine::ledger;

use super::Away;
use crate::Rules;
use crate::audience::{Place, sight_from};
use crate::document::Span;
use crate::engine::{EventDocument, Guard, Lookup};

/// So many events of the type are looked at, the newest first. Beyond it a count is what there is at least.
const MOST: usize = 10_000;
/// Read at a time.
const PAGE: u32 = 1_000;

impl Rules {
    /// How many events of this type happened within `window` before `event`, which itself is not counted; and whether
    /// those are all.
    pub(crate) async fn count(
        &self,
        lookup: &Lookup,
        kind: &str,
        guards: &[Guard],
        window: Span,
        event: &EventDocument,
    ) -> Result<(u32, bool), Away> {
        let until = event.time.unwrap_or_else(|| self.0.spine.clock().now());
        let mut query = ledger::Query {
            kind: Some(kind.to_owned()),
            from: Some(until - window.delta()),
            ..ledger::Query::default()
        };
        let (mut count, mut seen) = (0, 0);
        loop {
            let page = ledger::list(&self.0.spine, &query, PAGE).await;
            let page = page.map_err(|error| Away(error.to_string()))?;
            let Some(last) = page.last() else { return Ok((count, true)) };
            query.before = Some(last.position);
            seen += page.len();
            for recorded in &page {
                if recorded.event.time > until {
                    continue;
                }
                let Some(past) = EventDocument::of(&recorded.event) else { continue };
                if past.id == event.id || !guards.iter().all(|guard| guard.admits(&past)) {
                    continue;
                }
                let sight = sight_from(&lookup.space, &Place::of(&past));
                count += u32::from(self.sees(lookup.owner, sight).await?);
            }
            if page.len() < PAGE as usize {
                return Ok((count, true));
            }
            if seen >= MOST {
                return Ok((count, false));
            }
        }
    }
}
