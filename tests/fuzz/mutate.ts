/**
 * Inputs out of recorded and generated packets: joined, cut, repeated, with bytes and lengths changed; in half
 * of them the Remaining Length is made right again, so that what was changed is read and not only cut off.
 */

import { joined } from "../../src/packet/joined.ts";
import { variableByteInteger } from "../packet/bytes_of.ts";
import type { Kinds, Recorded } from "./corpus.ts";

/** Whole numbers below the argument. */
export type Chance = (below: number) => number;

/** A generator of whole numbers below its argument, the same for the same seed (mulberry32). */
export function random(seed: number): Chance {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Bytes worth trying in any place. */
const TELLING = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x23, 0x2b, 0x2f, 0x24];

/** Packets in a connection at most, and changes to its bytes. */
const MOST = 8;

/** The bytes of one connection: a CONNECT nearly always, then others, then changes. */
export function mutate(recorded: readonly Recorded[], next: Chance): Uint8Array {
  const pick = <T>(list: readonly T[]) => list[next(list.length)]!;
  const version = pick(recorded);
  const packets: Uint8Array[] = [];
  const one = ({ recorded, generated, long }: Kinds, often: number) =>
    next(often) === 0 ? pick(generated) : next(2_000) === 0 ? pick(long) : pick(recorded);
  if (next(20) > 0) packets.push(one(version.connects, 6));
  for (let i = next(MOST); i > 0; i--) {
    packets.push(one((next(20) > 0 ? version : pick(recorded)).others, 2));
  }
  if (next(3) === 0) return changed(joined(packets), next);
  // The first one is left as it is more often: behind a bad CONNECT nothing is looked at.
  const from = packets.length > 1 && next(4) > 0 ? 1 : 0;
  for (let i = next(3); i > 0 && packets.length > 0; i--) {
    const at = from + next(packets.length - from);
    packets[at] = changedInside(packets[at]!, next);
  }
  return joined(packets);
}

/** The packet with changes to its body, and the Remaining Length that it then has. */
function changedInside(packet: Uint8Array, next: Chance): Uint8Array {
  let at = 1;
  while (packet[at]! > 0x7f) at += 1;
  const body = changed(packet.subarray(at + 1), next);
  return joined([packet.subarray(0, 1), variableByteInteger(body.length), body]);
}

function changed(input: Uint8Array, next: Chance): Uint8Array {
  if (input.length > 10_000) return cutOrFlipped(input, next);
  const bytes = [...input];
  for (let i = next(4); i > 0 && bytes.length > 0; i--) {
    const at = next(bytes.length);
    switch (next(7)) {
      case 0:
        bytes[at] = next(256);
        break;
      case 1:
        bytes[at]! ^= 1 << next(8);
        break;
      case 2:
        bytes[at] = TELLING[next(TELLING.length)]!;
        break;
      case 3:
        bytes.splice(at, 1 + next(4));
        break;
      case 4:
        bytes.splice(at, 0, next(256), next(256));
        break;
      case 5:
        bytes.splice(at, 0, ...bytes.slice(at, at + next(32)));
        break;
      case 6: // a length of two bytes that is off by little
        bytes[at] = (bytes[at]! + (next(2) === 0 ? 1 : 255)) & 0xff;
    }
  }
  return Uint8Array.from(bytes);
}

/** What is done to a long input costs little. */
function cutOrFlipped(input: Uint8Array, next: Chance): Uint8Array {
  const bytes = next(4) === 0 ? input.slice(0, next(input.length)) : input.slice();
  for (let i = next(3); i > 0; i--) bytes[next(bytes.length)] = next(256);
  return bytes;
}
