//! Stands in for `uuid-rng-internal`: a guest has no randomness, and no plugin makes an id of it.

/// What `uuid` names.
#[doc(hidden)]
pub mod __private {
    /// The crate of that name, as far as `uuid` calls it.
    pub mod getrandom {
        /// Why there are no random bytes.
        pub const MESSAGE: &str = "a plugin has no randomness";

        /// Always fails.
        ///
        /// # Errors
        /// Always [`MESSAGE`].
        pub fn fill(_bytes: &mut [u8]) -> Result<(), &'static str> {
            Err(MESSAGE)
        }
    }
}
