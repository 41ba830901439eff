use super::*;

const GRAPH: &str = r#"
id = "ms-graph"
name = "Microsoft 365"
version = "0.2.1"
interface = "0.1.0"
world = "connector"
description = "Mail, calendar and contacts."
publisher = "https://sovereign.example/actor"
licence = "AGPL-3.0-or-later"

[capabilities]
hosts = ["graph.microsoft.com", "config:/base_url"]
webhooks = true
state_kib = 256
schedule_seconds = 1800
minimum_schedule_seconds = 60

[[secrets]]
name = "account"
title = "Microsoft account"
kind = "oauth2"
inject_only = true
required = true

[secrets.oauth2]
authorization_endpoint = "https://login.microsoftonline.com/{config:/tenant}/oauth2/v2.0/authorize"
token_endpoint = "https://login.microsoftonline.com/{config:/tenant}/oauth2/v2.0/token"
scopes = ["offline_access", "Mail.Read"]

[limits]
deadline_ms = 60000
"#;

#[test]
fn a_manifest_is_read_with_its_worlds_usual_limits() {
    let manifest = Manifest::parse(GRAPH).unwrap();
    assert_eq!(manifest.world, World::Connector);
    assert_eq!(manifest.limits().deadline_ms, 60_000);
    assert_eq!(manifest.limits().memory_mib, 64);
    assert_eq!(manifest.secret("account").unwrap().kind, SecretKind::OAuth2);
    assert_eq!(manifest.hosts().len(), 2);
}

#[test]
fn a_manifest_of_another_interface_is_told_both_versions() {
    let newer = GRAPH.replace("interface = \"0.1.0\"", "interface = \"0.2.0\"\nnew_field = 1");
    let error = Manifest::parse(&newer).unwrap_err().to_string();
    assert!(error.contains("0.2.0") && error.contains("0.1.0"), "{error}");
}

#[test]
fn what_no_manifest_may_say_is_refused() {
    for (from, to) in [
        ("id = \"ms-graph\"", "id = \"MS\""),
        ("version = \"0.2.1\"", "version = \"2\""),
        ("name = \"Microsoft 365\"", "name = \"a\\u0000b\""),
        ("webhooks = true", "webhoks = true"),
        ("state_kib = 256", "state_kib = 70000"),
        ("schedule_seconds = 1800", "schedule_seconds = 30"),
        ("\"config:/base_url\"", "\"*.com\""),
        ("deadline_ms = 60000", "deadline_ms = 9000000"),
        ("deadline_ms = 60000", "memory_mib = 512"),
        ("kind = \"oauth2\"", "kind = \"text\""),
        ("world = \"connector\"", "world = \"rule-operator\""),
        ("world = \"connector\"", "world = \"channel\""),
        ("token_endpoint = \"https", "token_endpoint = \"http"),
        ("publisher = \"https://sovereign.example/actor\"", "publisher = \"me\""),
    ] {
        assert!(GRAPH.contains(from), "{from}");
        let changed = GRAPH.replacen(from, to, 1);
        assert!(Manifest::parse(&changed).is_err(), "{to}");
    }
}
