/**
 * What is done at start about a store that cannot be read: it is set aside with the date, and what can
 * be read of it takes its place. Whatever goes wrong with that, an empty store does.
 */

import type { Fact } from "../session/fact.ts";
import { DenoKvStore } from "../store/deno_kv_store.ts";
import type { Salvaged } from "../store/salvage.ts";
import { salvage } from "../store/salvage.ts";
import { troubleOf } from "../store/store_error.ts";
import type { Store } from "../store/store.ts";
import type { StoreFile } from "./store_file.ts";
import { clearMark, removeBuilding, replace, setAside } from "./store_file.ts";

/** What came of it; the fact is to be told when there is somebody to tell it to. */
export interface CarriedOver {
  readonly store: Store;
  readonly fact: Fact;
}

/**
 * Opens what can be read of a damaged store, in its place.
 *
 * @throws where a later version wrote it, and where not even an empty store can be opened
 */
export async function carryOver(file: StoreFile, reason: string): Promise<CarriedOver> {
  const { salvaged, failure } = await built(file);
  const path = salvaged === undefined
    ? setAside(file, "damaged")
    : replace(file, "damaged") ?? file.path;
  clearMark(file);
  try {
    const store = await DenoKvStore.open(file.path);
    return { store, fact: factOf(reason, path, salvaged, failure) };
  } catch (error) {
    if (salvaged === undefined || troubleOf(error) !== "damaged") throw error;
    setAside(file, "damaged-too");
    const store = await DenoKvStore.open(file.path);
    return { store, fact: factOf(reason, path, undefined, String(error)) };
  }
}

/** Builds what takes the place of the store, and looks whether a broker could start with it. */
async function built(
  file: StoreFile,
): Promise<{ readonly salvaged?: Salvaged; readonly failure?: string }> {
  try {
    removeBuilding(file);
    const salvaged = await salvage(file.path, file.building);
    const store = await DenoKvStore.open(file.building);
    try {
      for await (const _ of store.index());
    } finally {
      await store.close();
    }
    return { salvaged };
  } catch (error) {
    if (troubleOf(error) === "newer") throw error;
    try {
      removeBuilding(file);
    } catch {
      // It is in nobody's way but that of the next that is built.
    }
    return { failure: String(error) };
  }
}

function factOf(
  reason: string,
  path: string,
  salvaged: Salvaged | undefined,
  failure: string | undefined,
): Fact {
  return {
    type: "storeDamaged",
    reason,
    path,
    carried: { ...salvaged?.carried },
    lost: { ...salvaged?.lost },
    why: failure === undefined ? salvaged?.reasons ?? [] : [failure],
    empty: salvaged === undefined,
  };
}
