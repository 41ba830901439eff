//! The key that signs the audit log's checkpoints.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList, key_id};
use spine::Spine;
use tlog_tiles::{Checkpoint, Hash};

use crate::{PolicyError, store};

/// The algorithm's number in a signed note (C2SP signed-note).
const ED25519: u8 = 1;

/// The log's name and key. The secret is sealed under the node's own key, so that nobody who only has
/// the database can sign.
pub(crate) struct LogKey {
    origin: String,
    signer: StandardSigner,
    verifier: String,
}

impl LogKey {
    /// The key of this node, made at first start. A log keeps its first name.
    ///
    /// # Errors
    /// The name cannot be used, the database is away, or the key does not open.
    pub(crate) async fn open(spine: &Spine, origin: &str) -> Result<Self, PolicyError> {
        let name = log_name(origin)?;
        if let Some((origin, sealed)) = store::audit::key(spine.pool()).await? {
            if origin != name {
                tracing::info!(origin, "the audit log keeps the name that it began with");
            }
            return Self::of_seed(origin, &spine.open_secret(&sealed)?);
        }
        let mut seed = [0; 32];
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| PolicyError::AuditKey("the system gave no randomness".to_owned()))?;
        let sealed = spine.seal_secret(&seed)?;
        let now = spine.clock().now();
        // Another process may have been first: what is there counts.
        let (origin, sealed) = store::audit::insert_key(spine.pool(), &name, &sealed, now).await?;
        Self::of_seed(origin, &spine.open_secret(&sealed)?)
    }

    fn of_seed(origin: String, seed: &[u8]) -> Result<Self, PolicyError> {
        let fault = |why: String| PolicyError::AuditKey(why);
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|e| fault(e.to_string()))?;
        let public = [&[ED25519], pair.public_key().as_ref()].concat();
        let id = key_id(&origin, &public);
        let secret = STANDARD.encode([&[ED25519], seed].concat());
        let signer = StandardSigner::new(&format!("PRIVATE+KEY+{origin}+{id:08x}+{secret}"))
            .map_err(|error| fault(error.to_string()))?;
        let verifier = format!("{origin}+{id:08x}+{}", STANDARD.encode(public));
        Ok(Self { origin, signer, verifier })
    }

    /// The public key, as others verify with it (`name+id+key`).
    pub(crate) fn verifier(&self) -> &str {
        &self.verifier
    }

    /// Signs the head of a tree.
    ///
    /// # Errors
    /// It cannot be written as a note.
    pub(crate) fn sign(&self, size: u64, root: Hash) -> Result<String, PolicyError> {
        let fault = |why: String| PolicyError::AuditKey(why);
        let head = Checkpoint::new(&self.origin, size, root, "")
            .map_err(|error| fault(error.to_string()))?;
        let mut note =
            Note::new(&head.to_bytes(), &[]).map_err(|error| fault(error.to_string()))?;
        note.add_sigs(&[&self.signer]).map_err(|error| fault(error.to_string()))?;
        String::from_utf8(note.to_bytes()).map_err(|error| fault(error.to_string()))
    }

    /// Reads a signed head: its size and root.
    ///
    /// # Errors
    /// Why it is none of this log, in words.
    pub(crate) fn read(&self, note: &str) -> Result<(u64, Hash), String> {
        let verifier = StandardVerifier::new(&self.verifier).map_err(|error| error.to_string())?;
        let note = Note::from_bytes(note.as_bytes()).map_err(|error| error.to_string())?;
        note.verify(&VerifierList::new(vec![Box::new(verifier)]))
            .map_err(|error| error.to_string())?;
        let head = Checkpoint::from_bytes(note.text()).map_err(|error| error.to_string())?;
        if head.origin() != self.origin {
            return Err(format!("it is of another log, {}", head.origin()));
        }
        Ok((head.size(), *head.hash()))
    }

    /// Reads a head that somebody kept, in a file that may have been handled by an editor.
    ///
    /// # Errors
    /// Why it is none of this log, in words.
    pub(crate) fn read_kept(&self, note: &str) -> Result<(u64, Hash), String> {
        self.read(&format!("{}\n", note.trim().replace("\r\n", "\n")))
    }
}

/// The log's name: the node's address without its scheme, as C2SP recommends.
fn log_name(origin: &str) -> Result<String, PolicyError> {
    let host = origin.split_once("://").map_or(origin, |(_, rest)| rest).trim_end_matches('/');
    let name = format!("{host}/audit");
    let usable = !host.is_empty()
        && signed_note::is_key_name_valid(&name)
        && !name.chars().any(char::is_control);
    match usable {
        true => Ok(name),
        false => Err(PolicyError::AuditKey(format!("{origin:?} makes no name for the log"))),
    }
}

#[cfg(test)]
mod tests {
    use tlog_tiles::record_hash;

    use super::*;

    #[test]
    fn what_was_signed_is_read_and_nothing_else() {
        let key = LogKey::of_seed("a.example/audit".to_owned(), &[7; 32]).unwrap();
        let root = record_hash(b"x");
        let note = key.sign(3, root).unwrap();
        assert!(note.starts_with("a.example/audit\n3\n"), "{note}");
        assert_eq!(key.read(&note).unwrap(), (3, root));
        let other = LogKey::of_seed("a.example/audit".to_owned(), &[8; 32]).unwrap();
        assert!(key.read(&other.sign(3, root).unwrap()).is_err());
        assert!(key.read(&note.replacen("\n3\n", "\n4\n", 1)).is_err());
        assert!(key.read("nonsense").is_err());
        assert_eq!(key.read_kept(&format!("{note}\n")).unwrap(), (3, root));
    }

    #[test]
    fn the_log_is_named_after_the_node() {
        assert_eq!(log_name("https://a.example/").unwrap(), "a.example/audit");
        assert!(log_name("").is_err());
        assert!(log_name("two words").is_err());
    }
}
