//! `cargo xtask sqlx`: checks every SQL statement against the migrations and saves what was learned in the
//! `.sqlx` folder of its crate, so that no build needs a database.

use crate::stack::{DATABASE_VARIABLE, Database};
use crate::{progress, workspace};

/// Tells the test `saved_queries` to write what it learns.
const SAVE: &str = "SOVEREIGN_SAVE_QUERIES";

/// Runs the task.
pub fn run() -> anyhow::Result<()> {
    let database = Database::start()?;
    progress::step("describing every SQL statement");
    let mut cargo = workspace::cargo()?;
    // Of the packages that `xtask test` has, so that it finds the dependencies built.
    cargo.args(["test", "--quiet", "--workspace", "--exclude=bench", "--test=saved_queries"]);
    cargo.args(["--", "--nocapture"]);
    cargo.env(DATABASE_VARIABLE, database.url()).env(SAVE, "1");
    workspace::succeed(&mut cargo, "the description of the statements")
}
