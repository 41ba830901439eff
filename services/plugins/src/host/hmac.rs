//! Message authentication under secrets that the guest never holds.

use aws_lc_rs::hmac as keyed;

use super::Guest;
use super::secrets::Unusable;
use crate::engine::bindings::{hmac, types};
use crate::manifest::SecretKind;

impl hmac::Host for Guest {
    async fn sign(
        &mut self,
        secret: String,
        hash: hmac::Hash,
        data: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, types::SecretError>> {
        let value = match self.lent(&secret).await? {
            // A token changes; nobody signs under one.
            Ok((secret, _)) if secret.kind != SecretKind::Text => {
                return Ok(Err(types::SecretError::NotReadable));
            }
            Ok((_, value)) => value,
            Err(Unusable::Secret(error)) => return Ok(Err(error)),
            Err(Unusable::Away(_)) => return Ok(Err(types::SecretError::NotSet)),
        };
        let algorithm = match hash {
            hmac::Hash::Sha1 => keyed::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            hmac::Hash::Sha256 => keyed::HMAC_SHA256,
            hmac::Hash::Sha512 => keyed::HMAC_SHA512,
        };
        let key = keyed::Key::new(algorithm, value.as_bytes());
        Ok(Ok(keyed::sign(&key, &data).as_ref().to_vec()))
    }
}
