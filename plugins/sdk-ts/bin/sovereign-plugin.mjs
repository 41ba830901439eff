#!/usr/bin/env node
// Builds and tests plugins in TypeScript.
//
//   sovereign-plugin build <plugin's folder> <component>   types, one module, a component with QuickJS
//   sovereign-plugin test  <plugin's folder>               types, then test/*.test.ts on Node.js

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { componentize } from "componentize-qjs";
import { build } from "esbuild";
import { parse } from "smol-toml";

const SDK = dirname(dirname(fileURLToPath(import.meta.url)));
/** The interface lies beside the SDK in the repository. */
const WIT = join(dirname(SDK), "wit", "plugin.wit");
const ENTRY = "src/index.ts";

/** The interfaces that a plugin may import: `log` and `clock` always, others as its manifest asks. */
function imports(manifest) {
  const { hosts = [], state_kib = 0 } = manifest.capabilities ?? {};
  const isPure = manifest.world === "rule-operator";
  return [
    "log",
    ...(isPure ? [] : ["clock"]),
    ...(hosts.length > 0 ? ["http"] : []),
    ...(state_kib > 0 ? ["state"] : []),
    ...((manifest.secrets ?? []).length > 0 ? ["secrets", "hmac"] : []),
  ];
}

/** The interface with one more world: what this plugin gives, and no more imports than it uses. */
function world(manifest, used) {
  const asked = imports(manifest);
  for (const name of used) {
    if (!asked.includes(name)) {
      throw new Error(`it uses ${name}, which its manifest does not ask for`);
    }
  }
  const lines = [...used].sort().map((name) => `    import ${name};`);
  lines.push("    export meta;", `    export ${manifest.world};`);
  return `${readFileSync(WIT, "utf8")}\nworld guest {\n${lines.join("\n")}\n}\n`;
}

/** Leaves the node's interfaces to the node, and remembers which are used. */
function nodeInterfaces(used) {
  const pattern = /^sovereign:plugin\/([a-z]+)@/;
  return {
    name: "node-interfaces",
    setup(bundler) {
      bundler.onResolve({ filter: pattern }, ({ path }) => {
        used.add(pattern.exec(path)[1]);
        return { path, external: true };
      });
    },
  };
}

/** On Node.js the interfaces are those of the scripted host. */
const scripted = {
  name: "scripted-host",
  setup(bundler) {
    bundler.onResolve({ filter: /^sovereign:plugin\// }, ({ path }) => ({ path, namespace: "scripted" }));
    bundler.onLoad({ filter: /.*/, namespace: "scripted" }, ({ path }) => {
      const name = /\/([a-z]+)@/.exec(path)[1];
      return {
        contents: `import { interfaces } from "@sovereign/plugin/testing"; export default interfaces.${name};`,
        resolveDir: SDK,
      };
    });
  },
};

function checkTypes(folder) {
  const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const outcome = spawnSync(process.execPath, [compiler, "--noEmit", "--project", folder], { stdio: "inherit" });
  if (outcome.status !== 0) throw new Error("its types are wrong");
}

async function buildPlugin(folder, target) {
  checkTypes(folder);
  const manifest = parse(readFileSync(join(folder, "plugin.toml"), "utf8"));
  const used = new Set();
  const bundle = await build({
    entryPoints: [join(folder, ENTRY)],
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    charset: "utf8",
    minify: true,
    write: false,
    plugins: [nodeInterfaces(used)],
  });
  const scratch = mkdtempSync(join(tmpdir(), "sovereign-plugin-"));
  try {
    writeFileSync(join(scratch, "plugin.wit"), world(manifest, used));
    const { component } = await componentize({
      witPath: join(scratch, "plugin.wit"),
      jsSource: bundle.outputFiles[0].text,
      world: "guest",
      sync: true,
      stubWasi: true,
    });
    writeFileSync(target, component);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

async function testPlugin(folder) {
  checkTypes(folder);
  const tests = readdirSync(join(folder, "test")).filter((name) => name.endsWith(".test.ts"));
  const scratch = mkdtempSync(join(tmpdir(), "sovereign-plugin-"));
  try {
    await build({
      entryPoints: tests.map((name) => join(folder, "test", name)),
      bundle: true,
      format: "esm",
      platform: "node",
      outExtension: { ".js": ".mjs" },
      outdir: scratch,
      plugins: [scripted],
    });
    const files = readdirSync(scratch).map((name) => join(scratch, name));
    const outcome = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" });
    if (outcome.status !== 0) throw new Error("its tests failed");
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const [task, folder, target] = process.argv.slice(2);
try {
  if (!folder || !existsSync(join(folder, ENTRY))) throw new Error(`there is no ${ENTRY} in ${folder}`);
  if (task === "build" && target) await buildPlugin(resolve(folder), resolve(target));
  else if (task === "test") await testPlugin(resolve(folder));
  else throw new Error("say `build <folder> <component>` or `test <folder>`");
} catch (error) {
  console.error(`sovereign-plugin: ${folder}: ${error.message}`);
  process.exitCode = 1;
}
