// What a node lends, as componentize-qjs names it (plugins/wit/plugin.wit).

declare module "sovereign:plugin/log@0.1.0" {
  type Level = "trace" | "debug" | "info" | "warn" | "error";
  const log: { write(level: Level, message: string): void };
  export default log;
}

declare module "sovereign:plugin/clock@0.1.0" {
  const clock: { now(): number };
  export default clock;
}

declare module "sovereign:plugin/state@0.1.0" {
  const state: {
    get(key: string): Uint8Array | null;
    set(key: string, value: Uint8Array): void;
    delete(key: string): void;
    keys(prefix: string, startAfter: string | null, limit: number): string[];
  };
  export default state;
}

declare module "sovereign:plugin/secrets@0.1.0" {
  const secrets: { get(name: string): string };
  export default secrets;
}

declare module "sovereign:plugin/hmac@0.1.0" {
  const hmac: { sign(secret: string, hash: "sha1" | "sha256" | "sha512", data: Uint8Array): Uint8Array };
  export default hmac;
}

declare module "sovereign:plugin/http@0.1.0" {
  type Auth =
    | { tag: "none" }
    | { tag: "bearer"; val: string }
    | { tag: "basic"; val: [string, string] }
    | { tag: "header"; val: [string, string] };
  const http: {
    fetch(request: {
      method: string;
      url: string;
      headers: [string, string][];
      body: Uint8Array | null;
      auth: Auth;
      timeoutMs: number | null;
    }): { status: number; headers: [string, string][]; body: Uint8Array; finalUrl: string };
  };
  export default http;
}
