//! Ids of what a call makes, so that a call that is sent again makes nothing twice.

use axum::extract::FromRequestParts;
use http::request::Parts;
use sha2::{Digest, Sha256};
use spine::Problem;
use uuid::{Builder, Uuid, Variant};

use crate::access::Access;

/// The id that a call gives to what it makes.
///
/// With an `Idempotency-Key` header the id follows from caller, route and key: the service inserts with
/// `ON CONFLICT DO NOTHING` and answers what is there, so that sending the same again, even across a
/// crash, makes nothing twice. Without one it is a new UUIDv7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewId(pub Uuid);

impl NewId {
    /// The id for a key of this caller on this route.
    fn of_key(caller: &str, method: &str, path: &str, key: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [caller, method, path, key] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Self(Builder::from_custom_bytes(bytes).with_variant(Variant::RFC4122).into_uuid())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for NewId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Some(key) = parts.headers.get("idempotency-key") else {
            return Ok(Self(Uuid::now_v7()));
        };
        let key =
            key.to_str().ok().filter(|key| (1..=200).contains(&key.len())).ok_or_else(|| {
                Problem::bad_request(
                    "invalid-idempotency-key",
                    "`Idempotency-Key` must be 1 to 200 printable characters",
                )
            })?;
        let key = key.to_owned();
        let access = Access::from_request_parts(parts, state).await?;
        let caller = access.caller().principal.to_string();
        Ok(Self::of_key(&caller, parts.method.as_str(), parts.uri.path(), &key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_means_the_same_id_for_the_same_caller_only() {
        let id = NewId::of_key("person:1", "POST", "/rules", "a");
        assert_eq!(id, NewId::of_key("person:1", "POST", "/rules", "a"));
        assert_ne!(id, NewId::of_key("person:2", "POST", "/rules", "a"));
        assert_ne!(id, NewId::of_key("person:1", "POST", "/rule", "sa"));
        assert_eq!(id.0.get_version_num(), 8);
    }
}
