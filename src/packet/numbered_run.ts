/**
 * PUBLISH packets with QoS 1 or 2 that are alike and came one right behind the other: without DUP, RETAIN and
 * properties, of one topic. Like `publish_run.ts`, but each has its Packet Identifier. MQTT 5.0 section 3.3.
 */

import { bodyAt } from "./fixed_header.ts";
import { copied } from "./frame_memory.ts";
import type { PacketId, ProtocolVersion } from "./packet.ts";

/** Such packets, whatever their Packet Identifiers, which are good ones. */
export interface NumberedFrames {
  /** All of them, whole: a view on what was read, until `keptRun` has copied it. */
  readonly bytes: Uint8Array;
  /** Where each Packet Identifier stands in `bytes`. */
  readonly packetIdsAt: readonly number[];
  /** Bytes of the payloads. */
  readonly payload: number;
}

/** At least two of them. */
export interface NumberedRun extends NumberedFrames {
  readonly packetIds: readonly PacketId[];
}

/** PUBLISH with QoS 1 or 2 and no flags. */
const PLAIN_1 = 0x32;
const PLAIN_2 = 0x34;
/** The most in one run: one that is not acknowledged keeps the bytes of all in memory. */
const MOST = 64;
const MOST_BYTES = 4096;

/**
 * The run that begins with the whole PUBLISH `bytes[from..to)`, which has been read and is in good form; undefined
 * where the next is not like it.
 *
 * @param end of the bytes that may be looked at
 */
export function numberedRun(
  bytes: Uint8Array,
  from: number,
  to: number,
  end: number,
  version: ProtocolVersion,
  most: number,
): NumberedRun | undefined {
  const plain = bytes[from];
  if ((plain !== PLAIN_1 && plain !== PLAIN_2) || to >= end || bytes[to] !== plain) {
    return undefined;
  }
  const header = bodyAt(bytes, from, to) - from;
  if (header > 2 || to - from > most) return undefined; // above 127 bytes they are better taken one by one
  const topicSize = 2 + ((bytes[from + 2]! << 8) | bytes[from + 3]!);
  const payloadAt = 2 + topicSize + 2 + (version === 5 ? 1 : 0);
  if (version === 5 && bytes[from + payloadAt - 1] !== 0) return undefined; // it has properties
  const limit = Math.min(end, from + MOST_BYTES);
  let count = 1;
  let until = to;
  while (count < MOST) {
    const next = like(bytes, from, until, limit, topicSize, payloadAt, version);
    if (next === 0 || next - until > most) break;
    count += 1;
    until = next;
  }
  return count === 1 ? undefined : runOf(bytes, from, until, count, topicSize, payloadAt);
}

/** Where the packet at `at` ends if it is like the one at `from`; 0 where it is not. */
function like(
  bytes: Uint8Array,
  from: number,
  at: number,
  limit: number,
  topicSize: number,
  payloadAt: number,
  version: ProtocolVersion,
): number {
  if (at + payloadAt > limit || bytes[at] !== bytes[from]) return 0;
  const length = bytes[at + 1]!;
  const next = at + 2 + length;
  if (length > 0x7f || next > limit || at + payloadAt > next) return 0;
  for (let i = 2; i < 2 + topicSize; i++) if (bytes[at + i] !== bytes[from + i]) return 0;
  const idAt = at + 2 + topicSize;
  if ((bytes[idAt]! | bytes[idAt + 1]!) === 0) return 0;
  return version === 5 && bytes[idAt + 2] !== 0 ? 0 : next;
}

function runOf(
  read: Uint8Array,
  from: number,
  to: number,
  count: number,
  topicSize: number,
  payloadAt: number,
): NumberedRun {
  const packetIds = new Array<PacketId>(count);
  const packetIdsAt = new Array<number>(count);
  let payload = 0;
  for (let i = 0, at = from; i < count; i++) {
    const next = at + 2 + read[at + 1]!;
    const idAt = at + 2 + topicSize;
    packetIds[i] = (read[idAt]! << 8) | read[idAt + 1]!;
    packetIdsAt[i] = idAt - from;
    payload += next - at - payloadAt;
    at = next;
  }
  return { bytes: read.subarray(from, to), packetIdsAt, payload, packetIds };
}

/** The same run with bytes that may be kept. */
export function keptRun(run: NumberedRun): NumberedRun {
  const { bytes, packetIdsAt, payload, packetIds } = run;
  return { bytes: copied(bytes), packetIdsAt, payload, packetIds };
}

/** `count` of its packets from that one on, as a run that may be of one packet: a view on its bytes. */
export function partOfNumbered(run: NumberedRun, index: number, count: number): NumberedRun {
  const { bytes, packetIdsAt, payload } = partOfFrames(run, index, count);
  return { bytes, packetIdsAt, payload, packetIds: run.packetIds.slice(index, index + count) };
}

/** The same of packets whose Packet Identifiers do not matter. */
export function partOfFrames(run: NumberedFrames, index: number, count: number): NumberedFrames {
  const from = startOf(run, index);
  const packetIdsAt = run.packetIdsAt.slice(index, index + count);
  if (from > 0) { for (let i = 0; i < count; i++) packetIdsAt[i]! -= from; }
  return {
    bytes: run.bytes.subarray(from, startOf(run, index + count)),
    packetIdsAt,
    payload: payloadsOf(run, index, count),
  };
}

/** Bytes of the payloads of `count` packets from that one on. */
export function payloadsOf(run: NumberedFrames, index: number, count: number): number {
  const besides = (run.bytes.length - run.payload) / run.packetIdsAt.length; // of all packets the same
  return startOf(run, index + count) - startOf(run, index) - count * besides;
}

/** The payload of one of its packets, a view on its bytes. */
export function payloadOf(
  run: NumberedFrames,
  index: number,
  version: ProtocolVersion,
): Uint8Array {
  const from = run.packetIdsAt[index]! + (version === 5 ? 3 : 2);
  return run.bytes.subarray(from, startOf(run, index + 1));
}

/** Where one of its packets begins, which is as far before its Packet Identifier as in the first; or the end of all. */
function startOf({ bytes, packetIdsAt }: NumberedFrames, index: number): number {
  return index < packetIdsAt.length ? packetIdsAt[index]! - packetIdsAt[0]! : bytes.length;
}
