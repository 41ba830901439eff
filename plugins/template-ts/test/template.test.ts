import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { fromUtf8 } from "@sovereign/plugin";
import { script } from "@sovereign/plugin/testing";

import { connector } from "../src/index.ts";

const context = { account: "a", config: '{"base_url": "https://things.example/"}', hookUrl: "https://node.example/hooks/a" };
const page = (number: number) => `https://things.example/things?page=${number}`;

beforeEach(() => script.reset());

test("pages follow each other", () => {
  script.on("GET", page(0), { status: 200, body: '{"things": [{"id": "1", "version": "ä"}], "last": false}' });
  script.on("GET", page(1), { status: 200, body: '{"things": [], "last": true}' });
  const first = connector.sync(context, null);
  assert.equal(first.records[0]?.externalId, "1");
  assert.equal(fromUtf8(first.records[0]?.payload ?? new Uint8Array()), '{"id":"1","version":"ä"}');
  assert.equal(first.more, true);
  assert.equal(connector.sync(context, first.nextCursor).more, false);
  assert.deepEqual(script.requests[0]?.auth, { tag: "header", val: ["x-api-key", "api_key"] });
});

test("a cursor of another form begins again", () => {
  assert.throws(() => connector.sync(context, new Uint8Array([0x7b])), { tag: "cursor-expired" });
});

test("a busy service says how long to wait, also with a date", () => {
  const retry = (wait: string) => {
    script.on("GET", page(0), { status: 429, headers: [["Retry-After", wait]] });
    try {
      connector.sync(context, null);
    } catch (error) {
      return (error as { val: { seconds: number | null } }).val.seconds;
    }
    return undefined;
  };
  assert.equal(retry("7"), 7);
  assert.equal(retry(new Date(script.now + 90_000).toUTCString()), 90);
  assert.equal(retry("soon"), null);
});

test("a refused key asks the person", () => {
  script.on("GET", page(0), { status: 401 });
  assert.throws(() => connector.sync(context, null), { tag: "unauthorized" });
});
