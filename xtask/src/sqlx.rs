//! `cargo xtask sqlx`: checks every SQL statement against the migrations and saves what was
//! learned in the `.sqlx` folder of its crate, so that no build needs a database.
//!
//! The query macros save their data in one folder, `SQLX_OFFLINE_DIR`. To give every crate its
//! own, this program is also the wrapper that cargo starts in place of the compiler for the
//! workspace's crates: it points the variable at the crate's folder and becomes the compiler.
//! The wrapper makes cargo keep these builds apart from the normal ones.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use anyhow::{Context, bail};

use crate::stack::Database;
use crate::{fetch, progress, workspace};

/// Set for the wrapper: where the crates' folders are collected.
const COLLECTION: &str = "SOVEREIGN_XTASK_SQLX";

/// Arguments of `sqlx`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Change nothing; fail if the saved data is out of date.
    #[arg(long)]
    check: bool,
    /// Only these packages.
    #[arg(long = "package", short = 'p', value_name = "NAME")]
    packages: Vec<String>,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.check {
        return check(&arguments.packages);
    }
    for (member, fresh) in collect(&arguments.packages)? {
        let folder = workspace::root().join(&member).join(".sqlx");
        let count = fresh.len();
        save(&folder, &fresh).with_context(|| format!("cannot write {}", folder.display()))?;
        if count > 0 {
            println!("{}: {count} statements", member.display());
        }
    }
    Ok(())
}

/// Fails if the saved data of these packages (of all, if none is named) is out of date.
pub fn check(packages: &[String]) -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for (member, fresh) in collect(packages)? {
        if saved_in(&workspace::root().join(&member).join(".sqlx"))? != fresh {
            stale.push(member.display().to_string());
        }
    }
    if !stale.is_empty() {
        bail!(
            "the saved query data of {} is out of date; run `cargo xtask sqlx` and commit the result",
            stale.join(", ")
        );
    }
    Ok(())
}

/// Becomes the compiler when cargo has started this program as its wrapper.
pub fn dispatch_wrapper() -> Option<ExitCode> {
    let collection = PathBuf::from(std::env::var_os(COLLECTION)?);
    let mut arguments = std::env::args_os().skip(1);
    let mut compiler = Command::new(arguments.next()?);
    compiler.args(arguments);
    let manifest_folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    // Absent when cargo only asks the compiler for its version.
    if let Some(folder) = manifest_folder
        && let Ok(member) = folder.strip_prefix(workspace::root())
    {
        let folder = collection.join(member);
        if let Err(error) = fs::create_dir_all(&folder) {
            eprintln!("cannot create {}: {error}", folder.display());
            return Some(ExitCode::FAILURE);
        }
        compiler.env("SQLX_OFFLINE_DIR", folder);
    }
    let error = compiler.exec();
    eprintln!("cannot start the compiler: {error}");
    Some(ExitCode::FAILURE)
}

/// The data of one crate: file name and content.
type Saved = BTreeMap<String, Vec<u8>>;

/// Compiles every crate that has SQL against a fresh database with all migrations.
fn collect(packages: &[String]) -> anyhow::Result<Vec<(PathBuf, Saved)>> {
    let members = members_with_sql(packages)?;
    let database = Database::start()?;
    migrate(&database.url())?;

    let collection = workspace::target_folder()?.join("sqlx-collected");
    if collection.exists() {
        fs::remove_dir_all(&collection).context("cannot remove the data collected before")?;
    }
    fs::create_dir_all(&collection).context("cannot create a folder to collect data in")?;
    let mut touched = Vec::new();
    for member in &members {
        touched.extend(touch(&workspace::root().join(member))?);
    }
    progress::step("checking every SQL statement");
    let own = std::env::current_exe().context("cannot find this program's own file")?;
    let mut cargo = workspace::cargo()?;
    cargo
        .args(["check", "--quiet", "--all-targets"])
        .args(if packages.is_empty() { &["--workspace"][..] } else { &[] })
        .args(packages.iter().map(|package| format!("--package={package}")))
        .env("RUSTC_WORKSPACE_WRAPPER", own)
        .env(COLLECTION, &collection)
        .env("DATABASE_URL", database.url())
        .env("SQLX_OFFLINE", "false");
    workspace::succeed(&mut cargo, "cargo check")?;
    drop(touched);
    members
        .into_iter()
        .map(|member| Ok((member.clone(), saved_in(&collection.join(member))?)))
        .collect()
}

/// Members that use the query macros; of these packages only, if any is named.
fn members_with_sql(packages: &[String]) -> anyhow::Result<Vec<PathBuf>> {
    let uses_sqlx = |manifest: &str| {
        manifest.lines().any(|line| line.starts_with("sqlx.") || line.starts_with("sqlx "))
    };
    let is_wanted = |manifest: &str| {
        let named = |name: &String| manifest.contains(&format!("name = \"{name}\"\n"));
        packages.is_empty() || packages.iter().any(named)
    };
    let members = workspace::members()?.into_iter();
    Ok(members
        .filter(|(_, manifest)| uses_sqlx(manifest) && is_wanted(manifest))
        .map(|(path, _)| path)
        .collect())
}

/// A file that looks changed until this is dropped.
struct Touched {
    file: PathBuf,
    before: SystemTime,
    touched: SystemTime,
}

impl Touched {
    fn touch(file: PathBuf) -> io::Result<Self> {
        let before = file.metadata()?.modified()?;
        File::options().append(true).open(&file)?.set_modified(SystemTime::now())?;
        let touched = file.metadata()?.modified()?;
        Ok(Self { file, before, touched })
    }

    fn put_back(&self) -> io::Result<()> {
        let file = File::options().append(true).open(&self.file)?;
        // Unless somebody has edited it meanwhile.
        if file.metadata()?.modified()? == self.touched {
            file.set_modified(self.before)?;
        }
        Ok(())
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        if let Err(error) = self.put_back() {
            eprintln!("cannot restore the time of {}: {error}", self.file.display());
        }
    }
}

/// Makes cargo compile the crate again, since it does not know that the macros read a database.
/// Only for this build: the normal ones go on as if nothing had happened.
fn touch(member: &Path) -> anyhow::Result<Vec<Touched>> {
    let roots = ["src/lib.rs", "src/main.rs"].into_iter().map(|root| member.join(root));
    let targets = ["src/bin", "tests", "benches"].into_iter().map(|folder| member.join(folder));
    let files = targets
        .filter_map(|folder| folder.read_dir().ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .flat_map(|path| [path.join("main.rs"), path]);
    roots
        .chain(files)
        .filter(|file| file.is_file())
        .map(|file| {
            let name = file.display().to_string();
            Touched::touch(file).with_context(|| format!("cannot touch {name}"))
        })
        .collect()
}

/// Applies all migrations: the spine's first, since every service builds on it.
fn migrate(url: &str) -> anyhow::Result<()> {
    let folder = workspace::root().join("migrations");
    let mut schemas = sorted(&folder)?;
    schemas.sort_by_key(|schema| !schema.ends_with("spine"));
    let psql = fetch::postgres()?.join("psql");
    for schema in schemas.iter().filter(|schema| schema.is_dir()) {
        for file in sorted(schema)? {
            if file.extension().is_some_and(|extension| extension == "sql") {
                let mut command = Command::new(&psql);
                command
                    .args(["--no-psqlrc", "--quiet", "--single-transaction"])
                    .args(["--set=ON_ERROR_STOP=1", "--output=/dev/null"])
                    .arg(format!("--file={}", file.display()))
                    .arg(url)
                    .env("PGOPTIONS", "-c client_min_messages=warning");
                workspace::succeed(&mut command, &format!("applying {}", file.display()))?;
            }
        }
    }
    Ok(())
}

fn sorted(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// The data that a folder holds; nothing where it does not exist.
fn saved_in(folder: &Path) -> anyhow::Result<Saved> {
    let Ok(entries) = folder.read_dir() else { return Ok(Saved::new()) };
    let is_data = |name: &str| name.starts_with("query-") && name.ends_with(".json");
    entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .filter(|(name, _)| is_data(name))
        .map(|(name, path)| {
            let content =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok((name, content))
        })
        .collect()
}

/// Makes the folder hold this data and nothing else.
fn save(folder: &Path, fresh: &Saved) -> anyhow::Result<()> {
    for name in saved_in(folder)?.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(folder.join(name))?;
    }
    if !fresh.is_empty() {
        fs::create_dir_all(folder)?;
    }
    for (name, content) in fresh {
        fs::write(folder.join(name), content)?;
    }
    Ok(())
}
