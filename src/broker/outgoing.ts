/**
 * A delivery on its way to one client: the effect that sends it, the size that the client takes, and
 * the Topic Alias that shortens it. MQTT 5.0 sections 3.1.2.11.4 and 3.3.2.3.4.
 */

import { encodePublish } from "../packet/publish_frame.ts";
import type { PacketId, Publish } from "../packet/packet.ts";
import type { Effect } from "../session/effect.ts";
import type { DropReason } from "../session/fact.ts";
import type { Delivery } from "../session/message.ts";
import { publishOf } from "../session/message.ts";
import type { Outbound } from "../session/replenish.ts";
import { isMounted, unmountName } from "../topic/mount_point.ts";
import type { Live, Tables } from "./tables.ts";

/**
 * Whether the client takes a packet of that size, and sees its topic; what it does not is dropped
 * [MQTT-3.1.2-25].
 */
export function fits(tables: Tables, live: Live, delivery: Delivery): boolean {
  const { maximumPacketSize, version, mountPoint } = live.connection;
  if (mountPoint !== "" && !isMounted(mountPoint, delivery.message.topic)) return false;
  if (maximumPacketSize === Infinity) return true;
  const publish = seenBy(live, publishOf(delivery, 0, false, tables.now));
  return encodePublish(publish, version).bytes.length <= maximumPacketSize;
}

/**
 * The effect that sends it: the packet, which is written straight into the outbox; with QoS 0 bytes, which the
 * outbox may drop, unless a Topic Alias is to be set in it.
 */
export function sendDelivery(
  tables: Tables,
  live: Live,
  delivery: Delivery,
  packetId: PacketId,
  dup: boolean,
): Effect {
  const publish = seenBy(live, publishOf(delivery, packetId, dup, tables.now));
  if (packetId > 0 || live.connection.outgoingAliases > 0) {
    return { type: "send", to: live.id, packet: publish };
  }
  const frame = encodePublish(publish, live.connection.version);
  return { type: "deliver", to: [live.id], frame };
}

/** Why `fits` was false. */
export function unfit({ connection: { mountPoint } }: Live, { message }: Delivery): DropReason {
  return isMounted(mountPoint, message.topic) ? "tooLargeForClient" : "outsideMountPoint";
}

/** With its topics as the client knows them: it is told of no Response Topic that it could not publish to. */
function seenBy({ connection: { mountPoint } }: Live, publish: Publish): Publish {
  if (mountPoint === "") return publish;
  const topic = publish.topic.slice(mountPoint.length);
  if (publish.properties?.responseTopic === undefined) return { ...publish, topic };
  const { responseTopic, ...rest } = publish.properties;
  const seen = unmountName(mountPoint, responseTopic);
  const properties = seen === undefined ? rest : { ...rest, responseTopic: seen };
  return { ...publish, topic, properties };
}

/** Sends a QoS 0 delivery at once: it waits for no store. */
export function sendNow(tables: Tables, live: Live, delivery: Delivery): void {
  const effect = sendDelivery(tables, live, delivery, 0, false);
  if (effect.type === "send" && effect.packet.type === "publish") {
    tables.out.push({ ...effect, packet: withTopicAlias(live, effect.packet) });
  } else {
    tables.out.push(effect);
  }
}

/** The effect for a packet that is sent again or for the first time. */
export function sendOutbound(tables: Tables, live: Live, outbound: Outbound): Effect {
  const { delivery, packetId, dup } = outbound;
  if (delivery !== undefined) return sendDelivery(tables, live, delivery, packetId, dup);
  return {
    type: "send",
    to: live.id,
    packet: { type: "pubrel", packetId, reasonCode: 0, properties: undefined },
  };
}

/** The effects for packets that are sent again or for the first time: PUBLISH with a Packet Identifier in one. */
export function sendAllOutbound(
  tables: Tables,
  live: Live,
  outbound: readonly Outbound[],
): Effect[] {
  const effects: Effect[] = [];
  let packets: Publish[] | undefined;
  for (let i = 0; i < outbound.length; i++) {
    const { delivery, packetId, dup } = outbound[i]!;
    if (delivery === undefined || packetId === 0 || live.connection.outgoingAliases > 0) {
      effects.push(sendOutbound(tables, live, outbound[i]!));
      packets = undefined; // what follows goes behind it
      continue;
    }
    if (packets === undefined) {
      effects.push({ type: "publishAll", to: live.id, packets: packets = [] });
    }
    packets.push(seenBy(live, publishOf(delivery, packetId, dup, tables.now)));
  }
  return effects;
}

/**
 * The PUBLISH with a Topic Alias in it: of a topic that has one only the alias is sent, a new one is set
 * as long as the client takes more. Called at the moment of sending, so that an alias is never used
 * before the packet that sets it.
 */
export function withTopicAlias(live: Live, publish: Publish): Publish {
  const aliases = live.outgoingAliases ??= new Map();
  const known = aliases.get(publish.topic);
  const alias = known ?? aliases.size + 1;
  if (alias > live.connection.outgoingAliases) return publish;
  const aliased: Publish = {
    ...publish,
    topic: known === undefined ? publish.topic : "",
    properties: { ...publish.properties, topicAlias: alias },
  };
  const { maximumPacketSize } = live.connection;
  // An alias that is new, or longer than its topic, may make the packet too long [MQTT-3.1.2-24].
  if (
    maximumPacketSize !== Infinity && encodePublish(aliased, 5).bytes.length > maximumPacketSize
  ) return publish;
  if (known === undefined) aliases.set(publish.topic, alias);
  return aliased;
}
