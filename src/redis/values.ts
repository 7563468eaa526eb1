/**
 * What Redis keeps of a message for one session ⇄ bytes: a *head* that says how the session gets it, and the
 * *body*, which is the message and the same for all. Both stand in a batch apart, as many sessions may need
 * one body, and in Redis one after the other.
 */

import type { QoS } from "../packet/packet.ts";
import type { Delivery, Message } from "../session/message.ts";
import type { Inflight } from "../session/session.ts";
import { ByteReader, type ByteWriter } from "../store/bytes.ts";
import { FORMAT, opened, readMessage, readNumbers, writeNumbers } from "../store/record.ts";

const AWAITING = ["puback", "pubrec", "pubcomp"] as const;
const RETAIN = 4, IDENTIFIERS = 8, GROUP = 16;
const HAS_DELIVERY = 4;

/** Writes the head of a delivery: it ends where the message begins. */
export function writeHead(to: ByteWriter, delivery: Delivery): void {
  to.byte(FORMAT);
  writeDelivery(to, delivery);
}

/** Writes the head of an inflight message; without a delivery it is all of it. */
export function writeInflightHead(to: ByteWriter, inflight: Inflight): void {
  const { awaiting, delivery, sequence, sentAt } = inflight;
  to.byte(FORMAT);
  to.byte(AWAITING.indexOf(awaiting) | (delivery === undefined ? 0 : HAS_DELIVERY));
  to.varint(sequence);
  to.float(sentAt);
  if (delivery !== undefined) writeDelivery(to, delivery);
}

function writeDelivery(to: ByteWriter, delivery: Delivery): void {
  const { qos, retain, subscriptionIdentifiers, group } = delivery;
  to.byte(
    qos | (retain ? RETAIN : 0) | (subscriptionIdentifiers === undefined ? 0 : IDENTIFIERS) |
      (group === undefined ? 0 : GROUP),
  );
  if (subscriptionIdentifiers !== undefined) writeNumbers(to, subscriptionIdentifiers);
  if (group !== undefined) to.text(group);
}

/** A delivery of head and body in one. */
export function decodeDelivery(bytes: Uint8Array): Delivery {
  const from = opened(bytes, "a delivery");
  return readDelivery(from);
}

/** A delivery of a head, and a message that was read already. */
export function deliveryOf(head: Uint8Array, message: Message): Delivery {
  return readDelivery(opened(head, "the head of a delivery"), message);
}

/** A message that stands alone; its bytes are its own. */
export function decodeBody(bytes: Uint8Array): Message {
  return readMessage(new ByteReader(bytes, "a message"));
}

export function decodeInflight(bytes: Uint8Array): Inflight {
  const from = opened(bytes, "an inflight message");
  const flags = from.byte();
  const awaiting = AWAITING[flags & 3];
  if (awaiting === undefined) throw from.wrong(`a state ${flags & 3}`);
  const sequence = from.varint();
  const sentAt = from.float();
  const delivery = (flags & HAS_DELIVERY) === 0 ? undefined : readDelivery(from);
  return { awaiting, delivery, sequence, sentAt };
}

function readDelivery(from: ByteReader, read?: Message): Delivery {
  const flags = from.byte();
  const qos = flags & 3;
  if (qos === 3) throw from.wrong("QoS 3");
  const subscriptionIdentifiers = (flags & IDENTIFIERS) === 0 ? undefined : readNumbers(from);
  const group = (flags & GROUP) === 0 ? undefined : from.text();
  const message = read ?? readMessage(from);
  return {
    message,
    qos: qos as QoS,
    retain: (flags & RETAIN) !== 0,
    subscriptionIdentifiers,
    group,
  };
}
