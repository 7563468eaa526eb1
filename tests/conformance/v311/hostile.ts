/** Rows for MQTT 3.1.1 section 4.8: what breaks the protocol ends its connection, and nobody else's. */

import { acknowledgement, publishPacket } from "../../broker/packets.ts";
import { frame, s } from "../../packet/bytes_of.ts";
import { Reason } from "../../../src/packet/reason_code.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import type { Bytes } from "./shorthand.ts";
import { closes } from "./shorthand.ts";

/** Many filters in one packet, each of which is granted nothing beyond the limit of a packet. */
function manyFilters(first: number, count: number, last: string): Uint8Array {
  const body = new Uint8Array(2 + count * (last === "" ? 3 : 4));
  body[1] = 1;
  for (let index = 0, at = 2; index < count; index++) {
    body.set([0, 1, 0x61], at);
    at += last === "" ? 3 : 4;
  }
  const size = body.length;
  const length = [(size & 0x7f) | 0x80, ((size >> 7) & 0x7f) | 0x80, size >> 14];
  return Uint8Array.from([first, ...length, ...body]);
}

const FROM_A_SERVER: readonly (readonly [string, Bytes])[] = [
  ["packet type 0", "00 00"],
  ["packet type 15", "f0 00"],
  ["CONNACK", "20 02 00 00"],
  ["SUBACK", "90 03 00 01 00"],
  ["UNSUBACK", "b0 02 00 01"],
  ["PINGRESP", "d0 00"],
];

export const hostile311: readonly Row[] = [
  ...FROM_A_SERVER.map(([name, bytes]) =>
    closes("MQTT-4.8.0-1", `${name} from a client closes the connection`, [bytes], ["c0 00"])
  ),
  closes(
    "MQTT-4.8.0-1",
    "a Remaining Length of five bytes, or of more than it needs, closes the connection",
    ["30 ff ff ff ff", "30 80 80 80 80 01", "c0 80 00", "c0 80 80 00", "30 84 00 00 01 74 78"],
    ["30 04 00 01 74 78", "30 80", "30 ff ff"],
  ),
  closes(
    "MQTT-4.8.0-1",
    "a PUBLISH that ends before its Packet Identifier closes the connection",
    [frame(0x32, s("t")), frame(0x34, s("t"), "01")],
    [frame(0x32, s("t"), "00 01")],
  ),
  holds(
    "3.1.1",
    "MQTT-4.8.0-1",
    "a packet too large is refused by its fixed header alone",
    async (at) => {
      at.configure({ limits: { maximumPacketSize: 1000 } });
      const fits = await at.client("fits");
      await fits.sends(frame(0x32, s("t"), "00 01", "78".repeat(992))); // 1,000 bytes in all
      fits.gets("40 02 00 01");
      for (const header of ["30 e6 07", "30 ff ff ff 7f", "82 80 80 01"]) { // 1,001 bytes and more
        const large = await at.client("large");
        await large.sends(header);
        large.isClosed();
      }
      const connect = await at.open();
      await connect.sends("10 ff ff ff 7f");
      connect.isClosed();
      fits.isOpen();
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.8.0-1",
    "a violation ends the connection on which it came, and no other",
    async (at) => {
      const bystander = await at.client("bystander");
      await bystander.subscribes(["t", 1]);
      const pump = await at.client("pump");
      // What came before it counts, what comes behind it does not.
      await pump.sends(
        publishPacket("t", "before", { packetId: 1 }),
        "30 02 00 09",
        publishPacket("t", "behind", { packetId: 2 }),
      );
      pump.gets("40 02 00 01");
      pump.isClosed();
      bystander.gets({ type: "publish", payload: "before" });
      bystander.getsNothing();
      await bystander.sends("c0 00");
      bystander.gets("d0 00");
      const again = await at.client("pump");
      again.isOpen();
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.8.0-1",
    "a SUBSCRIBE with 100,000 filters is answered and starves nobody",
    async (at) => {
      const pump = await at.client("pump");
      const bystander = await at.client("bystander");
      await pump.sends(manyFilters(0x82, 100_000, "00"));
      const suback = pump.gets({ type: "suback", packetId: 1 });
      at.expects(suback.reasonCodes.length === 100_000, `${suback.reasonCodes.length} codes`);
      at.expects(suback.reasonCodes.every((code) => code === 0x80), "one was granted");
      pump.isOpen();
      await bystander.sends("c0 00");
      bystander.gets("d0 00");
      await pump.publishes("a", "x");
      pump.getsNothing();
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.8.0-1",
    "an UNSUBSCRIBE with 100,000 filters ends the connection",
    async (at) => {
      const pump = await at.client("pump");
      await pump.sends(manyFilters(0xa2, 100_000, ""));
      pump.isClosed();
    },
  ),
  holds("3.1.1", "MQTT-4.8.0-1", "acknowledgements for nothing harm nothing", async (at) => {
    const pump = await at.client("pump");
    await pump.sends(
      acknowledgement("puback", 9),
      acknowledgement("pubcomp", 9),
      acknowledgement("pubrel", 9),
      acknowledgement("pubrec", 9),
    );
    pump.gets({ type: "pubcomp", packetId: 9 });
    pump.gets({ type: "pubrel", packetId: 9 });
    pump.getsNothing();
  }),
  holds(
    "3.1.1",
    "MQTT-4.8.0-2",
    "when CONNECT cannot be judged for now its connection is closed",
    async (at) => {
      at.configure({
        authenticator: {
          verify: ({ username }) =>
            username === undefined
              ? { type: "accepted", identity: { user: undefined, roles: [] } }
              : Promise.reject(new Error("the directory does not answer")),
        },
      });
      const bystander = await at.client("bystander");
      const [pump, connack] = await at.asks("pump", { username: "ada" });
      const code = connack?.type === "connack" ? connack.reasonCode : undefined;
      at.expects(code === 3 || code === Reason.serverUnavailable, `the answer is ${code}`);
      pump.isClosed();
      bystander.isOpen();
    },
  ),
];
