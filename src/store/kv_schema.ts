/**
 * The version of the layout that `kv_key.ts` and `record.ts` describe, and the way from older ones to
 * it, one step a version.
 */

import type { Kv } from "./kv.ts";
import { VERSION } from "./kv_key.ts";
import { damaged, storeError } from "./store_error.ts";

/**
 * Brings a store from one version to the next. It may be cut off by a crash and is then called again,
 * so what it does must be right to do twice.
 */
export type Migration = (kv: Kv) => Promise<void>;

/** `MIGRATIONS[n]` leads from version n + 1 to n + 2: one more than there are is the version of today. */
export const MIGRATIONS: readonly Migration[] = [];

/** Brings the store to the version of today; the version that it had, 0 when it is new. */
export async function migrate(kv: Kv, migrations: readonly Migration[]): Promise<number> {
  const today = migrations.length + 1;
  const [value] = await kv.get([VERSION]);
  if (value === undefined) {
    for await (const { key } of kv.list([])) {
      throw damaged(
        `key ${JSON.stringify(key)}`,
        "there are records, but no version of the layout",
      );
    }
    await kv.commit([versionIs(today)]);
    return 0;
  }
  const found = value[0] ?? 0;
  if (value.length !== 1 || found === 0) {
    throw damaged("the version of the layout", `${value.length} bytes, expected 1 that is not 0`);
  }
  if (found > today) {
    throw storeError(
      "newer",
      `the store has layout ${found}, this program knows up to ${today}: run the later program, ` +
        `or export with it`,
    );
  }
  for (let version = found; version < today; version++) {
    await migrations[version - 1]!(kv);
    await kv.commit([versionIs(version + 1)]);
  }
  return found;
}

function versionIs(version: number) {
  return { key: VERSION, value: new Uint8Array([version]), ahead: false };
}
