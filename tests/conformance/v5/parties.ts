/** A publisher, a subscriber, and the bytes of a PUBLISH between them. MQTT 5.0 section 4.3. */

import type { QoS } from "../../../src/packet/packet.ts";
import { frame, s } from "../../packet/bytes_of.ts";
import type { Bench, ClientOptions } from "../bench.ts";
import type { Peer } from "../peer.ts";
import { id } from "./answers.ts";

/** CONNECT of a client whose session stays for an hour. */
export const KEEPS = { cleanStart: false, properties: { sessionExpiryInterval: 3600 } } as const;

/** Somebody who publishes, and a subscriber of `t` with QoS 2. */
export async function pair(
  at: Bench,
  options: ClientOptions = {},
): Promise<[pump: Peer, panel: Peer]> {
  const pump = await at.client("pump");
  const panel = await at.client("panel", options);
  await panel.subscribes(["t", 2]);
  return [pump, panel];
}

/** The bytes of a PUBLISH to `t` without properties: first byte, Packet Identifier, payload of ASCII. */
export function publishBytes(first: number, packetId: number, payload: string): Uint8Array {
  return frame(first, s("t"), id(packetId), "00", s(payload).slice(6));
}

/** Takes the messages of that QoS that are inflight to the client; no identifier comes twice. */
export function unused(at: Bench, panel: Peer, qos: QoS, count: number): readonly number[] {
  const ids = Array.from({ length: count }, () => panel.gets({ type: "publish", qos }).packetId);
  at.expects(new Set(ids).size === count, `${count} messages have as many identifiers: ${ids}`);
  at.expects(!ids.includes(0), "none of them is 0");
  return ids;
}
