/** How the interface has an error. */
type Case =
  | { tag: "retry"; val: { seconds: number | null; reason: string } }
  | { tag: "unauthorized"; val: string }
  | { tag: "bad-config"; val: string }
  | { tag: "cursor-expired" }
  | { tag: "rejected"; val: string }
  | { tag: "failed"; val: string };

/** Why a call failed: which one decides what the node does next. */
export class PluginError extends Error {
  constructor(readonly error: Case) {
    super("val" in error ? (typeof error.val === "string" ? error.val : error.val.reason) : error.tag);
  }
}

/** Try again later; `seconds` is how long the service asks to wait. */
export const retry = (reason: string, seconds: number | null = null) =>
  new PluginError({ tag: "retry", val: { seconds, reason } });
/** The credential is missing, expired or refused. */
export const unauthorized = (reason: string) => new PluginError({ tag: "unauthorized", val: reason });
/** The person's configuration is wrong. */
export const badConfig = (reason: string) => new PluginError({ tag: "bad-config", val: reason });
/** The service does not accept the cursor any more: begin again. */
export const cursorExpired = () => new PluginError({ tag: "cursor-expired" });
/** The input was malformed or not for this plugin. */
export const rejected = (reason: string) => new PluginError({ tag: "rejected", val: reason });
/** Anything else. */
export const failed = (reason: string) => new PluginError({ tag: "failed", val: reason });

/** Calls a plugin's function; what it throws becomes an error of the interface. */
export function call<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PluginError) throw error.error;
    throw failed(error instanceof Error ? `${error.name}: ${error.message}` : String(error)).error;
  }
}

/** Reads JSON that came from the node. */
export function parsed(text: string, what: string): any {
  try {
    return JSON.parse(text);
  } catch {
    throw rejected(`${what}: this is no JSON`);
  }
}
