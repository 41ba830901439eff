//! Sealing: personal payloads are readable only while their subject's key exists.
//!
//! Three layers. The node's own key lives in a file ([`key_file`]) outside the database. It wraps a
//! data key for each subject (an entity, a post, a person), kept in `spine.subject_key`. A data key
//! seals the payloads of the subject's events with AES-256-GCM; the event's id, type and subject
//! are authenticated with them, so that a payload cannot be moved to another event. Erasing a
//! subject destroys its data keys: the ledger and every copy of it stay whole, and the payloads are
//! gone. (A destroyed key can survive in database backups until these age out.)

mod key_file;
mod node_key;
mod subject_keys;

pub(crate) use key_file::{create_key_file, read_key_file};
pub(crate) use node_key::NodeKey;
pub(crate) use subject_keys::{Binding, Bucket, DataKey, SubjectKeys, WrappedKey};
