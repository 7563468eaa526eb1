/**
 * What waits in queues: of all sessions together, and of each user name. `replaceSession` counts every
 * change of a queue, so the figures are exact at any time; after a start too, where the store tells how
 * long the queues are and none is read.
 *
 * Only who is proven has an account: anonymous clients share no name, each counts by its client id, as
 * in brokers that know no other limit. The queue of a shared subscription is the broker's own.
 */

import { BROKER } from "../policy/identity.ts";
import type { QueueBound } from "../session/queue_bound.ts";
import { queueLength } from "../session/queue.ts";
import type { Session } from "../session/session.ts";
import type { Tables } from "./tables.ts";

/** Messages and bytes of several queues; one object a user name, changed in place. */
export interface Tally {
  messages: number;
  bytes: number;
}

/** Counts what a session's queue has become: its length and its owner may both be others. */
export function countQueue(tables: Tables, before: Session, next: Session): void {
  const was = before.owner.user;
  const { user } = next.owner;
  if (before.queue === next.queue && was === user) return;
  const messages = queueLength(next.queue);
  const { bytes } = next.queue;
  const lessMessages = queueLength(before.queue);
  const lessBytes = before.queue.bytes;
  tables.queuedMessages += messages - lessMessages;
  tables.queuedBytes += bytes - lessBytes;
  if (was === user) return add(tables, user, messages - lessMessages, bytes - lessBytes);
  add(tables, was, -lessMessages, -lessBytes);
  add(tables, user, messages, bytes);
}

function add(tables: Tables, user: string | undefined, messages: number, bytes: number): void {
  if (user === undefined || user === BROKER.user) return;
  const tally = tables.queuedBy.get(user);
  if (tally === undefined) {
    if (messages > 0) tables.queuedBy.set(user, { messages, bytes });
    return;
  }
  tally.messages += messages;
  tally.bytes += bytes;
  if (tally.messages === 0) tables.queuedBy.delete(user);
}

/** What the session's queue may come to beside what others have in theirs. */
export function queueBound(tables: Tables, { owner, queue }: Session): QueueBound {
  const { limits } = tables.rules;
  const { user } = owner;
  const own = queueLength(queue);
  const tally = user === undefined ? undefined : tables.queuedBy.get(user);
  const shared = user === BROKER.user;
  return {
    identityMessages: shared
      ? Infinity
      : limits.queuedMessagesPerIdentity - (tally === undefined ? 0 : tally.messages - own),
    identityBytes: shared
      ? Infinity
      : limits.queuedBytesPerIdentity - (tally === undefined ? 0 : tally.bytes - queue.bytes),
    messages: limits.queuedMessages - (tables.queuedMessages - own),
    bytes: limits.queuedBytes - (tables.queuedBytes - queue.bytes),
  };
}
