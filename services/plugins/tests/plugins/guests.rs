//! Guests in WAT: small, exact, and able to do what no compiler would.
//!
//! The probe is a connector whose cursor says what it is to do; the operator's first letter does the same.

use std::fmt::Write as _;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const WIT: &str = include_str!("../../../../plugins/wit/plugin.wit");

/// What a probe imports.
#[derive(Clone, Copy, Debug)]
pub struct Imports {
    pub http: bool,
    pub state: bool,
    pub secrets: bool,
}

pub const ALL: Imports = Imports { http: true, state: true, secrets: true };
pub const NONE: Imports = Imports { http: false, state: false, secrets: false };

/// How a guest describes itself.
#[derive(Clone, Copy, Debug)]
pub enum Describes {
    Well,
    Never,
    NoSchema,
    Trapping,
}

/// Constants of the module, laid out from one address on.
struct Data {
    at: usize,
    wat: String,
}

impl Data {
    fn new() -> Self {
        Self { at: 4_096, wat: String::new() }
    }

    /// `(i32.const pointer) (i32.const length)`
    fn text(&mut self, bytes: &[u8]) -> (usize, usize) {
        let (at, length) = (self.at, bytes.len());
        let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        writeln!(self.wat, "(data (i32.const {at}) \"{escaped}\")").unwrap();
        self.at = (at + length).next_multiple_of(8);
        (at, length)
    }
}

fn pair((at, length): (usize, usize)) -> String {
    format!("(i32.const {at}) (i32.const {length})")
}

const RUNTIME: &str = r#"
(memory (export "memory") 2)
(global $heap (mut i32) (i32.const 65536))
(func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
  (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
  (global.set $heap (i32.add (local.get $at) (local.get $size)))
  (block $enough
    (loop $more
      (br_if $enough (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
      (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
      (br $more)))
  (local.get $at))
"#;

fn describe(data: &mut Data, describes: Describes) -> String {
    let schema = match describes {
        Describes::NoSchema => r#"{"type": "nonsense"}"#,
        _ => r#"{"type":"object","properties":{"url":{"type":"string","minLength":8}}}"#,
    };
    let (schema, schema_length) = data.text(schema.as_bytes());
    let (kind, kind_length) = data.text(b"test.item/1");
    let begin = match describes {
        Describes::Never => "(loop $forever (br $forever))",
        Describes::Trapping => "unreachable",
        Describes::Well | Describes::NoSchema => "",
    };
    format!(
        r#"(func (export "sovereign:plugin/meta@0.1.0#describe") (result i32)
  {begin}
  (i32.store (i32.const 256) (i32.const {schema}))
  (i32.store (i32.const 260) (i32.const {schema_length}))
  (i32.store (i32.const 264) (i32.const 272))
  (i32.store (i32.const 268) (i32.const 1))
  (i32.store (i32.const 272) (i32.const {kind}))
  (i32.store (i32.const 276) (i32.const {kind_length}))
  (i32.const 256))
"#
    )
}

/// A connector whose cursor's first letter says what it does. The version is what its one record says
/// without a cursor.
pub fn probe(manifest: &str, version: &str, imports: Imports, describes: Describes) -> Vec<u8> {
    let mut data = Data::new();
    let describe = describe(&mut data, describes);
    let kind = data.text(b"test.item/1");
    let other_kind = data.text(b"other.item/1");
    let id = data.text(b"item-1");
    let bad_id = data.text(b"bad \xff\xfe");
    let media = data.text(b"application/octet-stream");
    let version = pair(data.text(version.as_bytes()));
    let get = pair(data.text(b"GET"));
    let key = data.text(b"key");
    let words = data.text(b"with my own s3cret-token words");
    let quota = pair(data.text(b"the quota is reached"));
    let line = pair(data.text(b"again and again"));
    let errors: String = [
        "not-allowed",
        "timeout",
        "too-large",
        "dns",
        "tls",
        "connect",
        "bad-request",
        "throttled",
    ]
    .iter()
    .map(|word| format!("{word:<12}"))
    .collect();
    let (errors, _) = data.text(errors.as_bytes());
    let secret_errors: String = ["not-declared", "not-set", "not-readable"]
        .iter()
        .map(|word| format!("{word:<12}"))
        .collect();
    let (secret_errors, _) = data.text(secret_errors.as_bytes());

    let mut declared = String::from(
        r#"(import "sovereign:plugin/log@0.1.0" "write" (func $log (param i32 i32 i32)))
(import "sovereign:plugin/clock@0.1.0" "now" (func $now (result i64)))
"#,
    );
    let mut branches = String::new();
    let mut branch = |letter: char, body: String| {
        let code = letter as u32;
        writeln!(branches, "(if (i32.eq (local.get $what) (i32.const {code})) (then {body}))")
            .unwrap();
    };
    branch('L', "(loop $forever (br $forever))".to_owned());
    branch('T', "unreachable".to_owned());
    branch('M', "(loop $more (drop (memory.grow (i32.const 64))) (br $more))".to_owned());
    branch('E', format!("(return (call $fail {}))", pair(words)));
    // One payload of 5 MiB.
    branch('B', "(drop (memory.grow (i32.const 96))) (return (call $one (i32.const 65536) (i32.const 5242880)))".to_owned());
    // A hundred thousand records, all of the same megabyte.
    branch(
        'G',
        r#"(drop (memory.grow (i32.const 160)))
        (drop (call $one (i32.const 65536) (i32.const 1048576)))
        (local.set $place (i32.const 0))
        (loop $copy
          (memory.copy (i32.add (i32.const 2097152) (i32.mul (local.get $place) (i32.const 64))) (i32.const 2048) (i32.const 64))
          (local.set $place (i32.add (local.get $place) (i32.const 1)))
          (br_if $copy (i32.lt_u (local.get $place) (i32.const 100000))))
        (i32.store (i32.const 1032) (i32.const 2097152))
        (i32.store (i32.const 1036) (i32.const 100000))
        (return (i32.const 1024))"#
            .to_owned(),
    );
    branch(
        'U',
        format!(
            "(drop (call $one {version})) (i32.store (i32.const 2056) (i32.const {})) (i32.store (i32.const 2060) (i32.const {})) (return (i32.const 1024))",
            bad_id.0, bad_id.1
        ),
    );
    branch(
        'K',
        format!(
            "(drop (call $one {version})) (i32.store (i32.const 2048) (i32.const {})) (i32.store (i32.const 2052) (i32.const {})) (return (i32.const 1024))",
            other_kind.0, other_kind.1
        ),
    );
    branch(
        'O',
        format!(
            r#"(local.set $place (i32.const 0))
            (loop $write
              (call $log (i32.const 2) {line})
              (local.set $place (i32.add (local.get $place) (i32.const 1)))
              (br_if $write (i32.lt_u (local.get $place) (i32.const 5000))))
            (return (call $one {version}))"#
        ),
    );
    branch(
        'C',
        "(i64.store (i32.const 3000) (call $now)) (return (call $one (i32.const 3000) (i32.const 8)))".to_owned(),
    );
    // A page, and another one after it.
    branch(
        'P',
        format!(
            r#"(drop (call $one {version}))
            (i32.store8 (i32.const 1040) (i32.const 1))
            (i32.store (i32.const 1044) (local.get $cursor))
            (i32.store (i32.const 1048) (local.get $length))
            (i32.store8 (i32.const 1052) (i32.const 1))
            (return (i32.const 1024))"#
        ),
    );
    if imports.state {
        declared.push_str(
            r#"(import "sovereign:plugin/state@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))
(import "sovereign:plugin/state@0.1.0" "get" (func $get (param i32 i32 i32)))
"#,
        );
        // Keys of one to so many letters, a kilobyte each, until it is told no.
        branch(
            'Q',
            format!(
                r#"(memory.fill (i32.const 32768) (i32.const 107) (i32.const 512))
                (local.set $place (i32.const 1))
                (loop $fill
                  (call $set (i32.const 32768) (local.get $place) (i32.const 65536) (i32.const 1024) (i32.const 512))
                  (if (i32.load8_u (i32.const 512)) (then (return (call $fail {quota}))))
                  (local.set $place (i32.add (local.get $place) (i32.const 1)))
                  (br_if $fill (i32.lt_u (local.get $place) (i32.const 500))))
                (return (call $one {version}))"#
            ),
        );
        let key = pair(key);
        // Asks for the same key again and again.
        branch('R', format!("(loop $again (call $get {key} (i32.const 512)) (br $again))"));
        // Keeps the rest of the cursor; without a rest, says what was kept.
        branch(
            'W',
            format!(
                r#"(if (i32.gt_u (local.get $length) (i32.const 1)) (then
                  (call $set {key} (local.get $rest) (local.get $rest_length) (i32.const 512))
                  (return (call $one {version}))))
                (call $get {key} (i32.const 512))
                (if (i32.eqz (i32.load8_u (i32.const 516))) (then (return (call $one (i32.const 0) (i32.const 0)))))
                (return (call $one (i32.load (i32.const 520)) (i32.load (i32.const 524))))"#
            ),
        );
    }
    if imports.secrets {
        declared.push_str(
            r#"(import "sovereign:plugin/secrets@0.1.0" "get" (func $secret (param i32 i32 i32)))
(import "sovereign:plugin/hmac@0.1.0" "sign" (func $sign (param i32 i32 i32 i32 i32 i32)))
"#,
        );
        let answer = format!(
            r#"(if (i32.load8_u (i32.const 512)) (then
              (return (call $fail (i32.add (i32.const {secret_errors}) (i32.mul (i32.load8_u (i32.const 516)) (i32.const 12))) (i32.const 12)))))
            (return (call $one (i32.load (i32.const 516)) (i32.load (i32.const 520))))"#
        );
        branch(
            'S',
            format!(
                "(call $secret (local.get $rest) (local.get $rest_length) (i32.const 512)) {answer}"
            ),
        );
        branch(
            'H',
            format!(
                "(call $sign {} (i32.const 1) (local.get $rest) (local.get $rest_length) (i32.const 512)) {answer}",
                pair(key)
            ),
        );
    }
    if imports.http {
        let many = " i32".repeat(17);
        writeln!(
            declared,
            r#"(import "sovereign:plugin/http@0.1.0" "fetch" (func $fetch (param{many})))"#
        )
        .unwrap();
        for (letter, auth) in [
            ('F', "(i32.const 0) (i32.const 0) (i32.const 0)".to_owned()),
            ('A', format!("(i32.const 1) {}", pair(key))),
        ] {
            branch(
                letter,
                format!(
                    r#"(call $fetch {get} (local.get $rest) (local.get $rest_length) (i32.const 0) (i32.const 0)
                      (i32.const 0) (i32.const 0) (i32.const 0) {auth} (i32.const 0) (i32.const 0)
                      (i32.const 0) (i32.const 0) (i32.const 512))
                    (if (i32.load8_u (i32.const 512)) (then
                      (return (call $fail (i32.add (i32.const {errors}) (i32.mul (i32.load8_u (i32.const 520)) (i32.const 12))) (i32.const 12)))))
                    (return (call $one (i32.load (i32.const 532)) (i32.load (i32.const 536))))"#
                ),
            );
        }
    }
    let (kind, id, media) = (store(2048, kind), store(2056, id), store(2096, media));
    let constants = &data.wat;
    let context = "(param i32 i32 i32 i32 i32 i32)";
    let wat = format!(
        r#"(module
{declared}
{RUNTIME}
{constants}
{describe}
(func $one (param $at i32) (param $length i32) (result i32)
  {kind} {id} {media}
  (i32.store8 (i32.const 2064) (i32.const 0))
  (i32.store8 (i32.const 2076) (i32.const 0))
  (i32.store8 (i32.const 2080) (i32.const 0))
  (i32.store (i32.const 2104) (local.get $at))
  (i32.store (i32.const 2108) (local.get $length))
  (i32.store8 (i32.const 1024) (i32.const 0))
  (i32.store (i32.const 1032) (i32.const 2048))
  (i32.store (i32.const 1036) (i32.const 1))
  (i32.store8 (i32.const 1040) (i32.const 0))
  (i32.store8 (i32.const 1052) (i32.const 0))
  (i32.store8 (i32.const 1056) (i32.const 0))
  (i32.const 1024))
(func $fail (param $at i32) (param $length i32) (result i32)
  (i32.store8 (i32.const 1024) (i32.const 1))
  (i32.store8 (i32.const 1032) (i32.const 5))
  (i32.store (i32.const 1036) (local.get $at))
  (i32.store (i32.const 1040) (local.get $length))
  (i32.const 1024))
(func (export "sovereign:plugin/connector@0.1.0#sync") {context} (param $has i32) (param $cursor i32) (param $length i32) (result i32)
  (local $what i32) (local $place i32) (local $rest i32) (local $rest_length i32)
  (if (i32.eqz (local.get $has)) (then (return (call $one {version}))))
  (local.set $what (i32.load8_u (local.get $cursor)))
  (local.set $rest (i32.add (local.get $cursor) (i32.const 1)))
  (local.set $rest_length (i32.sub (local.get $length) (i32.const 1)))
  {branches}
  unreachable)
(func (export "sovereign:plugin/connector@0.1.0#webhook") {context} (param i32 i32 i32 i32 i32 i32) (param $body i32) (param $length i32) (param i32 i32) (result i32)
  ;; A body that begins with T traps.
  (if (local.get $length)
    (then (if (i32.eq (i32.load8_u (local.get $body)) (i32.const 84)) (then unreachable))))
  (i32.store8 (i32.const 1280) (i32.const 0))
  (i32.store (i32.const 1284) (i32.const 0))
  (i32.store (i32.const 1288) (i32.const 0))
  (i32.store16 (i32.const 1292) (i32.const 202))
  (i32.store (i32.const 1296) (i32.const 0))
  (i32.store (i32.const 1300) (i32.const 0))
  (i32.store (i32.const 1304) (local.get $body))
  (i32.store (i32.const 1308) (local.get $length))
  (i32.store8 (i32.const 1312) (i32.const 1))
  (i32.const 1280)))"#
    );
    component(&wat, "connector-plugin", None, manifest)
}

fn store(address: usize, (at, length): (usize, usize)) -> String {
    format!(
        "(i32.store (i32.const {address}) (i32.const {at})) (i32.store (i32.const {}) (i32.const {length}))",
        address + 4
    )
}

/// A rule operator: `echo` gives its arguments back, `count` how often this instance was called, `loop`
/// never ends, `trap` traps, `nonsense` gives what is no JSON.
pub fn operators(manifest: &str) -> Vec<u8> {
    let mut data = Data::new();
    let describe = describe(&mut data, Describes::Well);
    let echo = data.text(b"echo");
    let any = data.text(b"{}");
    let nonsense = data.text(b"{nonsense");
    let (name, args, result) = (store(1400, echo), store(1408, any), store(1416, any));
    let constants = &data.wat;
    let wat = format!(
        r#"(module
{RUNTIME}
{constants}
{describe}
(global $calls (mut i32) (i32.const 0))
(func (export "sovereign:plugin/rule-operator@0.1.0#operators") (result i32)
  {name} {args} {result}
  (i32.store (i32.const 1392) (i32.const 1400))
  (i32.store (i32.const 1396) (i32.const 1))
  (i32.const 1392))
(func $give (param $at i32) (param $length i32) (result i32)
  (i32.store8 (i32.const 1024) (i32.const 0))
  (i32.store (i32.const 1028) (local.get $at))
  (i32.store (i32.const 1032) (local.get $length))
  (i32.const 1024))
(func (export "sovereign:plugin/rule-operator@0.1.0#evaluate") (param $name i32) (param $name_length i32) (param $args i32) (param $args_length i32) (result i32)
  (local $what i32)
  (global.set $heap (i32.const 65536))
  (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
  (local.set $what (i32.load8_u (local.get $name)))
  (if (i32.eq (local.get $what) (i32.const 101)) (then (return (call $give (local.get $args) (local.get $args_length)))))
  (if (i32.eq (local.get $what) (i32.const 108)) (then (loop $forever (br $forever))))
  (if (i32.eq (local.get $what) (i32.const 110)) (then (return (call $give {}))))
  (if (i32.eq (local.get $what) (i32.const 99)) (then
    (i32.store8 (i32.const 3000) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (global.get $calls) (i32.const 1000)) (i32.const 10))))
    (i32.store8 (i32.const 3001) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (global.get $calls) (i32.const 100)) (i32.const 10))))
    (i32.store8 (i32.const 3002) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (global.get $calls) (i32.const 10)) (i32.const 10))))
    (i32.store8 (i32.const 3003) (i32.add (i32.const 48) (i32.rem_u (global.get $calls) (i32.const 10))))
    (i32.store8 (i32.const 2999) (i32.const 34))
    (i32.store8 (i32.const 3004) (i32.const 34))
    (return (call $give (i32.const 2999) (i32.const 6)))))
  unreachable))"#,
        pair(nonsense)
    );
    component(&wat, "rule-operator-plugin", None, manifest)
}

/// A connector that also imports what no plugin gets.
pub fn reaching_out(manifest: &str) -> Vec<u8> {
    let more = "package evil:things@0.1.0;
        interface files { open: func(name: string) -> u32; }
        world w { import files; include sovereign:plugin/connector-plugin@0.1.0; }";
    let mut data = Data::new();
    let describe = describe(&mut data, Describes::Well);
    let constants = &data.wat;
    let context = "(param i32 i32 i32 i32 i32 i32)";
    let wat = format!(
        r#"(module
(import "evil:things/files@0.1.0" "open" (func $open (param i32 i32) (result i32)))
{RUNTIME}
{constants}
{describe}
(func (export "sovereign:plugin/connector@0.1.0#sync") {context} (param i32 i32 i32) (result i32)
  (drop (call $open (i32.const 0) (i32.const 0))) unreachable)
(func (export "sovereign:plugin/connector@0.1.0#webhook") {context} (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable))"#
    );
    component(&wat, "w", Some(more), manifest)
}

/// A core module as a component of a world, with its manifest.
fn component(wat: &str, world: &str, more: Option<&str>, manifest: &str) -> Vec<u8> {
    let mut module = wat::parse_str(wat).unwrap_or_else(|error| panic!("{error}\n{wat}"));
    let mut resolve = Resolve::default();
    let mut package = resolve.push_str("plugin.wit", WIT).unwrap();
    if let Some(more) = more {
        package = resolve.push_str("more.wit", more).unwrap();
    }
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut encoder = ComponentEncoder::default().validate(true).module(&module).unwrap();
    let mut component = encoder.encode().unwrap();
    section(&mut component, "sovereign:manifest", manifest.as_bytes());
    component
}

/// Appends a custom section.
fn section(wasm: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut content = Vec::new();
    length(&mut content, name.len());
    content.extend_from_slice(name.as_bytes());
    content.extend_from_slice(data);
    wasm.push(0);
    length(wasm, content.len());
    wasm.extend_from_slice(&content);
}

/// LEB128.
fn length(wasm: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            wasm.push(low);
            return;
        }
        wasm.push(low | 0x80);
    }
}

/// A manifest of the probe.
pub fn manifest(version: &str, capabilities: &str) -> String {
    format!(
        r#"id = "probe"
name = "Probe"
version = "{version}"
interface = "0.1.0"
world = "connector"
description = "Does what its cursor says."
licence = "AGPL-3.0-or-later"

[limits]
cpu_ms = 200
deadline_ms = 3000
memory_mib = 32

{capabilities}
"#
    )
}

/// What the full probe asks for.
pub const EVERYTHING: &str = r#"
[capabilities]
hosts = ["config:/url", "granted.example"]
webhooks = true
state_kib = 16
schedule_seconds = 600

[[secrets]]
name = "key"
title = "Key"

[[secrets]]
name = "open"
title = "Readable"
inject_only = false
required = false
"#;

/// The full probe.
pub fn full_probe(version: &str) -> Vec<u8> {
    probe(&manifest(version, EVERYTHING), version, ALL, Describes::Well)
}

/// A manifest of the rule operators.
pub const OPERATORS: &str = r#"
id = "text-operators"
name = "Operators"
version = "1.0.0"
interface = "0.1.0"
world = "rule-operator"
description = "For tests."
licence = "AGPL-3.0-or-later"
"#;
