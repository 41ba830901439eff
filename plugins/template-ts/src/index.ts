/** Where a plugin in TypeScript begins: a connector that reads a list of things, a page at each call. */

import { connector as plugin, record } from "@sovereign/plugin";
import { request } from "@sovereign/plugin/http";

/** What a person sets for an account. */
interface Settings {
  base_url: string;
}

/** What is remembered from one call to the next. */
interface Cursor {
  page: number;
}

const KIND = "template.thing/1";

export const { meta, connector } = plugin<Settings, Cursor>({
  configSchema: {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: { base_url: { type: "string", format: "uri", title: "Address of the service" } },
    required: ["base_url"],
    additionalProperties: false,
  },
  kinds: [KIND],
  sync({ settings }, cursor) {
    const page = cursor?.page ?? 0;
    const url = `${settings.base_url.replace(/\/+$/, "")}/things?page=${page}`;
    const answer = request(url, { auth: { header: ["x-api-key", "api_key"] } }).success().json() as {
      things: { id: string; version: string }[];
      last: boolean;
    };
    return {
      records: answer.things.map((thing) => record(KIND, thing.id, thing, { revision: thing.version })),
      cursor: { page: answer.last ? page : page + 1 },
      more: !answer.last,
    };
  },
});
