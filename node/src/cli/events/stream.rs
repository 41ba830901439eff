//! `sovereign events relay` and `sovereign events rebuild-stream`: the copy of the ledger on NATS.

use anyhow::bail;
use serde_json::{Value, json};
use spine::bus::{self, Parting, Rebuilt, StreamState};
use spine::{Spine, ledger};

use super::time;
use crate::cli::output::Output;

/// Says how far the relay is, and whether the stream still is what the ledger says.
pub(super) async fn relay(spine: &Spine, output: &Output) -> anyhow::Result<()> {
    // What the database knows is of use while NATS is away.
    let (stream, trouble) = match bus::stream_state(spine).await {
        Ok(stream) => (Some(stream), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let relay = bus::relay_state(spine).await?;
    let head = ledger::head(spine).await?;
    let value = json!({
        "stream": stream.as_ref().map(|stream| &stream.name),
        "messages": stream.as_ref().and_then(|stream| stream.messages),
        "parted": stream.as_ref().and_then(|stream| stream.parted).map(parting),
        "trouble": trouble,
        "published": relay.map(|relay| relay.position.to_string()),
        "published_at": relay.map(|relay| time(relay.moved_at)),
        "ledger_head": head.to_string(),
    });
    let published = relay.map_or_else(
        || "nothing yet".to_owned(),
        |relay| format!("up to {} at {}", relay.position, time(relay.moved_at)),
    );
    let state = match (&stream, trouble) {
        (Some(stream), _) => sentence(stream),
        (None, trouble) => trouble.unwrap_or_default(),
    };
    let text = format!("Published    {published}\nLedger ends  at {head}\nStream       {state}");
    output.one(&value, &text)
}

/// Has the stream made anew, where the operator says that they mean it.
pub(super) async fn rebuild(spine: &Spine, yes: bool, output: &Output) -> anyhow::Result<()> {
    if !yes {
        let stream = bus::stream_state(spine).await?;
        bail!(
            "this deletes the stream {} with all it has; the relay then publishes the whole ledger \
             anew. ({}.) Say --yes to go on",
            stream.name,
            sentence(&stream)
        );
    }
    let rebuilt = bus::rebuild_stream(spine).await?;
    let pulled_back: Vec<Value> = rebuilt
        .pulled_back
        .iter()
        .map(|one| {
            json!({
                "consumer": one.consumer,
                "from": one.from.to_string(),
                "to": one.to.to_string(),
            })
        })
        .collect();
    let value = json!({
        "stream": rebuilt.before.name,
        "messages": rebuilt.before.messages,
        "parted": rebuilt.before.parted.map(parting),
        "pulled_back": pulled_back,
    });
    output.one(&value, &told(&rebuilt))
}

fn told(rebuilt: &Rebuilt) -> String {
    let mut text = match rebuilt.before.messages {
        Some(_) => format!("Deleted the stream {}.", rebuilt.before.name),
        None => format!("There was no stream {}.", rebuilt.before.name),
    };
    text.push_str(" The running relay publishes the ledger anew; see: sovereign events relay");
    for one in &rebuilt.pulled_back {
        text.push_str(&format!(
            "\nThe consumer {} was sent back from {} to {}.",
            one.consumer, one.from, one.to
        ));
    }
    text
}

fn parting(parting: Parting) -> Value {
    json!({
        "last_shared": parting.last_shared.to_string(),
        "foreign_messages": parting.foreign,
    })
}

fn sentence(stream: &StreamState) -> String {
    match (stream.messages, stream.parted) {
        (None, _) => format!("{} does not exist; the running relay makes it", stream.name),
        (Some(messages), None) => {
            format!("{} has {messages} messages and agrees with the ledger", stream.name)
        }
        (Some(messages), Some(parting)) => format!(
            "{} has {messages} messages, of which the newest {} after {} are not what the ledger \
             says: nothing is published or handled until it is made anew",
            stream.name, parting.foreign, parting.last_shared
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_parted_from_the_ledger_is_told_with_where_it_did() {
        let last_shared = "77.3".parse().unwrap();
        let state = StreamState {
            name: "node_LEDGER".to_owned(),
            messages: Some(12),
            parted: Some(Parting { last_shared, foreign: 2 }),
        };
        let text = sentence(&state);
        assert!(text.contains("newest 2 after 77.3"), "{text}");
        let state = StreamState { parted: None, ..state };
        assert!(sentence(&state).contains("agrees with the ledger"));
    }
}
