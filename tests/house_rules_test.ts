import assert from "node:assert/strict";
import { imports, offences, type Source, withoutComments, withoutStrings } from "./house_rules.ts";

const ROOT = new URL("../", import.meta.url);

function* sourcesIn(folder: string): Generator<Source> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}${name}`;
    if (isDirectory) yield* sourcesIn(`${path}/`);
    else if (name.endsWith(".ts")) {
      yield { path, text: Deno.readTextFileSync(new URL(path, ROOT)) };
    }
  }
}

Deno.test("offences() finds none when it reads src/ and main.ts", () => {
  const main = { path: "main.ts", text: Deno.readTextFileSync(new URL("main.ts", ROOT)) };
  const sources = [main, ...sourcesIn("src/")];
  assert.ok(sources.length > 80, `only ${sources.length} source files found below ${ROOT}`);
  const linked = sources.flatMap(({ text }) => imports(withoutComments(text)));
  assert.ok(linked.length > 300, `only ${linked.length} imports found`);
  assert.deepEqual(offences(sources), []);
});

const HEAD = "/** What it is. */\n";

/** [what is planted, path, text, words of the offence] */
const planted: readonly (readonly [string, string, string, RegExp])[] = [
  ["a higher rank", "src/session/a.ts", 'import { b } from "../broker/b.ts";', /rank 4/],
  [
    "a type of a higher rank",
    "src/packet/a.ts",
    'import type { B } from "../policy/b.ts";',
    /rank 1/,
  ],
  ["a folder of the same rank", "src/topic/a.ts", 'import { b } from "../packet/b.ts";', /rank 0/],
  ["a store in a transport", "src/transport/a.ts", 'import "../store/b.ts";', /rank 5/],
  [
    "an import over lines",
    "src/topic/a.ts",
    'import {\n  b,\n  c as d,\n} from "../session/b.ts";',
    /rank 2/,
  ],
  ["a dynamic import", "src/store/a.ts", 'const b = import("../server/b.ts");', /rank 7/],
  ["a re-export of a higher rank", "src/topic/a.ts", 'export * from "../session/b.ts";', /rank 2/],
  ["a path to a folder of no rank", "src/packet/a.ts", 'import "../helpers/b.ts";', /no ranked/],
  ["a file in a folder of no rank", "src/helpers/a.ts", 'import "../packet/b.ts";', /no ranked/],
  ["a path out of src", "src/server/a.ts", 'import "../../tests/b.ts";', /no ranked/],
  ["a path without its ending", "src/server/a.ts", 'import "./b";', /ends with \.ts/],
  ["a barrel", "src/session/mod.ts", 'export { b } from "./b.ts";', /barrel/],
  [
    "a name handed on from another folder",
    "src/session/a.ts",
    'export { b } from "../packet/b.ts";\nexport const c = 1;',
    /barrel/,
  ],
  ["a barrel of types", "src/session/mod.ts", 'export type { B } from "./b.ts";', /barrel/],
  ["mqtt-packet elsewhere", "src/packet/a.ts", 'import m from "mqtt-packet";', /kept to/],
  ["node:buffer elsewhere", "src/packet/a.ts", 'import { Buffer } from "node:buffer";', /kept to/],
  ["zod elsewhere", "src/server/start.ts", 'import { z } from "zod";', /kept to/],
  ["a part of zod elsewhere", "src/policy/a.ts", 'import { z } from "zod/v4";', /kept to/],
  ["logtape elsewhere", "src/broker/a.ts", 'import l from "@logtape/logtape";', /kept to/],
  ["commander elsewhere", "src/server/a.ts", 'import { c } from "commander";', /kept to/],
  ["jsonc-parser elsewhere", "src/command/a.ts", 'import { p } from "jsonc-parser";', /kept to/],
  ["a package of no table", "src/server/a.ts", 'import x from "lodash";', /table of dependencies/],
  [
    "Node in the core",
    "src/session/a.ts",
    'import a from "node:assert/strict";',
    /nothing of Node/,
  ],
  ["async", "src/session/a.ts", "export async function f() {}", /"async"/],
  ["await", "src/session/a.ts", "for await (const a of b) c(a);", /"await"/],
  ["Promise", "src/topic/a.ts", "let p: Promise<void>;", /"Promise"/],
  ["Deno.", "src/packet/a.ts", "Deno.exit(0);", /"Deno\."/],
  ["Date", "src/broker/a.ts", "const now = Date.now();", /"Date"/],
  ["Math.random", "src/policy/a.ts", "const x = Math.random();", /"Math\.random"/],
  ["setTimeout", "src/connection/a.ts", "setTimeout(f, 1);", /"setTimeout"/],
  ["setInterval", "src/connection/a.ts", "setInterval(f, 1);", /"setTimeout"/],
  ["crypto", "src/connection/a.ts", "crypto.getRandomValues(x);", /"crypto"/],
  ["console", "src/service/a.ts", "console.log(1);", /"console"/],
  ["a subclass", "src/broker/a.ts", "class A<T> extends B {}", /"class … extends"/],
  ["a word in a template", "src/broker/a.ts", "const s = `at ${Date.now()}`;", /"Date"/],
  [
    "a word after a regular expression",
    "src/broker/a.ts",
    'f(/["\'`]/g, Date.now(), "x");',
    /"Date"/,
  ],
  ["a TODO", "src/server/a.ts", "// TODO: later", /TODO/],
  ["a FIXME", "src/server/a.ts", "/* FIXME */", /TODO/],
];

for (const [what, path, text, offence] of planted) {
  Deno.test(`offences() finds one when ${what} is planted`, () => {
    const found = offences([{ path, text: HEAD + text }]);
    assert.ok(found.some((line) => line.startsWith(`${path}: `) && offence.test(line)), `${found}`);
  });
}

Deno.test("offences() finds one when a file does not begin with a head", () => {
  for (const text of ["export const a = 1;", "// a head\n", "\n/** late */"]) {
    const found = offences([{ path: "src/server/a.ts", text }]);
    assert.equal(found.length, 1);
    assert.match(found[0]!, /no \/\*\* head/);
  }
});

/** [what is allowed, path, text] */
const allowed: readonly (readonly [string, string, string])[] = [
  [
    "lower ranks and its own folder",
    "src/broker/a.ts",
    'import "../topic/b.ts";\nimport "./c.ts";',
  ],
  ["everything for main.ts", "main.ts", 'import "./src/command/b.ts";\nimport "commander";'],
  ["a barrel in src/mod.ts", "src/mod.ts", 'export { start } from "./server/start.ts";'],
  [
    "a name handed on beside its own",
    "src/server/a.ts",
    'export { b } from "./b.ts";\nexport const c = 1;',
  ],
  ["zod in each config file", "src/server/config_schema.ts", 'import { z } from "zod";'],
  ["Node in a driver", "src/transport/tls.ts", 'import tls from "node:tls";'],
  ["async in the shell", "src/server/a.ts", "export async function f() { await g(); }"],
  [
    "a class of its own in the core",
    "src/topic/a.ts",
    "export class Tree<T extends object> {}",
  ],
  [
    "the one error of the codec",
    "src/packet/malformed_packet.ts",
    "class MalformedPacket extends Error {}",
  ],
  ["words in comments", "src/session/a.ts", "// async: await a Promise\n/* Deno. Date */"],
  ["words in strings", "src/session/a.ts", "const s = \"Date\" + 'crypto' + `console`;"],
  ["a comment sign in a string", "src/session/a.ts", 'const s = "/* // ";\nconst t = "*/ Date";'],
  [
    "words that are part of others",
    "src/session/a.ts",
    "const update = candidate.Dates, asyncs = 1;",
  ],
];

for (const [what, path, text] of allowed) {
  Deno.test(`offences() finds none when the text has ${what}`, () => {
    assert.deepEqual(offences([{ path, text: HEAD + text }]), []);
  });
}

Deno.test("withoutComments() keeps strings and withoutStrings() keeps code when both are there", () => {
  const text = 'a("// no"); // b\nc(/* d */ e, /"/, `f ${g} h`);';
  assert.equal(withoutComments(text), 'a("// no");  \nc(  e, /"/, `f ${g} h`);');
  assert.equal(withoutStrings(withoutComments(text)), 'a("");  \nc(  e, "",  g );');
});
