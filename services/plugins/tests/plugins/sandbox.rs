//! Hostile and clumsy guests: each is refused or ended, with a clear reason, and harms nobody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use contracts::plugins::{ConnectorPlugins, HookRequest, PluginError, PluginFailure};
use plugins::{PluginsError, Source};
use serde_json::json;
use spine::Cause;
use tokio::sync::Semaphore;

use crate::guests::{self, ALL, Describes, EVERYTHING, NONE, full_probe, manifest, probe};
use crate::stage::{Stage, outside};

#[tokio::test]
async fn an_endless_loop_ends_while_another_call_proceeds() {
    // One thread: whoever does not yield holds up everybody.
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    stage.told("").await;
    let began = Instant::now();
    let endless = stage.stopped("L");
    let other = async {
        stage.told("").await;
        began.elapsed()
    };
    let (reason, other) = tokio::join!(endless, other);
    assert!(reason.contains("cpu_ms"), "{reason}");
    let endless = began.elapsed();
    assert!(endless >= Duration::from_millis(150), "{endless:?}");
    assert!(other < endless, "the other call took {other:?} of {endless:?}");
}

#[tokio::test]
async fn a_plugin_holds_no_more_than_its_places() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let (entered, mut inside) = tokio::sync::mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let gated = Arc::clone(&gate);
    let slow = move || {
        let (entered, gate) = (entered.clone(), Arc::clone(&gated));
        async move {
            entered.send(()).unwrap();
            gate.acquire().await.unwrap().forget();
            "done"
        }
    };
    let url = outside(Router::new().route("/", get(slow))).await;
    stage.configure(json!({ "url": url }));
    let what = format!("F{url}/");
    let calls = futures_util::future::join_all((0..12).map(|_| stage.told(&what)));
    let watch = async {
        for _ in 0..8 {
            inside.recv().await.unwrap();
        }
        // The ninth comes when one of them is done.
        assert!(inside.try_recv().is_err());
        gate.add_permits(12);
    };
    let (told, ()) = tokio::join!(calls, watch);
    assert_eq!(told, vec!["done"; 12]);
}

#[tokio::test]
async fn a_guest_that_hoards_memory_is_ended() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let reason = stage.stopped("M").await;
    assert!(reason.contains("memory_mib"), "{reason}");
    assert_eq!(stage.told("").await, "1.0.0");
}

#[tokio::test]
async fn a_giant_answer_is_refused_before_it_is_copied() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    // A hundred thousand records of one and the same megabyte: 100 GB, should anybody copy them.
    let reason = stage.stopped("G").await;
    assert!(reason.contains("far more than output_kib"), "{reason}");
    let reason = stage.stopped("B").await;
    assert!(reason.contains("output_kib"), "{reason}");
}

#[tokio::test]
async fn a_trap_and_what_no_plugin_may_answer_are_told_as_such() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    for (what, reason) in [("T", "unreachable"), ("U", "utf-8"), ("K", "other.item/1")] {
        let told = stage.stopped(what).await.to_lowercase();
        assert!(told.contains(reason), "{what}: {told}");
        stage.told("").await;
    }
    let health = &stage.view("probe").await["health"];
    assert_eq!((health["calls"].as_i64(), health["stops"].as_i64()), (Some(6), Some(3)));
    assert!(health["last_error"].as_str().unwrap().contains("other.item/1"));
}

#[tokio::test]
async fn only_granted_hosts_are_reached() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let url = outside(Router::new().route("/", get(async || "hello"))).await;
    stage.configure(json!({ "url": url }));
    assert_eq!(stage.told(&format!("F{url}/")).await, "hello");
    // Another port is another server.
    let other = outside(Router::new().route("/", get(async || "secret"))).await;
    for address in
        [format!("{other}/"), "https://other.example/".to_owned(), "file:///etc/passwd".to_owned()]
    {
        let failure = stage.failure(&format!("F{address}")).await;
        assert_eq!(failure, PluginFailure::Failed("not-allowed ".to_owned()), "{address}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_private_address_or_another_host_is_refused() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let other = outside(Router::new().route("/", get(async || "secret"))).await;
    let to = move |location: String| {
        get(async move || (StatusCode::FOUND, [(header::LOCATION, location)]))
    };
    let url = outside(
        Router::new()
            .route("/metadata", to("http://169.254.169.254/latest".to_owned()))
            .route("/other", to(format!("{other}/")))
            .route("/loop", to("/loop".to_owned()))
            .route("/here", to("/there".to_owned()))
            .route("/there", get(async || "arrived")),
    )
    .await;
    stage.configure(json!({ "url": url }));
    assert_eq!(stage.told(&format!("F{url}/here")).await, "arrived");
    for path in ["metadata", "other", "loop"] {
        let failure = stage.failure(&format!("F{url}/{path}")).await;
        assert_eq!(failure, PluginFailure::Failed("not-allowed ".to_owned()), "{path}");
    }
    // A person who configures a private address that was not granted gains nothing either.
    stage.configure(json!({ "url": "http://10.0.0.1" }));
    let failure = stage.failure("Fhttp://10.0.0.1/").await;
    assert_eq!(failure, PluginFailure::Failed("not-allowed ".to_owned()));
}

#[tokio::test]
async fn without_a_granted_network_loopback_is_out_of_reach() {
    let stage = Stage::start().await;
    let (id, _) =
        stage.plugins.install(&Cause::system(), Source::bytes(full_probe("1.0.0"))).await.unwrap();
    let asks = stage.view(&id).await["asks"].clone();
    stage.call("POST", "/plugins/probe/grant", json!({ "capabilities": asks })).await;
    stage.call("POST", "/plugins/probe/enable", json!({})).await;
    let url = outside(Router::new().route("/", get(async || "hello"))).await;
    stage.configure(json!({ "url": url }));
    let failure = stage.failure(&format!("F{url}/")).await;
    assert_eq!(failure, PluginFailure::Failed("not-allowed ".to_owned()));
    // And a network that the settings do not allow cannot be granted at all.
    let grant =
        json!({ "capabilities": stage.view(&id).await["asks"], "networks": ["10.0.0.0/8"] });
    let (status, answer) =
        stage.http.json(stage.owner(), "POST", "/plugins/probe/grant", Some(grant)).await;
    assert_eq!(status, 422, "{answer}");
}

#[tokio::test]
async fn a_large_response_and_a_slow_one_end_at_their_limits() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let url = outside(
        Router::new()
            .route("/large", get(async || vec![b'x'; 5 << 20]))
            .route("/never", get(async || std::future::pending::<()>().await)),
    )
    .await;
    stage.configure(json!({ "url": url }));
    let failure = stage.failure(&format!("F{url}/large")).await;
    assert_eq!(failure, PluginFailure::Failed("too-large   ".to_owned()));
    // Whoever is silent out there gets no plugin stopped: the guest is told in time, and says what it means.
    let began = Instant::now();
    let failure = stage.failure(&format!("F{url}/never")).await;
    assert_eq!(failure, PluginFailure::Failed("timeout     ".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(stage.view("probe").await["health"]["stops"], 0);
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_also_where_the_guest_may_compute_longer() {
    let stage = Stage::start().await;
    let hasty = manifest("1.0.0", EVERYTHING)
        .replace("cpu_ms = 200", "cpu_ms = 60000")
        .replace("deadline_ms = 3000", "deadline_ms = 300");
    stage.enabled(probe(&hasty, "1.0.0", ALL, Describes::Well)).await;
    let reason = stage.stopped("L").await;
    assert!(reason.contains("deadline_ms"), "{reason}");
}

#[tokio::test]
async fn what_is_larger_than_the_guest_can_take_is_refused_and_stops_nobody() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let request = HookRequest {
        method: "POST".to_owned(),
        url: "https://node.example/hooks/x/".to_owned(),
        path_and_query: "/".to_owned(),
        headers: Vec::new(),
        body: vec![b'x'; 9 << 20],
    };
    let error =
        stage.plugins.webhook("probe", stage.account, &json!({}), request).await.unwrap_err();
    assert!(
        matches!(&error, PluginError::Guest(PluginFailure::Rejected(text)) if text.contains("8192 KiB")),
        "{error}"
    );
    assert_eq!(stage.view("probe").await["health"]["calls"], 0);
}

#[tokio::test]
async fn a_network_that_the_settings_allow_no_more_is_out_of_reach() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let url = outside(Router::new().route("/", get(async || "hello"))).await;
    stage.configure(json!({ "url": url }));
    let what = format!("F{url}/");
    assert_eq!(stage.told(&what).await, "hello");
    // The node starts again with narrower settings; the grant is as it was.
    let settings =
        plugins::PluginSettings { allow_networks: Vec::new(), ..crate::stage::settings() };
    let spine = stage.test.another().await.unwrap();
    let narrower =
        plugins::Plugins::open(spine, contracts::api::Api::new(), settings).await.unwrap();
    let config = json!({ "url": url });
    let error =
        narrower.sync("probe", stage.account, &config, Some(what.into_bytes())).await.unwrap_err();
    assert!(
        matches!(&error, PluginError::Guest(PluginFailure::Failed(text)) if text == "not-allowed "),
        "{error}"
    );
}

#[tokio::test]
async fn a_secret_is_injected_and_signs_and_is_never_read() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let shown = |headers: HeaderMap| async move {
        headers
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default()
    };
    let url = outside(Router::new().route("/", get(shown))).await;
    stage.configure(json!({ "url": url }));

    // Not set yet: the person is asked for it, whatever the guest calls its failure.
    let failure = stage.failure(&format!("A{url}/")).await;
    assert!(
        matches!(&failure, PluginFailure::Unauthorized(text) if text.contains("key")),
        "{failure:?}"
    );

    stage.set_secret("key", "s3cret-token").await;
    stage.set_secret("open", "for the guest").await;
    assert_eq!(stage.told(&format!("A{url}/")).await, "Bearer s3cret-token");
    assert_eq!(stage.failure("Skey").await, PluginFailure::Failed("not-readable".to_owned()));
    assert_eq!(stage.failure("Sother").await, PluginFailure::Failed("not-declared".to_owned()));
    assert_eq!(stage.told("Sopen").await, "for the guest");
    // RFC 2104 with SHA-256, by Python's hmac.
    assert_eq!(
        stage.told("Hmessage").await,
        format!("base64:{}", "RA6OrUriO4QkDuBbmXS/ZKLjjWeci1cZsCDWLrSViAI=")
    );
}

#[tokio::test]
async fn state_is_kept_by_account_within_its_quota() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    stage.told("Wremember").await;
    assert_eq!(stage.told("W").await, "remember");
    let other = uuid::Uuid::now_v7();
    let batch = stage.plugins.sync("probe", other, &json!({}), Some(b"W".to_vec())).await.unwrap();
    assert_eq!(batch.records[0].payload, "", "another account has a state of its own");
    assert_eq!(stage.failure("Q").await, PluginFailure::Failed("the quota is reached".to_owned()));
    // Short keys are not for nothing.
    let kept: i64 = sqlx::query_scalar("SELECT sum(octet_length(key) + octet_length(value) + 64)::bigint FROM plugins.state WHERE account = $1")
        .bind(stage.account)
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
    assert!((10 << 10..=16 << 10).contains(&kept), "{kept}");
    ConnectorPlugins::forget(&stage.plugins, "probe", stage.account).await.unwrap();
    assert_eq!(stage.told("W").await, "");
}

#[tokio::test]
async fn a_log_flood_is_cut_and_ends_nothing() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    assert_eq!(stage.told("O").await, "1.0.0");
}

#[tokio::test]
async fn what_a_guest_says_of_its_failure_holds_no_secret() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    assert_eq!(
        stage.failure("E").await,
        PluginFailure::Failed("with my own s3cret-token words".to_owned())
    );
    // Whoever looks after plugins need not know what an account is told.
    assert_eq!(stage.view("probe").await["health"]["last_error"], "it failed");
}

#[tokio::test]
async fn a_page_leads_to_the_next_and_says_who_answered() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.2.3")).await;
    let batch = stage.probe("Pplace").await.unwrap();
    assert_eq!((batch.next_cursor.as_deref(), batch.more), (Some(&b"Pplace"[..]), true));
    assert_eq!(batch.plugin_version, "1.2.3");
}

#[tokio::test]
async fn a_webhook_is_answered_by_the_plugin() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let request = HookRequest {
        method: "POST".to_owned(),
        url: "https://node.example/hooks/x/".to_owned(),
        path_and_query: "/".to_owned(),
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        body: b"validation".to_vec(),
    };
    let outcome = stage.plugins.webhook("probe", stage.account, &json!({}), request).await.unwrap();
    assert_eq!((outcome.answer.status, outcome.answer.body), (202, b"validation".to_vec()));
    assert!(outcome.sync_soon);
}

#[tokio::test]
async fn strangers_who_know_a_hook_take_no_plugin_from_anybody() {
    let clock = spine::Clock::manual(chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let stage = Stage::start_at(clock.clone()).await;
    stage.enabled(full_probe("1.0.0")).await;
    let hook = async |account, body: &str| {
        let request = HookRequest {
            method: "POST".to_owned(),
            url: "https://node.example/hooks/x/".to_owned(),
            path_and_query: "/".to_owned(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        };
        stage.plugins.webhook("probe", account, &json!({}), request).await
    };
    for _ in 0..12 {
        let stopped = hook(stage.account, "Trap").await;
        assert!(matches!(stopped, Err(PluginError::Stopped { .. })), "{stopped:?}");
        clock.advance(chrono::TimeDelta::minutes(2));
    }
    let stopped = hook(stage.account, "Trap").await;
    assert!(matches!(stopped, Err(PluginError::Stopped { .. })), "{stopped:?}");
    // That hook rests for a moment; nothing else of the plugin does.
    let resting = hook(stage.account, "fine").await;
    assert!(matches!(resting, Err(PluginError::Resting { .. })), "{resting:?}");
    assert!(hook(uuid::Uuid::now_v7(), "fine").await.is_ok());
    assert_eq!(stage.told("").await, "1.0.0");
    let view = stage.view("probe").await;
    assert_eq!((&view["state"], &view["health"]["stops"]), (&json!("enabled"), &json!(13)));
    clock.advance(chrono::TimeDelta::minutes(2));
    assert!(hook(stage.account, "fine").await.is_ok());
}

#[tokio::test]
async fn imports_beyond_the_manifest_are_refused_by_name() {
    let stage = Stage::start().await;
    let refused = async |wasm: Vec<u8>| {
        let error = stage.plugins.install(&Cause::system(), Source::bytes(wasm)).await.unwrap_err();
        assert!(matches!(error, PluginsError::Manifest(_)), "{error}");
        error.to_string()
    };
    let bare = manifest("1.0.0", "");
    assert!(
        refused(probe(&bare, "1", guests::Imports { http: true, ..NONE }, Describes::Well))
            .await
            .contains("plugin/http@0.1.0")
    );
    assert!(
        refused(probe(&bare, "1", guests::Imports { state: true, ..NONE }, Describes::Well))
            .await
            .contains("plugin/state@0.1.0")
    );
    assert!(
        refused(probe(&bare, "1", guests::Imports { secrets: true, ..NONE }, Describes::Well))
            .await
            .contains("declares no secrets")
    );
    assert!(refused(guests::reaching_out(&bare)).await.contains("evil:things/files@0.1.0"));
    let newer = bare.replace("interface = \"0.1.0\"", "interface = \"0.3.0\"");
    let told = refused(probe(&newer, "1", NONE, Describes::Well)).await;
    assert!(told.contains("0.3.0") && told.contains("0.1.0"), "{told}");
    assert!(refused(b"\0asm\x01\0\0\0".to_vec()).await.contains("core module"));
    assert!(refused(b"no wasm at all".to_vec()).await.contains("no WebAssembly component"));
    assert!(refused(vec![0; (20 << 20) + 1]).await.contains("at most"));
    // What imports less than its manifest asks for is fine.
    stage
        .plugins
        .install(
            &Cause::system(),
            Source::bytes(probe(&manifest("1.0.0", EVERYTHING), "1", NONE, Describes::Well)),
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn a_component_that_cannot_describe_itself_is_not_installed() {
    let stage = Stage::start().await;
    for describes in [Describes::Never, Describes::Trapping, Describes::NoSchema] {
        let wasm = probe(&manifest("1.0.0", EVERYTHING), "1", ALL, describes);
        let error = stage.plugins.install(&Cause::system(), Source::bytes(wasm)).await.unwrap_err();
        assert!(
            matches!(error, PluginsError::Describe(_) | PluginsError::Schema(_)),
            "{describes:?}: {error}"
        );
    }
    let (status, answer) = stage.http.json(stage.owner(), "GET", "/plugins", None).await;
    assert_eq!((status, answer["items"].as_array().map(Vec::len)), (200, Some(0)));
}

#[tokio::test]
async fn stops_in_a_row_lead_to_a_rest_and_to_quarantine() {
    let clock = spine::Clock::manual(chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let stage = Stage::start_at(clock.clone()).await;
    stage.enabled(full_probe("1.0.0")).await;
    for _ in 0..3 {
        stage.stopped("T").await;
    }
    let error = stage.probe("").await.unwrap_err();
    assert!(
        matches!(error, PluginError::Resting { after, .. } if after == Duration::from_secs(10)),
        "{error}"
    );
    for _ in 3..10 {
        clock.advance(chrono::TimeDelta::minutes(10));
        stage.stopped("T").await;
    }
    let error = stage.probe("").await.unwrap_err();
    assert!(
        matches!(&error, PluginError::Unavailable { reason, .. } if reason.contains("quarantined")),
        "{error}"
    );
    assert_eq!(stage.view("probe").await["state"], "quarantined");
    assert!(stage.changes("probe").await.contains(&"quarantined".to_owned()));
    stage.call("POST", "/plugins/probe/enable", json!({})).await;
    assert_eq!(stage.told("").await, "1.0.0");
    assert!(stage.changes("probe").await.contains(&"recovered".to_owned()));
}
