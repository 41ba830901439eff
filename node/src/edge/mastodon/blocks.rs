//! Whom someone does not want to see or hear.

use axum::Router;
use axum::routing::get;
use serde::Deserialize;

use super::super::call::Call;
use super::super::reply::{Reply, empty_object};
use crate::policy::Action;
use crate::services::Services;

const READ_BLOCKS: Action = Action::person("block.read", "read:blocks");
const WRITE_BLOCKS: Action = Action::person("block.write", "write:blocks");
const READ_MUTES: Action = Action::person("mute.read", "read:mutes");

pub(super) fn routes() -> Router<Services> {
    Router::new().route("/api/v1/blocks", get(blocks)).route("/api/v1/mutes", get(mutes)).route(
        "/api/v1/domain_blocks",
        get(domain_blocks).post(block_domain).delete(unblock_domain),
    )
}

#[derive(Debug, Deserialize)]
struct Domain {
    domain: String,
}

async fn blocks(call: Call) -> Reply {
    let me = call.person(&READ_BLOCKS, "blocks")?;
    call.paged(&call.social().blocks(me, &call.page()?).await?)
}

async fn mutes(call: Call) -> Reply {
    let me = call.person(&READ_MUTES, "mutes")?;
    call.paged(&call.social().mutes(me, &call.page()?).await?)
}

async fn domain_blocks(call: Call) -> Reply {
    let me = call.person(&READ_BLOCKS, "domain_blocks")?;
    call.paged(&call.social().domain_blocks(me, &call.page()?).await?)
}

async fn block_domain(call: Call) -> Reply {
    let Domain { domain } = call.typed()?;
    let me = call.person(&WRITE_BLOCKS, &domain)?;
    call.social().block_domain(me, &domain).await?;
    Ok(empty_object())
}

async fn unblock_domain(call: Call) -> Reply {
    let Domain { domain } = call.typed()?;
    let me = call.person(&WRITE_BLOCKS, &domain)?;
    call.social().unblock_domain(me, &domain).await?;
    Ok(empty_object())
}
