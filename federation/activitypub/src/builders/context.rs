//! The `@context` of our documents.
//!
//! Hardly anybody expands it, and nothing here depends on it; it is there for the few who do.

use serde_json::{Value, json};

/// The context of every document: ActivityStreams, the keys' vocabulary, and the terms that
/// Mastodon and its relatives added.
pub fn context() -> Value {
    json!(["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1", terms()])
}

/// The context of an actor with Multikeys (FEP-521a). Their terms are written out instead of named
/// by the addresses of two more contexts: a reader that expands JSON-LD must not need the network,
/// and most ship only ActivityStreams and the security vocabulary.
pub fn actor_context() -> Value {
    let mut terms = terms();
    terms["sec"] = "https://w3id.org/security#".into();
    terms["assertionMethod"] =
        json!({"@id": "sec:assertionMethod", "@type": "@id", "@container": "@set"});
    terms["Multikey"] = "sec:Multikey".into();
    terms["controller"] = json!({"@id": "sec:controller", "@type": "@id"});
    terms["publicKeyMultibase"] =
        json!({"@id": "sec:publicKeyMultibase", "@type": "sec:multibase"});
    json!(["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1", terms])
}

fn terms() -> Value {
    json!({
        "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
        "sensitive": "as:sensitive",
        "Hashtag": "as:Hashtag",
        "movedTo": {"@id": "as:movedTo", "@type": "@id"},
        "alsoKnownAs": {"@id": "as:alsoKnownAs", "@type": "@id"},
        "toot": "http://joinmastodon.org/ns#",
        "Emoji": "toot:Emoji",
        "featured": {"@id": "toot:featured", "@type": "@id"},
        "featuredTags": {"@id": "toot:featuredTags", "@type": "@id"},
        "focalPoint": {"@container": "@list", "@id": "toot:focalPoint"},
        "blurhash": "toot:blurhash",
        "discoverable": "toot:discoverable",
        "indexable": "toot:indexable",
        "votersCount": "toot:votersCount",
        "schema": "http://schema.org#",
        "PropertyValue": "schema:PropertyValue",
        "value": "schema:value",
        "gts": "https://gotosocial.org/ns#",
        "interactionPolicy": {"@id": "gts:interactionPolicy", "@type": "@id"},
        "canQuote": {"@id": "gts:canQuote", "@type": "@id"},
        "automaticApproval": {"@id": "gts:automaticApproval", "@type": "@id"},
        "manualApproval": {"@id": "gts:manualApproval", "@type": "@id"},
        "quote": {"@id": "https://w3id.org/fep/044f#quote", "@type": "@id"},
        "quoteAuthorization": {
            "@id": "https://w3id.org/fep/044f#quoteAuthorization",
            "@type": "@id"
        },
        "QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest",
        "quoteUri": "http://fedibird.com/ns#quoteUri",
        "_misskey_quote": "https://misskey-hub.net/ns/#_misskey_quote"
    })
}
