/**
 * Delayed publications: `$delayed/{seconds}/{topic}` waits as a deadline and is routed when it is due.
 */

import type { Message } from "../session/message.ts";
import { messageSize, owned } from "../session/message.ts";
import type { Write } from "../session/write.ts";
import { parseDelayed } from "../topic/delayed.ts";
import { schedule } from "./schedule.ts";
import type { Tables } from "./tables.ts";
import { observeDrop } from "./tables.ts";

/** Whether the message is to wait; the guards have seen that the topic is well-formed. */
export function isDelayed(message: Message): boolean {
  return message.topic.charCodeAt(0) === 0x24 && message.topic.startsWith("$delayed/");
}

/** Keeps it until it is due; undefined where the limit leaves no room. */
export function delay(tables: Tables, message: Message): readonly Write[] | undefined {
  const { limits } = tables.rules;
  const parsed = parseDelayed(message.topic, limits.maximumDelay);
  if (typeof parsed === "string" || delayedIsFull(tables, message)) {
    observeDrop(tables, message.publisher, message.topic, "delayedFull");
    return undefined;
  }
  const waiting = owned({ ...message, topic: parsed.topic });
  const publishAt = tables.now + parsed.seconds * 1000;
  keepDelayed(tables, waiting, publishAt);
  return [{ type: "putDelayed", message: waiting, publishAt }];
}

/** Whether the limits leave no room for it. */
export function delayedIsFull(tables: Tables, message: Message): boolean {
  const { delayedMessages, delayedBytes } = tables.rules.limits;
  return tables.delayed.size >= delayedMessages ||
    tables.delayedBytes + messageSize(message) > delayedBytes;
}

/** Puts it into the tables: on arrival, and again at start from the store. */
export function keepDelayed(tables: Tables, message: Message, publishAt: number): void {
  tables.delayed.set(message.order, message);
  tables.delayedBytes += messageSize(message);
  schedule(tables, { type: "delayed", message }, publishAt);
}

/** Takes it out of the tables: it is due. */
export function endDelay(tables: Tables, message: Message): void {
  tables.delayed.delete(message.order);
  tables.delayedBytes -= messageSize(message);
}
