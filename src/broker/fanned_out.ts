/**
 * What a message has led to so far, gathered subscriber by subscriber into one persist.
 */

import type { Effect } from "../session/effect.ts";
import type { Message } from "../session/message.ts";
import { owned } from "../session/message.ts";
import type { AnyWrite } from "../session/cluster_write.ts";

/** What a message led to: to be made durable, and to leave after that. */
export interface FannedOut {
  /** The message with bytes of its own, made when the first queue takes it. */
  kept: Message | undefined;
  writes: AnyWrite[];
  then: Effect[];
  /** Somebody subscribes to it, connected or not. */
  readonly matched: boolean;
}

/** Frozen, so that nothing gets into it: most messages have one subscriber, whose arrays hold one item. */
const NONE: never[] = Object.freeze([]) as unknown as never[];

/** Nothing has been done for the message yet. */
export function nothingYet(matched: boolean): FannedOut {
  return { kept: undefined, writes: NONE, then: NONE, matched };
}

/** The list with one more item, a new one where it was empty: an array that begins with a push has room for 17. */
export function pushed<T>(list: T[], item: T): T[] {
  if (list.length === 0) return [item];
  list.push(item);
  return list;
}

/** The message for a queue: one copy however many queues take it. */
export function kept(result: FannedOut, message: Message): Message {
  return result.kept ??= owned(message);
}
