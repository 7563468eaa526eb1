/**
 * What the library answers about a session → its values.
 */

import type { ClaimedSession } from "../broker/cluster_event.ts";
import type { PacketId } from "../packet/packet.ts";
import type { ClientId } from "../policy/identity.ts";
import type { Delivery, Order } from "../session/message.ts";
import type { Inflight } from "../session/session.ts";
import { decodeWill } from "../store/record.ts";
import { damaged } from "../store/store_error.ts";
import { callWhenUp } from "./calls.ts";
import type { Reply } from "./client.ts";
import { bytesOf, listOf, textOf } from "./client.ts";
import type { Link } from "./link.ts";
import { decodeDelivery, decodeInflight } from "./values.ts";

/** A session as it was read, and whether more of its queue was asked for than one answer holds. */
export interface StoredReply {
  readonly stored: ClaimedSession;
  readonly more: boolean;
}

/** @param will as it was stored; empty: none */
export function readStored(reply: Reply, will?: Uint8Array): StoredReply {
  const [ids, members, deliveries, more] = listOf(reply);
  const received: PacketId[] = [];
  const inflight: (readonly [PacketId, Inflight])[] = [];
  const flat = listOf(ids);
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const field = textOf(flat[i]);
    const packetId = Number(field.slice(1));
    if (field.startsWith("r")) received.push(packetId);
    else inflight.push([packetId, decodeInflight(bytesOf(flat[i + 1]))]);
  }
  const [orders, sizes] = readMembers(textOf(members));
  const stored = { received, inflight, queued: readDeliveries(deliveries), orders, sizes };
  return {
    stored: will === undefined || will.length === 0
      ? stored
      : { ...stored, will: decodeWill(will) },
    more: Number(more) === 1,
  };
}

/** Up to so many deliveries of a queue, from an order on: in as many answers as it takes. */
export async function readQueue(
  link: Link,
  key: string,
  clientId: ClientId,
  from: Order,
  most: number,
): Promise<Delivery[]> {
  const read: Delivery[] = [];
  for (let next = from; read.length < most;) {
    const args = [clientId, String(next), String(most - read.length)];
    const [more, found] = listOf(await callWhenUp(link, "read", key, args));
    for (const delivery of readDeliveries(found)) read.push(delivery);
    if (Number(more) !== 1) break;
    next = read.at(-1)!.message.order + 1;
  }
  return read;
}

export function readDeliveries(reply: Reply | undefined): Delivery[] {
  return listOf(reply).map((each) => {
    if (each === null) throw damaged("a queue", "a message is named that is not there");
    return decodeDelivery(bytesOf(each));
  });
}

/** `order:size`, one behind the other, with commas between. */
function readMembers(text: string): [orders: Order[], sizes: number[]] {
  const orders: Order[] = [];
  const sizes: number[] = [];
  for (const member of text === "" ? [] : text.split(",")) {
    const at = member.indexOf(":");
    orders.push(Number(member.slice(0, at)));
    sizes.push(Number(member.slice(at + 1)));
  }
  return [orders, sizes];
}
