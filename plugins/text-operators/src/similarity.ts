import type { Operator } from "@sovereign/plugin";

import { choice, folded, object, string } from "./arguments.ts";

/** Longer texts would take longer than a rule may. */
const LONGEST = 300;
const METHODS = ["jaro_winkler", "levenshtein", "words"] as const;

/** How alike two texts are: 0, nothing in common, to 1, the same but for accents and large letters. */
export const similarity: Operator = {
  args: {
    type: "object",
    properties: {
      a: { type: "string", maxLength: LONGEST },
      b: { type: "string", maxLength: LONGEST },
      method: {
        type: "string",
        enum: [...METHODS],
        default: "jaro_winkler",
        description: "jaro_winkler for names, levenshtein for typing errors, words for the order of words.",
      },
    },
    required: ["a", "b"],
    additionalProperties: false,
  },
  result: { type: "number", minimum: 0, maximum: 1 },
  evaluate(given) {
    const args = object(given, ["a", "b", "method"]);
    const [a, b] = [string(args, "a", LONGEST), string(args, "b", LONGEST)].map(plain) as [string, string];
    const method = choice(args, "method", METHODS, "jaro_winkler");
    if (a === b) return 1;
    if (a === "" || b === "") return 0;
    const likeness = { jaro_winkler: jaroWinkler, levenshtein, words }[method](a, b);
    return Math.round(likeness * 10_000) / 10_000;
  },
};

const plain = (value: string): string => folded(value).replace(/\s+/gu, " ").trim();

function levenshtein(first: string, second: string): number {
  const a = Uint32Array.from([...first], (character) => character.codePointAt(0) ?? 0);
  const b = Uint32Array.from([...second], (character) => character.codePointAt(0) ?? 0);
  // One row is enough: `diagonal` is what the row above had one place before.
  const row = Uint16Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i += 1) {
    const wanted = a[i];
    let diagonal = i;
    let left = i + 1;
    row[0] = left;
    for (let j = 0; j < b.length; j += 1) {
      const above = row[j + 1]!;
      let least = wanted === b[j] ? diagonal : diagonal + 1;
      if (above + 1 < least) least = above + 1;
      if (left + 1 < least) least = left + 1;
      diagonal = above;
      left = least;
      row[j + 1] = least;
    }
  }
  return 1 - (row[b.length] ?? 0) / Math.max(a.length, b.length);
}

/** Winkler 1990: common characters near each other, and a common beginning. */
function jaroWinkler(first: string, second: string): number {
  const [a, b] = [[...first], [...second]];
  const reach = Math.max(0, Math.floor(Math.max(a.length, b.length) / 2) - 1);
  const taken = new Array<boolean>(b.length).fill(false);
  const common: string[] = [];
  a.forEach((character, i) => {
    const end = Math.min(b.length, i + reach + 1);
    for (let j = Math.max(0, i - reach); j < end; j += 1) {
      if (!taken[j] && b[j] === character) {
        taken[j] = true;
        common.push(character);
        return;
      }
    }
  });
  if (common.length === 0) return 0;
  const other = b.filter((_, j) => taken[j]);
  const moved = common.filter((character, index) => character !== other[index]).length / 2;
  const m = common.length;
  const jaro = (m / a.length + m / b.length + (m - moved) / m) / 3;
  let start = 0;
  while (start < 4 && start < a.length && a[start] === b[start]) start += 1;
  return jaro + start * 0.1 * (1 - jaro);
}

/** Common words beside all words, whatever their order. */
function words(first: string, second: string): number {
  const split = (value: string) => new Set(value.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== ""));
  const [a, b] = [split(first), split(second)];
  const common = [...a].filter((word) => b.has(word)).length;
  const all = a.size + b.size - common;
  return all === 0 ? 0 : common / all;
}
