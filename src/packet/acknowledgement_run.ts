/**
 * Acknowledgements of one kind that came one right behind the other and say nothing but yes: a client that is
 * sent a window of messages answers them so. They are one step for its session. MQTT 5.0 sections 3.4 to 3.7.
 *
 * Reads four bytes of each: whatever is odd about one ends the run before it.
 */

import type { Acknowledgement } from "./acknowledgement.ts";
import { PacketType } from "./fixed_header.ts";
import type { PacketId } from "./packet.ts";

/** At least two, each with Reason Code 0 and without properties. */
export interface AcknowledgementRun {
  readonly type: Acknowledgement["type"];
  readonly packetIds: readonly PacketId[];
  /** Each is one more than the one before it: so a client answers what it was sent at once. */
  readonly inRow: boolean;
}

/** First bytes, the flags with them: no other packet type lies between these. */
const LOWEST = PacketType.puback << 4;
const HIGHEST = PacketType.pubcomp << 4;

/** The most in one run: what it writes is one persist. As many as a client has inflight, unless it is told otherwise. */
const MOST = 256;

/** Whether a packet with that first byte may begin a run. */
export function mayBeginRun(first: number): boolean {
  return first >= LOWEST && first <= HIGHEST;
}

/**
 * The run that begins at `bytes[from]`; undefined where there is none.
 *
 * @param end of the bytes that may be looked at
 */
export function acknowledgementRun(
  bytes: Uint8Array,
  from: number,
  end: number,
): AcknowledgementRun | undefined {
  const first = bytes[from]!;
  if (from + 8 > end || bytes[from + 4] !== first) return undefined;
  const type = typeOf(first);
  if (type === undefined) return undefined;
  let count = 0;
  while (count < MOST && isPlain(bytes, from + count * 4, first, end)) count += 1;
  if (count < 2) return undefined;
  const packetIds = new Array<PacketId>(count);
  let inRow = true;
  for (let i = 0; i < count; i++) {
    packetIds[i] = bytes[from + i * 4 + 2]! << 8 | bytes[from + i * 4 + 3]!;
    if (i > 0 && packetIds[i] !== packetIds[i - 1]! + 1) inRow = false;
  }
  return { type, packetIds, inRow };
}

function isPlain(bytes: Uint8Array, at: number, first: number, end: number): boolean {
  return at + 4 <= end && bytes[at] === first && bytes[at + 1] === 2 &&
    (bytes[at + 2]! | bytes[at + 3]!) !== 0;
}

function typeOf(first: number): Acknowledgement["type"] | undefined {
  switch (first) {
    case PacketType.puback << 4:
      return "puback";
    case PacketType.pubrec << 4:
      return "pubrec";
    case PacketType.pubrel << 4 | 2:
      return "pubrel";
    case PacketType.pubcomp << 4:
      return "pubcomp";
    default:
      return undefined;
  }
}
