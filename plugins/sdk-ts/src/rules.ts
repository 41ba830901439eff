import { call, parsed, rejected } from "./errors.ts";
import type { Schema } from "./json.ts";

/** An operator that rules may call. Pure: the same arguments give the same result. */
export interface Operator {
  /** What it takes. */
  args: Schema;
  /** What it gives. */
  result: Schema;
  /** Calls it. The arguments are what the caller sent: check them. */
  evaluate(args: any): unknown;
}

/** A plugin of the world `rule-operator`: its operators by name. */
export function ruleOperators(operators: Record<string, Operator>) {
  const known = new Map(Object.entries(operators));
  return {
    meta: {
      describe: () => ({ configSchema: JSON.stringify({ type: "object", additionalProperties: false }), kinds: [] as string[] }),
    },
    ruleOperator: {
      operators: () =>
        [...known].map(([name, { args, result }]) => ({
          name,
          argsSchema: JSON.stringify(args),
          resultSchema: JSON.stringify(result),
        })),
      evaluate: (name: string, args: string): string =>
        call(() => {
          const operator = known.get(name);
          if (operator === undefined) throw rejected(`there is no operator ${name}`);
          return JSON.stringify(operator.evaluate(parsed(args, "the arguments")) ?? null);
        }),
    },
  };
}
