//! The service's part of the Sovereign API.

mod calls;
mod channel;
mod channels;
mod conversations;
mod messages;
mod opt_outs;
mod send;
mod views;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use opt_outs::OptOutView;
pub use views::{CallView, ChannelView, ConversationView, MessageView};

use crate::Communication;

/// `/channels`, `/conversations`, `/messages` and `/calls`, below the API's prefix.
pub fn routes() -> OpenApiRouter<Communication> {
    OpenApiRouter::new()
        .routes(routes!(channels::list, channels::add))
        .routes(routes!(channel::read, channel::change, channel::remove))
        .routes(routes!(send::test))
        .routes(routes!(conversations::list))
        .routes(routes!(opt_outs::list))
        .routes(routes!(opt_outs::lift))
        .routes(routes!(conversations::read, conversations::erase))
        .routes(routes!(conversations::mark_read))
        .routes(routes!(conversations::messages))
        .routes(routes!(messages::list, send::send))
        .routes(routes!(messages::read, messages::erase))
        .routes(routes!(messages::attachment))
        .routes(routes!(calls::list))
        .routes(routes!(calls::read, calls::erase))
}
