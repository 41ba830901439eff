//! What the node itself remembers between starts: every SQL statement of this crate.

use spine::{Spine, SpineError};
use url::Url;

const ORIGIN: &str = "origin";

/// Brings the node's own schema up to date.
///
/// # Errors
/// The database failed.
pub async fn migrate(spine: &Spine) -> Result<(), SpineError> {
    spine::database::migrate(spine.pool(), "node", &sqlx::migrate!("../migrations/node")).await
}

/// The origin that was fixed at first start.
///
/// # Errors
/// The database failed.
pub async fn origin(spine: &Spine) -> Result<Option<Url>, SpineError> {
    let value = sqlx::query_scalar!("SELECT value FROM node.setting WHERE name = $1", ORIGIN)
        .fetch_optional(spine.pool())
        .await?;
    value
        .map(|text| {
            text.parse().map_err(|_| {
                SpineError::Settings(format!("the stored origin {text:?} is not an address"))
            })
        })
        .transpose()
}

/// Fixes the origin, if it was not fixed before. Answers the one that holds.
///
/// # Errors
/// The database failed.
pub async fn fix_origin(spine: &Spine, origin: &Url) -> Result<Url, SpineError> {
    sqlx::query!(
        "INSERT INTO node.setting (name, value, set_at) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO NOTHING",
        ORIGIN,
        origin.as_str(),
        spine.clock().now(),
    )
    .execute(spine.pool())
    .await?;
    self::origin(spine).await.map(|stored| stored.unwrap_or_else(|| origin.clone()))
}
