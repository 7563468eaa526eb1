/**
 * How long a queue may be: by its own limits, and by what the queues of others leave it.
 */

import type { Limits } from "../policy/limits.ts";
import type { DropReason } from "./fact.ts";
import type { Queue } from "./queue.ts";
import { queueLength } from "./queue.ts";

/** What a queue may come to, its own messages included, beside those of others. */
export interface QueueBound {
  /** Others of the same identity. */
  readonly identityMessages: number;
  readonly identityBytes: number;
  /** All others. */
  readonly messages: number;
  readonly bytes: number;
}

/** Nobody else has anything in a queue. */
export const ALONE: QueueBound = {
  identityMessages: Infinity,
  identityBytes: Infinity,
  messages: Infinity,
  bytes: Infinity,
};

/** Which limit the queue would be above with another message, or `count`, of that size together; undefined: none. */
export function fullReason(
  queue: Queue,
  size: number,
  limits: Limits,
  bound: QueueBound,
  count = 1,
): DropReason | undefined {
  const messages = queueLength(queue) + count;
  const bytes = queue.bytes + size;
  if (messages > limits.queuedMessagesPerSession || bytes > limits.queuedBytesPerSession) {
    return "queueFull";
  }
  if (messages > bound.identityMessages || bytes > bound.identityBytes) return "identityQueueFull";
  if (messages > bound.messages || bytes > bound.bytes) return "brokerQueueFull";
  return undefined;
}
