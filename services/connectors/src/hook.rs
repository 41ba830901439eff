//! What tells the requests of webhooks apart. No I/O.

use contracts::plugins::HookRequest;
use sha2::{Digest, Sha256};

/// The largest body of a webhook.
pub(crate) const LARGEST_BODY: usize = 1 << 20;

/// Headers that begin with `x-` and yet say nothing of the message: proxies and tracing add them, and
/// they differ at each delivery.
const OF_THE_WAY: &[&str] = &[
    "x-forwarded-",
    "x-real-ip",
    "x-request-id",
    "x-amzn-",
    "x-amz-cf-",
    "x-b3-",
    "x-cloud-trace",
    "x-envoy-",
];

/// Names of deliveries and signatures are in `x-…`, `…signature…`, `…idempotency…`, `webhook-…`, `svix-…`
/// and `ce-…` headers at the services that we know.
fn tells(name: &str) -> bool {
    if OF_THE_WAY.iter().any(|prefix| name.starts_with(prefix)) {
        return false;
    }
    name == "content-type"
        || ["x-", "webhook-", "svix-", "ce-"].iter().any(|prefix| name.starts_with(prefix))
        || name.contains("signature")
        || name.contains("idempotency")
}

/// What in a header's name says that its value names one delivery, or its moment.
const OF_THE_DELIVERY: &[&str] = &[
    "delivery",
    "idempotency",
    "webhook-id",
    "svix-id",
    "ce-id",
    "event-id",
    "event-uuid",
    "message-id",
    "message-number",
    "timestamp",
];

/// Whether the request has a name that no other delivery has: then the same again is a repeat, whatever came in
/// between.
pub(crate) fn names_its_delivery(request: &HookRequest) -> bool {
    request.headers.iter().any(|(name, _)| {
        let name = name.to_ascii_lowercase();
        tells(&name) && OF_THE_DELIVERY.iter().any(|word| name.contains(word))
    })
}

/// The same for a request that is delivered again, and for no other.
pub(crate) fn digest(request: &HookRequest) -> Vec<u8> {
    let mut headers: Vec<(String, &str)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
        .filter(|(name, _)| tells(name))
        .collect();
    headers.sort();
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    add(request.method.as_bytes());
    add(request.path_and_query.as_bytes());
    add(&request.body);
    for (name, value) in headers {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &str, headers: &[(&str, &str)]) -> HookRequest {
        HookRequest {
            method: "POST".to_owned(),
            url: "https://node.example/hooks/a/".to_owned(),
            path_and_query: "/".to_owned(),
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_repeat_is_known_by_what_it_says_not_by_the_way_it_took() {
        let first =
            digest(&request("{}", &[("X-Hub-Signature", "a"), ("X-Forwarded-For", "1.1.1.1")]));
        let again = digest(&request(
            "{}",
            &[("x-forwarded-for", "2.2.2.2"), ("x-hub-signature", "a"), ("Date", "now")],
        ));
        assert_eq!(first, again);
        assert_ne!(first, digest(&request("{}", &[("X-Hub-Signature", "b")])));
        assert_ne!(first, digest(&request("{ }", &[("X-Hub-Signature", "a")])));
        // Two notifications without a body are told apart by their numbers.
        let numbered = |n| digest(&request("", &[("X-Goog-Message-Number", n)]));
        assert_ne!(numbered("1"), numbered("2"));
    }

    #[test]
    fn a_delivery_is_named_by_its_id_and_not_by_its_channel_or_its_way() {
        let named = |name| names_its_delivery(&request("{}", &[(name, "1")]));
        assert!(named("X-GitHub-Delivery") && named("webhook-id") && named("ce-id"));
        assert!(named("I-Twilio-Idempotency-Token") && named("X-Goog-Message-Number"));
        assert!(!named("X-Goog-Channel-Id") && !named("X-Request-Id") && !named("X-Hub-Signature"));
    }
}
