/**
 * Opens what a Deno KV database holds: brings its layout up to date, finishes or takes back what a
 * crash interrupted, and reads the index of the store. It reads sessions and heads, no message.
 */

import { readRests, whole } from "./chunk.ts";
import type { Kv } from "./kv.ts";
import { decodeCounters } from "./kv_batch.ts";
import { recover } from "./kv_commit.ts";
import { COUNTERS } from "./kv_key.ts";
import type { Migration } from "./kv_schema.ts";
import { migrate, MIGRATIONS } from "./kv_schema.ts";
import { decodeSession } from "./record.ts";
import { HeadReader } from "./segment.ts";
import { damaged } from "./store_error.ts";
import { StoreIndex } from "./store_index.ts";

/** What was found when a store was opened. */
export interface OpenReport {
  /** The version of the layout that it had; 0 of a new store. */
  readonly layout: number;
  /** Records that a crash left behind and that are gone now. */
  readonly orphans: number;
  /** A commit that a crash interrupted was finished. */
  readonly redone: boolean;
  readonly sessions: number;
  readonly segments: number;
}

export interface Opened {
  readonly index: StoreIndex;
  readonly report: OpenReport;
  /** What a crash left behind is still there, and must be `recover()`ed before anything is written. */
  readonly left: boolean;
}

/** The index of the store. Throws a StoreError. */
export async function openIndex(
  kv: Kv,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<Opened> {
  const layout = await migrate(kv, migrations);
  const { orphans, redone, left } = await recover(kv);
  const index = new StoreIndex(await readRests(kv));
  const [counters] = await kv.get([COUNTERS]);
  if (counters !== undefined) {
    const { highest, next } = decodeCounters(counters);
    index.highest = highest;
    index.used(next);
  }
  for await (const { key, value } of kv.list(["s"])) {
    const { clientId } = decodeSession(await whole(kv, index.rests, key, value));
    const number = numberIn(key[1]);
    if (index.sessions.has(clientId)) {
      throw damaged(`key ${JSON.stringify(key)}`, "a client id is there twice");
    }
    index.addSession(clientId, number);
  }
  const gone = new Map<number, Uint8Array>();
  for await (const { key, value } of kv.list(["e"])) gone.set(numberIn(key[1]), value);
  for await (const { key, value } of kv.list(["h"])) {
    const number = numberIn(key[1]);
    index.addSegment(number, value.length, new HeadReader(value), gone.get(number));
  }
  const { sessions, segments } = index;
  return {
    index,
    report: { layout, orphans, redone, sessions: sessions.size, segments: segments.size },
    left,
  };
}

/** A number that was given out before, as it stands in a key. */
function numberIn(part: unknown): number {
  if (typeof part === "number" && Number.isInteger(part) && part > 0) return part;
  throw damaged("a key", `${String(part)}, expected a number`);
}
