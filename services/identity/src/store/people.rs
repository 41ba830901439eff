//! People.

use chrono::{DateTime, Utc};
use spine::Snowflake;
use sqlx::{PgConnection, PgPool};

use crate::people::{NewPerson, Person, PersonState, Role};

struct Row {
    account_id: i64,
    username: String,
    email: Option<String>,
    password_hash: String,
    role: String,
    state: String,
    reason: String,
    locale: String,
    created_at: DateTime<Utc>,
}

impl Row {
    fn split(self) -> (Person, String) {
        let person = Person {
            account_id: Snowflake(self.account_id),
            username: self.username,
            email: self.email,
            // An unknown role in the database is the weakest one.
            role: self.role.parse().unwrap_or(Role::Member),
            state: PersonState::from_stored(&self.state),
            reason: self.reason,
            locale: self.locale,
            created_at: self.created_at,
        };
        (person, self.password_hash)
    }
}

/// Inserts a person; `false`: the name or address is taken.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    person: &NewPerson,
    password_hash: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"INSERT INTO identity.person
               (account_id, username, email, password_hash, role, state, reason, locale, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT DO NOTHING"#,
        person.account_id.0,
        person.username,
        person.email,
        password_hash,
        person.role.name(),
        person.state.name(),
        person.reason,
        person.locale,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The person with this social account.
pub(crate) async fn by_account(
    pool: &PgPool,
    account_id: Snowflake,
) -> sqlx::Result<Option<Person>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT account_id, username, email, password_hash, role, state, reason, locale, created_at
             FROM identity.person WHERE account_id = $1"#,
        account_id.0
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| row.split().0))
}

/// The person with this user name, in whatever case.
pub(crate) async fn by_username(pool: &PgPool, name: &str) -> sqlx::Result<Option<Person>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT account_id, username, email, password_hash, role, state, reason, locale, created_at
             FROM identity.person WHERE lower(username) = lower($1)"#,
        name
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| row.split().0))
}

/// The person with this user name or address, and their password's hash.
pub(crate) async fn by_login(pool: &PgPool, login: &str) -> sqlx::Result<Option<(Person, String)>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT account_id, username, email, password_hash, role, state, reason, locale, created_at
             FROM identity.person
            WHERE lower(username) = lower($1) OR lower(email) = lower($1)
            ORDER BY lower(username) = lower($1) DESC
            LIMIT 1"#,
        login
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(Row::split))
}

/// Everyone, oldest first.
pub(crate) async fn all(pool: &PgPool) -> sqlx::Result<Vec<Person>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT account_id, username, email, password_hash, role, state, reason, locale, created_at
             FROM identity.person ORDER BY account_id"#
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| row.split().0).collect())
}

/// Whether there is anyone.
pub(crate) async fn any(pool: &PgPool) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM identity.person) AS "any!""#)
        .fetch_one(pool)
        .await
}

/// Replaces the password's hash.
pub(crate) async fn set_password(
    conn: &mut PgConnection,
    account_id: Snowflake,
    hash: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE identity.person SET password_hash = $2 WHERE account_id = $1",
        account_id.0,
        hash
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Leads a person from one state to another; whether they were in the first.
pub(crate) async fn change_state(
    conn: &mut PgConnection,
    account_id: Snowflake,
    from: PersonState,
    to: PersonState,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE identity.person SET state = $3 WHERE account_id = $1 AND state = $2",
        account_id.0,
        from.name(),
        to.name()
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes the person; sessions, codes and tokens go with them.
pub(crate) async fn delete(conn: &mut PgConnection, account_id: Snowflake) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM identity.person WHERE account_id = $1", account_id.0)
        .execute(conn)
        .await?;
    Ok(())
}
