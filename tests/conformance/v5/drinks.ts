/** A client that takes and acknowledges all, and what is expected of the order. MQTT 5.0 section 4.6. */

import type { Packet, QoS } from "../../../src/packet/packet.ts";
import { acknowledgement, publishPacket } from "../../broker/packets.ts";
import type { Bench, ClientOptions } from "../bench.ts";
import type { Peer } from "../peer.ts";

/** CONNECT of a client whose session stays for an hour. */
export const KEEPS = { cleanStart: false, properties: { sessionExpiryInterval: 3600 } } as const;

/** The same with a Receive Maximum. */
export function keeps(receiveMaximum: number): ClientOptions {
  return { cleanStart: false, properties: { sessionExpiryInterval: 3600, receiveMaximum } };
}

/** Acknowledges all that comes until nothing does, and returns the payloads in the order of their coming. */
export async function drinks(peer: Peer): Promise<string[]> {
  const payloads: string[] = [];
  for (;;) {
    const answers: Packet[] = [];
    for (const packet of peer.takes()) {
      if (packet.type === "pubrel") answers.push(acknowledgement("pubcomp", packet.packetId));
      if (packet.type !== "publish") continue;
      payloads.push(new TextDecoder().decode(packet.payload));
      if (packet.qos === 1) answers.push(acknowledgement("puback", packet.packetId));
      if (packet.qos === 2) answers.push(acknowledgement("pubrec", packet.packetId));
    }
    if (answers.length === 0) return payloads;
    await peer.sends(...answers);
  }
}

/** What was found is what was wanted, in that order. */
export function inOrder(at: Bench, found: readonly unknown[], wanted: readonly unknown[]): void {
  const differs = wanted.findIndex((each, index) => each !== found[index]);
  at.expects(
    found.length === wanted.length && differs < 0,
    `${wanted.length} are wanted, ${found.length} came; the first to differ is number ${differs}: ` +
      `${found[differs]} where ${wanted[differs]} is wanted`,
  );
}

/** `1` to `count`. */
export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index + 1));
}

/** Publishes payloads with that QoS, in batches that fit the broker's Receive Maximum. */
export async function publishAll(pump: Peer, topic: string, payloads: readonly string[], qos: QoS) {
  for (let from = 0; from < payloads.length; from += 100) {
    const batch = payloads.slice(from, from + 100);
    const packets = batch.map((payload, index) => {
      return publishPacket(topic, payload, { packetId: qos === 0 ? 0 : index + 1, qos });
    });
    await pump.sends(...packets);
    if (qos !== 2) continue;
    await pump.sends(...batch.map((_, index) => acknowledgement("pubrel", index + 1)));
  }
}

export const ONLY_CLIENTS =
  "it binds the client alone: a server sees what a client does and need not mind";
