import host from "sovereign:plugin/state@0.1.0";
import { failed, retry } from "./errors.ts";

/** What is kept for this account from call to call. */
export const state = {
  get: (key: string): Uint8Array | null => guarded(() => host.get(key)),
  set: (key: string, value: Uint8Array): void => guarded(() => host.set(key, value)),
  delete: (key: string): void => guarded(() => host.delete(key)),
  /** Keys with this prefix, sorted, at most `limit`, after `after`. */
  keys: (prefix: string, after: string | null, limit: number): string[] =>
    guarded(() => host.keys(prefix, after, limit)),
};

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { tag, val } = error as { tag?: string; val?: string };
    if (tag === "unavailable") throw retry(`the plugin's state is out of reach: ${val}`);
    throw failed(`the plugin's state: ${tag ?? String(error)}`);
  }
}
