/** Who sends DISCONNECT when, for the rows about it. MQTT 5.0 section 3.14. */

import type { Packet } from "../../../src/packet/packet.ts";
import { willOf } from "../../broker/packets.ts";
import { frame, hex, p, s } from "../../packet/bytes_of.ts";
import type { Bench, ClientOptions } from "../bench.ts";
import type { Peer } from "../peer.ts";

/** Table 3-13: what either side may say, and what is in no row of it. */
export const TABLE = [
  ...hex("00 04 80 81 82 83 87 89 8b 8d 8e 8f 90 93 94 95 96 97 98 99 9a 9b 9c 9d 9e 9f a0 a1 a2"),
];
export const NOT_IN_TABLE = [...hex("01 02 03 10 18 7f 84 85 86 88 8a 8c ff")];

/** CONNECT of a client that has a Will, and somebody who waits for it. */
export async function withWill(
  at: Bench,
  options: ClientOptions = {},
): Promise<{ readonly dying: Peer; readonly heir: Peer }> {
  const heir = await at.client("heir");
  await heir.subscribes("will");
  const dying = await at.client("dying", { will: willOf("will", "last words"), ...options });
  return { dying, heir };
}

/** A CONNECT of MQTT with that level and client id `x`. */
export function connectOf(level: string): Uint8Array {
  return frame(0x10, s("MQTT"), level, "02 0000", level === "05" ? p() : "", s("x"));
}

/** What makes the broker send DISCONNECT to a client that has been let in, by Reason Code. */
export const OF_BROKER:
  readonly (readonly [code: number, of: string, send: Packet | Uint8Array | string])[] = [
    [0x81, "a reserved flag", "e1 00"],
    [0x81, "packet type 0", "00 00"],
    [0x82, "a second CONNECT", connectOf("05")],
    [0x82, "a second CONNECT of 3.1.1", connectOf("04")],
    [0x82, "a second CONNECT of no known version", connectOf("09")],
    [0x82, "a CONNACK", "20 03 00 00 00"],
    [0x82, "an AUTH", "f0 00"],
    [0x90, "a wildcard in a Topic Name", frame(0x30, s("a/+"), "00")],
    [0x94, "Topic Alias 33", frame(0x30, s("a"), p("23 0021"))],
    [0x95, "a packet too large", "30 ff ff ff 7f"],
  ];
