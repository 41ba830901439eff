//! From the installation to the removal.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::api::Conditions;
use contracts::plugins::{ConnectorPlugins, PluginError};
use plugins::{Installation, Plugins, PluginsError, Signed, Source, digest, signed_text};
use serde_json::json;
use spine::Cause;

use crate::guests::{ALL, Describes, EVERYTHING, full_probe, manifest, probe};
use crate::stage::{Stage, settings};

async fn upgrade(stage: &Stage, wasm: Vec<u8>) -> Result<Installation, PluginsError> {
    stage
        .plugins
        .upgrade(&Cause::system(), "probe", Source::bytes(wasm), &Conditions::default())
        .await
}

fn wider(version: &str) -> Vec<u8> {
    let more = EVERYTHING.replace("\"granted.example\"", "\"granted.example\", \"more.example\"");
    probe(&manifest(version, &more), version, ALL, Describes::Well)
}

#[tokio::test]
async fn nothing_is_called_before_it_is_granted_and_enabled() {
    let stage = Stage::start().await;
    let wasm = full_probe("1.0.0");
    let (id, done) =
        stage.plugins.install(&Cause::system(), Source::bytes(wasm.clone())).await.unwrap();
    assert_eq!((id.as_str(), done), ("probe", Installation::Done));
    let (_, again) = stage.plugins.install(&Cause::system(), Source::bytes(wasm)).await.unwrap();
    assert_eq!(again, Installation::Unchanged);
    assert!(matches!(stage.probe("").await, Err(PluginError::Unavailable { .. })));
    let (status, answer) =
        stage.http.json(stage.owner(), "POST", "/plugins/probe/enable", None).await;
    assert_eq!((status, answer["type"].as_str()), (409, Some("urn:sovereign:problem:not-granted")));

    let mut asks = stage.view("probe").await["asks"].clone();
    let less = {
        let mut less = asks.clone();
        less["webhooks"] = json!(false);
        json!({ "capabilities": less })
    };
    let (status, _) =
        stage.http.json(stage.owner(), "POST", "/plugins/probe/grant", Some(less)).await;
    assert_eq!(status, 422, "less than it asks for");
    // More is fine.
    asks["state_kib"] = json!(64);
    stage.call("POST", "/plugins/probe/grant", json!({ "capabilities": asks })).await;
    assert!(matches!(stage.probe("").await, Err(PluginError::Unavailable { .. })));
    stage.call("POST", "/plugins/probe/enable", json!({})).await;
    assert_eq!(stage.told("").await, "1.0.0");
    stage.call("POST", "/plugins/probe/disable", json!({})).await;
    assert!(matches!(stage.probe("").await, Err(PluginError::Unavailable { .. })));
    assert_eq!(stage.changes("probe").await, ["installed", "granted", "enabled", "disabled"]);
}

#[tokio::test]
async fn an_upgrade_takes_over_without_a_restart_and_can_be_taken_back() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    assert_eq!(stage.told("").await, "1.0.0");
    assert_eq!(upgrade(&stage, full_probe("1.1.0")).await.unwrap(), Installation::Done);
    assert_eq!(stage.told("").await, "1.1.0");
    stage.call("POST", "/plugins/probe/rollback", json!({})).await;
    assert_eq!(stage.told("").await, "1.0.0");
    stage.call("POST", "/plugins/probe/rollback", json!({ "version": "1.1.0" })).await;
    assert_eq!(stage.told("").await, "1.1.0");
    let (status, _) = stage
        .http
        .json(stage.owner(), "POST", "/plugins/probe/rollback", Some(json!({ "version": "9.9.9" })))
        .await;
    assert_eq!(status, 409);
    assert!(matches!(
        upgrade(&stage, full_probe("1.0.5")).await,
        Err(PluginsError::NotNewer { .. })
    ));
    assert_eq!(upgrade(&stage, full_probe("1.1.0")).await.unwrap(), Installation::Unchanged);
}

#[tokio::test]
async fn an_upgrade_that_asks_for_more_waits_for_the_operator() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    assert_eq!(upgrade(&stage, wider("2.0.0")).await.unwrap(), Installation::Pending);
    assert_eq!(stage.told("").await, "1.0.0", "the old one goes on");
    let view = stage.view("probe").await;
    assert_eq!(
        (view["version"].as_str(), view["pending"]["version"].as_str()),
        (Some("1.0.0"), Some("2.0.0"))
    );
    // The same grant again is not enough.
    let same = json!({ "capabilities": view["asks"] });
    stage.call("POST", "/plugins/probe/grant", same).await;
    assert_eq!(stage.told("").await, "1.0.0");
    let grant = json!({ "capabilities": view["pending"]["asks"] });
    stage.call("POST", "/plugins/probe/grant", grant).await;
    assert_eq!(stage.told("").await, "2.0.0");
    assert_eq!(stage.view("probe").await["pending"], json!(null));
    // Narrower asks nothing.
    assert_eq!(upgrade(&stage, full_probe("3.0.0")).await.unwrap(), Installation::Done);
    assert_eq!(
        stage.changes("probe").await,
        ["installed", "granted", "enabled", "upgrade_pending", "granted", "upgraded", "upgraded"]
    );
}

#[tokio::test]
async fn an_upgrade_that_cannot_describe_itself_changes_nothing() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let broken = probe(&manifest("2.0.0", EVERYTHING), "2.0.0", ALL, Describes::Trapping);
    assert!(matches!(upgrade(&stage, broken).await, Err(PluginsError::Describe(_))));
    assert_eq!(stage.told("").await, "1.0.0");
    assert_eq!(stage.view("probe").await["versions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn old_versions_go_and_five_stay_for_going_back() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    for minor in 1..=8 {
        upgrade(&stage, full_probe(&format!("1.{minor}.0"))).await.unwrap();
    }
    let view = stage.view("probe").await;
    assert_eq!(view["versions"].as_array().unwrap().len(), 6, "{}", view["versions"]);
    let components: i64 = sqlx::query_scalar("SELECT count(*) FROM plugins.component")
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
    assert_eq!(components, 6);
}

#[tokio::test]
async fn what_is_removed_takes_its_secrets_and_its_state_along() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    stage.set_secret("key", "s3cret-token").await;
    stage.told("Wremember").await;
    stage.plugins.write_counts().await.unwrap();
    let (status, _) = stage.http.json(stage.owner(), "DELETE", "/plugins/probe", None).await;
    assert_eq!(status, 204);
    for table in ["plugin", "version", "component", "secret", "state", "health"] {
        let query = format!("SELECT count(*) FROM plugins.{table}");
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(stage.test.spine.pool())
            .await
            .unwrap();
        assert_eq!(left, 0, "{table}");
    }
    assert!(matches!(stage.probe("").await, Err(PluginError::Unavailable { .. })));
    // Installed again, it begins anew.
    stage.enabled(full_probe("1.0.0")).await;
    assert_eq!(stage.told("W").await, "");
}

#[tokio::test]
async fn another_process_follows_without_a_restart() {
    let stage = Stage::start().await;
    let spine = stage.test.another().await.unwrap();
    let other = Plugins::open(spine, contracts::api::Api::new(), settings()).await.unwrap();
    stage.enabled(full_probe("1.0.0")).await;
    let told = async || {
        other.sync("probe", stage.account, &json!({}), None).await.map(|batch| batch.plugin_version)
    };
    let until = async |wanted: Option<&str>| {
        let seen = async {
            while told().await.ok().as_deref() != wanted {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), seen).await.unwrap();
    };
    until(Some("1.0.0")).await;
    upgrade(&stage, full_probe("1.1.0")).await.unwrap();
    until(Some("1.1.0")).await;
    stage.call("POST", "/plugins/probe/disable", json!({})).await;
    until(None).await;
    // A process that starts later knows it from the database.
    stage.call("POST", "/plugins/probe/enable", json!({})).await;
    let third =
        Plugins::open(stage.test.another().await.unwrap(), contracts::api::Api::new(), settings())
            .await
            .unwrap();
    assert_eq!(
        third.sync("probe", stage.account, &json!({}), None).await.unwrap().plugin_version,
        "1.1.0"
    );
}

#[tokio::test]
async fn a_grant_that_cannot_be_kept_is_refused() {
    let stage = Stage::start().await;
    stage.plugins.install(&Cause::system(), Source::bytes(full_probe("1.0.0"))).await.unwrap();
    let asks = stage.view("probe").await["asks"].clone();
    let many: Vec<String> = (0..51).map(|n| format!("a{n}.example")).collect();
    for (field, value) in [
        ("hosts", json!(["config:/url", "granted.example", "\u{0}"])),
        ("hosts", json!(many)),
        ("secrets", json!([{ "name": "\u{0}" }])),
        ("secrets", json!([{ "name": "key", "sign_in_at": "\u{0}" }])),
    ] {
        let mut capabilities = asks.clone();
        capabilities[field] = value;
        let grant = json!({ "capabilities": capabilities });
        let (status, answer) =
            stage.http.json(stage.owner(), "POST", "/plugins/probe/grant", Some(grant)).await;
        assert_eq!(status, 422, "{answer}");
    }
}

#[tokio::test]
async fn a_plugin_that_cannot_be_read_any_more_keeps_no_node_from_starting() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    stage.enabled(crate::guests::operators(crate::guests::OPERATORS)).await;
    sqlx::query(
        "UPDATE plugins.version SET manifest = 'interface = \"0.9.0\"' WHERE plugin = 'probe'",
    )
    .execute(stage.test.spine.pool())
    .await
    .unwrap();
    let spine = stage.test.another().await.unwrap();
    let other = Plugins::open(spine, contracts::api::Api::new(), settings()).await.unwrap();
    assert_eq!(contracts::plugins::RuleOperators::operators(&other).await.unwrap().len(), 1);
    let called = other.sync("probe", stage.account, &json!({}), None).await;
    assert!(matches!(called, Err(PluginError::Unavailable { .. })));
}

/// A publisher, and a release of it.
struct Publisher(Ed25519KeyPair);

impl Publisher {
    fn release(&self, wasm: Vec<u8>, manifest: &str, version: &str) -> Source {
        let text = signed_text("probe", version, &digest(&wasm), manifest);
        let signed = Signed {
            signature: Some(STANDARD.encode(self.0.sign(text.as_bytes()))),
            publisher_key: Some(STANDARD.encode(self.0.public_key())),
        };
        Source { signed, ..Source::bytes(wasm) }
    }
}

#[tokio::test]
async fn a_signed_version_that_waited_for_its_grant_binds_the_next_ones() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let publisher = Publisher(Ed25519KeyPair::generate().unwrap());
    let more = EVERYTHING.replace("\"granted.example\"", "\"granted.example\", \"more.example\"");
    let release = publisher.release(wider("2.0.0"), &manifest("2.0.0", &more), "2.0.0");
    let done = stage
        .plugins
        .upgrade(&Cause::system(), "probe", release, &Conditions::default())
        .await
        .unwrap();
    assert_eq!(done, Installation::Pending);
    let view = stage.view("probe").await;
    assert_eq!(view["signed"], false, "the one that is called is not");
    let grant = json!({ "capabilities": view["pending"]["asks"] });
    let view = stage.call("POST", "/plugins/probe/grant", grant).await;
    assert_eq!((view["version"].as_str(), view["signed"].as_bool()), (Some("2.0.0"), Some(true)));
    assert!(matches!(upgrade(&stage, wider("3.0.0")).await, Err(PluginsError::Signature(_))));
    let mallory = Publisher(Ed25519KeyPair::generate().unwrap());
    let theirs = mallory.release(wider("3.0.0"), &manifest("3.0.0", &more), "3.0.0");
    let outcome =
        stage.plugins.upgrade(&Cause::system(), "probe", theirs, &Conditions::default()).await;
    assert!(matches!(outcome, Err(PluginsError::Signature(_))));
}

#[tokio::test]
async fn a_sign_in_elsewhere_or_for_more_is_asked_again() {
    let sign_in = |page: &str, scopes: &str| {
        format!(
            "[[secrets]]\nname = \"key\"\ntitle = \"Account\"\nkind = \"oauth2\"\n[secrets.oauth2]\n\
             authorization_endpoint = \"{page}\"\ntoken_endpoint = \"https://a.example/token\"\n\
             scopes = [{scopes}]\n"
        )
    };
    let of = |version: &str, page: &str, scopes: &str| {
        let capabilities =
            format!("[capabilities]\nhosts = [\"a.example\"]\n{}", sign_in(page, scopes));
        let imports = crate::guests::Imports { http: true, secrets: true, state: false };
        probe(&manifest(version, &capabilities), version, imports, Describes::Well)
    };
    let stage = Stage::start().await;
    let page = "https://a.example/sign-in";
    stage.enabled(of("1.0.0", page, "\"read\"")).await;
    assert_eq!(
        upgrade(&stage, of("1.1.0", page, "\"read\", \"write\"")).await.unwrap(),
        Installation::Pending
    );
    assert_eq!(
        upgrade(&stage, of("1.2.0", "https://evil.example/", "\"read\"")).await.unwrap(),
        Installation::Pending
    );
    assert_eq!(upgrade(&stage, of("1.3.0", page, "")).await.unwrap(), Installation::Done);
}

#[tokio::test]
async fn releases_are_checked_against_digest_and_signature() {
    let stage = Stage::start().await;
    let install = async |source: Source| stage.plugins.install(&Cause::system(), source).await;
    let wasm = full_probe("1.0.0");
    let other = Source { sha256: Some("0".repeat(64)), ..Source::bytes(wasm.clone()) };
    assert!(matches!(install(other).await, Err(PluginsError::OtherDigest { .. })));

    let publisher = Ed25519KeyPair::generate().unwrap();
    let key = STANDARD.encode(publisher.public_key());
    let sign = |wasm: &[u8], version: &str, by: &Ed25519KeyPair| {
        let text = signed_text("probe", version, &digest(wasm), &manifest(version, EVERYTHING));
        Some(STANDARD.encode(by.sign(text.as_bytes())))
    };
    let source = |wasm: &[u8], signature: Option<String>, publisher_key: Option<&str>| Source {
        signed: Signed { signature, publisher_key: publisher_key.map(str::to_owned) },
        ..Source::bytes(wasm.to_vec())
    };
    let mallory = Ed25519KeyPair::generate().unwrap();
    for wrong in [
        source(&wasm, sign(&wasm, "1.0.0", &mallory), Some(&key)),
        source(&wasm, sign(&wasm, "1.0.1", &publisher), Some(&key)),
        source(&wasm, None, Some(&key)),
        source(&wasm, sign(&wasm, "1.0.0", &publisher), None),
    ] {
        assert!(matches!(install(wrong).await, Err(PluginsError::Signature(_))));
    }
    install(source(&wasm, sign(&wasm, "1.0.0", &publisher), Some(&key))).await.unwrap();
    assert_eq!(stage.view("probe").await["signed"], true);

    // From now on only the same publisher upgrades it.
    let newer = full_probe("1.1.0");
    let upgrade = async |source: Source| {
        stage.plugins.upgrade(&Cause::system(), "probe", source, &Conditions::default()).await
    };
    let theirs = STANDARD.encode(mallory.public_key());
    for wrong in [
        Source::bytes(newer.clone()),
        source(&newer, sign(&newer, "1.1.0", &mallory), Some(&theirs)),
        source(&newer, sign(&newer, "1.1.0", &mallory), None),
    ] {
        assert!(matches!(upgrade(wrong).await, Err(PluginsError::Signature(_))));
    }
    upgrade(source(&newer, sign(&newer, "1.1.0", &publisher), None)).await.unwrap();
}
