import host from "sovereign:plugin/hmac@0.1.0";
import { refusal } from "./secrets-error.ts";

/** An HMAC under a secret that stays with the node. */
export function hmac(secret: string, hash: "sha1" | "sha256" | "sha512", data: Uint8Array): Uint8Array {
  try {
    return host.sign(secret, hash, data);
  } catch (error) {
    throw refusal(secret, error);
  }
}
