//! `sovereign plugin try`: a component on its author's machine, with no node and no database around it.

use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};
use tests::needed;

/// The folder of an author.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.put("secrets.json", &json!({ "api_key": "s3cret-key" }));
        desk.put(
            "answers.json",
            &json!([
                { "url": "https://things.example/things?page=0", "answer": {
                    "json": { "things": [{ "id": "1", "version": "a", "name": "kettle" }], "last": false } } },
                { "url": "https://things.example/things?page=1", "answer": {
                    "json": { "things": [{ "id": "2", "version": "b" }], "last": true } } },
            ]),
        );
        desk
    }

    fn put(&self, name: &str, content: &Value) {
        std::fs::write(self.0.path().join(name), content.to_string()).unwrap();
    }

    async fn tries(&self, component: &str, arguments: &[&str]) -> Output {
        let component = PathBuf::from(needed("SOVEREIGN_TEST_PLUGINS")).join(component);
        tokio::process::Command::new(needed("SOVEREIGN_PROGRAM"))
            .env_clear()
            .current_dir(self.0.path())
            .args(["plugin", "try"])
            .arg(component)
            .args(arguments)
            .output()
            .await
            .unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const SETTINGS: &str = r#"{"base_url": "https://things.example/"}"#;
const TEMPLATE: &str = "templates/template.wasm";

#[tokio::test]
async fn an_author_sees_records_cursor_requests_and_what_was_used() {
    let desk = Desk::new();
    let given = ["--settings", SETTINGS, "--secrets", "secrets.json", "--recorded", "answers.json"];
    let output = desk.tries(TEMPLATE, &[&given[..], &["--pages", "5", "--json"]].concat()).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["plugin"], &report["world"]), (&json!("template"), &json!("connector")));
    let calls = report["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2, "the second page is the last: {report}");
    let record = &calls[0]["answer"]["records"][0];
    assert_eq!((&record["external_id"], &record["revision"]), (&json!("1"), &json!("a")));
    assert_eq!(calls[0]["answer"]["cursor"], r#"{"page":1}"#);
    assert_eq!(calls[1]["answer"]["more"], false);
    assert_eq!(calls[0]["requests"].as_array().unwrap().len(), 1);
    let used = &calls[0]["used"];
    assert!(used["memory_kib"].as_u64().unwrap() > 0 && used["took_ms"].as_f64().unwrap() > 0.0);
    assert_eq!((&used["requests"], &used["requests_per_call"]), (&json!(1), &json!(1)));
    assert!(!text(&output.stdout).contains("s3cret"), "secrets are not told");

    // The same for people, from where the first page ended.
    let output = desk.tries(TEMPLATE, &[&given[..], &["--cursor", r#"{"page":1}"#]].concat()).await;
    let told = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for part in
        ["template 0.1.0 (connector)", "template.thing/1 2 b", "page=1 -> 200", "KiB memory"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[tokio::test]
async fn an_author_is_told_what_a_node_would_not_take() {
    let desk = Desk::new();
    let refused = async |component: &str, arguments: &[&str]| {
        let output = desk.tries(component, arguments).await;
        assert!(!output.status.success(), "{}", text(&output.stdout));
        text(&output.stderr)
    };
    let wrong = refused(TEMPLATE, &["--settings", r#"{"base": "x"}"#]).await;
    assert!(wrong.contains("configuration is wrong"), "{wrong}");
    let unset = refused(TEMPLATE, &["--settings", SETTINGS]).await;
    assert!(unset.contains("api_key"), "{unset}");
    let unknown = refused(TEMPLATE, &["--settings", SETTINGS, "--secrets", "secrets.json"]).await;
    assert!(unknown.contains("nothing was recorded"), "{unknown}");
    let hook = refused(TEMPLATE, &["--settings", SETTINGS, "--webhook", "{}"]).await;
    assert!(hook.contains("no webhooks"), "{hook}");
    std::fs::write(desk.0.path().join("core.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let core = desk.0.path().join("core.wasm");
    let core = refused(core.to_str().unwrap(), &[]).await;
    assert!(core.contains("no node would install") && core.contains("core module"), "{core}");
    let nobody = refused("nobody.wasm", &[]).await;
    assert!(nobody.contains("cannot read"), "{nobody}");
    let both = refused(TEMPLATE, &["--recorded", "answers.json", "--network"]).await;
    assert!(both.contains("--network"), "{both}");
}

#[tokio::test]
async fn operators_are_listed_and_evaluated() {
    let desk = Desk::new();
    let output = desk.tries("text-operators.wasm", &["--json"]).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["calls"][0]["answer"][0]["name"], "contains_any", "{report}");
    let arguments = r#"{"text": "a kettle", "words": ["kettle"]}"#;
    let asked = ["--operator", "contains_any", "--arguments", arguments, "--json"];
    let output = desk.tries("text-operators.wasm", &asked).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["calls"][0]["answer"], true);
    let output = desk.tries("text-operators.wasm", &["--operator", "nothing"]).await;
    assert!(text(&output.stderr).contains("there is no operator nothing"));
}
