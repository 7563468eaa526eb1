/**
 * Retained messages: set, replace, clear, within limits. MQTT 5.0 section 3.3.1.3.
 */

import type { ProtocolVersion } from "../packet/packet.ts";
import type { RetainedRun } from "../packet/retained_run.ts";
import { endOf, payloadAtOf, topicAtOf, topicEndOf } from "../packet/retained_run.ts";
import type { ClientId, NodeId } from "../policy/identity.ts";
import type { DropReason } from "../session/fact.ts";
import type { Message } from "../session/message.ts";
import { messageSize, SMALLEST_MESSAGE } from "../session/message.ts";
import type { Write } from "../session/write.ts";
import { mapKey } from "../topic/map_key.ts";
import type { TopicName } from "../topic/topic_name.ts";
import type { Tally } from "./queued.ts";
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
  if (message.payload.length === 0) return cleared(tables, message); // [MQTT-3.3.1-6]
  const full = retainedFull(tables, message);
  if (full !== undefined) {
    observeDrop(tables, message.publisher, topic, full);
    return undefined;
  }
  keepRetained(tables, message); // [MQTT-3.3.1-5]
  noteRetaining(tables, topic);
  return [{ type: "putRetained", message }];
}

/**
 * Clears the topic. What is to be acknowledged is written though nothing is there: that another client, or an
 * administrator, has cleared it may not be durable yet, and with nothing to write the acknowledgement would not wait.
 */
function cleared(tables: Tables, { topic, qos }: Message): readonly Write[] {
  return dropRetained(tables, topic) || qos > 0 ? writtenClear(tables, topic) : [];
}

/** Which limit does not let the message be retained; undefined: none. */
export function retainedFull(tables: Tables, message: Message): DropReason | undefined {
  if (message.payload.length === 0) return undefined;
  const { retainedMessages, retainedBytes } = tables.rules.limits;
  const { size } = tables.retained;
  const bytes = tables.retainedBytes + messageSize(message);
  // Far from the limits nothing has to be looked up.
  if (size < retainedMessages && bytes <= retainedBytes && !fullOf(tables, message, undefined)) {
    return undefined;
  }
  const known = tables.retained.get(message.topic);
  if (known === undefined && size >= retainedMessages) return "retainedFull";
  if (bytes - (known === undefined ? 0 : messageSize(known)) > retainedBytes) return "retainedFull";
  return fullOf(tables, message, known) ? "clientRetainedFull" : undefined;
}

/** Whether all messages of a run find room, though none of them should replace one. */
export function hasRoomFor(tables: Tables, publisher: ClientId, run: RetainedRun): boolean {
  const { limits } = tables.rules;
  const bytes = run.count * SMALLEST_MESSAGE + run.topics + run.payload;
  if (tables.retained.size + run.count > limits.retainedMessages) return false;
  if (tables.retainedBytes + bytes > limits.retainedBytes) return false;
  return !exceedsOwn(tables, publisher, run.count, bytes);
}

/**
 * Puts the messages of PUBLISH packets of a run, for which there is room, into the tables.
 *
 * @param order of the first; each has one more than the one before it
 * @returns how many they are, and the bytes of their payloads
 */
export function keepRetainedRun(
  tables: Tables,
  publisher: ClientId,
  bytes: Uint8Array,
  version: ProtocolVersion,
  order: number,
): { readonly count: number; readonly payload: number } {
  const { retained, retainedMessages } = tables;
  const replaced: Message[] = [];
  let count = 0;
  let topics = 0;
  let payload = 0;
  for (let at = 0; at < bytes.length; count++) {
    const topicAt = topicAtOf(bytes, at);
    const topicTo = topicEndOf(bytes, at);
    const payloadAt = payloadAtOf(bytes, at, version);
    at = endOf(bytes, at);
    const number = retainedMessages.putRead(
      order + count,
      publisher,
      bytes,
      topicAt,
      topicTo,
      payloadAt,
      at,
    );
    const previous = retained.setNumber(bytes, topicAt, topicTo, number);
    if (previous !== 0) replaced.push(retainedMessages.take(previous));
    topics += topicTo - topicAt;
    payload += at - payloadAt;
  }
  const size = count * SMALLEST_MESSAGE + topics + payload;
  tables.retainedBytes += size;
  tally(tables, publisher, count, size);
  for (const message of replaced) forget(tables, message);
  return { count, payload };
}

/** Whether its publisher retains as much as one client may; the broker itself has no such limit. */
function fullOf(tables: Tables, message: Message, known: Message | undefined): boolean {
  const { publisher } = message;
  if (publisher === "") return false;
  const replaces = known?.publisher === publisher;
  const bytes = messageSize(message) - (replaces ? messageSize(known) : 0);
  return exceedsOwn(tables, publisher, replaces ? 0 : 1, bytes);
}

/** Whether a client would retain more than it may with so many more messages, of so many bytes in all. */
function exceedsOwn(tables: Tables, publisher: ClientId, messages: number, bytes: number): boolean {
  const { limits } = tables.clients.get(publisher)?.rules ?? tables.rules;
  const tally = tables.retainedBy.get(publisher) ?? NONE;
  return tally.messages + messages > limits.retainedMessagesPerClient ||
    tally.bytes + bytes > limits.retainedBytesPerClient;
}

const NONE: Tally = { messages: 0, bytes: 0 };

/** Counts for its publisher a message that is retained, or with -1 one that is no more. */
function tallyRetained(tables: Tables, message: Message, count: 1 | -1): void {
  tally(tables, message.publisher, count, count * messageSize(message));
}

/** Counts so many messages of so many bytes in all for a publisher. */
function tally({ retainedBy }: Tables, publisher: ClientId, count: number, bytes: number): void {
  if (publisher === "") return;
  const tally = retainedBy.get(publisher);
  if (tally === undefined) {
    retainedBy.set(publisher, { messages: count, bytes });
    return;
  }
  tally.messages += count;
  tally.bytes += bytes;
  if (tally.messages === 0) retainedBy.delete(publisher);
}

/** Puts it into the tables, in the place of an earlier one, until it expires. */
export function keepRetained(tables: Tables, message: Message): void {
  const { topic } = message;
  const replaced = tables.retained.set(topic, message);
  tables.retainedBytes += messageSize(message) -
    (replaced === undefined ? 0 : messageSize(replaced));
  if (replaced !== undefined) tallyRetained(tables, replaced, -1);
  tallyRetained(tables, message, 1);
  if (message.expiresAt !== Infinity || replaced !== undefined) {
    schedule(tables, { type: "retained", topic }, message.expiresAt);
  }
}

/** Takes the retained message of a topic away. */
export function clearRetained(tables: Tables, topic: TopicName): readonly Write[] {
  return dropRetained(tables, topic) ? writtenClear(tables, topic) : [];
}

function writtenClear(tables: Tables, topic: TopicName): readonly Write[] {
  noteRetaining(tables, topic);
  return [{ type: "deleteRetained", topic }];
}

/** Takes it out of the tables; false where there is none. */
export function dropRetained(tables: Tables, topic: TopicName): boolean {
  const removed = tables.retained.delete(topic);
  if (removed === undefined) return false;
  forget(tables, removed);
  return true;
}

/** The log will tell of what is written now. */
function noteRetaining({ cluster }: Tables, topic: TopicName): void {
  if (cluster === undefined) return;
  const key = mapKey(topic);
  cluster.retaining.set(key, (cluster.retaining.get(key) ?? 0) + 1);
}

/** Whether what the log tells of a topic is the last that there is: nothing of this node's own comes behind it. */
export function isLastRetained({ cluster }: Tables, from: NodeId, topic: TopicName): boolean {
  const { node, retaining } = cluster!;
  const key = mapKey(topic);
  const before = retaining.get(key) ?? 0;
  const left = from === node ? before - 1 : before;
  if (left > 0) retaining.set(key, left);
  else retaining.delete(key);
  return left <= 0;
}

/** Counts a message no more, and forgets when it expires. */
function forget(tables: Tables, message: Message): void {
  tables.retainedBytes -= messageSize(message);
  tallyRetained(tables, message, -1);
  if (message.expiresAt !== Infinity) {
    cancel(tables, { type: "retained", topic: message.topic });
  }
}

/** The retained message of a topic has expired: it goes, and in a cluster no other that has come since. */
export function endRetained(tables: Tables, topic: TopicName): readonly Write[] {
  const order = tables.retained.get(topic)?.order;
  if (order === undefined) return [];
  dropRetained(tables, topic);
  return [{ type: "deleteRetained", topic, order }];
}
