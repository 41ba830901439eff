//! Every SQL statement of the service.

pub(crate) mod accounts;
pub(crate) mod devices;
pub(crate) mod endings;
pub(crate) mod reports;
pub(crate) mod runs;
pub(crate) mod sync;
pub(crate) mod webhooks;

/// Text of a column as what it was written from.
fn decoded<T>(text: &str) -> sqlx::Result<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
