/**
 * Deno KV as the store uses it: byte values under keys, lists, and one atomic at a time. The one file
 * that calls `Deno.openKv`; tests put a disk that fails or dies in its place.
 */

import { probe } from "./kv_probe.ts";
import { classified, damaged } from "./store_error.ts";

/** Parts of a key: the first names the kind of record. */
export type Key = readonly (string | number | Uint8Array)[];

/** A value to set under a key, or the key to delete. */
export interface Change {
  readonly key: Key;
  readonly value: Uint8Array | undefined;
  /** Nothing on the disk refers to it before this commit: it may be written ahead of it. */
  readonly ahead: boolean;
}

export interface Kv {
  /** The values under the keys, in their order. */
  get(keys: readonly Key[]): Promise<(Uint8Array | undefined)[]>;
  /** All records whose keys begin with the prefix, longer than it, by key. */
  list(prefix: Key): AsyncIterable<{ readonly key: Key; readonly value: Uint8Array }>;
  /** All or nothing, on the disk when done. The caller keeps within the limits of an atomic. */
  commit(changes: readonly Change[]): Promise<void>;
  close(): void;
}

/** Keys of one `getMany`. */
const MOST_KEYS = 10;
/** Records of one read of a list: heads and other values of 10 KB and more are in memory all at once. */
const PAGE = 64;

/** Opens the database at a path, which is created when it is not there; `:memory:` is one without. */
export async function openKv(path: string): Promise<Kv> {
  probe(path);
  try {
    return kvOf(await Deno.openKv(path));
  } catch (error) {
    throw classified(error, `when ${path} was opened`);
  }
}

/** A Deno KV database as a `Kv`. */
export function kvOf(kv: Deno.Kv): Kv {
  return {
    async get(keys) {
      const read: (Uint8Array | undefined)[] = [];
      try {
        for (let at = 0; at < keys.length; at += MOST_KEYS) {
          const entries = await kv.getMany<unknown[]>(keys.slice(at, at + MOST_KEYS));
          for (const { key, value } of entries) {
            read.push(value === null ? undefined : bytesOf(key as Key, value));
          }
        }
      } catch (error) {
        throw classified(error, "when it was read");
      }
      return read;
    },
    async *list(prefix) {
      try {
        for await (const { key, value } of kv.list({ prefix }, { batchSize: PAGE })) {
          yield { key: key as Key, value: bytesOf(key as Key, value) };
        }
      } catch (error) {
        throw classified(error, "when it was read");
      }
    },
    async commit(changes) {
      const atomic = kv.atomic();
      for (let i = 0; i < changes.length; i++) {
        const { key, value } = changes[i]!;
        if (value === undefined) atomic.delete(key);
        else atomic.set(key, value);
      }
      try {
        await atomic.commit();
      } catch (error) {
        throw classified(error, "when it was written");
      }
    },
    close: () => kv.close(),
  };
}

function bytesOf(key: Key, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw damaged(`key ${JSON.stringify(key)}`, "a value that is no bytes");
}
