import { badConfig, call, cursorExpired, rejected } from "./errors.ts";
import type { Context, RawContext, WebhookRequest, WebhookResponse } from "./context.ts";
import type { Schema } from "./json.ts";
import { fromUtf8, utf8 } from "./text.ts";

/** A record as its source gave it. */
export interface RawRecord {
  kind: string;
  /** Its stable id at the source. */
  externalId: string;
  /** Equal means unchanged. */
  revision: string | null;
  operation: "upsert" | "delete";
  /** Milliseconds since 1970. */
  sourceTime: number | null;
  mediaType: string;
  payload: Uint8Array;
}

/** One page of work. */
export interface Batch<Cursor> {
  records: RawRecord[];
  /** What the next call gets. */
  cursor: Cursor | null;
  /** Call again at once. */
  more: boolean;
  /** When the source wants to be asked again, in milliseconds since 1970. */
  nextSyncAfter?: number | null;
}

/** What came with a webhook. */
export interface WebhookResult {
  records: RawRecord[];
  response: WebhookResponse;
  /** It says only that something changed. */
  syncSoon: boolean;
}

/** A plugin that brings records in. */
export interface Connector<Settings, Cursor> {
  /** JSON Schema of the settings. */
  configSchema: Schema;
  /** The kinds of its records. */
  kinds: string[];
  /** One page of work. It may run twice with the same cursor. */
  sync(context: Context<Settings>, cursor: Cursor | null): Batch<Cursor>;
  /** A request to the account's hook. */
  webhook?(context: Context<Settings>, request: WebhookRequest): WebhookResult;
}

/** A record that is there, with JSON as its payload. */
export function record(kind: string, externalId: string, payload: unknown, more: Partial<RawRecord> = {}): RawRecord {
  return {
    kind,
    externalId,
    revision: null,
    operation: "upsert",
    sourceTime: null,
    mediaType: "application/json",
    payload: utf8(JSON.stringify(payload)),
    ...more,
  };
}

/** A record that is gone. */
export function deleted(kind: string, externalId: string): RawRecord {
  return { ...record(kind, externalId, null), operation: "delete", payload: new Uint8Array() };
}

/** A plugin of the world `connector`. */
export function connector<Settings, Cursor>(plugin: Connector<Settings, Cursor>) {
  return {
    meta: {
      describe: () => ({ configSchema: JSON.stringify(plugin.configSchema), kinds: plugin.kinds }),
    },
    connector: {
      sync: (context: RawContext, cursor: Uint8Array | null) =>
        call(() => {
          const known = cursor === null ? null : position<Cursor>(cursor);
          const batch = plugin.sync(settled<Settings>(context), known);
          return {
            records: batch.records,
            nextCursor: batch.cursor === null ? null : utf8(JSON.stringify(batch.cursor)),
            more: batch.more,
            nextSyncAfter: batch.nextSyncAfter ?? null,
          };
        }),
      webhook: (context: RawContext, request: WebhookRequest) =>
        call(() => {
          if (plugin.webhook === undefined) throw rejected("this plugin takes no webhooks");
          return plugin.webhook(settled<Settings>(context), request);
        }),
    },
  };
}

/** A cursor; one of another form, such as an older version's, is none any more: the node begins again. */
function position<Cursor>(cursor: Uint8Array): Cursor {
  try {
    return JSON.parse(fromUtf8(cursor)) as Cursor;
  } catch {
    throw cursorExpired();
  }
}

/** A context with its settings read. */
export function settled<Settings>(context: RawContext): Context<Settings> {
  try {
    return { account: context.account, hookUrl: context.hookUrl, settings: JSON.parse(context.config) as Settings };
  } catch {
    throw badConfig("the settings are no JSON");
  }
}
