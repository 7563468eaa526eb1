/** A packet to the bytes that are sent for it, by packet type. MQTT 5.0 section 2. */

import { encodeAcknowledgement, encodePing } from "./acknowledgement.ts";
import { encodeConnect } from "./connect_frame.ts";
import { encodeControlPacket } from "./control_packet.ts";
import type { Packet, ProtocolVersion } from "./packet.ts";
import { encodePublish } from "./publish_frame.ts";

/**
 * Writes one control packet for a connection of this version; a CONNECT is written in its own version. What a
 * version lacks is left out, except AUTH, which 3.x cannot say. The bytes are for sending, not for keeping
 * and not for writing to: they may be shared. Throws a RangeError, or mqtt-packet's error, for what no packet
 * can carry.
 */
export function encode(packet: Packet, version: ProtocolVersion): Uint8Array {
  switch (packet.type) {
    case "connect":
      return encodeConnect(packet);
    case "publish":
      return encodePublish(packet, version).bytes;
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      return encodeAcknowledgement(packet, version);
    case "pingreq":
    case "pingresp":
      return encodePing(packet);
    default:
      return encodeControlPacket(packet, version);
  }
}
