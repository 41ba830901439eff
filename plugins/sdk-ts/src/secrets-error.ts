import { failed, unauthorized } from "./errors.ts";

/** What it means that a secret cannot be used. */
export function refusal(name: string, error: unknown): Error {
  if (error === "not-set" || (error as { tag?: string }).tag === "not-set") {
    return unauthorized(`${name} is not filled in yet`);
  }
  const why = typeof error === "string" ? error : (error as { tag?: string }).tag;
  return failed(`the secret ${name}: ${why ?? String(error)}`);
}
