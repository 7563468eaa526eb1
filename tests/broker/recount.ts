/**
 * What waits, counted anew from every message of every session: what the broker's own figures must say
 * at any time.
 */

import type { Tables } from "../../src/broker/tables.ts";
import { BROKER } from "../../src/policy/identity.ts";
import * as fifo from "../../src/session/fifo.ts";
import { messageSize } from "../../src/session/message.ts";
import { opened } from "../../src/session/queue.ts";
import { sizesOf } from "../../src/session/tail.ts";

/** Messages and bytes that wait in queues, in all and by user name where there are any. */
export interface Count {
  readonly all: readonly [messages: number, bytes: number];
  readonly by: Readonly<Record<string, readonly [messages: number, bytes: number]>>;
  /** Bytes that wait for their time. */
  readonly delayed: number;
}

/** What clients have that no queue holds. */
export interface ClientCount {
  /** What is retained, by the client id of the publisher. */
  readonly retainedBy: Readonly<Record<string, readonly [messages: number, bytes: number]>>;
  /** Connections by user name. */
  readonly connectedBy: Readonly<Record<string, number>>;
}

/** Counts every message. */
export function recount(tables: Readonly<Tables>): Count {
  const all: [number, number] = [0, 0];
  const by: Record<string, [number, number]> = {};
  for (const { session } of [...tables.clients.values(), ...tables.groups.values()]) {
    const { head, tail } = opened(session.queue);
    const sizes = [
      ...fifo.toArray(head).map(({ message }) => messageSize(message)),
      ...sizesOf(tail),
    ];
    const { user } = session.owner;
    for (const size of sizes) {
      all[0] += 1;
      all[1] += size;
      if (user === undefined || user === BROKER.user) continue;
      const count = by[user] ??= [0, 0];
      count[0] += 1;
      count[1] += size;
    }
  }
  const delayed = [...tables.delayed.values()].reduce((sum, each) => sum + messageSize(each), 0);
  return { all, by, delayed };
}

/** The broker's own figures in the same shape. */
export function counted(tables: Readonly<Tables>): Count {
  const { queuedMessages, queuedBytes, queuedBy, delayedBytes } = tables;
  const by = [...queuedBy].map(([user, { messages, bytes }]) => [user, [messages, bytes]]);
  return {
    all: [queuedMessages, queuedBytes],
    by: Object.fromEntries(by),
    delayed: delayedBytes,
  };
}

/** Counts every retained message and every connection. */
export function recountClients(tables: Readonly<Tables>): ClientCount {
  const retainedBy: Record<string, [number, number]> = {};
  for (const message of tables.retained.matching("#")) {
    if (message.publisher === "") continue;
    const count = retainedBy[message.publisher] ??= [0, 0];
    count[0] += 1;
    count[1] += messageSize(message);
  }
  const connectedBy: Record<string, number> = {};
  for (const { countedAs } of tables.connections.values()) {
    if (countedAs !== undefined) connectedBy[countedAs] = (connectedBy[countedAs] ?? 0) + 1;
  }
  return { retainedBy, connectedBy };
}

/** The broker's own figures in the same shape. */
export function countedClients(tables: Readonly<Tables>): ClientCount {
  const by = [...tables.retainedBy].map((
    [client, { messages, bytes }],
  ) => [client, [messages, bytes]]);
  return {
    retainedBy: Object.fromEntries(by),
    connectedBy: Object.fromEntries(tables.connectedBy),
  };
}
