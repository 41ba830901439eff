//! Transactions that begin again where another one was in the way.

use spine::{Cause, SpineError};

use crate::SocialError;

/// How often a command tries.
pub(super) const ATTEMPTS: u32 = 5;

/// What a person does: the cause of all that follows.
pub(super) fn by(actor: &str) -> Cause {
    Cause::by(actor)
}

/// Whether the same call may succeed at once: PostgreSQL ended the transaction in favour of another
/// (its codes 40001 and 40P01), or it built on what another was just storing.
pub(super) fn is_conflict(error: &SocialError) -> bool {
    match error {
        SocialError::Raced => true,
        SocialError::Store(error) | SocialError::Spine(SpineError::Database(error)) => error
            .as_database_error()
            .and_then(|error| error.code())
            .is_some_and(|code| code == "40001" || code == "40P01"),
        _ => false,
    }
}

/// Runs the block in a transaction and commits it; the block's value is the macro's. Begins again,
/// a few times, where another transaction was in the way.
macro_rules! transaction {
    ($social:expr, $actor:expr, $tx:ident => $body:block) => {{
        let mut attempt = 1;
        loop {
            let mut transaction =
                $social.spine().begin($crate::commands::transaction::by($actor)).await?;
            let done: Result<_, $crate::SocialError> = async {
                let $tx = &mut transaction;
                $body
            }
            .await;
            let error = match done {
                Ok(value) => match transaction.commit().await {
                    Ok(()) => break value,
                    Err(error) => $crate::SocialError::from(error),
                },
                Err(error) => {
                    transaction.rollback().await?;
                    error
                }
            };
            if attempt == $crate::commands::transaction::ATTEMPTS
                || !$crate::commands::transaction::is_conflict(&error)
            {
                return Err(error);
            }
            attempt += 1;
        }
    }};
}

pub(super) use transaction;
