//! The server's settings, given on its command line so that no file can disagree.

use std::path::Path;

use crate::ServerError;

/// What keeps acknowledged data safe. Always on.
const DURABLE: [(&str, &str); 4] = [
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    ("zero_damaged_pages", "off"),
];

/// Ours because the node relies on them.
const FIXED: [&str; 4] = ["config_file", "listen_addresses", "port", "unix_socket_directories"];

/// Sized for a household on a small machine: quick when used, small when idle.
const TUNED: [(&str, &str); 20] = [
    ("max_connections", "60"),
    ("shared_buffers", "96MB"),
    ("effective_cache_size", "512MB"),
    ("work_mem", "8MB"),
    ("maintenance_work_mem", "64MB"),
    ("wal_compression", "on"),
    ("wal_buffers", "4MB"),
    ("min_wal_size", "80MB"),
    ("max_wal_size", "1GB"),
    ("checkpoint_timeout", "15min"),
    ("jit", "off"), // Our queries are short: compiling them costs more than it saves.
    ("random_page_cost", "1.1"),
    ("autovacuum_max_workers", "2"),
    ("autovacuum_naptime", "30s"),
    ("max_logical_replication_workers", "0"), // Saves an idle process.
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    // The log is for what went wrong with the server; statements and their values are private.
    ("log_min_error_statement", "panic"),
    ("log_error_verbosity", "terse"),
    ("log_checkpoints", "off"),
];

/// Refuses settings that are not open to change.
pub(super) fn check(settings: &[(String, String)]) -> Result<(), ServerError> {
    let durable = DURABLE.iter().map(|(name, _)| *name);
    for name in durable.chain(FIXED) {
        if let Some((asked, _)) =
            settings.iter().find(|(asked, _)| asked.eq_ignore_ascii_case(name))
        {
            return Err(ServerError::ForbiddenSetting(asked.clone()));
        }
    }
    Ok(())
}

/// The server's arguments. Later ones win: what keeps data safe comes last.
pub(super) fn arguments(
    data: &Path,
    socket_folder: &Path,
    major: u32,
    settings: &[(String, String)],
) -> Vec<String> {
    let socket_folder = socket_folder.display().to_string();
    let mut all: Vec<(&str, &str)> = TUNED.to_vec();
    if major >= 18 {
        all.push(("io_workers", "1"));
    }
    all.extend(settings.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    all.extend([
        ("listen_addresses", ""),
        ("unix_socket_directories", socket_folder.as_str()),
        ("unix_socket_permissions", "0700"),
        ("port", "5432"),
        ("logging_collector", "off"),
    ]);
    all.extend(DURABLE);
    let mut arguments = vec!["-D".to_owned(), data.display().to_string()];
    for (name, value) in all {
        arguments.push("-c".to_owned());
        arguments.push(format!("{name}={value}"));
    }
    arguments
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{arguments, check};

    #[test]
    fn durability_is_not_open_to_change() {
        for name in ["fsync", "FULL_PAGE_WRITES", "synchronous_commit"] {
            let settings = [(name.to_owned(), "off".to_owned())];
            assert!(check(&settings).is_err(), "{name}");
        }
        assert!(check(&[("max_connections".to_owned(), "300".to_owned())]).is_ok());
    }

    #[test]
    fn a_given_setting_wins_over_the_tuned_one() {
        let given = [("max_connections".to_owned(), "300".to_owned())];
        let arguments = arguments(Path::new("/data"), Path::new("/run"), 18, &given);
        let last = arguments.iter().rfind(|argument| argument.starts_with("max_connections="));
        assert_eq!(last.map(String::as_str), Some("max_connections=300"));
    }
}
