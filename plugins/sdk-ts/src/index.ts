/**
 * For authors of Sovereign plugins in TypeScript.
 *
 * A plugin's `src/index.ts` exports what one of {@link connector}, {@link channel} and
 * {@link ruleOperators} makes of it:
 *
 * ```ts
 * import { ruleOperators } from "@sovereign/plugin";
 *
 * export const { meta, ruleOperator } = ruleOperators({
 *   shout: {
 *     args: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
 *     result: { type: "string" },
 *     evaluate: ({ text }) => text.toUpperCase(),
 *   },
 * });
 * ```
 *
 * What a node lends is imported by name: `@sovereign/plugin/http`, `/state`, `/secrets`, `/hmac`, `/log`,
 * `/clock`. A plugin's component imports what its source imports, and its manifest must ask for it.
 */

export { PluginError, rejected, retry, unauthorized, badConfig, cursorExpired, failed } from "./errors.ts";
export type { Json, JsonObject, Schema } from "./json.ts";
export { ruleOperators, type Operator } from "./rules.ts";
export {
  connector,
  deleted,
  record,
  type Batch,
  type Connector,
  type RawRecord,
  type WebhookResult,
} from "./connector.ts";
export {
  channel,
  type Attachment,
  type Channel,
  type ChannelEvent,
  type InboundResult,
  type Message,
  type Receipt,
} from "./channel.ts";
export type { Context, Headers, WebhookRequest, WebhookResponse } from "./context.ts";
export { utf8, fromUtf8 } from "./text.ts";
