/**
 * What the rows for MQTT 5.0 share: packets written out in pieces of hexadecimal, for what no encoder would
 * write, the two ways in which a broker ends a connection over them, and clients that come back.
 * MQTT 5.0 sections 3.1, 4.1 and 4.13.
 */

import type { Connect } from "../../src/packet/packet.ts";
import { connectPacket } from "../broker/packets.ts";
import { frame, p, s } from "../packet/bytes_of.ts";
import type { Bench } from "./bench.ts";
import type { Peer } from "./peer.ts";

/** The pieces of a CONNECT in hexadecimal; what is not given is as in a plain one of client id `raw`. */
export interface ConnectPieces {
  readonly name?: string;
  readonly level?: string;
  /** Clean Start alone unless given. */
  readonly flags?: string;
  readonly keepAlive?: string;
  /** With the Property Length. */
  readonly properties?: string;
  readonly payload?: string;
}

/** The bytes of a CONNECT. */
export function connectBytes(pieces: ConnectPieces = {}): Uint8Array {
  return frame(
    0x10,
    pieces.name ?? s("MQTT"),
    pieces.level ?? "05",
    pieces.flags ?? "02",
    pieces.keepAlive ?? "0000",
    pieces.properties ?? p(),
    pieces.payload ?? s("raw"),
  );
}

/** Text as hexadecimal without a length. */
export function raw(text: string): string {
  return s(text).slice(6);
}

/** Hexadecimal behind its two bytes of length: a string or Binary Data of whatever bytes. */
export function sized(content: string): string {
  const length = content.replaceAll(/\s/g, "").length / 2;
  return length.toString(16).padStart(4, "0") + content;
}

/** A whole number as hexadecimal of so many bytes. */
export function int(value: number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, "0");
}

/** A CONNECT of these bytes is turned away: CONNACK with the Reason Code and Session Present 0, then the end. */
export async function turnsAway(at: Bench, bytes: Uint8Array, reasonCode: number): Promise<void> {
  const peer = await at.open();
  await peer.sends(bytes);
  peer.gets({ type: "connack", sessionPresent: false, reasonCode });
  peer.isClosed();
}

/** These bytes end the connection of a client that was let in: DISCONNECT with the Reason Code, then the end. */
export async function ends(peer: Peer, bytes: Uint8Array | string, reasonCode: number) {
  await peer.sends(bytes);
  peer.gets({ type: "disconnect", reasonCode });
  peer.isClosed();
}

/** Fields of a CONNECT that goes on with a session and keeps it for an hour. */
export const KEPT = {
  cleanStart: false,
  properties: { sessionExpiryInterval: 3600 },
} as const satisfies Partial<Connect>;

/** The client comes with Clean Start 0 unless told otherwise, is let in, and is told this Session Present. */
export async function comes(
  at: Bench,
  clientId: string,
  sessionPresent: boolean,
  rest: Partial<Connect> = {},
): Promise<Peer> {
  const peer = await at.open(5, clientId);
  await peer.sends(connectPacket(clientId, { ...KEPT, ...rest }));
  peer.gets({ type: "connack", reasonCode: 0, sessionPresent });
  return peer;
}
