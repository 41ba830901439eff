//! The proof that the audit log is as it was written.

use std::collections::VecDeque;

use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use tlog_tiles::Hash;
use uuid::Uuid;

use super::key::LogKey;
use super::tree::{Place, Tree};
use crate::store::audit::{Leaf, SignedHead};
use crate::{PolicyError, store};

/// So many leaves are read at a time.
const PAGE: i64 = 2_000;
/// So many findings are told, and entries without a place named.
const MOST: usize = 1_000;

/// What was found wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// An entry is not what it was when it got its place.
    Changed {
        /// Its place.
        place: u64,
        /// The entry.
        entry: Uuid,
    },
    /// An entry that has a place is gone.
    Removed {
        /// Its place.
        place: u64,
        /// The entry.
        entry: Uuid,
    },
    /// There is no leaf at a place before the end.
    MissingLeaf {
        /// The place.
        place: u64,
    },
    /// A checkpoint is not signed by this log, or says something else than its row.
    Forged {
        /// The size that its row names.
        size: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The leaves are not those that were signed: some were changed, removed or reordered.
    Inconsistent {
        /// The size of the signed tree.
        size: u64,
    },
    /// A signed tree has more leaves than there are: the end was cut off.
    Truncated {
        /// How many were signed.
        signed: u64,
        /// How many there are.
        found: u64,
    },
    /// Leaves at the end that no checkpoint covers: they are always written together.
    Unsigned {
        /// The first of them.
        first: u64,
    },
    /// A tile holds other hashes than the leaves make.
    Tile {
        /// Its level.
        level: u8,
        /// Its number in the level.
        number: u64,
    },
    /// An entry that waited for its place is gone.
    RemovedWaiting {
        /// The entry.
        entry: Uuid,
    },
    /// An entry has no place and does not wait for one: it was put in or taken out by hand.
    Stray {
        /// The entry.
        entry: Uuid,
    },
    /// A head that was kept elsewhere is not of this log: the log, or its key, was put in the place of
    /// another.
    AnotherLog {
        /// Why it is not.
        why: String,
    },
    /// There are more findings than these.
    More,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Leaves of the Merkle log.
    pub leaves: u64,
    /// Checkpoints whose signature and root were verified.
    pub checkpoints: u64,
    /// Entries that wait for their place (at most a minute), up to a thousand: what happens to these is
    /// not proven yet.
    pub waiting: Vec<Uuid>,
    /// How many heads that were kept outside of the database it was compared with.
    pub kept: usize,
    /// The newest signed head, as others can keep it.
    pub head: Option<String>,
    /// The log's public key (`name+id+key`, C2SP signed-note).
    pub key: String,
    /// What is wrong. Empty: nothing was changed, removed or reordered.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn found(&mut self, finding: Finding) {
        match self.findings.len() {
            len if len < MOST => self.findings.push(finding),
            MOST => self.findings.push(Finding::More),
            _ => {}
        }
    }
}

/// Recomputes the whole log from its entries and compares it with every checkpoint, those in the database
/// and those that somebody kept elsewhere. Roots that are recomputed from one list of leaves are
/// consistent with each other, so that nothing else is left to prove between checkpoints.
///
/// # Errors
/// The database is away.
pub(crate) async fn verify(
    pool: &PgPool,
    key: &LogKey,
    kept: &[String],
) -> Result<Report, PolicyError> {
    let mut transaction = pool.begin().await?;
    let conn = &mut *transaction;
    store::audit::read_as_of_now(conn).await?;
    let mut report = Report { key: key.verifier().to_owned(), ..Report::default() };
    let mut heads = Heads { key, after: 0, more: true, next: VecDeque::new(), kept: Vec::new() };
    report.kept = kept.len();
    for note in kept {
        match key.read_kept(note) {
            Ok(head) => heads.kept.push(head),
            Err(why) => report.found(Finding::AnotherLog { why }),
        }
    }
    let (tree, mut signed) = follow_leaves(conn, &mut heads, &mut report).await?;
    report.leaves = tree.size();
    // Those that are left are of more leaves than there are.
    while let Some((size, _)) = heads.take(conn, &mut report).await? {
        signed = size;
        report.found(Finding::Truncated { signed: size, found: tree.size() });
    }
    if signed < tree.size() {
        report.found(Finding::Unsigned { first: signed });
    }
    compare_edge(conn, &tree, &mut report).await?;
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    report.waiting = store::audit::without_place(conn, most).await?;
    for entry in store::audit::waiting_without_entry(conn, most).await? {
        report.found(Finding::RemovedWaiting { entry });
    }
    for entry in store::audit::strays(conn, most).await? {
        report.found(Finding::Stray { entry });
    }
    transaction.rollback().await?;
    Ok(report)
}

/// The signed heads, smallest first: those in the database, page by page, and those kept elsewhere.
struct Heads<'a> {
    key: &'a LogKey,
    after: u64,
    more: bool,
    next: VecDeque<(u64, Hash)>,
    kept: Vec<(u64, Hash)>,
}

impl Heads<'_> {
    /// The next head. Those that are not rightly signed become findings.
    async fn take(
        &mut self,
        conn: &mut PgConnection,
        report: &mut Report,
    ) -> Result<Option<(u64, Hash)>, PolicyError> {
        while self.more && self.next.is_empty() {
            self.read_page(conn, report).await?;
        }
        let smallest = self.kept.iter().enumerate().min_by_key(|(_, (size, _))| *size);
        let smallest = smallest.map(|(place, (size, _))| (place, *size));
        let stored = self.next.front().map(|(size, _)| *size);
        match (smallest, stored) {
            (Some((place, kept)), stored) if stored.is_none_or(|stored| kept < stored) => {
                Ok(Some(self.kept.swap_remove(place)))
            }
            _ => Ok(self.next.pop_front()),
        }
    }

    async fn read_page(
        &mut self,
        conn: &mut PgConnection,
        report: &mut Report,
    ) -> Result<(), PolicyError> {
        let page = store::audit::checkpoints(conn, self.after, PAGE).await?;
        self.more = !page.is_empty();
        for SignedHead { size, root, note } in page {
            self.after = size;
            match self.key.read(&note) {
                Ok((signed, hash)) if signed == size && hash == root => {
                    self.next.push_back((size, root));
                    report.checkpoints += 1;
                    report.head = Some(note);
                }
                Ok((signed, _)) => {
                    let why = format!("the note is of {signed} leaves, or of another root");
                    report.found(Finding::Forged { size, why });
                }
                Err(why) => report.found(Finding::Forged { size, why }),
            }
        }
        Ok(())
    }
}

/// Rebuilds the tree from the entries: the tree, and how many of its leaves are signed for.
async fn follow_leaves(
    conn: &mut PgConnection,
    heads: &mut Heads<'_>,
    report: &mut Report,
) -> Result<(Tree, u64), PolicyError> {
    let mut tree = Tree::default();
    let damaged = |error: tlog_tiles::Error| PolicyError::AuditDamaged(error.to_string());
    let (mut next, mut signed) = (0_u64, 0_u64);
    let mut head = heads.take(conn, report).await?;
    loop {
        let leaves = store::audit::leaves(conn, next, PAGE).await?;
        if leaves.is_empty() {
            // Not reached: put back, to be told of with the others.
            heads.kept.extend(head);
            return Ok((tree, signed));
        }
        for Leaf { place, entry, hash, found } in leaves {
            if place != next {
                report.found(Finding::MissingLeaf { place: next });
            }
            next = place + 1;
            // The tree is made of what the entries are, not of what the leaves say that they were.
            let leaf = match found {
                None => {
                    report.found(Finding::Removed { place, entry });
                    hash
                }
                Some(found) => {
                    let leaf = found.leaf()?;
                    if leaf != hash {
                        report.found(Finding::Changed { place, entry });
                    }
                    leaf
                }
            };
            tree.append(leaf).map_err(damaged)?;
            while let Some((size, root)) = head.filter(|(size, _)| *size <= tree.size()) {
                signed = size;
                if size != tree.size() || tree.root().map_err(damaged)? != root {
                    report.found(Finding::Inconsistent { size });
                }
                head = heads.take(conn, report).await?;
            }
        }
        compare_tiles(conn, &mut tree, report).await?;
    }
}

async fn compare_tiles(
    conn: &mut PgConnection,
    tree: &mut Tree,
    report: &mut Report,
) -> Result<(), PolicyError> {
    let grown = tree.take_grown();
    let places: Vec<Place> = grown.iter().map(|(place, _)| *place).collect();
    let stored = store::audit::tiles(conn, &places).await?;
    for (place, hashes) in grown {
        // One at the edge goes on in the next page.
        if !stored.get(&place).is_some_and(|stored| stored.starts_with(&hashes)) {
            report.found(Finding::Tile { level: place.0, number: place.1 });
        }
    }
    Ok(())
}

/// Whether the tiles end where the leaves do: what is beyond tells of leaves that were cut off.
async fn compare_edge(
    conn: &mut PgConnection,
    tree: &Tree,
    report: &mut Report,
) -> Result<(), PolicyError> {
    let places: Vec<Place> = tree.edge_tiles().map(|(place, _)| place).collect();
    let stored = store::audit::tiles(conn, &places).await?;
    let longer = tree.edge_tiles().filter(|(place, hashes)| {
        stored.get(place).is_some_and(|stored| stored.len() > hashes.len())
    });
    let beyond = store::audit::tiles_beyond(conn, tree.size(), PAGE).await?;
    for (level, number) in longer.map(|(place, _)| place).chain(beyond) {
        report.found(Finding::Tile { level, number });
    }
    Ok(())
}
