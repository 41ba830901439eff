//! The service's part of the Sovereign API, and the door of the devices.

mod account;
mod accounts;
mod device_events;
mod devices;
mod runs;
mod views;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use device_events::device_routes;
pub use views::{AccountView, DeviceView, Health, RunView};

use crate::Connectors;

/// `/connectors` and `/devices`, below the API's prefix.
pub fn routes() -> OpenApiRouter<Connectors> {
    OpenApiRouter::new()
        .routes(routes!(accounts::list, accounts::add))
        .routes(routes!(account::read, account::change, account::remove))
        .routes(routes!(account::pause))
        .routes(routes!(account::resume))
        .routes(routes!(account::sync))
        .routes(routes!(account::resync))
        .routes(routes!(runs::list))
        .routes(routes!(devices::list, devices::register))
        .routes(routes!(devices::read, devices::rename, devices::remove))
        .routes(routes!(devices::renew_token))
}
