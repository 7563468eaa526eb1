/**
 * Backpressure: when too much waits for the store, whoever adds to it is not read until that is better.
 * By TCP, not by memory; section 7 of the architecture.
 */

import type { Live, Tables } from "./tables.ts";

/** Whether more waits for the store than the limits allow. */
export function overfull(tables: Tables): boolean {
  const { limits } = tables.rules;
  return tables.pending >= limits.pendingWrites || tables.pendingBytes >= limits.pendingBytes;
}

/** Stops reading from a connection; one that has gone is no matter. */
export function holdBack(tables: Tables, live: Live): void {
  if (live.heldBack || !tables.connections.has(live.id)) return;
  live.heldBack = true;
  tables.heldBack.add(live);
  tables.out.push({ type: "pause", connection: live.id });
}

/** Reads from all again, once half of the limits is free. */
export function goOnReading(tables: Tables): void {
  const { limits } = tables.rules;
  if (tables.heldBack.size === 0 || tables.storeFull) return;
  if (tables.pending > limits.pendingWrites / 2) return;
  if (tables.pendingBytes > limits.pendingBytes / 2) return;
  for (const live of tables.heldBack) {
    live.heldBack = false;
    readAgain(tables, live);
  }
  tables.heldBack.clear();
}

/** Whether nothing stands against reading from the connection. */
export function isRead({ heldBack, meter }: Live): boolean {
  return !heldBack && (meter === undefined || meter.owes === 0);
}

/** Reads from a connection again, unless something else stands against it. */
export function readAgain(tables: Tables, live: Live): void {
  live.lastHeard = tables.now; // it could not be heard
  if (live.ready && isRead(live)) tables.out.push({ type: "resume", connection: live.id });
}
