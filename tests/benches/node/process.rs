//! What the system accounts to the node: CPU and memory of its process tree.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// Every process below this one, and itself.
pub fn tree(root: u32) -> BTreeSet<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if let Some(fields) = stat(id) {
            parents.push((id, fields[1].parse::<u32>().unwrap_or(0)));
        }
    }
    let mut found = BTreeSet::from([root]);
    loop {
        let before = found.len();
        for (id, parent) in &parents {
            if found.contains(parent) {
                found.insert(*id);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// The fields of `/proc/<id>/stat` after the name: state first.
fn stat(id: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

/// CPU that the tree has used, with what its ended children used.
pub fn cpu(root: u32) -> Duration {
    /// Clock ticks a second (`getconf CLK_TCK` on every Linux in use).
    const TICKS: u64 = 100;
    let ticks: u64 = tree(root)
        .into_iter()
        .filter_map(stat)
        // utime, stime, and the same of children that ended.
        .map(|fields| {
            fields[11..15].iter().filter_map(|field| field.parse::<u64>().ok()).sum::<u64>()
        })
        .sum();
    Duration::from_millis(ticks * 1_000 / TICKS)
}

/// Proportional memory of the tree, in MiB, a line a process.
pub fn memory(root: u32) -> (f64, Vec<String>) {
    let mut total = 0.0;
    let mut lines = Vec::new();
    for id in tree(root) {
        let text = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
        let kib: f64 = text
            .lines()
            .find_map(|line| line.strip_prefix("Pss:"))
            .and_then(|rest| rest.trim().trim_end_matches(" kB").trim().parse().ok())
            .unwrap_or(0.0);
        let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let command: String = String::from_utf8_lossy(&command)
            .chars()
            .map(|letter| if letter == '\0' { ' ' } else { letter })
            .take(60)
            .collect();
        total += kib / 1_024.0;
        lines.push(format!("{:7.1} MiB  {}", kib / 1_024.0, command.trim()));
    }
    (total, lines)
}
