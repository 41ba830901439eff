//! The scripts in tests/clients: real client libraries and a real browser, on Node.js.

use serde_json::Value;
use tokio::process::Command;

use crate::needed;

/// Runs a script to its end; answers the JSON that it printed last.
///
/// # Panics
/// It failed; the message has what it printed.
pub async fn run_script(name: &str, arguments: &[&str]) -> Value {
    let output = Command::new(needed("SOVEREIGN_TEST_NODE"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/clients"))
        .arg(name)
        .args(arguments)
        .env("SOVEREIGN_TEST_CHROMIUM", needed("SOVEREIGN_TEST_CHROMIUM"))
        .output()
        .await
        .expect("Node.js starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} failed: {printed}\n{complaints}");
    let last = printed.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("{name} printed {printed}\n{complaints}"))
}
