/**
 * The keys of the Deno KV store. All that it holds:
 *
 * | key | value |
 * |---|---|
 * | `["v"]` | the version of this layout |
 * | `["c"]` | counters: the highest order, the next free number |
 * | `["s", session]` | a session, under a number that is never used again |
 * | `["t", session, filter]` | a subscription |
 * | `["r", topic]` `["w", client]` `["d", order]` | retained messages, Wills, delayed messages |
 * | `["g", name]` | a setting of a service of the broker |
 * | `["h", segment]` `["b", segment, n]` | a segment's head and blocks |
 * | `["e", segment]` | which of a segment's entries are gone, a bit each |
 * | `["m", order]` | a large message that entries refer to |
 * | `["n", …key]` `["p", number, n]` | where the rest of a long value is, and its parts (`chunk.ts`) |
 * | `["u", n]` `["i", n]` | notes for start-up: what was written ahead; an intent (`kv_commit.ts`) |
 */

import { createHash } from "node:crypto";
import type { Order } from "../session/message.ts";
import type { Key } from "./kv.ts";

/** Texts longer than this stand in a key as their hash: a key has 2 KiB, all keys of an atomic 80. */
const LONGEST_TEXT = 200;

/** A client id, filter or topic as a part of a key. */
function part(text: string): string | Uint8Array {
  if (text.length <= LONGEST_TEXT) return text;
  return new Uint8Array(createHash("sha256").update(text).digest());
}

export const VERSION: Key = ["v"];
export const COUNTERS: Key = ["c"];

export const sessionKey = (session: number): Key => ["s", session];
export const subscriptionKey = (session: number, full: string): Key => ["t", session, part(full)];
export const retainedKey = (topic: string): Key => ["r", part(topic)];
export const willKey = (clientId: string): Key => ["w", part(clientId)];
export const delayedKey = (order: Order): Key => ["d", order];
export const settingKey = (name: string): Key => ["g", part(name)];
export const headKey = (segment: number): Key => ["h", segment];
export const blockKey = (segment: number, n: number): Key => ["b", segment, n];
export const goneKey = (segment: number): Key => ["e", segment];
export const blobKey = (order: Order): Key => ["m", order];
export const restKey = (of: Key): Key => ["n", ...of];
export const partKey = (number: number, n: number): Key => ["p", number, n];
export const noteKey = (n: number): Key => ["u", n];
export const intentKey = (n: number): Key => ["i", n];

/** A text that tells keys apart. */
export function keyId(key: Key): string {
  let id = "";
  for (let i = 0; i < key.length; i++) {
    const part = key[i]!;
    if (typeof part === "string") id += `"${part}\u0000`;
    else if (typeof part === "number") id += `#${part}\u0000`;
    else id += `x${part.join()}\u0000`;
  }
  return id;
}

/** A bound of the bytes that the key takes. */
export function keySize(key: Key): number {
  let size = 0;
  for (let i = 0; i < key.length; i++) {
    const part = key[i]!;
    if (typeof part === "number") size += 10;
    else if (typeof part === "string") size += 2 + 3 * part.length;
    else size += 2 + 2 * part.length;
  }
  return size;
}
