//! One call of the client API: who calls, with which parameters, and the answering of it.

use std::fmt::Display;

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::response::Response;
use http::Uri;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use social::read::{Cursor, Links, Page, Paged};
use social::{AccountId, Social};
use spine::Problem;

use super::caller::Caller;
use super::permissive::{Limits, Parameters, absent_if_empty};
use super::reply::{self, Reply};
use crate::policy::Action;
use crate::services::Services;

/// A call with its parameters read.
pub struct Call {
    /// The node's services.
    pub services: Services,
    /// Who calls.
    pub caller: Caller,
    /// The address that was called.
    pub uri: Uri,
    /// Query and body.
    pub parameters: Parameters,
}

/// Which part of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PageParameters {
    #[serde(deserialize_with = "absent_if_empty")]
    max_id: Option<Cursor>,
    #[serde(deserialize_with = "absent_if_empty")]
    since_id: Option<Cursor>,
    #[serde(deserialize_with = "absent_if_empty")]
    min_id: Option<Cursor>,
    #[serde(deserialize_with = "absent_if_empty")]
    limit: Option<u32>,
}

impl Call {
    /// Reads a call whose body may be this large. The caller is told first: strangers upload nothing.
    ///
    /// # Errors
    /// A bad token, or parameters that cannot be read.
    pub async fn read(
        request: Request,
        services: &Services,
        limits: Limits,
        permit: impl FnOnce(&Caller) -> Result<(), Problem>,
    ) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, services).await?;
        permit(&caller)?;
        let uri = parts.uri.clone();
        let request = Request::from_parts(parts, body);
        let parameters = Parameters::read(request, limits).await?;
        Ok(Self { services: services.clone(), caller, uri, parameters })
    }

    /// The social service.
    pub fn social(&self) -> &Social {
        &self.services.social
    }

    /// The parameters in the shape that this call wants.
    ///
    /// # Errors
    /// 422 names the parameter of the wrong kind.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.parameters.typed()
    }

    /// Which part of a list is asked for.
    ///
    /// # Errors
    /// 422 names the parameter of the wrong kind.
    pub fn page(&self) -> Result<Page, Problem> {
        let PageParameters { max_id, since_id, min_id, limit } = self.typed()?;
        Ok(Page { max_id, since_id, min_id, limit })
    }

    /// See [`Caller::may`].
    ///
    /// # Errors
    /// The policy says no.
    pub fn may(
        &self,
        action: &Action,
        resource: impl Display,
    ) -> Result<Option<AccountId>, Problem> {
        self.caller.may(action, resource)
    }

    /// See [`Caller::person`].
    ///
    /// # Errors
    /// The policy says no.
    pub fn person(&self, action: &Action, resource: impl Display) -> Result<AccountId, Problem> {
        self.caller.person(action, resource)
    }

    /// A page of a list with links to its neighbours.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn paged<T: Serialize>(&self, page: &Paged<T>) -> Reply {
        Ok(self.linked(reply::json(page)?, page.links()))
    }

    /// Adds links to a page's neighbours.
    pub fn linked(&self, response: Response, links: Links) -> Response {
        reply::with_links(response, &self.services.origin, &self.uri, links)
    }
}

impl FromRequest<Services> for Call {
    type Rejection = Problem;

    async fn from_request(request: Request, services: &Services) -> Result<Self, Problem> {
        let limits = Limits { text: services.config.http.max_body_bytes, files: 0 };
        Self::read(request, services, limits, |_| Ok(())).await
    }
}
