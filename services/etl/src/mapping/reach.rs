//! Who may see what a mapping makes, and so what it makes it of.

use std::collections::BTreeSet;

use contracts::access::SpaceId;

use super::Mapping;

/// What a mapping adds to entities beside what their account says: who may not see these may not see the records
/// either that they are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Labels.
    pub(crate) labels: Vec<String>,
    /// Spaces that are not open to everybody.
    pub(crate) spaces: Vec<String>,
}

impl Mapping {
    /// What it adds to any of its entities.
    pub(crate) fn reach(&self) -> Reach {
        let labels: BTreeSet<&String> = self.entities.iter().flat_map(|e| &e.labels).collect();
        let spaces: BTreeSet<&SpaceId> =
            self.entities.iter().filter_map(|e| e.space.as_ref()).collect();
        let spaces = spaces.into_iter().filter(|space| **space != SpaceId::public());
        Reach {
            labels: labels.into_iter().cloned().collect(),
            spaces: spaces.map(ToString::to_string).collect(),
        }
    }
}
