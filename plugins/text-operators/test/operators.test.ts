import assert from "node:assert/strict";
import { test } from "node:test";

import { meta, ruleOperator } from "../src/index.ts";

const evaluate = (operator: string, args: unknown) => JSON.parse(ruleOperator.evaluate(operator, JSON.stringify(args)));
const refused = (operator: string, args: string) => {
  try {
    ruleOperator.evaluate(operator, args);
  } catch (error) {
    return (error as { tag: string }).tag;
  }
  return "nothing";
};

test("every operator has its schemas", () => {
  const operators = ruleOperator.operators();
  assert.deepEqual(
    operators.map(({ name }) => name),
    ["contains_any", "similarity", "extract", "guess_language"],
  );
  for (const { argsSchema, resultSchema } of operators) {
    assert.equal(JSON.parse(argsSchema).type, "object");
    assert.ok(JSON.parse(resultSchema).type);
  }
  assert.equal(JSON.parse(meta.describe().configSchema).type, "object");
});

test("words are found as people take them", () => {
  const contains = (text: string, words: string[], more = {}) => evaluate("contains_any", { text, words, ...more });
  assert.equal(contains("Der Müll wird abgeholt", ["mull"]), true);
  assert.equal(contains("Straße gesperrt", ["STRASSE"]), true);
  assert.equal(contains("a carpet", ["car"]), false);
  assert.equal(contains("a carpet", ["car"], { whole_words: false }), true);
  assert.equal(contains("Urgent!", ["urgent"], { exact: true }), false);
  assert.equal(contains("call me (urgent)", ["later", "urgent"]), true);
  assert.equal(contains("anything", ["", " "]), false);
  assert.equal(contains("𝒳car", ["car"]), false);
});

test("likeness is between nothing and all", () => {
  const similarity = (a: string, b: string, method?: string) => evaluate("similarity", { a, b, ...(method ? { method } : {}) });
  assert.equal(similarity("José  Müller", "jose muller"), 1);
  assert.equal(similarity("martha", "marhta"), 0.9611);
  assert.equal(similarity("dixon", "dicksonx"), 0.8133);
  assert.equal(similarity("kitten", "sitting", "levenshtein"), 0.5714);
  assert.equal(similarity("the quick fox", "fox the quick", "words"), 1);
  assert.equal(similarity("abc", ""), 0);
  assert.equal(similarity("abc", "xyz"), 0);
});

const found = (text: string, more = {}) =>
  evaluate("extract", { text, ...more }).map(({ kind, value }: { kind: string; value: string }) => `${kind} ${value}`);

test("numbers, addresses and dates are found in the text's order", () => {
  const text =
    "Ruf +43 (0)660 123-4567 an, schreib Ann.Berg@Example.ORG (siehe https://a.example/x_(y)?q=1). Am 1.5.2026, oder 2026-05-02!";
  assert.deepEqual(found(text), [
    "phone +436601234567",
    "email ann.berg@example.org",
    "url https://a.example/x_(y)?q=1",
    "date 2026-05-01",
    "date 2026-05-02",
  ]);
  assert.deepEqual(found(text, { kinds: ["email"] }), ["email ann.berg@example.org"]);
});

test("dates are days that exist, in the order that is asked for", () => {
  assert.deepEqual(found("3/4/2026"), ["date 2026-04-03"]);
  assert.deepEqual(found("3/4/2026", { date_order: "mdy" }), ["date 2026-03-04"]);
  assert.deepEqual(found("31.2.2026 and 30/13/2026", { kinds: ["date"] }), []);
  assert.deepEqual(found("March 5th, 2026; 1. Jänner 2027; 14 juillet 2026; 3 de mayo de 2026"), [
    "date 2026-03-05",
    "date 2027-01-01",
    "date 2026-07-14",
    "date 2026-05-03",
  ]);
});

test("what only has digits is no telephone number", () => {
  assert.deepEqual(found("order 123456789, 12 of 34, version 1.2.3"), []);
  assert.deepEqual(found("0660 1234567 or 0043 660 1234567 or 555-123-4567"), [
    "phone 06601234567",
    "phone +436601234567",
    "phone 5551234567",
  ]);
});

test("languages are told by words and scripts", () => {
  const language = (text: string) => evaluate("guess_language", { text }).language;
  for (const [expected, text] of [
    ["en", "The meeting is at nine and you will find the papers on the table."],
    ["de", "Wir sind heute nicht zu Hause, bitte leg das Paket auf die Terrasse."],
    ["fr", "Nous ne sommes pas à la maison, mais vous pouvez laisser le paquet dans le jardin."],
    ["es", "No estamos en casa, pero puedes dejar el paquete con los vecinos."],
    ["it", "Non siamo in casa, ma puoi lasciare il pacco che è arrivato con la posta della vicina."],
    ["nl", "Wij zijn niet thuis, maar je kunt het pakket bij de buren laten."],
    ["pl", "Nie ma nas w domu, ale może pan zostawić paczkę, to jest dla sąsiada."],
    ["ru", "Мы сегодня не дома, оставьте посылку у соседей, пожалуйста. Это было бы хорошо, мы рады."],
    ["uk", "Нас сьогодні немає вдома, залиште її у сусідів."],
    ["ja", "今日は家にいません。荷物は隣に置いてください。"],
    ["zh", "我们今天不在家，请把包裹放在邻居那里。"],
    ["el", "Δεν είμαστε σπίτι σήμερα."],
    ["und", "12345 !!!"],
    ["und", "xqzt"],
  ]) {
    assert.equal(language(text!), expected, text);
  }
});

test("wrong arguments are refused", () => {
  assert.equal(refused("nothing", "{}"), "rejected");
  assert.equal(refused("similarity", "no json"), "rejected");
  assert.equal(refused("similarity", "[]"), "rejected");
  assert.equal(refused("similarity", '{"a": 1, "b": ""}'), "rejected");
  assert.equal(refused("similarity", JSON.stringify({ a: "x".repeat(301), b: "" })), "rejected");
  assert.equal(refused("similarity", '{"a": "", "b": "", "method": "magic"}'), "rejected");
  assert.equal(refused("contains_any", '{"text": "", "words": "x"}'), "rejected");
  assert.equal(refused("contains_any", '{"text": "", "words": [], "other": 1}'), "rejected");
  assert.equal(refused("extract", '{"text": "", "kinds": ["secret"]}'), "rejected");
});

test("hostile texts take no time", () => {
  const start = performance.now();
  for (const part of ["a@", "1 ", "0", "00 ", "+1 (2) ", "(1)", "www.", "https://(", "1.", "a.", "- ", "january 1 "]) {
    evaluate("extract", { text: part.repeat(100_000 / part.length) });
  }
  evaluate("contains_any", { text: "a".repeat(100_000), words: ["a".repeat(100) + "b", "aa"] });
  assert.ok(performance.now() - start < 2_000, `${performance.now() - start} ms`);
});

declare const performance: { now(): number };
