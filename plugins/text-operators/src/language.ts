import type { Operator } from "@sovereign/plugin";

import { object, text, where } from "./arguments.ts";

/** So much is enough to tell. */
const LOOKED_AT = 5_000;

/** The most frequent words, most of them in one language only. */
const WORDS: Record<string, string> = {
  cs: "je se na že si jsem to by jak ale tak jsou jako nebo když pro jsme byl být má proto také který protože",
  da: "og er det en til på jeg ikke med for af der den har du som vi kan skal fra hvad også efter blev noget",
  de: "der die das und ist nicht ich sie es ein eine zu mit den auf für von dem sich auch wir haben wird bei oder nach wie noch kann",
  en: "the and is of to in that it you for was with are this have on be not they at from which will would there their what your",
  es: "que de la el en y los se las un por con no una para es su lo más como pero sus este ya está muy también hay",
  fi: "on ja ei se että oli hän mutta ovat kun niin myös joka mitä minä tämä olen kuin voi olla sen sitä vain",
  fr: "le la les des est et une que dans pour pas vous nous il je qui sur avec ce ne sont mais plus être cette aux leur",
  hu: "a az és hogy nem is egy van ez de volt csak meg mint még azt már vagy ha kell lesz nagyon el",
  it: "che di il non è la per un sono con una si del della ho ma le gli come anche più questo alla nel hai cosa",
  nb: "og er det i en til på jeg ikke med for av den har du som vi kan skal fra hva også etter ble noe være",
  nl: "de het een en van ik dat is niet te zijn op met voor je er aan ook maar wat bij uit naar hebben deze nog worden",
  pl: "nie to się na że jest do co jak ale za tak od jego dla przez był są tylko może już czy tym oraz",
  pt: "que não de um uma para com os do da em por mais como mas foi ele são você das isso está muito também seu",
  sv: "och är det att en som på jag inte med för av den har du vi kan ska från vad också efter blev något vara",
  tr: "bir ve bu da de için ne çok ben var mi gibi daha ama değil olarak kadar sonra her olan şey",
};

/** Scripts that one language, nearly alone, is written in. */
const SCRIPTS: [RegExp, string][] = [
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/gu, "ja"],
  [/\p{Script=Hangul}/gu, "ko"],
  [/\p{Script=Han}/gu, "zh"],
  [/\p{Script=Greek}/gu, "el"],
  [/\p{Script=Hebrew}/gu, "he"],
  [/\p{Script=Arabic}/gu, "ar"],
  [/\p{Script=Thai}/gu, "th"],
  [/\p{Script=Devanagari}/gu, "hi"],
  [/\p{Script=Georgian}/gu, "ka"],
  [/\p{Script=Armenian}/gu, "hy"],
];

const known = new Map<string, string[]>();
for (const [language, words] of Object.entries(WORDS)) {
  for (const word of words.split(" ")) known.set(word, [...(known.get(word) ?? []), language]);
}

/** The language of a text (BCP 47), by its script or its most frequent words; `und` where it cannot be told. */
export const language: Operator = {
  args: { type: "object", properties: { text }, required: ["text"], additionalProperties: false },
  result: {
    type: "object",
    properties: {
      language: { type: "string" },
      confidence: { type: "number", minimum: 0, maximum: 1 },
    },
    required: ["language", "confidence"],
  },
  evaluate(given) {
    const args = object(given, ["text"]);
    const sample = where(args).slice(0, LOOKED_AT).normalize("NFC");
    const letters = count(sample, /\p{L}/gu);
    if (letters === 0) return guess("und", 0);
    return byScript(sample, letters) ?? byWords(sample);
  },
};

const guess = (language: string, confidence: number) => ({ language, confidence: Math.round(confidence * 100) / 100 });
const count = (sample: string, pattern: RegExp): number => sample.match(pattern)?.length ?? 0;

function byScript(sample: string, letters: number) {
  const kana = count(sample, /[\p{Script=Hiragana}\p{Script=Katakana}]/gu);
  for (const [pattern, language] of SCRIPTS) {
    const share = count(sample, pattern) / letters;
    // Japanese is written with Chinese characters between its own.
    if (language === "ja" && kana / letters > 0.1) return guess("ja", 1);
    if (share > 0.5) return guess(language, share);
  }
  const cyrillic = count(sample, /\p{Script=Cyrillic}/gu) / letters;
  if (cyrillic <= 0.5) return undefined;
  if (/[іїєґ]/iu.test(sample)) return guess("uk", cyrillic);
  if (/[ђјљњћџ]/iu.test(sample)) return guess("sr", cyrillic);
  if (/[ыэё]/iu.test(sample)) return guess("ru", cyrillic);
  return guess(/ъ/iu.test(sample) ? "bg" : "ru", cyrillic / 2);
}

function byWords(sample: string) {
  const words = sample.toLowerCase().split(/[^\p{L}]+/u).filter((word) => word !== "");
  const scores = new Map<string, number>();
  for (const word of words) {
    // A word of several languages says less.
    const languages = known.get(word) ?? [];
    for (const language of languages) scores.set(language, (scores.get(language) ?? 0) + 1 / languages.length);
  }
  const [first, second] = [...scores].sort((a, b) => b[1] - a[1]);
  if (first === undefined) return guess("und", 0);
  const ahead = (first[1] - (second?.[1] ?? 0)) / first[1];
  const seen = Math.min(1, first[1] / Math.max(3, words.length / 5));
  return ahead < 0.05 ? guess("und", 0) : guess(first[0], ahead * seen);
}
