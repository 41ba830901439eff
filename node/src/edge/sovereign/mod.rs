//! The Sovereign API (`/api/sovereign/v1`): the platform's services for apps, and for each other.
//!
//! Every call passes the same way, whoever makes it: authenticated ([`access`]), decided by the policy in
//! the service's route, written to the audit log before the answer leaves. Apps come over HTTP; services
//! come through [`transport`], which is the same router without the network. Its description is made from
//! the routes ([`describe`]).

mod access;
mod describe;
pub mod hooks;
mod posts;
pub mod sign_in;
mod transport;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use contracts::api::PREFIX;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use crate::services::Services;

use access::Answers;

pub use transport::InProcess;

/// Every route of the API, with its description.
fn documented(services: &Services) -> OpenApiRouter {
    let platform = &services.platform;
    OpenApiRouter::new()
        .merge(data::routes().with_state(platform.data.clone()))
        .merge(etl::routes().with_state(platform.etl.clone()))
        .merge(search::routes().with_state(platform.search.clone()))
        .merge(present::routes().with_state(platform.present.clone()))
        .merge(rules::routes().with_state(platform.rules.clone()))
        .merge(connectors::routes().with_state(platform.connectors.clone()))
        .merge(communication::routes().with_state(platform.communication.clone()))
        .merge(plugins::routes().with_state(platform.plugins.clone()))
        .merge(policy::routes().with_state(platform.policy.clone()))
        .merge(posts::routes().with_state(services.clone()))
}

/// The API's routes below its prefix, with what every call passes; not yet its documents.
fn calls(services: &Services) -> (Router, utoipa::openapi::OpenApi) {
    let platform = &services.platform;
    let devices = connectors::device_routes(platform.policy.port());
    let (router, description) = OpenApiRouter::with_openapi(describe::Description::openapi())
        .nest(PREFIX, documented(services))
        .merge(devices.with_state(platform.connectors.clone()))
        .split_for_parts();
    let answers = Answers::of(services);
    (router.layer(from_fn_with_state(answers, access::pass)), description)
}

/// The API with its documents, as the edge serves it.
pub fn routes(services: &Services) -> Router {
    let (router, description) = calls(services);
    router.merge(describe::routes(description))
}

/// The API of this process, without the network.
pub fn in_process(services: &Services) -> InProcess {
    InProcess::new(calls(services).0, services.platform.policy.port())
}

/// Lets the services of this process reach the API.
pub fn connect(services: &Services) {
    services.platform.api.connect(Arc::new(in_process(services)));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    #[test]
    fn no_two_services_mean_different_things_by_one_name() {
        let described = [
            ("communication", communication::routes().into_openapi()),
            ("connectors", connectors::routes().into_openapi()),
            ("data", data::routes().into_openapi()),
            ("etl", etl::routes().into_openapi()),
            ("plugins", plugins::routes().into_openapi()),
            ("policy", policy::routes().into_openapi()),
            ("present", present::routes().into_openapi()),
            ("rules", rules::routes().into_openapi()),
            ("search", search::routes().into_openapi()),
        ];
        let (mut schemas, mut operations) = (BTreeMap::new(), BTreeMap::new());
        for (service, description) in described {
            let document = serde_json::to_value(&description).unwrap();
            for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
                let (other, known) = schemas
                    .entry(name.clone())
                    .or_insert_with(|| (service, schema.clone()))
                    .clone();
                assert_eq!(known, *schema, "{name} of {service} and of {other}");
            }
            for path in document["paths"].as_object().unwrap().values() {
                for operation in path.as_object().unwrap().values() {
                    let Some(id) = operation["operationId"].as_str() else { continue };
                    let other = operations.insert(id.to_owned(), service);
                    assert_eq!(other, None, "{id} of {service}");
                }
            }
        }
    }
}
