/**
 * PUBLISH packets that are alike and came one right behind the other: with QoS 0, without RETAIN and
 * properties, of one topic. What is decided for the first of them holds for all, and where a receiver gets
 * the same bytes they are copied at once: a device that sends in bursts costs a twentieth of what its messages
 * would one by one. One alone is a run too: its bytes go on as they came, where a message made of it and written anew
 * costs a third more. MQTT 5.0 section 3.3.
 *
 * Reads no more of a packet than tells that it is alike: whatever is odd about one ends the run before it.
 */

import { bodyAt, frameLength } from "./fixed_header.ts";
import type { ProtocolVersion, Publish } from "./packet.ts";
import { decodePublish } from "./publish_frame.ts";

/** One such packet or more. */
export interface PublishRun {
  /** All of them, whole. */
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Bytes of their payloads. */
  readonly payload: number;
  /** Bytes of each that stand between its fixed header and its payload. */
  readonly header: number;
}

/** PUBLISH, QoS 0, no RETAIN, no DUP. */
const PLAIN = 0x30;

/**
 * The run that begins with the whole PUBLISH `bytes[from..to)`; undefined where that is not plain.
 *
 * @param end of the bytes that may be looked at
 * @param most bytes of a packet
 */
export function publishRun(
  bytes: Uint8Array,
  from: number,
  to: number,
  end: number,
  version: ProtocolVersion,
  most: number,
): PublishRun | undefined {
  if (bytes[from] !== PLAIN) return undefined;
  const topicAt = bodyAt(bytes, from, to);
  const alike = 2 + ((bytes[topicAt]! << 8) | bytes[topicAt + 1]!) + (version === 5 ? 1 : 0);
  // With 5.0 the byte behind the topic is the length of the properties: 0, or it is no run.
  if (topicAt + alike > to || (version === 5 && bytes[topicAt + alike - 1] !== 0)) return undefined;
  let count = 1;
  let payload = to - topicAt - alike;
  let at = to;
  while (at + 2 < end && bytes[at] === PLAIN) {
    const body = bodyOf(bytes, at);
    const next = body + remainingLength(bytes, at);
    if (next > end || body + alike > next || next - at > most) break;
    let same = 0;
    while (same < alike && bytes[body + same] === bytes[topicAt + same]) same++;
    if (same < alike) break;
    count += 1;
    payload += next - body - alike;
    at = next;
  }
  return { bytes: bytes.subarray(from, at), count, payload, header: alike };
}

/** So many packets of the run, from the one on that begins at that byte, as a run of their own. */
export function partOf({ bytes, header }: PublishRun, from: number, count: number): PublishRun {
  let payload = 0;
  let at = from;
  for (let i = 0; i < count; i++) {
    const to = at + frameLength(bytes, at, bytes.length);
    payload += to - bodyAt(bytes, at, to) - header;
    at = to;
  }
  return { bytes: bytes.subarray(from, at), count, payload, header };
}

/** The packets of a run. */
export function* publishesOf(
  run: Pick<PublishRun, "bytes">,
  version: ProtocolVersion,
): Generator<Publish> {
  const { bytes } = run;
  for (let at = 0; at < bytes.length;) {
    const to = at + frameLength(bytes, at, bytes.length);
    yield decodePublish(bytes, version, at, to);
    at = to;
  }
}

/** Where the variable header begins; a Remaining Length above 2,097,151 is not looked at. */
export function bodyOf(bytes: Uint8Array, at: number): number {
  return bytes[at + 1]! < 0x80 ? at + 2 : bytes[at + 2]! < 0x80 ? at + 3 : at + 4;
}

/** The Remaining Length; Infinity where it is not one of one to three bytes in good form. */
export function remainingLength(bytes: Uint8Array, at: number): number {
  const low = bytes[at + 1]!;
  if (low < 0x80) return low;
  const high = bytes[at + 2]!;
  if (high < 0x80) return high === 0 ? Infinity : (low & 0x7f) | (high << 7);
  const highest = bytes[at + 3]!;
  if (highest === 0 || highest >= 0x80) return Infinity;
  return (low & 0x7f) | ((high & 0x7f) << 7) | (highest << 14);
}
