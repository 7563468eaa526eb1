/** What the rows of MQTT 3.1.1 share: a CONNECT of that version, and rows about bytes that end a connection. */

import type { Connect } from "../../../src/packet/packet.ts";
import { connectPacket } from "../../broker/packets.ts";
import { hex } from "../../packet/bytes_of.ts";
import type { Held } from "../harness.ts";
import { holds } from "../harness.ts";

/** Bytes, or the same in hexadecimal. */
export type Bytes = Uint8Array | string;

/** A CONNECT of 3.1.1 with Clean Session 1 and no Keep Alive, unless told otherwise. */
export function connect(clientId: string, rest: Partial<Connect> = {}): Connect {
  return connectPacket(clientId, { ...rest, protocolVersion: 4 });
}

/** UTF-8 that is none: what a string of the protocol must not be [MQTT-1.5.3-1]. */
export const ILL_FORMED: readonly (readonly [what: string, bytes: string])[] = [
  ["the surrogate U+D800", "61 ed a0 80"],
  ["the surrogate U+DFFF", "61 ed bf bf"],
  ["a pair of surrogates", "ed a0 80 ed b0 80"],
  ["an overlong U+002F", "61 c0 af"],
  ["an overlong U+07FF", "e0 9f bf"],
  ["a code point above U+10FFFF", "f4 90 80 80"],
  ["a character that is cut off", "61 e2 82"],
  ["a continuation byte alone", "80"],
  ["the byte 0xff", "61 ff"],
];

/** A string of the protocol from the bytes that it has, as hexadecimal. */
export function raw(bytes: string): string {
  const size = hex(bytes).length;
  return `${(size >> 8).toString(16).padStart(2, "0")} ${
    (size & 0xff).toString(16).padStart(2, "0")
  } ${bytes} `;
}

/**
 * A row: a client that has been let in sends each of these bytes on a connection of its own, and each
 * time the connection is closed with no packet before. The last ones are well-formed and leave it open.
 */
export function closes(
  ids: string | readonly string[],
  what: string,
  bad: readonly Bytes[],
  good: readonly Bytes[],
): Held {
  return holds("3.1.1", ids, what, async (at) => {
    for (const bytes of bad) {
      const client = await at.client("pump");
      await client.sends(bytes);
      client.isClosed();
    }
    for (const bytes of good) {
      const client = await at.client("pump");
      await client.sends(bytes);
      client.isOpen();
    }
  });
}

/** The same for the first bytes of a connection: no CONNACK comes for the bad, CONNACK 0 for the good. */
export function closesAtOnce(
  ids: string | readonly string[],
  what: string,
  bad: readonly Bytes[],
  good: readonly Bytes[],
): Held {
  return holds("3.1.1", ids, what, async (at) => {
    for (const bytes of bad) {
      const link = await at.open();
      await link.sends(bytes);
      link.isClosed();
    }
    for (const bytes of good) {
      const link = await at.open();
      await link.sends(bytes);
      link.gets("20 02 00 00");
      link.isOpen();
    }
  });
}
