/**
 * Values above the limit of one: the first part stands under the value's own key, the others under a
 * number of their own, and a small record says which and how many. So the parts of a new value never
 * overwrite those of the one that it replaces, and can be written ahead of it.
 */

import { joined } from "../packet/joined.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Change, Key, Kv } from "./kv.ts";
import { keyId, partKey, restKey } from "./kv_key.ts";
import { damaged } from "./store_error.ts";

/** Bytes of a part: a value of Deno KV takes 65,536. */
export const PART = 61_440;

/** Where the parts after the first are. */
export interface Rest {
  readonly number: number;
  readonly parts: number;
}

/** Of every long value, by `keyId`; it is read at start and small, as long values are few. */
export type Rests = Map<string, Rest>;

/**
 * The changes that put a value in the place of another.
 *
 * @param next gives a number that was never used
 */
export function putLong(
  rests: Rests,
  key: Key,
  value: Uint8Array,
  ahead: boolean,
  next: () => number,
): Change[] {
  if (value.length <= PART && rests.size === 0) return [{ key, value, ahead }];
  const id = keyId(key);
  const changes = deleteRest(rests, key, id);
  if (value.length <= PART) return [...changes, { key, value, ahead }];
  const rest = { number: next(), parts: Math.ceil(value.length / PART) - 1 };
  rests.set(id, rest);
  const note = new ByteWriter(16);
  note.varint(rest.number);
  note.varint(rest.parts);
  changes.push({ key, value: value.slice(0, PART), ahead });
  changes.push({ key: restKey(key), value: note.slice(), ahead: false });
  for (let n = 1; n <= rest.parts; n++) {
    const part = value.slice(n * PART, (n + 1) * PART);
    changes.push({ key: partKey(rest.number, n), value: part, ahead: true });
  }
  return changes;
}

/** The changes that take a value away. */
export function deleteLong(rests: Rests, key: Key): Change[] {
  const changes = rests.size === 0 ? [] : deleteRest(rests, key, keyId(key));
  return [...changes, { key, value: undefined, ahead: false }];
}

function deleteRest(rests: Rests, key: Key, id: string): Change[] {
  const rest = rests.get(id);
  if (rest === undefined) return [];
  rests.delete(id);
  const changes: Change[] = [{ key: restKey(key), value: undefined, ahead: false }];
  for (let n = 1; n <= rest.parts; n++) {
    changes.push({ key: partKey(rest.number, n), value: undefined, ahead: false });
  }
  return changes;
}

/** Reads which values are long. */
export async function readRests(kv: Kv): Promise<Rests> {
  const rests: Rests = new Map();
  for await (const { key, value } of kv.list(["n"])) {
    const from = new ByteReader(value, "the note of a long value");
    const rest = { number: from.varint(), parts: from.varint() };
    from.end();
    rests.set(keyId(key.slice(1)), rest);
  }
  return rests;
}

/** The whole of a value, of which `first` stands under the key. */
export async function whole(
  kv: Kv,
  rests: Rests,
  key: Key,
  first: Uint8Array,
): Promise<Uint8Array> {
  const rest = rests.size === 0 ? undefined : rests.get(keyId(key));
  if (rest === undefined) return first;
  const keys = Array.from({ length: rest.parts }, (_, n) => partKey(rest.number, n + 1));
  const parts = [first];
  for (const part of await kv.get(keys)) {
    if (part === undefined) throw damaged(`key ${JSON.stringify(key)}`, "a part of it is missing");
    parts.push(part);
  }
  return joined(parts);
}
