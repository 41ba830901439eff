/** A value of JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
/** An object of JSON. */
export type JsonObject = { [key: string]: Json };
/** A JSON Schema (2020-12). */
export type Schema = JsonObject;
