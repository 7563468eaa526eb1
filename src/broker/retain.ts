/**
 * Retained messages: set, replace, clear, within limits. MQTT 5.0 section 3.3.1.3.
 */

import type { Message } from "../session/message.ts";
import { messageSize } from "../session/message.ts";
import type { Write } from "../session/write.ts";
import type { TopicName } from "../topic/topic_name.ts";
import { cancel, schedule } from "./schedule.ts";
import type { Tables } from "./tables.ts";
import { observeDrop } from "./tables.ts";

/**
 * Takes a message with RETAIN 1 into the tree, or clears its topic where the payload is empty.
 *
 * @returns what to write, or undefined where the limits left no room
 */
export function retain(tables: Tables, message: Message): readonly Write[] | undefined {
  const { topic } = message;
  if (message.payload.length === 0) return clearRetained(tables, topic); // [MQTT-3.3.1-6]
  if (!retainRoom(tables, message)) {
    observeDrop(tables, message.publisher, topic, "retainedFull");
    return undefined;
  }
  keepRetained(tables, message); // [MQTT-3.3.1-5]
  return [{ type: "putRetained", message }];
}

/** Whether the limits let the message be retained. */
export function retainRoom(tables: Tables, message: Message): boolean {
  if (message.payload.length === 0) return true;
  const { retainedMessages, retainedBytes } = tables.rules.limits;
  const bytes = tables.retainedBytes + messageSize(message);
  // Far from the limits nothing has to be looked up.
  if (tables.retained.size < retainedMessages && bytes <= retainedBytes) return true;
  const known = tables.retained.get(message.topic);
  return known !== undefined && bytes - messageSize(known) <= retainedBytes;
}

/** Puts it into the tables, in the place of an earlier one, until it expires. */
export function keepRetained(tables: Tables, message: Message): void {
  const { topic } = message;
  const replaced = tables.retained.set(topic, message);
  tables.retainedBytes += messageSize(message) -
    (replaced === undefined ? 0 : messageSize(replaced));
  if (message.expiresAt !== Infinity || replaced !== undefined) {
    schedule(tables, { type: "retained", topic }, message.expiresAt);
  }
}

/** Takes the retained message of a topic away. */
export function clearRetained(tables: Tables, topic: TopicName): readonly Write[] {
  const removed = tables.retained.delete(topic);
  if (removed === undefined) return [];
  tables.retainedBytes -= messageSize(removed);
  if (removed.expiresAt !== Infinity) cancel(tables, { type: "retained", topic });
  return [{ type: "deleteRetained", topic }];
}
