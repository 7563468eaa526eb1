/**
 * What a string that a client chose is called as the key of a Map. No section of the standard.
 *
 * V8 spreads strings over a Map by a hash that nobody outside can foretell, but for those that read as an
 * array index: there the hash is the number. Whoever takes the multiples of 32,768 as names has all of them
 * in one chain of a Map of 65,536, where each lookup costs 220 to 460 microseconds instead of a quarter of
 * one (measured with Deno 2.9.6). So such a string gets U+0000 in front, which no name and no filter has. One
 * that begins with 0 is no index, but for 0 itself, which is one key and no chain.
 *
 * And of one of more than 16,383 units V8 takes the length for the hash: among 4,000 names of 16,384 units that
 * begin alike a lookup costs 17 ms, and 50 ms among those of 60,000. Such a name is called by its digest.
 */

import { digestOf } from "./digest.ts";

/** UTF-16 units of the longest string that V8 hashes. */
export const LONGEST_HASHED = 16_383;

/** The most digits of an array index, 4294967294. */
const MOST_DIGITS = 10;

/** The key for a string without U+0000; no two strings have the same one. */
export function mapKey(text: string): string {
  if (text.length > MOST_DIGITS) {
    return text.length > LONGEST_HASHED ? longKey(text) : text;
  }
  const first = text.charCodeAt(0);
  return first >= ONE && first <= NINE ? "\0" + text : text;
}

/** A memory of a pure function: one message is looked for in several Maps. */
let lastLong = "";
let lastKey = "";

function longKey(text: string): string {
  if (text !== lastLong) {
    lastKey = "\0" + digestOf(text);
    lastLong = text;
  }
  return lastKey;
}

const ONE = 0x31;
const NINE = 0x39;
