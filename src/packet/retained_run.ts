/**
 * PUBLISH packets that are to be retained and came one right behind the other, whatever their topics: with QoS 0, RETAIN,
 * a payload and no properties, of ASCII topics that do not begin with `$`. So much is known of all of them then that
 * the broker keeps them straight from these bytes: to make a packet of each, a message of that, a write of that and a
 * persist of that cost three quarters of the time in which a message is retained. MQTT 5.0 section 3.3.1.3.
 *
 * Whatever is odd about one ends the run before it: it is left to `publish_frame.ts`, which says what is wrong with it.
 */

import { variableByteIntegerSize, writeVariableByteInteger } from "./fixed_header.ts";
import type { ProtocolVersion } from "./packet.ts";
import { bodyOf, remainingLength } from "./publish_run.ts";

/** One such packet or more. */
export interface RetainedRun {
  /** All of them, whole: a view on what was read. */
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Bytes of their payloads. */
  readonly payload: number;
  /** Bytes of their topics. */
  readonly topics: number;
  /** The most bytes that one of the topics has. */
  readonly longest: number;
  /** The most levels that one of them has. */
  readonly levels: number;
}

/** PUBLISH, QoS 0, RETAIN, no DUP. */
export const RETAINED = 0x31;
/** The most in one run: they are one write to the store. */
const MOST = 256;
const MOST_BYTES = 1 << 16;
/** The most of one packet: a larger one costs enough by its bytes. */
const LARGEST = 1 << 14;

const SLASH = 0x2f;
const DOLLAR = 0x24;
/** Of each byte, what it is in a topic: nothing special, the end of a level, or not in a topic of a run. */
const KINDS = new Uint8Array(256).fill(2, 0x80);
const ORDINARY = 0;
const LEVEL_END = 1;
for (const odd of ["\0", "+", "#"]) KINDS[odd.charCodeAt(0)] = 2;
KINDS[SLASH] = LEVEL_END;

/**
 * The run that begins at `from`; undefined where no packet of a run stands there.
 *
 * @param to where the first packet ends
 * @param end of the bytes that may be looked at
 * @param most bytes of a packet
 */
export function retainedRun(
  bytes: Uint8Array,
  from: number,
  _to: number,
  end: number,
  version: ProtocolVersion,
  most: number,
): RetainedRun | undefined {
  const limit = Math.min(end, from + MOST_BYTES);
  const largest = Math.min(most, LARGEST);
  let at = from;
  let count = 0;
  let payload = 0;
  let topics = 0;
  let longest = 0;
  let mostLevels = 0;
  for (; count < MOST && at + 4 < limit && bytes[at] === RETAINED; count++) {
    const topicAt = topicAtOf(bytes, at);
    const next = endOf(bytes, at);
    if (next > limit || next - at > largest) break;
    const topicTo = topicEndOf(bytes, at);
    const payloadAt = payloadAtOf(bytes, at, version);
    const size = topicTo - topicAt;
    if (size === 0 || payloadAt >= next) break; // an empty payload retains nothing
    if (version === 5 && bytes[payloadAt - 1] !== 0) break; // it has properties
    const levels = levelsOf(bytes, topicAt, topicTo);
    if (levels === 0) break;
    payload += next - payloadAt;
    topics += size;
    if (size > longest) longest = size;
    if (levels > mostLevels) mostLevels = levels;
    at = next;
  }
  if (count === 0) return undefined;
  return { bytes: bytes.subarray(from, at), count, payload, topics, longest, levels: mostLevels };
}

/** Where the topic begins of the packet at `at`, behind the two bytes of its length. */
export function topicAtOf(bytes: Uint8Array, at: number): number {
  return bodyOf(bytes, at) + 2;
}

/** Where its topic ends. */
export function topicEndOf(bytes: Uint8Array, at: number): number {
  const topicAt = topicAtOf(bytes, at);
  return topicAt + ((bytes[topicAt - 2]! << 8) | bytes[topicAt - 1]!);
}

/** Where its payload begins: with 5.0 behind the length of properties that it has not. */
export function payloadAtOf(bytes: Uint8Array, at: number, version: ProtocolVersion): number {
  return topicEndOf(bytes, at) + (version === 5 ? 1 : 0);
}

/** Where the packet at `at` ends. */
export function endOf(bytes: Uint8Array, at: number): number {
  return bodyOf(bytes, at) + remainingLength(bytes, at);
}

/** Bytes of the PUBLISH that `writeRetained` writes, for so many bytes of topic and payload together. */
export function retainedSize(content: number, version: ProtocolVersion): number {
  const length = 2 + content + (version === 5 ? 1 : 0);
  return 1 + variableByteIntegerSize(length) + length;
}

/**
 * Writes the PUBLISH with QoS 0, RETAIN and no properties whose topic is `from[topicAt..payloadAt)` and whose payload is
 * `from[payloadAt..end)`.
 */
export function writeRetained(
  into: Uint8Array,
  at: number,
  from: Uint8Array,
  topicAt: number,
  payloadAt: number,
  end: number,
  version: ProtocolVersion,
): void {
  const topicSize = payloadAt - topicAt;
  into[at] = RETAINED;
  let to = writeVariableByteInteger(into, at + 1, 2 + end - topicAt + (version === 5 ? 1 : 0));
  into[to++] = topicSize >>> 8;
  into[to++] = topicSize & 0xff;
  for (let next = topicAt; next < payloadAt; next++) into[to++] = from[next]!;
  if (version === 5) into[to++] = 0;
  for (let next = payloadAt; next < end; next++) into[to++] = from[next]!;
}

/** How many levels a topic of a run has; 0: it is none. */
function levelsOf(bytes: Uint8Array, from: number, to: number): number {
  if (bytes[from] === DOLLAR) return 0;
  let levels = 1;
  for (let at = from; at < to; at++) {
    const kind = KINDS[bytes[at]!]!;
    if (kind === ORDINARY) continue;
    if (kind !== LEVEL_END) return 0;
    levels += 1;
  }
  return levels;
}
