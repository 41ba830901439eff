import { call, rejected } from "./errors.ts";
import { settled } from "./connector.ts";
import type { Context, RawContext, WebhookRequest, WebhookResponse } from "./context.ts";
import type { Schema } from "./json.ts";

/** A file that goes with a message. */
export interface Attachment {
  name: string;
  mediaType: string;
  data: Uint8Array;
}

/** A message on its way out. */
export interface Message {
  /** The node's id of it: the idempotency key where the service has one. */
  id: string;
  to: string[];
  sender: string | null;
  subject: string | null;
  text: string;
  html: string | null;
  attachments: Attachment[];
  inReplyTo: string | null;
}

/** What the service says of a message. */
export interface Receipt {
  externalId: string;
  status: "accepted" | "sent" | "delivered" | "read" | "failed";
  detail: string | null;
}

/** What came in. */
export type ChannelEvent =
  | {
      tag: "received";
      val: {
        externalId: string;
        sender: string;
        to: string[];
        received: number;
        text: string;
        attachments: Attachment[];
        inReplyTo: string | null;
      };
    }
  | { tag: "status"; val: Receipt }
  | {
      tag: "call";
      val: {
        externalId: string;
        from: string;
        to: string;
        status: "ringing" | "answered" | "completed" | "busy" | "no-answer" | "failed" | "cancelled";
        seconds: number | null;
        at: number;
      };
    };

/** What came with a request, and the answer to it. */
export interface InboundResult {
  events: ChannelEvent[];
  response: WebhookResponse;
}

/** A plugin that sends messages, and takes messages and calls in. */
export interface Channel<Settings> {
  /** JSON Schema of the settings. */
  configSchema: Schema;
  /** What it carries, such as `sms`. */
  kinds: string[];
  /** Sends a message; perhaps again, with the same id. */
  send(context: Context<Settings>, message: Message): Receipt;
  /** A request to the channel's hook. */
  inbound?(context: Context<Settings>, request: WebhookRequest): InboundResult;
}

/** A plugin of the world `channel`. */
export function channel<Settings>(plugin: Channel<Settings>) {
  return {
    meta: {
      describe: () => ({ configSchema: JSON.stringify(plugin.configSchema), kinds: plugin.kinds }),
    },
    channel: {
      send: (context: RawContext, message: Message) =>
        call(() => plugin.send(settled<Settings>(context), message)),
      inbound: (context: RawContext, request: WebhookRequest) =>
        call(() => {
          if (plugin.inbound === undefined) throw rejected("this plugin takes no webhooks");
          return plugin.inbound(settled<Settings>(context), request);
        }),
    },
  };
}
