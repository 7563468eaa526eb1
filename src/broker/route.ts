/**
 * An accepted message: delayed, retained, fanned out, and its receipt, all in one persist.
 * MQTT 5.0 sections 3.3 and 4.3.
 */

import type { Puback, Pubrec } from "../packet/packet.ts";
import { Reason } from "../packet/reason_code.ts";
import type { ClientId } from "../policy/identity.ts";
import type { Effect } from "../session/effect.ts";
import type { Message } from "../session/message.ts";
import { owned } from "../session/message.ts";
import * as ids from "../session/packet_id_map.ts";
import type { AnyWrite } from "../session/cluster_write.ts";
import { durably, NOTHING } from "../session/step.ts";
import { delay, isDelayed } from "./delayed.ts";
import { fanOut } from "./fan_out.ts";
import { retain } from "./retain.ts";
import { noRoomFor } from "./room.ts";
import type { Client, Live, Tables } from "./tables.ts";
import { ask, observeDrop, replaceSession } from "./tables.ts";

/** Who is to be told that the message is safe. */
export interface Receipt {
  readonly live: Live;
  readonly client: Client;
  readonly packet: Puback | Pubrec;
}

/**
 * Routes a message.
 *
 * @param of whose persist it is: the publisher's
 * @param writes that become durable together with it
 */
export function route(
  tables: Tables,
  message: Message,
  of: ClientId,
  receipt: Receipt | undefined,
  writes: readonly AnyWrite[],
): void {
  if (isDelayed(message)) {
    const delayed = delay(tables, message);
    const reason = delayed === undefined ? Reason.quotaExceeded : Reason.success;
    return finish(tables, of, receipt, reason, [...writes, ...delayed ?? []], []);
  }
  if (receipt?.live.connection.version === 5) {
    const full = noRoomFor(tables, message);
    if (full !== undefined) {
      observeDrop(tables, message.publisher, message.topic, full);
      return finish(tables, of, receipt, Reason.quotaExceeded, writes, []);
    }
  }
  const retained = message.retain ? retain(tables, owned(message)) ?? NOTHING : NOTHING;
  const { writes: fanned, then, matched } = fanOut(tables, message);
  const reason = matched ? Reason.success : Reason.noMatchingSubscribers;
  finish(tables, of, receipt, reason, together(writes, together(retained, fanned)), then);
}

/** Both lists as one; one of them is empty nearly always, and then it is the other. */
function together(first: readonly AnyWrite[], rest: readonly AnyWrite[]): readonly AnyWrite[] {
  if (first.length === 0) return rest;
  return rest.length === 0 ? first : [...first, ...rest];
}

function finish(
  tables: Tables,
  of: ClientId,
  receipt: Receipt | undefined,
  reason: number,
  writes: readonly AnyWrite[],
  then: readonly Effect[],
): void {
  if (receipt === undefined) {
    if (writes.length + then.length > 0) ask(tables, { type: "persist", of, writes, then });
    return;
  }
  const { live, client, packet } = receipt;
  const reasonCode = live.connection.version === 5 ? reason : Reason.success;
  let kept = writes;
  if (packet.type === "pubrec" && reasonCode >= 0x80) { // refused: the Packet Identifier is free
    const { packetId } = packet;
    const received = ids.remove(client.session.received, packetId);
    replaceSession(tables, client, { ...client.session, received });
    kept = writes.filter((write) =>
      !(write.type === "putReceived" && write.packetId === packetId && write.clientId === of)
    );
  }
  const answer: Effect = {
    type: "send",
    to: live.id,
    packet: reasonCode === packet.reasonCode ? packet : { ...packet, reasonCode },
  };
  ask(tables, durably(of, kept, answer, ...then));
}

/** The next order; every message that enters the broker takes one. */
export function takeOrder(tables: Tables): number {
  const order = tables.nextOrder;
  tables.nextOrder = order + tables.orderStep;
  return order;
}

/** Whether this broker has given the order. */
export function isOwnOrder({ orderStep, nextOrder }: Tables, order: number): boolean {
  return (nextOrder - order) % orderStep === 0;
}

/** From now on orders are above that one, which another node has given. */
export function passOrder(tables: Tables, highest: number): void {
  if (tables.nextOrder > highest) return;
  const steps = Math.floor((highest - tables.nextOrder) / tables.orderStep) + 1;
  tables.nextOrder += steps * tables.orderStep;
}
