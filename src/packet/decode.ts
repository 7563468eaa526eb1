/**
 * A whole frame to the packet that it is, by packet type. MQTT 5.0 section 2.1.2. The one error that comes
 * out of here is MalformedPacket.
 */

import { decodeAcknowledgement, decodePing } from "./acknowledgement.ts";
import { decodeConnect } from "./connect_reader.ts";
import { decodeControlPacket } from "./control_packet.ts";
import { PacketType } from "./fixed_header.ts";
import type { Packet, ProtocolVersion } from "./packet.ts";
import { decodePublish } from "./publish_frame.ts";
import { malformed } from "./refuse.ts";

/**
 * Reads the one whole control packet in `bytes[from..to)`, as `FrameSplitter` finds them. `version` is that of the connection; a CONNECT
 * names its own. Throws MalformedPacket with the Reason Code to answer with.
 */
export function decode(
  bytes: Uint8Array,
  version: ProtocolVersion,
  from = 0,
  to = bytes.length,
): Packet {
  switch (from === to ? 0 : bytes[from]! >> 4) {
    case PacketType.connect:
      return decodeConnect(bytes, from, to);
    case PacketType.publish:
      return decodePublish(bytes, version, from, to);
    case PacketType.puback:
    case PacketType.pubrec:
    case PacketType.pubrel:
    case PacketType.pubcomp:
      return decodeAcknowledgement(bytes, version, from, to);
    default:
      return decodeRare(bytes.subarray(from, to), version);
  }
}

/** The packets that do not come with every message. */
function decodeRare(frame: Uint8Array, version: ProtocolVersion): Packet {
  switch (frame.length === 0 ? 0 : frame[0]! >> 4) {
    case PacketType.pingreq:
    case PacketType.pingresp:
      return decodePing(frame);
    case 0:
      malformed("packet type 0 is reserved (section 2.1.2)");
      break;
    case PacketType.auth:
      if (version !== 5) malformed(`packet type 15 is reserved in version ${version}`);
      return decodeControlPacket(frame, version);
    default:
      return decodeControlPacket(frame, version);
  }
}
