//! Taking turns.

use sqlx::PgConnection;

/// The advisory lock of this service.
const LOCK: i64 = 0x5072_6573_656e_7401;

/// Whoever follows events, or tells again what events told, takes turns from here until its transaction
/// ends: the live flow, a replay of it, and the job that makes the states again. So nobody announces what
/// another just announced, and what was read before it was erased is written before it is forgotten.
///
/// # Errors
/// The database failed.
pub(crate) async fn take(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LOCK).execute(conn).await?;
    Ok(())
}
