import type { Operator } from "@sovereign/plugin";

import { boolean, folded, object, strings, text, where } from "./arguments.ts";

/** The most words that are looked for. */
const MOST_WORDS = 200;

/** Whether a text holds any of some words. Accents and large letters make no difference, unless asked. */
export const contains: Operator = {
  args: {
    type: "object",
    properties: {
      text,
      words: { type: "array", items: { type: "string", maxLength: 200 }, maxItems: MOST_WORDS },
      whole_words: { type: "boolean", default: true },
      exact: { type: "boolean", default: false, description: "Accents and large letters count." },
    },
    required: ["text", "words"],
    additionalProperties: false,
  },
  result: { type: "boolean" },
  evaluate(given) {
    const args = object(given, ["text", "words", "whole_words", "exact"]);
    const same = boolean(args, "exact", false) ? (value: string) => value : folded;
    const sample = same(where(args));
    const isWhole = boolean(args, "whole_words", true);
    const words = strings(args, "words", MOST_WORDS).map((word) => same(word.trim()));
    return words.some((word) => word !== "" && (isWhole ? hasWord(sample, word) : sample.includes(word)));
  },
};

/** Whether a word stands there with no letter or digit beside it. */
function hasWord(sample: string, word: string): boolean {
  for (let at = sample.indexOf(word); at >= 0; at = sample.indexOf(word, at + 1)) {
    if (!isPart(sample, at - 1) && !isPart(sample, at + word.length)) return true;
  }
  return false;
}

/** Whether the character there, or half of it, is one of a word. */
function isPart(sample: string, at: number): boolean {
  const unit = sample.charCodeAt(at);
  if (unit < 0x80) {
    return (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x30 && unit <= 0x39) || unit === 0x5f;
  }
  if (Number.isNaN(unit)) return false;
  const isSecondHalf = unit >= 0xdc00 && unit <= 0xdfff;
  return LETTER.test(String.fromCodePoint(sample.codePointAt(isSecondHalf ? at - 1 : at) ?? 0));
}

const LETTER = /^[\p{L}\p{N}]$/u;
