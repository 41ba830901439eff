//! The audit log: entries, leaves, tiles, heads.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use tlog_tiles::Hash;
use uuid::Uuid;

use crate::audit::Entry;

/// The advisory lock of the one who sequences: "POLAUDIT".
const SEQUENCER: i64 = 0x504f_4c41_5544_4954;

/// An entry's row, where it is still there.
struct Row {
    id: Uuid,
    time: DateTime<Utc>,
    principal: String,
    behalf: Option<i64>,
    via: Option<i64>,
    action: String,
    kind: String,
    resource: String,
    spaces: Vec<String>,
    subject: Option<i64>,
    purpose: String,
    allowed: bool,
    policies: Vec<String>,
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            time: row.time,
            principal: row.principal,
            behalf: row.behalf,
            via: row.via,
            action: row.action,
            kind: row.kind,
            resource: row.resource,
            spaces: row.spaces,
            subject: row.subject,
            purpose: row.purpose,
            allowed: row.allowed,
            policies: row.policies,
        }
    }
}

/// A leaf, with its entry as it is now.
pub(crate) struct Leaf {
    pub(crate) place: u64,
    pub(crate) entry: Uuid,
    pub(crate) hash: Hash,
    pub(crate) found: Option<Entry>,
}

/// A signed head, as its row says.
pub(crate) struct SignedHead {
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) note: String,
}

fn hash(bytes: &[u8]) -> Hash {
    // The table holds 32 bytes or nothing at all; anything else is no hash of ours.
    Hash(bytes.try_into().unwrap_or_default())
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Writes entries, and that they wait for a place. Those that are there already stay as they are: a
/// write whose answer was lost is done again. Answers the revision of what decisions rest on, as it was
/// when this began.
pub(crate) async fn insert(pool: &PgPool, entries: &[Entry]) -> sqlx::Result<i64> {
    let ids: Vec<Uuid> = entries.iter().map(|entry| entry.id).collect();
    let times: Vec<DateTime<Utc>> = entries.iter().map(|entry| entry.time).collect();
    let principals: Vec<&str> = entries.iter().map(|entry| entry.principal.as_str()).collect();
    let behalfs: Vec<Option<i64>> = entries.iter().map(|entry| entry.behalf).collect();
    let vias: Vec<Option<i64>> = entries.iter().map(|entry| entry.via).collect();
    let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    let resources: Vec<&str> = entries.iter().map(|entry| entry.resource.as_str()).collect();
    // Names of spaces and policies hold no space.
    let spaces: Vec<String> = entries.iter().map(|entry| entry.spaces.join(" ")).collect();
    let subjects: Vec<Option<i64>> = entries.iter().map(|entry| entry.subject).collect();
    let purposes: Vec<&str> = entries.iter().map(|entry| entry.purpose.as_str()).collect();
    let allowed: Vec<bool> = entries.iter().map(|entry| entry.allowed).collect();
    let policies: Vec<String> = entries.iter().map(|entry| entry.policies.join(" ")).collect();
    sqlx::query_scalar!(
        r#"WITH written AS (
             INSERT INTO policy.audit_entry
                    (id, time, principal, behalf, via, action, kind, resource, spaces, subject,
                     purpose, allowed, policies)
             SELECT id, time, principal, behalf, via, action, kind, resource,
                    string_to_array(spaces, ' '), subject, purpose, allowed,
                    string_to_array(policies, ' ')
               FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::bigint[], $5::bigint[],
                           $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
                           $11::text[], $12::boolean[], $13::text[])
                 AS entry (id, time, principal, behalf, via, action, kind, resource, spaces, subject,
                           purpose, allowed, policies)
                 ON CONFLICT (id) DO NOTHING
             RETURNING id
           ), waits AS (
             INSERT INTO policy.audit_waiting (entry) SELECT id FROM written
           )
           SELECT number FROM policy.revision"#,
        &ids,
        &times,
        &principals as &[&str],
        &behalfs as &[Option<i64>],
        &vias as &[Option<i64>],
        &actions as &[&str],
        &kinds as &[&str],
        &resources as &[&str],
        &spaces,
        &subjects as &[Option<i64>],
        &purposes as &[&str],
        &allowed,
        &policies,
    )
    .fetch_one(pool)
    .await
}

/// The log's name and sealed key, where it has them.
pub(crate) async fn key(pool: &PgPool) -> sqlx::Result<Option<(String, Vec<u8>)>> {
    let row =
        sqlx::query!("SELECT origin, sealed FROM policy.audit_key").fetch_optional(pool).await?;
    Ok(row.map(|row| (row.origin, row.sealed)))
}

/// Gives the log its name and key, unless it has them: those that count.
pub(crate) async fn insert_key(
    pool: &PgPool,
    origin: &str,
    sealed: &[u8],
    at: DateTime<Utc>,
) -> sqlx::Result<(String, Vec<u8>)> {
    sqlx::query!(
        r#"INSERT INTO policy.audit_key (origin, sealed, made_at) VALUES ($1, $2, $3)
               ON CONFLICT DO NOTHING"#,
        origin,
        sealed,
        at
    )
    .execute(pool)
    .await?;
    key(pool).await?.ok_or(sqlx::Error::RowNotFound)
}

/// Whether this transaction is the one that sequences.
pub(crate) async fn try_lock(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "locked!""#, SEQUENCER)
        .fetch_one(conn)
        .await
}

/// The oldest entries that wait for a place.
pub(crate) async fn waiting(conn: &mut PgConnection, most: i64) -> sqlx::Result<Vec<Entry>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT e.id, e.time, e.principal, e.behalf, e.via, e.action, e.kind, e.resource, e.spaces,
                  e.subject, e.purpose, e.allowed, e.policies
             FROM policy.audit_waiting w JOIN policy.audit_entry e ON e.id = w.entry
            ORDER BY w.entry LIMIT $1"#,
        most
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// Gives entries their places, the first at `first`; they wait no more.
pub(crate) async fn insert_leaves(
    conn: &mut PgConnection,
    first: u64,
    leaves: &[(Uuid, Hash)],
) -> sqlx::Result<()> {
    let entries: Vec<Uuid> = leaves.iter().map(|(entry, _)| *entry).collect();
    let hashes: Vec<&[u8]> = leaves.iter().map(|(_, hash)| hash.0.as_slice()).collect();
    sqlx::query!(
        r#"WITH placed AS (
             INSERT INTO policy.audit_leaf (place, entry, hash)
             SELECT $1 + place - 1, entry, hash
               FROM unnest($2::uuid[], $3::bytea[]) WITH ORDINALITY AS leaf (entry, hash, place)
           )
           DELETE FROM policy.audit_waiting WHERE entry = ANY($2)"#,
        signed(first),
        &entries,
        &hashes as &[&[u8]],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps tiles as they have grown.
pub(crate) async fn put_tiles(
    conn: &mut PgConnection,
    tiles: &[((u8, u64), Vec<u8>)],
) -> sqlx::Result<()> {
    let levels: Vec<i16> = tiles.iter().map(|((level, _), _)| i16::from(*level)).collect();
    let numbers: Vec<i64> = tiles.iter().map(|((_, number), _)| signed(*number)).collect();
    let hashes: Vec<&[u8]> = tiles.iter().map(|(_, hashes)| hashes.as_slice()).collect();
    sqlx::query!(
        r#"INSERT INTO policy.audit_tile (level, number, hashes)
           SELECT level, number, hashes
             FROM unnest($1::smallint[], $2::bigint[], $3::bytea[]) AS tile (level, number, hashes)
               ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes"#,
        &levels,
        &numbers,
        &hashes as &[&[u8]],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Those of the tiles that are there.
pub(crate) async fn tiles(
    conn: &mut PgConnection,
    places: &[(u8, u64)],
) -> sqlx::Result<BTreeMap<(u8, u64), Vec<u8>>> {
    let levels: Vec<i16> = places.iter().map(|(level, _)| i16::from(*level)).collect();
    let numbers: Vec<i64> = places.iter().map(|(_, number)| signed(*number)).collect();
    let rows = sqlx::query!(
        r#"SELECT t.level, t.number, t.hashes
             FROM policy.audit_tile t
             JOIN unnest($1::smallint[], $2::bigint[]) AS wanted (level, number)
               ON t.level = wanted.level AND t.number = wanted.number"#,
        &levels,
        &numbers
    )
    .fetch_all(conn)
    .await?;
    let place = |level: i16, number| (u8::try_from(level).unwrap_or(u8::MAX), unsigned(number));
    Ok(rows.into_iter().map(|row| (place(row.level, row.number), row.hashes)).collect())
}

/// Tiles that no tree of this size has.
pub(crate) async fn tiles_beyond(
    conn: &mut PgConnection,
    size: u64,
    most: i64,
) -> sqlx::Result<Vec<(u8, u64)>> {
    let rows = sqlx::query!(
        r#"SELECT level, number FROM policy.audit_tile
            WHERE level NOT BETWEEN 0 AND 7 OR number < 0
               OR number >= (($1::bigint >> (8 * level::integer)) + 255) / 256
            ORDER BY level, number LIMIT $2"#,
        signed(size),
        most
    )
    .fetch_all(conn)
    .await?;
    let place = |level: i16, number| (u8::try_from(level).unwrap_or(u8::MAX), unsigned(number));
    Ok(rows.into_iter().map(|row| place(row.level, row.number)).collect())
}

/// Keeps a signed head.
pub(crate) async fn insert_checkpoint(
    conn: &mut PgConnection,
    (size, root): (u64, Hash),
    note: &str,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO policy.audit_checkpoint (size, root, note, made_at) VALUES ($1, $2, $3, $4)",
        signed(size),
        &root.0,
        note,
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest signed head.
pub(crate) async fn last_checkpoint(conn: &mut PgConnection) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT note FROM policy.audit_checkpoint ORDER BY size DESC LIMIT 1")
        .fetch_optional(conn)
        .await
}

/// The root of the signed tree of this size, where there is one.
pub(crate) async fn root(pool: &PgPool, size: u64) -> sqlx::Result<Option<Hash>> {
    let root = sqlx::query_scalar!(
        "SELECT root FROM policy.audit_checkpoint WHERE size = $1",
        signed(size)
    );
    Ok(root.fetch_optional(pool).await?.map(|root| hash(&root)))
}

/// Signed heads of more leaves than these, smallest first.
pub(crate) async fn checkpoints(
    conn: &mut PgConnection,
    after: u64,
    most: i64,
) -> sqlx::Result<Vec<SignedHead>> {
    let rows = sqlx::query!(
        r#"SELECT size, root, note FROM policy.audit_checkpoint
            WHERE size > $1 ORDER BY size LIMIT $2"#,
        signed(after),
        most
    )
    .fetch_all(conn)
    .await?;
    let head =
        |size, root: &[u8], note| SignedHead { size: unsigned(size), root: hash(root), note };
    Ok(rows.into_iter().map(|row| head(row.size, &row.root, row.note)).collect())
}

/// What follows in this transaction reads the database as it is now, and nothing that comes later.
pub(crate) async fn read_as_of_now(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(conn)
        .await?;
    Ok(())
}

/// Leaves from a place on, each with its entry as it is now.
pub(crate) async fn leaves(
    conn: &mut PgConnection,
    from: u64,
    most: i64,
) -> sqlx::Result<Vec<Leaf>> {
    let rows = sqlx::query!(
        "SELECT place, entry, hash FROM policy.audit_leaf WHERE place >= $1 ORDER BY place LIMIT $2",
        signed(from),
        most
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.entry).collect();
    let mut entries: BTreeMap<Uuid, Entry> = entries(conn, &ids).await?;
    Ok(rows
        .into_iter()
        .map(|row| Leaf {
            place: unsigned(row.place),
            entry: row.entry,
            hash: hash(&row.hash),
            found: entries.remove(&row.entry),
        })
        .collect())
}

async fn entries(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<BTreeMap<Uuid, Entry>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, time, principal, behalf, via, action, kind, resource, spaces, subject, purpose,
                  allowed, policies
             FROM policy.audit_entry WHERE id = ANY($1)"#,
        ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, Entry::from(row))).collect())
}

/// Entries that wait for a place, oldest first.
pub(crate) async fn without_place(conn: &mut PgConnection, most: i64) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!("SELECT entry FROM policy.audit_waiting ORDER BY entry LIMIT $1", most)
        .fetch_all(conn)
        .await
}

/// What waits for a place and is not there.
pub(crate) async fn waiting_without_entry(
    conn: &mut PgConnection,
    most: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT entry FROM policy.audit_waiting w
            WHERE NOT EXISTS (SELECT FROM policy.audit_entry e WHERE e.id = w.entry)
            ORDER BY entry LIMIT $1"#,
        most
    )
    .fetch_all(conn)
    .await
}

/// Entries that neither have a place nor wait for one.
pub(crate) async fn strays(conn: &mut PgConnection, most: i64) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT id FROM policy.audit_entry e
            WHERE NOT EXISTS (SELECT FROM policy.audit_leaf l WHERE l.entry = e.id)
              AND NOT EXISTS (SELECT FROM policy.audit_waiting w WHERE w.entry = e.id)
            ORDER BY id LIMIT $1"#,
        most
    )
    .fetch_all(conn)
    .await
}

/// A subject's entries, newest first.
pub(crate) async fn about(
    pool: &PgPool,
    subject: i64,
    before: Option<Uuid>,
    most: i64,
) -> sqlx::Result<Vec<Entry>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, time, principal, behalf, via, action, kind, resource, spaces, subject, purpose,
                  allowed, policies
             FROM policy.audit_entry
            WHERE subject = $1 AND ($2::uuid IS NULL OR id < $2)
            ORDER BY id DESC LIMIT $3"#,
        subject,
        before,
        most
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// A subject's entries without what they did themselves, newest first. Most are of that kind, so these have
/// an index of their own, whose condition this repeats.
pub(crate) async fn about_by_others(
    pool: &PgPool,
    subject: i64,
    before: Option<Uuid>,
    most: i64,
) -> sqlx::Result<Vec<Entry>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, time, principal, behalf, via, action, kind, resource, spaces, subject, purpose,
                  allowed, policies
             FROM policy.audit_entry
            WHERE subject = $1 AND principal <> 'person:' || subject::text
              AND ($2::uuid IS NULL OR id < $2)
            ORDER BY id DESC LIMIT $3"#,
        subject,
        before,
        most
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// What was refused on this node, newest first.
pub(crate) async fn refusals(
    pool: &PgPool,
    before: Option<Uuid>,
    most: i64,
) -> sqlx::Result<Vec<Entry>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, time, principal, behalf, via, action, kind, resource, spaces, subject, purpose,
                  allowed, policies
             FROM policy.audit_entry
            WHERE NOT allowed AND ($1::uuid IS NULL OR id < $1)
            ORDER BY id DESC LIMIT $2"#,
        before,
        most
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}
