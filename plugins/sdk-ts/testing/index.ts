/**
 * For tests of plugins on Node.js: `sovereign-plugin test` puts this in place of the node.
 */

import { createHmac } from "node:crypto";

type Headers = [string, string][];

/** A request that the plugin made. */
export interface Asked {
  method: string;
  url: string;
  headers: Headers;
  body: Uint8Array | null;
  auth: { tag: string; val?: unknown };
}

/** An answer of the script. */
export interface Answer {
  status: number;
  headers?: Headers;
  body?: Uint8Array | string;
}

/** What a scripted host is told, and what it saw. One test at a time: call {@link reset} first. */
export const script = {
  now: 0,
  answers: new Map<string, Answer[]>(),
  secrets: new Map<string, string>(),
  /** Those of them that are `inject_only`: the plugin cannot read them. */
  injected: new Set<string>(),
  state: new Map<string, Uint8Array>(),
  requests: [] as Asked[],
  lines: [] as string[],

  /** Forgets everything; the clock stands at 2026-01-01T00:00:00Z. */
  reset(): void {
    this.now = 1_767_225_600_000;
    this.answers.clear();
    this.secrets.clear();
    this.injected.clear();
    this.state.clear();
    this.requests = [];
    this.lines = [];
  },

  /** What to answer to a request; several answers follow each other, and the last stays. */
  on(method: string, url: string, ...answers: Answer[]): void {
    this.answers.set(`${method} ${url}`, answers);
  },
};

/** The node's interfaces. */
export const interfaces = {
  log: { write: (level: string, message: string) => void script.lines.push(`${level} ${message}`) },
  clock: { now: () => script.now },
  secrets: {
    get(name: string): string {
      const value = script.secrets.get(name);
      if (value === undefined) throw { tag: "not-set" };
      if (script.injected.has(name)) throw { tag: "not-readable" };
      return value;
    },
  },
  hmac: {
    sign(name: string, hash: string, data: Uint8Array): Uint8Array {
      const value = script.secrets.get(name);
      if (value === undefined) throw { tag: "not-set" };
      return createHmac(hash, value).update(data).digest();
    },
  },
  state: {
    get: (key: string) => script.state.get(key) ?? null,
    set: (key: string, value: Uint8Array) => void script.state.set(key, value),
    delete: (key: string) => void script.state.delete(key),
    keys: (prefix: string, after: string | null, limit: number) =>
      [...script.state.keys()]
        .filter((key) => key.startsWith(prefix) && (after === null || key > after))
        .sort()
        .slice(0, limit),
  },
  http: {
    fetch(request: Asked) {
      script.requests.push(request);
      const answers = script.answers.get(`${request.method} ${request.url}`);
      const answer = answers !== undefined && answers.length > 1 ? answers.shift() : answers?.[0];
      if (answer === undefined) throw { tag: "not-allowed", val: `no script for ${request.method} ${request.url}` };
      const body = typeof answer.body === "string" ? new TextEncoder().encode(answer.body) : answer.body;
      return {
        status: answer.status,
        headers: answer.headers ?? [],
        body: body ?? new Uint8Array(),
        finalUrl: request.url,
      };
    },
  },
};

declare class TextEncoder {
  encode(text: string): Uint8Array;
}
