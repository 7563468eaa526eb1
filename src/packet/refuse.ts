/**
 * The two ways in which bytes are refused most often, as functions that do not return.
 * MQTT 5.0 section 4.13. Other Reason Codes are thrown as a MalformedPacket where they arise.
 */

import { MalformedPacket } from "./malformed_packet.ts";
import { Reason } from "./reason_code.ts";

/** Throws a MalformedPacket with Reason Code 0x81: the bytes cannot be read as the standard lays them out. */
export function malformed(message: string): never {
  throw new MalformedPacket(Reason.malformedPacket, message);
}

/** Throws a MalformedPacket with Reason Code 0x82: the bytes can be read, and say what must not be said. */
export function protocolError(message: string): never {
  throw new MalformedPacket(Reason.protocolError, message);
}
