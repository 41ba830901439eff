import type { Found } from "./index.ts";

/** How many candidates are looked at. */
const MOST = 500;

/** The matches of a pattern, as far as `value` takes them. */
export function* matches(where: string, pattern: RegExp, kind: string, value: (match: RegExpExecArray) => string | null): Generator<Found> {
  let count = 0;
  for (const match of where.matchAll(pattern)) {
    count += 1;
    if (count > MOST) return;
    const found = value(match);
    if (found !== null) yield { kind, text: match[0], value: found, start: match.index };
  }
}

/** Mail addresses: what people write, not all that RFC 5321 permits. */
export const emails = (where: string): Found[] => [
  ...matches(
    where,
    /(?<![\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-])[\p{L}\p{N}_%+-]{1,64}(?:\.[\p{L}\p{N}_%+-]{1,64}){0,5}@(?:[\p{L}\p{N}-]{1,63}\.){1,6}\p{L}{2,24}(?![\p{L}\p{N}])/gu,
    "email",
    ([address]) => address.toLowerCase(),
  ),
];

/** Web addresses, with `https://` or `www.` before them; without the sign that ends the sentence. */
export function urls(where: string): Found[] {
  const found: Found[] = [];
  for (const item of matches(where, /(?<![\p{L}\p{N}])(?:https?:\/\/|www\.)[^\s<>"'`{}|\\^]{3,2000}/giu, "url", ([all]) => all)) {
    const text = trimmed(item.text);
    const value = /^www\./i.test(text) ? `https://${text}` : text;
    if (/^https?:\/\/[\p{L}\p{N}[]/iu.test(value)) found.push({ ...item, text, value });
  }
  return found;
}

/** Without closing signs: a bracket stays where it was opened. */
function trimmed(address: string): string {
  let end = address.length;
  while (end > 0) {
    const last = address[end - 1] ?? "";
    const rest = address.slice(0, end);
    const isOpened = last === ")" && rest.split("(").length >= rest.split(")").length;
    if (!/[.,;:!?)\]»”’]/u.test(last) || isOpened) break;
    end -= 1;
  }
  return address.slice(0, end);
}

/**
 * Telephone numbers: seven to fifteen digits (E.164), with what people put between them. Whatever stands between
 * two digits is no digit, so there is one way to read a passage, however long.
 */
const PHONE = /(?<![\p{L}\p{N}+/.:@-])[+(]{0,2}\d(?:[ \u00a0()./-]{0,3}\d){6,19}(?![\p{L}\p{N}])/gu;

export const phones = (where: string): Found[] => [
  ...matches(where, PHONE, "phone", ([number]) => {
    const digits = number.replace(/\(0\)/u, "").replace(/\D/gu, "");
    if (/^\(?\+/u.test(number)) return isLength(digits, 15) ? `+${digits}` : null;
    if (digits.startsWith("00")) return isLength(digits.slice(2), 15) ? `+${digits.slice(2)}` : null;
    // Without a country it is a number only where it looks like one: many things have digits.
    const groups = number.split(/[ \u00a0()/-]+/u).filter((group) => group !== "");
    const isGrouped = groups.length >= 2 && groups.length <= 5 && groups.some((group) => group.length >= 3);
    return isLength(digits, 13) && (digits.startsWith("0") || isGrouped) ? digits : null;
  }),
];

const isLength = (digits: string, most: number): boolean => digits.length >= 7 && digits.length <= most;
