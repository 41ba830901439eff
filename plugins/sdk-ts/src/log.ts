import host from "sovereign:plugin/log@0.1.0";

/** The node's log. */
export const log = {
  debug: (message: string) => host.write("debug", message),
  info: (message: string) => host.write("info", message),
  warn: (message: string) => host.write("warn", message),
  error: (message: string) => host.write("error", message),
};
