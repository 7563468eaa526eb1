/**
 * What rows of many sections expect of a connection that has sent something wrong, or something odd that is
 * right. MQTT 5.0 section 4.13.
 */

import type { Packet } from "../../../src/packet/packet.ts";
import type { Bench, ClientOptions } from "../bench.ts";
import type { Peer } from "../peer.ts";

let connections = 0;

/** On a connection of its own, let in for that: DISCONNECT with that Reason Code answers, and it is closed. */
export async function refuses(
  at: Bench,
  what: Packet | Uint8Array | string,
  reasonCode: number,
  options: ClientOptions = {},
): Promise<void> {
  const peer = await at.client(`refused ${++connections}`, options);
  await peer.sends(what);
  isRefused(peer, reasonCode);
}

/** What was sent is answered with DISCONNECT, that Reason Code, and the end of the connection. */
export function isRefused(peer: Peer, reasonCode: number): void {
  peer.gets({ type: "disconnect", reasonCode });
  peer.isClosed();
}

/** Nothing more comes, and the connection still serves. */
export async function serves(peer: Peer): Promise<void> {
  peer.getsNothing();
  await peer.sends("c0 00");
  peer.gets("d0 00");
}

/** Two bytes in hexadecimal, for Packet Identifiers in rows of bytes. */
export function id(packetId: number): string {
  return packetId.toString(16).padStart(4, "0");
}

/** Hexadecimal behind its two bytes of length: a string of whatever bytes. */
export function sized(content: string): string {
  return id(content.replaceAll(/\s/g, "").length / 2) + content;
}

/** The bytes of the next packet, which has come and begins with that byte. */
export function takes(at: Bench, peer: Peer, first: number): Uint8Array {
  const bytes = peer.takesBytes();
  at.expects(bytes?.[0] === first, `${peer.name} gets a packet that begins with ${first}`);
  return bytes!;
}

/** A client that would hear of anything that a connection does which was not let in. */
export async function listener(at: Bench): Promise<Peer> {
  const panel = await at.client("panel");
  await panel.subscribes("#");
  return panel;
}
