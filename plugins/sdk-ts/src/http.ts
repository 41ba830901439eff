import host from "sovereign:plugin/http@0.1.0";
import { now } from "./clock.ts";
import { badConfig, cursorExpired, failed, retry, unauthorized } from "./errors.ts";
import type { Headers } from "./context.ts";
import { fromUtf8 } from "./text.ts";

/** A credential that the node puts in. */
export type Auth = { bearer: string } | { basic: [user: string, secret: string] } | { header: [name: string, secret: string] };

/** A request. */
export interface RequestOptions {
  method?: string;
  headers?: Headers;
  body?: Uint8Array;
  auth?: Auth;
  timeoutMs?: number;
}

/** An answer, whatever its status. */
export class Response {
  constructor(
    readonly status: number,
    readonly headers: Headers,
    readonly body: Uint8Array,
    /** After redirects. */
    readonly finalUrl: string,
  ) {}

  /** The first header of this name, in any case. */
  header(name: string): string | undefined {
    return this.headers.find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1];
  }

  text(): string {
    return fromUtf8(this.body);
  }

  json(): any {
    try {
      return JSON.parse(this.text());
    } catch {
      throw failed("the answer is no JSON");
    }
  }

  /** How many seconds the service asks to wait (`Retry-After`, in seconds or as a date). */
  retryAfter(): number | null {
    const wait = this.header("retry-after")?.trim() ?? "";
    const seconds = /^\d+$/.test(wait) ? Number(wait) : Math.ceil((Date.parse(wait) - now()) / 1000);
    return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 0xffff_ffff) : null;
  }

  /** The answer itself where its status is 2xx or 304; otherwise throws what the status says. */
  success(): this {
    const { status } = this;
    if ((status >= 200 && status < 300) || status === 304) return this;
    const text = `the service answered ${status}: ${this.text().slice(0, 300)}`;
    if (status === 401 || status === 403) throw unauthorized(text);
    if (status === 410) throw cursorExpired();
    if ([408, 425, 429].includes(status) || status >= 500) {
      throw retry(text, this.retryAfter());
    }
    throw failed(text);
  }
}

/** Calls out, as the manifest's `hosts` permit. */
export function request(url: string, options: RequestOptions = {}): Response {
  try {
    const answer = host.fetch({
      method: options.method ?? "GET",
      url,
      headers: options.headers ?? [],
      body: options.body ?? null,
      auth: credential(options.auth),
      timeoutMs: options.timeoutMs ?? null,
    });
    return new Response(answer.status, answer.headers, Uint8Array.from(answer.body), answer.finalUrl);
  } catch (error) {
    throw refusal(error);
  }
}

function credential(auth: Auth | undefined) {
  if (auth === undefined) return { tag: "none" as const };
  if ("bearer" in auth) return { tag: "bearer" as const, val: auth.bearer };
  if ("basic" in auth) return { tag: "basic" as const, val: auth.basic };
  return { tag: "header" as const, val: auth.header };
}

function refusal(error: unknown): Error {
  const { tag, val } = error as { tag?: string; val?: string | number };
  switch (tag) {
    case "not-allowed":
      return badConfig(`the node does not permit the request: ${val}`);
    case "timeout":
    case "dns":
      return retry(tag === "dns" ? "the service's name was not found" : "the service did not answer in time");
    case "tls":
    case "connect":
      return retry(`no connection: ${val}`);
    case "throttled":
      return retry("the node's own limit for this plugin", Number(val));
    case "too-large":
      return failed(`the answer is too large: ${val} bytes`);
    default:
      return failed(`the request: ${val ?? tag ?? String(error)}`);
  }
}
