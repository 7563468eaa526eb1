/**
 * Retained messages that leave as they lie in packed memory: to a client that gets them with QoS 0 and nothing of its own
 * in them. They are written one behind the other and leave as one run; with a message, a delivery, a packet and an effect
 * for each of a million they took three times as long. MQTT 5.0 section 3.3.1.3.
 *
 * Takes no message that wants more than that: it is left pending, for `retained_stream.ts`.
 */

import { frames } from "../packet/frame_memory.ts";
import { retainedSize } from "../packet/retained_run.ts";
import { permitsAll } from "../policy/permits.ts";
import { SMALLEST_MESSAGE } from "../session/message.ts";
import type { Subscription } from "../session/subscription_map.ts";
import type { RetainedStream } from "./retained_stream.ts";
import { isOwnOrder } from "./route.ts";
import type { Live, Tables } from "./tables.ts";

/** Whether nothing but the message can stand against that. */
export function mayLeavePacked(
  { rules }: Tables,
  { connection }: Live,
  { options }: Subscription,
): boolean {
  return options.subscriptionIdentifier === undefined && connection.mountPoint === "" &&
    connection.outgoingAliases === 0 && connection.maximumPacketSize === Infinity &&
    permitsAll(rules, connection.identity);
}

/**
 * Sends on from a stream that has none pending, as long as the messages may leave so.
 *
 * @returns how many it has dealt with, `most` at most; 0: the stream is at its end, or has one pending
 */
export function sendPacked(
  tables: Tables,
  live: Live,
  stream: RetainedStream,
  most: number,
): number {
  const { retainedMessages } = tables;
  const { options } = stream.subscription;
  const { clientId, version } = live.connection;
  let taken = 0;
  let bytes = frames.bytes;
  let from = 0;
  let to = 0;
  let count = 0;
  let payload = 0;
  while (taken < most && live.qos0Room > 0) {
    const number = stream.search.next();
    if (number === 0) break;
    if (
      !retainedMessages.isPlain(number) || options.qos > 0 && retainedMessages.qosOf(number) > 0
    ) {
      stream.pending = retainedMessages.get(number);
      break;
    }
    taken += 1;
    const order = retainedMessages.orderOf(number);
    if (order >= stream.before && isOwnOrder(tables, order)) continue;
    if (options.noLocal && retainedMessages.publisherOf(number) === clientId) continue;
    const payloadSize = retainedMessages.payloadSizeOf(number);
    const content = retainedMessages.topicSizeOf(number) + payloadSize;
    const size = retainedSize(content, version);
    const at = frames.take(size);
    if (at !== to || frames.bytes !== bytes) { // the memory goes on elsewhere
      if (count > 0) send(tables, live, bytes.subarray(from, to), count, payload);
      bytes = frames.bytes;
      from = at;
      count = 0;
      payload = 0;
    }
    retainedMessages.write(bytes, at, number, version);
    to = at + size;
    count += 1;
    payload += payloadSize;
    live.qos0Room -= SMALLEST_MESSAGE + content;
  }
  if (count > 0) send(tables, live, bytes.subarray(from, to), count, payload);
  return taken;
}

function send({ out }: Tables, { id }: Live, bytes: Uint8Array, count: number, payload: number) {
  out.push({ type: "deliverRetained", to: id, bytes, count, payload });
}
