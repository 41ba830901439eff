import host from "sovereign:plugin/secrets@0.1.0";
import { refusal } from "./secrets-error.ts";

/** A secret by its name in the manifest, unless it is `inject_only`. */
export function secret(name: string): string {
  try {
    return host.get(name);
  } catch (error) {
    throw refusal(name, error);
  }
}
