/**
 * A store that knows single records only, as one that is asked for runs. Section 7 of the architecture.
 */

import { singles } from "../session/run_write.ts";
import type { RunStore, SharedStore } from "./store.ts";

/** It is told of each record of a run, and what it gives back are single messages. */
export function singly(store: SharedStore): RunStore {
  return {
    commit: (writes) => store.commit(singles(writes)),
    load: (clientId, most) => store.load(clientId, most),
    read: (clientId, from, most) => store.read(clientId, from, most),
  };
}
