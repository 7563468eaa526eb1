/**
 * How many bytes of a PUBLISH that the broker wrote are its payload. MQTT 5.0 section 3.3. Only for good bytes:
 * nothing is checked.
 */

import type { ProtocolVersion } from "./packet.ts";

/** The length of the payload of the whole PUBLISH `bytes`, written for that version. */
export function payloadSize(bytes: Uint8Array, version: ProtocolVersion): number {
  let at = 1;
  while (bytes[at++]! > 127);
  at += 2 + (bytes[at]! << 8 | bytes[at + 1]!);
  if ((bytes[0]! & 0x06) !== 0) at += 2; // the Packet Identifier of QoS 1 and 2
  if (version === 5) {
    let properties = 0, shift = 0;
    do {
      properties |= (bytes[at]! & 127) << shift;
      shift += 7;
    } while (bytes[at++]! > 127);
    at += properties;
  }
  return bytes.length - at;
}
