//! Passwords: argon2id (RFC 9106), hashed off the async threads.

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};

use crate::IdentityError;

/// Shortest and longest password, in characters.
pub(crate) const LENGTH: std::ops::RangeInclusive<usize> = 8..=256;

/// Hashes a password; the PHC string says how.
pub(crate) async fn hash(password: &str) -> Result<String, IdentityError> {
    if !LENGTH.contains(&password.chars().count()) {
        return Err(IdentityError::Invalid(format!(
            "a password has {} to {} characters",
            LENGTH.start(),
            LENGTH.end()
        )));
    }
    let password = password.to_owned();
    run(move || {
        let salt = SaltString::generate(&mut OsRng);
        Argon2::default()
            .hash_password(password.as_bytes(), &salt)
            .map(|hash| hash.to_string())
            .map_err(|_| IdentityError::Crypto("the password could not be hashed"))
    })
    .await
}

/// Whether the password is the stored one. With no stored hash it does the same work and says no,
/// so that the time taken does not tell whether a person exists.
pub(crate) async fn verify(password: &str, stored: Option<String>) -> Result<bool, IdentityError> {
    /// A hash of a random password that nobody knows.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
                          4f7vYzqk3m2m2n0pJ8xQJ1x3y5k9bq8r0d6cZk0v7aE";
    let password = password.to_owned();
    run(move || {
        let known = stored.is_some();
        let text = stored.unwrap_or_else(|| NOBODY.to_owned());
        let hash = PasswordHash::new(&text)
            .map_err(|_| IdentityError::Crypto("a stored password hash is malformed"))?;
        Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() && known)
    })
    .await
}

async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IdentityError> + Send + 'static,
) -> Result<T, IdentityError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| IdentityError::Crypto("the hashing task failed"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_person_passes() {
        let stored = hash("correct horse").await.unwrap();
        assert!(verify("correct horse", Some(stored.clone())).await.unwrap());
        assert!(!verify("wrong horse", Some(stored)).await.unwrap());
        assert!(!verify("correct horse", None).await.unwrap());
        assert!(hash("short").await.is_err());
    }
}
