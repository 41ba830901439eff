//! Other names of entities.

use contracts::model::Alias;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::graph::Contribution;

/// Replaces the aliases of these keys by what their contributions say now.
pub(crate) async fn replace(
    conn: &mut PgConnection,
    contributions: &[&Contribution],
) -> sqlx::Result<()> {
    let all: Vec<i64> = contributions.iter().map(|contribution| contribution.key_id).collect();
    sqlx::query!("DELETE FROM data.alias WHERE key = ANY($1)", &all).execute(&mut *conn).await?;
    let (mut keys, mut schemes, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let (mut entities, mut spaces) = (Vec::new(), Vec::new());
    for contribution in contributions.iter().filter(|contribution| contribution.live) {
        let Some(said) = &contribution.said else { continue };
        for alias in &said.aliases {
            keys.push(contribution.key_id);
            schemes.push(alias.scheme.clone());
            values.push(alias.value.clone());
            entities.push(contribution.entity);
            spaces.push(said.space.to_string());
        }
    }
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO data.alias (key, scheme, value, entity, space)
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::uuid[], $5::text[])",
        &keys,
        &schemes,
        &values,
        &entities,
        &spaces
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An alias in a space, and whose it is.
pub(crate) struct Holder {
    pub(crate) alias: Alias,
    pub(crate) space: String,
    /// The entity that the source means.
    pub(crate) entity: Uuid,
}

/// Who has these aliases in these spaces; of several the one that was known first.
pub(crate) async fn holders(
    conn: &mut PgConnection,
    wanted: &[(Alias, String)],
) -> sqlx::Result<Vec<Holder>> {
    let schemes: Vec<String> = wanted.iter().map(|(alias, _)| alias.scheme.clone()).collect();
    let values: Vec<String> = wanted.iter().map(|(alias, _)| alias.value.clone()).collect();
    let spaces: Vec<String> = wanted.iter().map(|(_, space)| space.clone()).collect();
    let rows = sqlx::query!(
        "SELECT DISTINCT ON (a.scheme, a.value, a.space)
                a.scheme, a.value, a.space, a.entity
           FROM unnest($1::text[], $2::text[], $3::text[]) AS w(scheme, value, space)
           JOIN data.alias a USING (scheme, value, space)
          ORDER BY a.scheme, a.value, a.space, a.entity",
        &schemes,
        &values,
        &spaces
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Holder {
            alias: Alias { scheme: row.scheme, value: row.value },
            space: row.space,
            entity: row.entity,
        })
        .collect())
}
