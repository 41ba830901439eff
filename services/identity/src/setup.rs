//! The one-time code that makes the owner's account at first start.

use spine::Tx;

use crate::{Identity, IdentityError, secret, store};

impl Identity {
    /// A new setup code, while nobody has registered; it replaces the one before. `None`: the node
    /// has people.
    ///
    /// # Errors
    /// The database failed.
    pub async fn new_setup_code(&self) -> Result<Option<String>, IdentityError> {
        if !self.is_empty().await? {
            return Ok(None);
        }
        let code = secret::new_typed_code()?;
        let now = self.0.spine.clock().now();
        store::setup::replace(self.0.spine.pool(), &secret::hash(&code), now).await?;
        Ok(Some(code))
    }

    /// Uses up the setup code, as part of the transaction that makes the owner.
    ///
    /// # Errors
    /// The code is wrong or used, somebody has registered, or there were too many tries.
    pub async fn use_setup_code(&self, tx: &mut Tx, code: &str) -> Result<(), IdentityError> {
        const NAME: &str = "\u{0}setup";
        if !self.0.throttle.admits(NAME) {
            return Err(IdentityError::TooManyAttempts);
        }
        let typed = code.trim().to_lowercase();
        let now = self.0.spine.clock().now();
        if !store::setup::take(tx.conn(), &secret::hash(&typed), now).await? {
            self.0.throttle.failed(NAME);
            return Err(IdentityError::WrongSetupCode);
        }
        Ok(())
    }
}
