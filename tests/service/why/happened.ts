/**
 * What really becomes of a message for a client: published, and looked for in what leaves, in queues and in what
 * the broker tells of. It knows nothing of the functions that predict it.
 */

import type { PublishProperties, QoS } from "../../../src/packet/packet.ts";
import type { Effect } from "../../../src/session/effect.ts";
import * as fifo from "../../../src/session/fifo.ts";
import type { Session } from "../../../src/session/session.ts";
import type { Caller } from "../../broker/caller.ts";
import type { Desk } from "../../broker/desk.ts";
import { publishPacket } from "../../broker/packets.ts";
import { opened, tailOrders } from "../../../src/session/queue.ts";

export interface Happened {
  readonly outcome: "sent" | "waits" | "refused" | "nothing";
  /** Of the client, its shared subscriptions and the publisher. */
  readonly drops: readonly string[];
}

/** What is published. */
export interface Told {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly payloadSize: number;
  readonly properties?: PublishProperties | undefined;
}

/**
 * Publishes it and looks.
 *
 * @param by undefined: the broker itself
 * @param number no two messages have the same; of a payload below four bytes nothing is found in what leaves
 */
export async function happened(
  desk: Desk,
  clientIds: readonly string[],
  by: { readonly clientId: string; readonly caller: Caller } | undefined,
  { topic, qos, retain, payloadSize, properties }: Told,
  number: number,
): Promise<ReadonlyMap<string, Happened>> {
  const payload = new Uint8Array(payloadSize);
  if (payloadSize >= 4) new DataView(payload.buffer).setUint32(payloadSize - 4, number);
  const from = { order: desk.tables.nextOrder, facts: desk.facts.length };
  const before = new Map(clientIds.map((id) => [id, desk.tables.clients.get(id)]));
  const ids = new Map(clientIds.map((id) => [id, before.get(id)?.live?.id]));
  const groups = new Map(clientIds.map((id) => [id, [...before.get(id)?.groups ?? []]]));
  const sentTo = watch(desk, payload);
  const packetId = qos === 0 ? 0 : 1 + number % 60_000;
  const rest = { qos, retain, packetId, ...(properties === undefined ? {} : { properties }) };
  if (by === undefined) {
    await desk.feed({ type: "publishFor", publish: { topic, payload, qos, retain, properties } });
  } else {
    by.caller.take();
    await by.caller.send(publishPacket(topic, payload, rest));
  }
  desk.runtime.watch(undefined);
  const facts = desk.facts.slice(from.facts);
  const refused = by !== undefined && (by.caller.closed ||
    facts.some((fact) => fact.type === "refused" && fact.clientId === by.clientId) ||
    by.caller.packets.some((packet) =>
      (packet.type === "puback" || packet.type === "pubrec") && packet.packetId === packetId &&
      packet.reasonCode >= 0x80
    ));
  const delayed = [...desk.tables.delayed.keys()].some((order) => order >= from.order);
  return new Map(clientIds.map((id) => {
    const members = groups.get(id)!;
    const keys = [id, by?.clientId ?? "", ...members.map(({ key }) => key)];
    const client = desk.tables.clients.get(id);
    const queued = client !== undefined && waits(client.session, from.order) ||
      members.some(({ session }) => waits(session, from.order));
    const outcome = refused
      ? "refused"
      : sentTo.has(ids.get(id) ?? 0)
      ? "sent"
      : queued || delayed
      ? "waits"
      : "nothing";
    const drops = facts.flatMap((fact) =>
      fact.type === "dropped" && keys.includes(fact.clientId) ? [fact.reason] : []
    );
    return [id, { outcome, drops }];
  }));
}

function waits({ queue }: Session, order: number): boolean {
  return fifo.toArray(opened(queue).head).some(({ message }) => message.order >= order) ||
    tailOrders(queue).some((each) => each >= order);
}

/** Connections that are sent something with that payload, from now on. */
function watch(desk: Desk, payload: Uint8Array): ReadonlySet<number> {
  const sentTo = new Set<number>();
  const ends = (bytes: Uint8Array) =>
    payload.length >= 4 &&
    payload.every((byte, at) => bytes[bytes.length - payload.length + at] === byte);
  const look = (effect: Effect) => {
    if (effect.type === "deliver" && ends(effect.frame.bytes)) effect.to.forEach(add);
    if (effect.type === "deliverRun" && ends(effect.run.bytes)) effect.to.forEach(add);
    if (effect.type === "deliverRetained" && ends(effect.bytes)) add(effect.to);
    if (effect.type === "deliverAs" && ends(effect.frame.bytes)) add(effect.to);
    if (effect.type === "publishAll" && effect.packets.some((each) => ends(each.payload))) {
      add(effect.to);
    }
    if (effect.type === "send" && effect.packet.type === "publish" && ends(effect.packet.payload)) {
      add(effect.to);
    }
  };
  const add = (id: number) => {
    sentTo.add(id);
  };
  const { broker } = desk;
  desk.runtime.watch({
    step(event, now) {
      const effects = broker.step(event, now);
      effects.forEach(look);
      return effects;
    },
  });
  return sentTo;
}
