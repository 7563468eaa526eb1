/**
 * The Lua library that runs inside Redis, whole, and its name. The name is made of its text, so two versions
 * of dunlin with different libraries run side by side: each calls its own.
 */

import { LUA_COMMIT } from "./lua_commit.ts";
import { LUA_NODES } from "./lua_nodes.ts";
import { LUA_SESSIONS } from "./lua_sessions.ts";
import { LUA_SHARED } from "./lua_shared.ts";

/** Functions that change something, and are taken where Redis has no memory left: they free some, or tell. */
const TELLING = [
  "join",
  "beat",
  "position",
  "begin",
  "applied",
  "instruct",
  "leave",
  "claim",
  "adopt",
  "inherit",
] as const;
const READING = [
  "shares",
  "groups",
  "load",
  "read",
  "scan",
  "holders",
  "subscriptions",
  "highest",
  "places",
  "status",
] as const;

/** A function of the library, as it is called in the source. */
export type FunctionName = "commit" | typeof TELLING[number] | typeof READING[number];

const PARTS = [LUA_SHARED, LUA_COMMIT, LUA_NODES, LUA_SESSIONS].join("");

/** What every function's name begins with; different for every text of the library. */
export const LIBRARY = `dunlin_${hash(PARTS)}`;

/** The library as FUNCTION LOAD takes it. */
export const SOURCE = `#!lua name=${LIBRARY}\n${PARTS}\n${
  [
    registered("commit", ""),
    ...TELLING.map((name) => registered(name, "'allow-oom'")),
    ...READING.map((name) => registered(name, "'no-writes', 'allow-oom'")),
  ].join("\n")
}\n`;

const reading: ReadonlySet<string> = new Set(READING);

/** Whether it changes nothing. */
export function isReading(name: FunctionName): boolean {
  return reading.has(name);
}

function registered(name: FunctionName, flags: string): string {
  return `redis.register_function{function_name='${LIBRARY}_${name}', callback=${name}, flags={${flags}}}`;
}

/** FNV-1a of a text in 32 bits: it only tells versions of one text apart. */
function hash(text: string): string {
  let number = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    number = Math.imul(number ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return number.toString(16).padStart(8, "0");
}
