/**
 * `Write` for many messages of one session at once: a store that can keep a run as one is told of it as one. To
 * every other store it is what `singles` makes of it, record by record.
 */

import type { ClientId } from "../policy/identity.ts";
import type { AnyWrite } from "./cluster_write.ts";
import type { DeliveryRun } from "./delivery_run.ts";
import { deliveryAt, runLength } from "./delivery_run.ts";

/** As many `putQueued`. */
export interface RunWrite {
  readonly type: "putQueuedRun";
  readonly clientId: ClientId;
  readonly run: DeliveryRun;
}

/** What a persist may hold. */
export type PersistedWrite = AnyWrite | RunWrite;

/** The same record by record; the same array where there is no run. */
export function singles(writes: readonly PersistedWrite[]): readonly AnyWrite[] {
  if (!writes.some(isRunWrite)) return writes as readonly AnyWrite[];
  const all: AnyWrite[] = [];
  for (const write of writes) {
    if (isRunWrite(write)) pushSingles(write, all);
    else all.push(write);
  }
  return all;
}

/** How many records they are. */
export function countOf(writes: readonly PersistedWrite[]): number {
  let count = writes.length;
  for (let i = 0; i < writes.length; i++) {
    const write = writes[i]!;
    if (write.type === "putQueuedRun") count += runLength(write.run) - 1;
  }
  return count;
}

function isRunWrite(write: PersistedWrite): write is RunWrite {
  return write.type === "putQueuedRun";
}

function pushSingles({ clientId, run }: RunWrite, all: AnyWrite[]): void {
  for (let i = 0; i < runLength(run); i++) {
    all.push({ type: "putQueued", clientId, delivery: deliveryAt(run, i) });
  }
}
