/** The plugin `text-operators`: pure functions on text, for rules. */

import { ruleOperators } from "@sovereign/plugin";

import { contains } from "./contains.ts";
import { extraction } from "./extract/index.ts";
import { language } from "./language.ts";
import { similarity } from "./similarity.ts";

export const { meta, ruleOperator } = ruleOperators({
  contains_any: contains,
  similarity,
  extract: extraction,
  guess_language: language,
});
