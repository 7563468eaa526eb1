/**
 * Inputs out of recorded packets: joined, cut, repeated, with bytes and lengths changed.
 */

import type { Recorded } from "./corpus.ts";

/** A generator of whole numbers below its argument, the same for the same seed (mulberry32). */
export function random(seed: number): (below: number) => number {
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
export function mutate(
  recorded: readonly Recorded[],
  next: (below: number) => number,
): Uint8Array {
  const pick = <T>(list: readonly T[]) => list[next(list.length)]!;
  const version = pick(recorded);
  const packets: Uint8Array[] = [];
  if (next(20) > 0) packets.push(pick(version.connects));
  for (let i = next(MOST); i > 0; i--) {
    packets.push(pick(next(20) > 0 ? version.others : pick(recorded).others));
  }
  const bytes = packets.flatMap((packet) => [...packet]);
  for (let i = next(4); i > 0 && bytes.length > 0; i--) {
    const at = next(bytes.length);
    switch (next(6)) {
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
    }
  }
  return Uint8Array.from(bytes);
}
