//! The double knock: one form of signature, then the other.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode};
use spine::http::{GuardedClient, HttpError, IncomingResponse, OutgoingRequest};
use url::Url;

use crate::keys::ActorKey;
use crate::signature::{self, SignatureError, SignatureForm};

/// A request that is signed when it is sent.
pub(crate) struct Knock<'a> {
    pub(crate) client: &'a GuardedClient,
    pub(crate) key: &'a ActorKey,
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) now: DateTime<Utc>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum KnockError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl Knock<'_> {
    /// Signs in the `preferred` form and, if the answer says that the signature was not understood
    /// (400 or 401), once more in the other. Says which form to prefer from now on.
    pub(crate) async fn send(
        self,
        preferred: SignatureForm,
    ) -> Result<(IncomingResponse, SignatureForm), KnockError> {
        let first = self.send_once(preferred).await?;
        if !is_refused_signature(first.status) {
            return Ok((first, preferred));
        }
        let other = preferred.other();
        match self.send_once(other).await {
            Ok(second) if !is_refused_signature(second.status) => Ok((second, other)),
            // The other form is no better: the first answer stands.
            Ok(_) | Err(KnockError::Http(_)) => Ok((first, preferred)),
            Err(error @ KnockError::Signature(_)) => Err(error),
        }
    }

    async fn send_once(&self, form: SignatureForm) -> Result<IncomingResponse, KnockError> {
        let body = self.body.as_ref();
        let signed = signature::sign(form, self.key, &self.method, self.url, body, self.now)?;
        let mut request = OutgoingRequest::new(self.method.clone(), self.url.clone())
            .with_headers(self.headers.clone())
            .with_headers(signed);
        request.body = self.body.clone();
        Ok(self.client.send(request).await?)
    }
}

fn is_refused_signature(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED)
}

/// The host as a [`crate::fetch::FormMemory`] remembers it.
pub(crate) fn remembered_host(url: &Url) -> &str {
    &url[url::Position::BeforeHost..url::Position::AfterPort]
}
