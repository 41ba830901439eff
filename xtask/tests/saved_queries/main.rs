//! What is saved in the `.sqlx` folders agrees with the migrations and with the sources.
//!
//! The query macros read these folders in place of a database, so a build needs none. Here every statement
//! of the sources is described by a real database with all migrations, in seconds and without compiling:
//! the macros would learn the same from it. `cargo xtask sqlx` runs this to save what was learned.

mod statements;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Describe, Executor, PgConnection, Postgres,
    SqlSafeStr,
};

/// Set: what was learned is written, instead of compared.
const SAVE: &str = "SOVEREIGN_SAVE_QUERIES";

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;
/// File name and content, of one crate.
type Saved = BTreeMap<String, String>;

#[tokio::test]
async fn what_is_saved_about_every_statement_is_what_the_database_says() -> Outcome {
    let database = Database::create().await?;
    let checked = check(&database).await;
    database.remove().await?;
    checked
}

async fn check(database: &Database) -> Outcome {
    let mut connection = database.options.connect().await?;
    migrate(&mut connection).await?;
    let saves = std::env::var_os(SAVE).is_some();
    let mut wrong = Vec::new();
    for member in members()? {
        let mut fresh = Saved::new();
        for (place, statement) in statements::of_member(&member)? {
            match describe(&mut connection, &statement).await {
                Ok(data) => drop(fresh.insert(file_name(&statement), data)),
                Err(error) => wrong.push(format!("{place}: {error}")),
            }
        }
        let folder = member.join(".sqlx");
        let saved = read(&folder)?;
        if saves {
            write(&folder, &saved, &fresh)?;
            continue;
        }
        let changed = fresh.iter().filter(|(name, data)| saved.get(*name) != Some(*data));
        wrong.extend(
            changed.map(|(name, _)| format!("{}: {name} is not current", member.display())),
        );
        let unused = saved.keys().filter(|name| !fresh.contains_key(*name));
        wrong.extend(unused.map(|name| format!("{}: {name} is of no use", member.display())));
    }
    connection.close().await?;
    if wrong.is_empty() {
        return Ok(());
    }
    println!("{}", wrong.join("\n"));
    // An error and no panic, so that the database is removed.
    Err("saved query data and migrations disagree; run `cargo xtask sqlx` and commit the result"
        .into())
}

/// What the macros save about a statement.
#[derive(Serialize)]
struct Described<'a> {
    db_name: &'static str,
    query: &'a str,
    describe: Describe<Postgres>,
    hash: String,
}

async fn describe(connection: &mut PgConnection, query: &str) -> Outcome<String> {
    let statement = AssertSqlSafe(query.to_owned()).into_sql_str();
    let describe = connection.describe(statement).await?;
    let described = Described { db_name: "PostgreSQL", query, describe, hash: hash(query) };
    Ok(serde_json::to_string_pretty(&described)? + "\n")
}

fn hash(statement: &str) -> String {
    hex::encode(Sha256::digest(statement))
}

fn file_name(statement: &str) -> String {
    format!("query-{}.json", hash(statement))
}

/// The data that a folder holds; nothing where it does not exist.
fn read(folder: &Path) -> Outcome<Saved> {
    let mut saved = Saved::new();
    if folder.is_dir() {
        for entry in folder.read_dir()? {
            let entry = entry?;
            let name = entry.file_name().into_string().map_err(|name| format!("{name:?}"))?;
            saved.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(saved)
}

/// Makes the folder hold this data and nothing else.
fn write(folder: &Path, saved: &Saved, fresh: &Saved) -> Outcome {
    for name in saved.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(folder.join(name))?;
    }
    let changed = fresh.iter().filter(|(name, data)| saved.get(*name) != Some(data));
    for (name, data) in changed {
        fs::create_dir_all(folder)?;
        fs::write(folder.join(name), data)?;
    }
    if !fresh.is_empty() {
        println!("{}: {} statements", folder.display(), fresh.len());
    }
    Ok(())
}

/// Tests run in their crate's folder.
fn root() -> PathBuf {
    PathBuf::from("..")
}

/// The folders of the workspace's crates.
fn members() -> Outcome<Vec<PathBuf>> {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml"))?.parse()?;
    let members = manifest["workspace"]["members"].as_array().ok_or("no members")?;
    Ok(members.iter().filter_map(|member| Some(root().join(member.as_str()?))).collect())
}

/// Applies all migrations: the spine's first, since every service builds on it.
async fn migrate(connection: &mut PgConnection) -> Outcome {
    let mut schemas = statements::entries(&root().join("migrations"))?;
    schemas.sort_by_key(|schema| !schema.ends_with("spine"));
    for schema in schemas {
        for file in statements::entries(&schema)? {
            let mut transaction = connection.begin().await?;
            let migration = AssertSqlSafe(fs::read_to_string(&file)?);
            let applied = sqlx::raw_sql(migration).execute(&mut *transaction).await;
            applied.map_err(|error| format!("{}: {error}", file.display()))?;
            transaction.commit().await?;
        }
    }
    // Whether a column can be NULL is read from plans, which follow what is known of the tables: always the same.
    connection.execute("ANALYZE").await?;
    Ok(())
}

/// A database of its own, on the server for tests.
struct Database {
    server: PgConnectOptions,
    options: PgConnectOptions,
    name: String,
}

impl Database {
    async fn create() -> Outcome<Self> {
        let server = PgConnectOptions::from_str(&std::env::var("SOVEREIGN_TEST_DATABASE_URL")?)?;
        let name = format!("sovereign_saved_queries_{}", std::process::id());
        let database = Self { options: server.clone().database(&name), server, name };
        database.run("CREATE").await?;
        Ok(database)
    }

    async fn remove(self) -> Outcome {
        self.run("DROP").await
    }

    async fn run(&self, verb: &str) -> Outcome {
        let mut connection = self.server.connect().await?;
        let statement = format!(r#"{verb} DATABASE "{}""#, self.name);
        connection.execute(AssertSqlSafe(statement)).await?;
        Ok(connection.close().await?)
    }
}
