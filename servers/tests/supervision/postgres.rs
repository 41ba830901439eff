//! Postgres.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User};
use servers::{PostgresConfig, PostgresServer, ServerError, bundle};

use crate::parent::{Parent, folder, is_alive, launcher, wait_for};

fn config(data: &Path) -> PostgresConfig {
    PostgresConfig { launcher: launcher(), ..PostgresConfig::new(data) }
}

/// Runs a statement with the bundle's own client.
fn query(url: &str, statement: &str) -> Result<String, String> {
    let programs = bundle::POSTGRES.find().expect("the bundle: run `cargo xtask fetch postgres`");
    let output = Command::new(programs.join("psql"))
        .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", statement, url])
        .output()
        .expect("psql runs");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn a_new_folder_becomes_a_durable_utf8_database_that_stops_and_starts_again() {
    let folder = folder();
    let server = PostgresServer::start(&config(folder.path())).expect("it starts");
    let url = server.url();
    let ask = |statement: &str| query(&url, statement).expect("an answer");
    assert_eq!(ask("SELECT current_database() || current_user"), "sovereignsovereign");
    assert_eq!(ask("SHOW server_encoding"), "UTF8");
    assert_eq!(ask("SELECT lower('ÄÖ')"), "äö");
    assert_eq!(ask("SHOW listen_addresses"), "");
    for setting in ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"] {
        assert_eq!(ask(&format!("SHOW {setting}")), "on", "{setting}");
    }
    ask("CREATE EXTENSION vector");
    ask("CREATE TABLE kept AS SELECT 42 AS answer");
    let pid = server.pid().expect("it runs");
    server.stop().expect("it stops");
    assert!(!is_alive(pid));

    let server = PostgresServer::start(&config(folder.path())).expect("it starts again");
    assert_eq!(query(&server.url(), "SELECT answer FROM kept").as_deref(), Ok("42"));
    assert!(folder.path().join("postgres/log.1").exists());
}

#[test]
fn a_server_of_a_killed_parent_is_waited_for_and_its_data_is_whole() {
    let folder = folder();
    let parent = Parent::start(&["postgres"], folder.path());
    query(&parent.url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        .expect("an answer");
    let orphan = parent.server;
    parent.kill();
    // At once, while the orphan is still shutting down.
    let server = PostgresServer::start(&config(folder.path())).expect("it starts");
    assert!(!is_alive(orphan));
    assert_eq!(query(&server.url(), "SELECT count(*) FROM kept").as_deref(), Ok("1000"));
}

#[test]
fn a_killed_server_comes_back_at_the_same_address() {
    let folder = folder();
    let server = PostgresServer::start(&config(folder.path())).expect("it starts");
    query(&server.url(), "CREATE TABLE kept AS SELECT 42 AS answer").expect("an answer");
    let first = server.pid().expect("it runs");
    kill(Pid::from_raw(first), Signal::SIGKILL).expect("it can be killed");
    wait_for("another process", || server.pid().is_some_and(|pid| pid != first));
    wait_for("an answer", || {
        query(&server.url(), "SELECT answer FROM kept").as_deref() == Ok("42")
    });
}

#[test]
fn two_nodes_cannot_use_one_data_folder() {
    let folder = folder();
    assert_eq!(PostgresServer::find_running(folder.path()).expect("an answer"), None);
    let server = PostgresServer::start(&config(folder.path())).expect("it starts");
    let second = PostgresServer::start(&config(folder.path()));
    assert!(matches!(second, Err(ServerError::InUse { .. })), "{second:?}");
    // But a second process can find and use the first one's server.
    let found = PostgresServer::find_running(folder.path()).expect("an answer");
    assert_eq!(found, Some(server.url()));
}

#[test]
fn a_data_folder_that_only_root_can_enter_gets_its_server_elsewhere() {
    if !Uid::effective().is_root() {
        return; // Nobody else needs another account.
    }
    let folder = folder();
    let data = folder.path().join("private/data");
    fs::create_dir_all(&data).expect("created");
    fs::set_permissions(folder.path().join("private"), fs::Permissions::from_mode(0o700))
        .expect("its mode");
    for _ in ["created", "found again"] {
        let server = PostgresServer::start(&config(&data)).expect("it starts");
        query(&server.url(), "CREATE TABLE IF NOT EXISTS kept (n int)").expect("an answer");
        server.stop().expect("it stops");
    }
    let elsewhere = fs::read_link(data.join("postgres")).expect("a link");
    assert!(elsewhere.starts_with("/var/lib/sovereign"), "{elsewhere:?}");
    fs::remove_dir_all(elsewhere).expect("removed");
}

#[test]
fn roots_server_runs_under_an_account_that_other_daemons_do_not_share() {
    if !Uid::effective().is_root() {
        return; // Nobody else needs another account.
    }
    let folder = folder();
    let _server = PostgresServer::start(&config(folder.path())).expect("it starts");
    let owner = fs::metadata(folder.path().join("postgres")).expect("its folder").uid();
    let owner = User::from_uid(Uid::from_raw(owner)).expect("a look-up").expect("a named account");
    assert!(["sovereign", "postgres"].contains(&owner.name.as_str()), "{owner:?}");
}

/// Puts a link in place of a server's own file. Answers what it leads to.
fn replace_by_link(folder: &Path, name: &str) -> PathBuf {
    let precious = folder.join("precious");
    fs::write(&precious, "as it was").expect("written");
    let own = folder.join("postgres").join(name);
    fs::remove_file(&own).expect("removed");
    symlink(&precious, &own).expect("a link");
    precious
}

#[test]
fn a_link_in_place_of_the_lock_is_refused() {
    let folder = folder();
    PostgresServer::start(&config(folder.path())).expect("it starts").stop().expect("it stops");
    let precious = replace_by_link(folder.path(), "lock");
    let refused = PostgresServer::start(&config(folder.path())).expect_err("refused");
    assert!(matches!(refused, ServerError::System { .. }), "{refused:?}");
    assert_eq!(fs::read_to_string(precious).expect("still there"), "as it was");
}

#[test]
fn a_link_in_place_of_the_log_is_not_written_through_when_the_server_is_started_again() {
    let folder = folder();
    let server = PostgresServer::start(&config(folder.path())).expect("it starts");
    let precious = replace_by_link(folder.path(), "log");
    let first = server.pid().expect("it runs");
    kill(Pid::from_raw(first), Signal::SIGKILL).expect("it can be killed");
    wait_for("its end", || server.pid().is_none());
    fs::remove_file(server.log()).expect("the link is still there");
    wait_for("another process", || server.pid().is_some_and(|pid| pid != first));
    wait_for("an answer", || query(&server.url(), "SELECT 1").as_deref() == Ok("1"));
    assert!(fs::symlink_metadata(server.log()).expect("a log").is_file());
    assert_eq!(fs::read_to_string(precious).expect("still there"), "as it was");
}

#[test]
fn data_of_another_major_version_is_refused_with_the_way_out() {
    let folder = folder();
    let postgres = folder.path().join("postgres");
    PostgresServer::start(&config(folder.path())).expect("it starts").stop().expect("it stops");
    let own = postgres.join(
        fs::read_dir(&postgres)
            .expect("a folder")
            .flatten()
            .map(|entry| entry.file_name())
            .find(|name| name.to_str().is_some_and(|name| name.parse::<u32>().is_ok()))
            .expect("a data folder"),
    );

    fs::write(own.join("PG_VERSION"), "12\n").expect("written");
    let mixed = PostgresServer::start(&config(folder.path())).expect_err("refused");
    assert!(matches!(mixed, ServerError::WrongMajor { data: 12, .. }), "{mixed:?}");

    fs::rename(&own, postgres.join("12")).expect("renamed");
    let old = PostgresServer::start(&config(folder.path())).expect_err("refused");
    assert!(matches!(old, ServerError::WrongMajor { data: 12, .. }), "{old:?}");
    assert!(old.to_string().contains("pg_dump"), "{old}");
    assert!(!own.exists(), "no empty database appeared in place of the old one");
}

#[test]
fn an_interrupted_creation_and_a_stale_pid_file_are_cleared() {
    let folder = folder();
    let server = PostgresServer::start(&config(folder.path())).expect("it starts");
    let major = server.major().to_string();
    server.stop().expect("it stops");
    let postgres = folder.path().join("postgres");
    // The pid of a process that is surely somebody else: ours.
    let pid_file = postgres.join(&major).join("postmaster.pid");
    fs::write(&pid_file, format!("{}\n", std::process::id())).expect("written");
    PostgresServer::start(&config(folder.path())).expect("it starts").stop().expect("it stops");

    fs::rename(postgres.join(&major), postgres.join("unfinished")).expect("renamed");
    PostgresServer::start(&config(folder.path())).expect("it starts").stop().expect("it stops");
    assert!(!postgres.join("unfinished").exists());
}

#[test]
fn a_socket_path_that_is_too_long_is_replaced() {
    let folder = folder();
    let deep = folder.path().join("d".repeat(60)).join("e".repeat(60));
    let server = PostgresServer::start(&config(&deep)).expect("it starts");
    assert_eq!(query(&server.url(), "SELECT 1").as_deref(), Ok("1"));
    assert!(!deep.join("postgres/run").exists());
}

#[test]
fn configured_programs_that_are_absent_are_an_error_and_not_passed_over() {
    let folder = folder();
    let nowhere = folder.path().join("nowhere");
    let asked = PostgresConfig { programs: Some(nowhere), ..config(folder.path()) };
    let error = PostgresServer::start(&asked).expect_err("refused");
    assert!(matches!(error, ServerError::Programs { .. }), "{error:?}");
}

#[test]
fn a_setting_that_the_server_refuses_is_told_with_its_words() {
    let folder = folder();
    let asked = PostgresConfig {
        settings: vec![("max_connections".to_owned(), "many".to_owned())],
        ..config(folder.path())
    };
    let error = PostgresServer::start(&asked).expect_err("refused").to_string();
    assert!(error.contains("max_connections"), "{error}");
}
