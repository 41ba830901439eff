import type { Found } from "./index.ts";
import { folded } from "../arguments.ts";
import { matches } from "./addresses.ts";

/** What `3/4/2026` means. */
export const ORDERS = ["dmy", "mdy"] as const;
type Order = (typeof ORDERS)[number];

/** The first three letters of months, in English, German, French, Spanish and Italian. */
const MONTHS: Record<string, number> = {
  jan: 1, jän: 1, ene: 1, gen: 1,
  feb: 2, fev: 2, fév: 2,
  mar: 3, mär: 3, mrz: 3,
  apr: 4, avr: 4, abr: 4,
  may: 5, mai: 5, mag: 5,
  jun: 6, giu: 6,
  jul: 7, lug: 7,
  aug: 8, aou: 8, ago: 8,
  sep: 9, set: 9,
  oct: 10, okt: 10, ott: 10,
  nov: 11,
  dec: 12, dez: 12, dic: 12,
};

const MONTH = "(\\p{L}{3,10})\\.?";
const YEAR = "(\\d{4})";

type Parts = (string | undefined)[];
type Reading = (parts: Parts, order: Order) => string | null;

/** Made once: letters of all scripts are a long list. */
const form = (pattern: string, reading: Reading): [RegExp, Reading] => [
  new RegExp(`(?<![\\p{L}\\p{N}])${pattern}(?![\\p{L}\\p{N}])`, "gu"),
  reading,
];
const FORMS = [
  form(`${YEAR}-(\\d{2})-(\\d{2})`, ([y, m, d]) => date(y, m, d)),
  // With dots the day comes first wherever dots are used.
  form(`(\\d{1,2})\\. ?(\\d{1,2})\\. ?${YEAR}`, ([d, m, y]) => date(y, m, d)),
  form(`(\\d{1,2})\\/(\\d{1,2})\\/${YEAR}`, ([a, b, y], order) => (order === "dmy" ? date(y, b, a) : date(y, a, b))),
  form(`(\\d{1,2})(?:\\.|st|nd|rd|th)? (?:de |of )?${MONTH},? (?:de )?${YEAR}`, ([d, m, y]) => named(y, m, d)),
  form(`${MONTH} (\\d{1,2})(?:st|nd|rd|th)?,? ${YEAR}`, ([m, d, y]) => named(y, m, d)),
];

/** Dates with a year. */
export const dates = (where: string, order: Order): Found[] =>
  FORMS.flatMap(([pattern, reading]) => [...matches(where, pattern, "date", (match) => reading(match.slice(1), order))]);

function named(year: string | undefined, month: string | undefined, day: string | undefined): string | null {
  const name = folded(month ?? "");
  // July and June differ in their fourth letter only in French: juillet, juin.
  const number = name.startsWith("jui") ? (name.startsWith("juil") ? 7 : 6) : MONTHS[name.slice(0, 3)];
  return number === undefined ? null : date(year, String(number), day);
}

/** A day that is on the calendar. */
function date(year: string | undefined, month: string | undefined, day: string | undefined): string | null {
  const [y, m, d] = [Number(year), Number(month), Number(day)];
  const isLeap = (y % 4 === 0 && y % 100 !== 0) || y % 400 === 0;
  const length = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][m - 1];
  if (length === undefined || d < 1 || d > length || y < 1000) return null;
  return `${y}-${String(m).padStart(2, "0")}-${String(d).padStart(2, "0")}`;
}
