/** Names and values: order and repeats matter. */
export type Headers = [string, string][];

/** For whom a plugin is called. */
export interface Context<Settings> {
  /** The account. */
  account: string;
  /** What the person set, as the configuration's schema says. */
  settings: Settings;
  /** Where the outside service reaches this account. */
  hookUrl: string;
}

/** As the interface has it. */
export interface RawContext {
  account: string;
  config: string;
  hookUrl: string;
}

/** A request to the account's hook. */
export interface WebhookRequest {
  method: string;
  /** The path after the hook's own, with the query. */
  pathAndQuery: string;
  headers: Headers;
  body: Uint8Array;
  /** The address as the caller saw it. */
  url: string;
}

/** The answer to it. */
export interface WebhookResponse {
  status: number;
  headers: Headers;
  body: Uint8Array;
}
