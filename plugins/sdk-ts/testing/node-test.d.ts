// The parts of Node.js that tests use.

declare module "node:test" {
  export function test(name: string, work: () => void | Promise<void>): void;
  export function beforeEach(work: () => void): void;
}

declare module "node:assert/strict" {
  const assert: {
    ok(value: unknown, message?: string): asserts value;
    equal(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    throws(work: () => unknown, expected?: RegExp | object): void;
  };
  export default assert;
}

declare module "node:crypto" {
  interface Hmac {
    update(data: Uint8Array): Hmac;
    digest(): Uint8Array;
  }
  export function createHmac(hash: string, key: string): Hmac;
}
