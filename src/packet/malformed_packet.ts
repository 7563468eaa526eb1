/**
 * The one error that the codec throws. Caught once, where a link is served, and turned into the
 * `malformed` event. MQTT 5.0 sections 1.2 "Malformed Packet" and 4.13.
 */

import type { ProtocolVersion } from "./packet.ts";
import type { ReasonCode } from "./reason_code.ts";

/** Bytes that are no packet of MQTT, with the Reason Code to answer them with. */
export class MalformedPacket extends Error {
  override readonly name = "MalformedPacket";

  /**
   * @param reasonCode what a 5.0 client is told
   * @param message what was found and what the standard asks for, for the log and the Reason String
   * @param version the version that the packet itself names, where a CONNECT got far enough to name it
   */
  constructor(
    readonly reasonCode: ReasonCode,
    message: string,
    readonly version?: ProtocolVersion,
  ) {
    super(message);
  }
}
