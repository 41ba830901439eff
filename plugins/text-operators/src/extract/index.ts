import type { Operator } from "@sovereign/plugin";
import { rejected } from "@sovereign/plugin";

import { choice, object, strings, text, where } from "../arguments.ts";
import { dates, ORDERS } from "./dates.ts";
import { emails, phones, urls } from "./addresses.ts";

/** Something found in a text. */
export interface Found {
  kind: string;
  /** As it stands there. */
  text: string;
  /** In one form: digits with `+`, an address in small letters, `2026-05-01`. */
  value: string;
  /** Where, in UTF-16 units. */
  start: number;
}

const KINDS = ["phone", "email", "url", "date"] as const;
/** The most that is found. */
const MOST = 200;

/** Telephone numbers, mail addresses, web addresses and dates in a text, in the text's order. */
export const extraction: Operator = {
  args: {
    type: "object",
    properties: {
      text,
      kinds: { type: "array", items: { type: "string", enum: [...KINDS] }, default: [...KINDS] },
      date_order: {
        type: "string",
        enum: [...ORDERS],
        default: "dmy",
        description: "What 3/4/2026 means: the third of April (dmy) or the fourth of March (mdy).",
      },
    },
    required: ["text"],
    additionalProperties: false,
  },
  result: {
    type: "array",
    maxItems: MOST,
    items: {
      type: "object",
      properties: {
        kind: { type: "string", enum: [...KINDS] },
        text: { type: "string" },
        value: { type: "string" },
        start: { type: "integer", minimum: 0 },
      },
      required: ["kind", "text", "value", "start"],
    },
  },
  evaluate(given) {
    const args = object(given, ["text", "kinds", "date_order"]);
    const sample = where(args);
    const order = choice(args, "date_order", ORDERS, "dmy");
    const kinds = args["kinds"] === undefined ? [...KINDS] : strings(args, "kinds", KINDS.length);
    const unknown = kinds.find((kind) => !KINDS.includes(kind as (typeof KINDS)[number]));
    if (unknown !== undefined) throw rejected(`there is no kind ${unknown}`);
    // The order decides whose a passage is: a date is no telephone number.
    const found = [...urls(sample), ...emails(sample), ...dates(sample, order), ...phones(sample)];
    return apart(found, sample.length)
      .filter(({ kind }) => kinds.includes(kind))
      .slice(0, MOST);
  },
};

/** Without what lies within something found before, in the text's order. */
function apart(found: Found[], length: number): Found[] {
  const taken = new Uint8Array(length);
  const kept = found.filter(({ start, text: { length } }) => {
    const own = taken.subarray(start, start + length);
    if (own.includes(1)) return false;
    own.fill(1);
    return true;
  });
  return kept.sort((a, b) => a.start - b.start);
}
