/**
 * The writes of a commit in the order of their sessions, so that what is read together stands together
 * on the disk. Writes of one session keep their order, which is all that counts, as no write of one
 * session is about another.
 */

import type { ClientId } from "../policy/identity.ts";
import type { Write } from "../session/write.ts";
import type { StoreIndex } from "./store_index.ts";

/**
 * The same writes. Those that put one message into several sessions stay side by side, so that it is
 * written once: nothing passes them.
 *
 * @param numberOf a number of each session, the same from commit to commit
 */
export function bySession(
  writes: readonly Write[],
  numberOf: (clientId: ClientId) => number,
): readonly Write[] {
  if (!worthIt(writes)) return writes;
  const numbers = new Float64Array(writes.length);
  for (let i = 0; i < writes.length; i++) numbers[i] = sessionOf(writes[i]!, numberOf);
  const sorted: Write[] = [];
  let begin = 0;
  for (let i = 0; i <= writes.length; i++) {
    if (i < writes.length && !isShared(writes, i)) continue;
    append(writes, numbers, begin, i, sorted);
    if (i < writes.length) sorted.push(writes[i]!);
    begin = i + 1;
  }
  return sorted;
}

/** Many messages wait from now on, and not all of them for the same. */
function worthIt(writes: readonly Write[]): boolean {
  let queued = 0;
  let changes = 0;
  let last: ClientId | undefined;
  for (let i = 0; i < writes.length; i++) {
    const write = writes[i]!;
    if (write.type !== "putQueued") continue;
    queued += 1;
    if (write.clientId !== last && last !== undefined) changes += 1;
    last = write.clientId;
  }
  return changes > 1 && queued > 16 && queued * 4 > writes.length;
}

function isShared(writes: readonly Write[], at: number): boolean {
  const order = orderOf(writes[at]!);
  if (order === undefined) return false;
  return (at > 0 && orderOf(writes[at - 1]!) === order) ||
    (at + 1 < writes.length && orderOf(writes[at + 1]!) === order);
}

function orderOf(write: Write): number | undefined {
  if (write.type === "putQueued") return write.delivery.message.order;
  return write.type === "putInflight" ? write.inflight.delivery?.message.order : undefined;
}

/** Appends the writes from `begin` to before `end`, sorted. */
function append(
  writes: readonly Write[],
  numbers: Float64Array,
  begin: number,
  end: number,
  sorted: Write[],
): void {
  if (begin >= end) return;
  const places = new Uint32Array(end - begin);
  for (let i = 0; i < places.length; i++) places[i] = begin + i;
  places.sort((a, b) => numbers[a]! - numbers[b]! || a - b);
  for (let i = 0; i < places.length; i++) sorted.push(writes[places[i]!]!);
}

/** 0 of what belongs to no session. */
function sessionOf(write: Write, numberOf: (clientId: ClientId) => number): number {
  if (write.type === "putWill") return numberOf(write.will.clientId);
  return "clientId" in write ? numberOf(write.clientId) : 0;
}

/** The numbers of sessions; one that begins with this commit comes last. */
export function numberIn({ sessions }: StoreIndex): (clientId: ClientId) => number {
  const begun = new Map<ClientId, number>();
  return (clientId) => {
    const session = sessions.get(clientId);
    if (session !== undefined) return session.number;
    const number = begun.get(clientId) ?? Number.MAX_SAFE_INTEGER - 1_000_000 + begun.size;
    begun.set(clientId, number);
    return number;
  };
}
