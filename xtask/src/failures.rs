//! What failed in a long run of tests, said once more at its end.
//!
//! The tests of a whole workspace print thousands of lines, and several programs run after the one
//! that failed. Whoever reads the end of a log has to find the reason there.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::Context;

/// The parts of the output of test programs that tell of failures.
#[derive(Debug, Default)]
pub struct Failures {
    text: String,
    inside: bool,
}

impl Failures {
    /// Runs `cargo test`, hands its output on as it comes, and keeps what failed. Answers whether
    /// everything passed.
    pub fn run(&mut self, cargo: &mut Command) -> anyhow::Result<bool> {
        let mut child = cargo.stdout(Stdio::piped()).spawn().context("cannot start cargo test")?;
        let output = child.stdout.take().context("cargo test has no output")?;
        let mut ours = std::io::stdout().lock();
        for line in BufReader::new(output).split(b'\n') {
            let line = line.context("cannot read the output of cargo test")?;
            ours.write_all(&line).and_then(|()| ours.write_all(b"\n"))?;
            self.read(&String::from_utf8_lossy(&line));
        }
        Ok(child.wait().context("cargo test went away")?.success())
    }

    /// A test program prints `failures:`, what each of them printed, `failures:` with the names, and
    /// `test result: FAILED`.
    fn read(&mut self, line: &str) {
        if line == "failures:" {
            self.inside = true;
        }
        if self.inside {
            self.text.push_str(line);
            self.text.push('\n');
        }
        if line.starts_with("test result:") {
            self.inside = false;
        }
    }

    /// What failed; empty if nothing did.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::Failures;

    #[test]
    fn only_what_failed_is_kept() {
        let mut failures = Failures::default();
        for line in [
            "running 2 tests",
            "test good ... ok",
            "test bad ... FAILED",
            "",
            "failures:",
            "",
            "---- bad stdout ----",
            "expected 1, got 2",
            "",
            "failures:",
            "    bad",
            "",
            "test result: FAILED. 1 passed; 1 failed",
            "",
            "running 1 test",
            "test fine ... ok",
            "test result: ok. 1 passed; 0 failed",
        ] {
            failures.read(line);
        }
        assert!(failures.text().starts_with("failures:"));
        assert!(failures.text().contains("expected 1, got 2"));
        assert!(failures.text().ends_with("test result: FAILED. 1 passed; 1 failed\n"));
    }
}
