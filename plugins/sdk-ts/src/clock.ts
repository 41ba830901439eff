import host from "sovereign:plugin/clock@0.1.0";

/** The time, in milliseconds since 1970. `Date.now()` is not it: it stands still. */
export const now = (): number => Number(host.now());
