//! Whose turn it is. Everybody takes turns in the same order (merges, aliases, keys, entities), so that
//! nobody waits in a ring.

use sqlx::PgConnection;

/// Holds back merges, their undoing and erasures until the transaction ends: who is who stays as it is.
pub(crate) async fn hold_back_merges(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        r#"SELECT pg_advisory_xact_lock_shared(hashtext('data.merge'), 0) AS "taken!: ()""#
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Waits until nobody writes, and keeps others from writing until the transaction ends.
pub(crate) async fn hold_back_writes(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(r#"SELECT pg_advisory_xact_lock(hashtext('data.merge'), 0) AS "taken!: ()""#)
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes turns about these aliases: who makes an alias known, and whose edge waits for it, see each
/// other. Hashed into a thousand turns, because the server's table of locks is small.
pub(crate) async fn about_aliases(conn: &mut PgConnection, names: &[String]) -> sqlx::Result<()> {
    sqlx::query!(
        r#"WITH turn AS MATERIALIZED (
             SELECT DISTINCT hashtext(name) & 1023 AS number FROM unnest($1::text[]) AS name
              ORDER BY number
           )
           SELECT pg_advisory_xact_lock(hashtext('data.alias'), number) AS "taken!: ()" FROM turn"#,
        names
    )
    .execute(conn)
    .await?;
    Ok(())
}
