/**
 * Topic Names as strings, by their bytes. Most messages of a broker have one of few topics; for those no
 * string is built and no character checked again. MQTT 5.0 section 4.7.
 *
 * A memory of a pure function and nothing more: what it answers never depends on what it holds.
 */

import { MalformedPacket } from "./malformed_packet.ts";
import { Reason } from "./reason_code.ts";
import { decodeUtf8 } from "./utf8.ts";

/** 1024 slots of at most 64 bytes: with their strings about 200 KiB, in all. */
const SLOTS = 1024;
const LONGEST = 64;

const topics: string[] = new Array<string>(SLOTS).fill("");
const lengths = new Uint8Array(SLOTS);
const keys = new Uint8Array(SLOTS * LONGEST);

/**
 * The Topic Name in `bytes[from..to)`, "" where that is empty. Throws MalformedPacket 0x81 for an ill-formed
 * string and 0x90 for one with wildcard characters [MQTT-3.3.2-2].
 */
export function topicNameAt(bytes: Uint8Array, from: number, to: number): string {
  const length = to - from;
  if (length > LONGEST) return checkedTopic(bytes, from, to);
  let hash = length;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at]!, 0x0100_0193);
  // The upper bits of this hash are the well-mixed ones.
  const index = (hash >>> 15) & (SLOTS - 1);
  if (lengths[index] === length && isKey(index * LONGEST, bytes, from, length)) {
    return topics[index]!;
  }
  const topic = checkedTopic(bytes, from, to);
  for (let at = 0; at < length; at++) keys[index * LONGEST + at] = bytes[from + at]!;
  lengths[index] = length;
  topics[index] = topic;
  return topic;
}

function isKey(keyAt: number, bytes: Uint8Array, from: number, length: number): boolean {
  for (let index = 0; index < length; index++) {
    if (keys[keyAt + index] !== bytes[from + index]) return false;
  }
  return true;
}

function checkedTopic(bytes: Uint8Array, from: number, to: number): string {
  const topic = decodeUtf8(bytes, from, to, "Topic Name");
  refuseWildcards(topic);
  return topic;
}

/** Throws MalformedPacket 0x90 where a Topic Name contains `+` or `#` [MQTT-3.3.2-2]. */
export function refuseWildcards(topic: string): void {
  if (topic.includes("+") || topic.includes("#")) {
    throw new MalformedPacket(
      Reason.topicNameInvalid,
      "Topic Name contains a wildcard character, + and # stand in Topic Filters only [MQTT-3.3.2-2]",
    );
  }
}
