//! The event ledger: append-only, in Postgres, read in commit order without gaps.
//!
//! An event carries the number of the transaction that wrote it and its place within that
//! transaction. Readers look only below the oldest transaction that is still running anywhere on
//! the Postgres server, so nothing ever appears behind a position they have passed. The price: the
//! longest running transaction holds readers up, so transactions are short.

mod append;
mod housekeeping;
mod read;
mod stored;

use serde::{Deserialize, Serialize};

pub(crate) use append::{Pending, append};
pub(crate) use housekeeping::{keep_house, prepare};
pub use read::{Page, Query, Recorded, by_id, head, list, position_at, read_after};
pub(crate) use read::{
    Patterns, exists_after, first_unknown, last_before, read_stored, read_with, readable_end,
    wrapped_keys,
};
pub(crate) use stored::Stored;

/// A place in the ledger. Places are compared in commit order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Position {
    /// The number of the transaction, rising over the ledger's whole life.
    pub transaction_order: i64,
    /// The place within the transaction, from 0.
    pub sequence: i32,
}

impl Position {
    /// Before everything.
    pub const START: Self = Self { transaction_order: 0, sequence: 0 };
    /// After everything.
    pub const END: Self = Self { transaction_order: i64::MAX, sequence: i32::MAX };

    /// The place directly before this one: reading after it starts here.
    #[must_use]
    pub fn before(self) -> Self {
        match self.sequence.checked_sub(1) {
            Some(sequence) if sequence >= 0 => Self { sequence, ..self },
            _ => Self { transaction_order: self.transaction_order - 1, sequence: i32::MAX },
        }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.transaction_order, self.sequence)
    }
}

/// The text is not a position (`transaction.sequence`).
#[derive(Debug, thiserror::Error)]
#[error("a position looks like 1234.0")]
pub struct NotAPosition;

impl std::str::FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (order, sequence) = text.split_once('.').ok_or(NotAPosition)?;
        Ok(Self {
            transaction_order: order.parse().map_err(|_| NotAPosition)?,
            sequence: sequence.parse().map_err(|_| NotAPosition)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_as_it_is_written() {
        let position = Position { transaction_order: 1_234, sequence: 5 };
        assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        assert!("12".parse::<Position>().is_err());
    }

    #[test]
    fn the_place_before_is_smaller_and_nothing_lies_between_within_a_transaction() {
        let second = Position { transaction_order: 7, sequence: 1 };
        assert_eq!(second.before(), Position { transaction_order: 7, sequence: 0 });
        let first = Position { transaction_order: 7, sequence: 0 };
        assert!(first.before() < first);
        assert!(first.before() > Position { transaction_order: 6, sequence: 999 });
    }
}
