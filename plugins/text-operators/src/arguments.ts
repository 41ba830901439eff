/** Reading arguments: they come from whoever wrote the rule. */

import { rejected } from "@sovereign/plugin";

/** The most characters of a text. */
const LONGEST_TEXT = 1_000_000;
/** How much of a text is looked at: a rule has little time. */
const LOOKED_AT = 20_000;

/** The schema of a text that is looked through. */
export const text = {
  type: "string",
  maxLength: LONGEST_TEXT,
  description: `Where to look: in the first ${LOOKED_AT} characters.`,
};

/** An object of arguments with no others than these. */
export function object(args: unknown, names: string[]): Record<string, unknown> {
  if (typeof args !== "object" || args === null || Array.isArray(args)) throw rejected("the arguments must be an object");
  const unknown = Object.keys(args).find((name) => !names.includes(name));
  if (unknown !== undefined) throw rejected(`there is no argument ${unknown}`);
  return args as Record<string, unknown>;
}

/** As much of the argument `text` as is looked at. */
export const where = (args: Record<string, unknown>): string => string(args, "text", LONGEST_TEXT).slice(0, LOOKED_AT);

/** A text that must be there. */
export function string(args: Record<string, unknown>, name: string, longest: number): string {
  const value = args[name];
  if (typeof value !== "string") throw rejected(`${name} must be a text`);
  if (value.length > longest) throw rejected(`${name} has more than ${longest} characters`);
  return value;
}

/** A yes or no. */
export function boolean(args: Record<string, unknown>, name: string, otherwise: boolean): boolean {
  const value = args[name] ?? otherwise;
  if (typeof value !== "boolean") throw rejected(`${name} must be true or false`);
  return value;
}

/** One of some words. */
export function choice<Word extends string>(args: Record<string, unknown>, name: string, words: readonly Word[], otherwise: Word): Word {
  const value = args[name] ?? otherwise;
  if (!words.includes(value as Word)) throw rejected(`${name} must be one of ${words.join(", ")}`);
  return value as Word;
}

/** A list of texts. */
export function strings(args: Record<string, unknown>, name: string, most: number): string[] {
  const value = args[name];
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string")) {
    throw rejected(`${name} must be a list of texts`);
  }
  if (value.length > most) throw rejected(`${name} has more than ${most} texts`);
  return value as string[];
}

/** Small letters without accents: what people take for the same. */
export const folded = (value: string): string =>
  value.normalize("NFKD").replace(/\p{M}+/gu, "").toLowerCase().replaceAll("ß", "ss");
