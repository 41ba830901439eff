//! The scripts in tests/clients: real client libraries and a real browser, on Node.js and Python.

use serde_json::Value;
use tokio::process::Command;

use crate::needed;

/// Runs a script on Node.js to its end; answers the JSON that it printed last.
///
/// # Panics
/// It failed; the message has what it printed.
pub async fn run_script(name: &str, arguments: &[&str]) -> Value {
    let mut command = Command::new(needed("SOVEREIGN_TEST_NODE"));
    command.env("SOVEREIGN_TEST_CHROMIUM", needed("SOVEREIGN_TEST_CHROMIUM"));
    run(command, name, arguments).await
}

/// Runs a script on Python to its end; answers the JSON that it printed last.
///
/// # Panics
/// It failed; the message has what it printed.
pub async fn run_python(name: &str, arguments: &[&str]) -> Value {
    run(Command::new(needed("SOVEREIGN_TEST_PYTHON")), name, arguments).await
}

async fn run(mut command: Command, name: &str, arguments: &[&str]) -> Value {
    let output = command
        .current_dir("clients")
        .arg(name)
        .args(arguments)
        .output()
        .await
        .expect("the interpreter starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} failed: {printed}\n{complaints}");
    let last = printed.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("{name} printed {printed}\n{complaints}"))
}
