//! The processes below another one, as `/proc` shows them: to know that none is left.

use std::collections::BTreeSet;
use std::fs;

use nix::unistd::Pid;

/// A process, told from another one that gets its number later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number.
    pub pid: Pid,
    /// Its program's name.
    pub name: String,
    parent: Pid,
    started: u64,
}

impl Member {
    /// Reads a line of `/proc/<pid>/stat`; a zombie counts as gone.
    fn read(line: &str) -> Option<Self> {
        let (pid, rest) = line.split_once(" (")?;
        // The name may hold anything, spaces and brackets too.
        let (name, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let is_alive = !["Z", "X"].contains(fields.first()?);
        is_alive.then_some(())?;
        Some(Self {
            pid: Pid::from_raw(pid.parse().ok()?),
            name: name.to_owned(),
            parent: Pid::from_raw(fields.get(1)?.parse().ok()?),
            started: fields.get(19)?.parse().ok()?,
        })
    }

    /// Whether it still runs.
    pub fn is_alive(&self) -> bool {
        let now = fs::read_to_string(format!("/proc/{}/stat", self.pid));
        now.ok().as_deref().and_then(Self::read).is_some_and(|now| now.started == self.started)
    }
}

/// All processes below this one.
pub fn below(ancestor: Pid) -> std::io::Result<Vec<Member>> {
    let all: Vec<Member> = fs::read_dir("/proc")?
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok())
        .filter_map(|line| Member::read(&line))
        .collect();
    let mut known = BTreeSet::from([ancestor]);
    let mut family: Vec<Member> = Vec::new();
    loop {
        let more =
            all.iter().filter(|one| known.contains(&one.parent) && !known.contains(&one.pid));
        let more: Vec<Member> = more.cloned().collect();
        if more.is_empty() {
            return Ok(family);
        }
        known.extend(more.iter().map(|one| one.pid));
        family.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_is_seen_until_it_has_ended() {
        // It ends when its input does.
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_raw(child.id().cast_signed());
        let family = below(Pid::this()).unwrap();
        let member = family.iter().find(|one| one.pid == pid).unwrap();
        assert!(member.is_alive());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!member.is_alive());
    }

    #[test]
    fn a_zombie_is_gone_and_a_name_may_hold_brackets() {
        let line = |state: &str| {
            format!("7 (a (b) c) {state} 5 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 0 0")
        };
        let member = Member::read(&line("S")).unwrap();
        assert_eq!((member.name.as_str(), member.parent), ("a (b) c", Pid::from_raw(5)));
        assert_eq!(member.started, 12_345);
        assert_eq!(Member::read(&line("Z")), None);
    }
}
