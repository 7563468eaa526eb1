/**
 * What has come in and gone out, as plain numbers: a mutable island, owned by the runtime. It is counted where
 * packets and reads are handled anyway, by additions into memory that exists already; who wants sums pays for
 * them when asking.
 */

import { PacketType } from "../packet/fixed_header.ts";
import type { QoS } from "../packet/packet.ts";

/** One direction. */
export interface Flow {
  /** Packets by the first byte of their fixed header, which holds type, QoS, DUP and RETAIN. */
  readonly packets: Float64Array;
  /** Bytes of payload in PUBLISH packets, by QoS. */
  readonly payload: Float64Array;
  /** Bytes read from links, or written to them, TLS and WebSocket framing apart. */
  bytes: number;
}

export interface Traffic {
  readonly received: Flow;
  /** Packets count when they are put into an outbox, bytes when they have left it. */
  readonly sent: Flow;
  /** Links that began to be served. */
  links: number;
}

/** Nothing has come or gone. */
export function newTraffic(): Traffic {
  return { received: newFlow(), sent: newFlow(), links: 0 };
}

function newFlow(): Flow {
  return { packets: new Float64Array(256), payload: new Float64Array(4), bytes: 0 };
}

/** Packets of all types. */
export function allPackets({ packets }: Flow): number {
  return sum(packets, 0, 256);
}

/** Packets of one type, of those of `PacketType`. */
export function packetsOf({ packets }: Flow, type: keyof typeof PacketType): number {
  const from = PacketType[type] << 4;
  return sum(packets, from, from + 16);
}

/** PUBLISH packets with that QoS, repeated ones included. */
export function publications({ packets }: Flow, qos: QoS): number {
  const first = PacketType.publish << 4 | qos << 1;
  return packets[first]! + packets[first | 1]! + packets[first | 8]! + packets[first | 9]!;
}

/** Bytes of payload, of all QoS together. */
export function payloadBytes({ payload }: Flow): number {
  return sum(payload, 0, 3);
}

function sum(numbers: Float64Array, from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i++) total += numbers[i]!;
  return total;
}
