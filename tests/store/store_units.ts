/**
 * A store with some of everything, and what a store holds as a set of lines, so that tests can say
 * what of it is still there.
 */

import type { Write } from "../../src/session/write.ts";
import { DenoKvStore } from "../../src/store/deno_kv_store.ts";
import type { Store } from "../../src/store/store.ts";
import {
  delivery,
  GROUP,
  inflight,
  LONG,
  message,
  putQueued,
  putSession,
  putWill,
  subscription,
} from "../contract/store_values.ts";

/** Bytes that differ from message to message. */
function payload(order: number, length: number): Uint8Array {
  return new Uint8Array(length).map((_, at) => (order * 31 + at * 7) & 0xff);
}

/** Sizes of payloads: within blocks, by themselves, and long values. */
const LENGTHS = [10, 300, 2_000, 50, 30_000, 700, 1_500, 130_000];

/** Puts some of everything into a store, and takes some of it away again. */
export async function fill(store: Store, sessions = 60): Promise<void> {
  const clientIds = Array.from({ length: sessions }, (_, n) => n === 0 ? GROUP : `panel${n}`);
  for (const clientId of clientIds) {
    const long = `${LONG}${clientId.slice(1)}`;
    await store.commit([
      putSession(clientId, 2 ** 42 + 0.5),
      { type: "putSubscription", clientId, subscription: subscription("plant/#") },
      { type: "putSubscription", clientId, subscription: subscription(long) },
      { type: "putSubscription", clientId, subscription: subscription("$share/fitters/plant/+") },
      { type: "putReceived", clientId, packetId: 17 },
      putWill(clientId),
    ]);
  }
  for (let n = 0; n < 8 * sessions; n++) {
    const order = 1_000 + n;
    const length = LENGTHS[n % LENGTHS.length]!;
    const topic = n % 50 === 0 ? `${LONG}${n}` : `plant/${n}`;
    const about = message(order, { topic, payload: payload(order, length), qos: 1 });
    const writes: Write[] = [];
    // Some messages are for several sessions.
    for (let to = 0; to <= n % 3; to++) {
      const changes = { subscriptionIdentifiers: n % 5 === 0 ? [n + 1, 2] : undefined };
      writes.push(putQueued(clientIds[(n + to) % sessions]!, delivery(about, changes)));
    }
    if (n % 4 === 0) writes.push({ type: "putRetained", message: about });
    if (n % 40 === 3) writes.push({ type: "putDelayed", message: about, publishAt: 2 ** 43 });
    if (n % 40 === 4) writes.push({ type: "putSetting", name: `a/${n}`, value: "x".repeat(n) });
    await store.commit(writes);
  }
  for (let n = 0; n < sessions; n++) {
    const clientId = clientIds[n]!;
    const [first, second] = await store.read(clientId, 0, 2);
    if (first === undefined || second === undefined) throw new Error("the queue is too short");
    await store.commit([
      { type: "deleteQueued", clientId, order: first.message.order },
      { type: "putInflight", clientId, packetId: 5, inflight: inflight(first, n) },
      { type: "deleteQueued", clientId, order: second.message.order },
      { type: "putInflight", clientId, packetId: 6, inflight: inflight(undefined, n) },
    ]);
  }
}

/** Makes a filled store at a path; what is in it. */
export async function makeFilled(path: string, sessions?: number): Promise<Set<string>> {
  const store = await DenoKvStore.open(path);
  try {
    await fill(store, sessions);
    return await unitsOf(store);
  } finally {
    await store.close();
  }
}

/** What is in the store at a path. */
export async function unitsAt(path: string): Promise<Set<string>> {
  const store = await DenoKvStore.open(path);
  try {
    return await unitsOf(store);
  } finally {
    await store.close();
  }
}

/** A line for everything in a store; the kind is its first word. */
export async function unitsOf(store: Store): Promise<Set<string>> {
  const units = new Set<string>();
  const add = (kind: string, value: unknown) => {
    const unit = `${kind} ${JSON.stringify(value, shown)}`;
    if (units.has(unit)) throw new Error(`this is there twice: ${unit.slice(0, 200)}`);
    units.add(unit);
  };
  const clientIds: string[] = [];
  for await (const entry of store.index()) {
    if (entry.type !== "session") {
      add(entry.type, entry);
      continue;
    }
    const { clientId, owner, expiryInterval, expiresAt } = entry;
    add("session", { clientId, owner, expiryInterval, expiresAt });
    clientIds.push(clientId);
  }
  for (const clientId of clientIds) {
    const { received, inflight, queued } = await store.load(clientId, Infinity);
    for (const packetId of received) add("received", { clientId, packetId });
    for (const [packetId, entry] of inflight) add("inflight", { clientId, packetId, entry });
    for (const delivery of queued) add("queued", { clientId, delivery });
  }
  return units;
}

/** How many of each kind. */
export function countsOf(units: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const unit of units) {
    const kind = unit.slice(0, unit.indexOf(" "));
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function shown(_: string, value: unknown): unknown {
  if (value === Infinity) return "never";
  return value instanceof Uint8Array ? `${value.length}:${value.join("").slice(0, 400)}` : value;
}
