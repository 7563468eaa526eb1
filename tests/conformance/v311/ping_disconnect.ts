/** Rows for MQTT 3.1.1 sections 3.12 to 3.14: PINGREQ and DISCONNECT (its Will is in will.ts). */

import { publishPacket } from "../../broker/packets.ts";
import type { Row } from "../harness.ts";
import { excuse, holds } from "../harness.ts";
import { otherFlags } from "./fixed_header.ts";
import { closes } from "./shorthand.ts";

export const pingDisconnect311: readonly Row[] = [
  holds("3.1.1", "MQTT-3.12.4-1", "every PINGREQ is answered with PINGRESP", async (at) => {
    const pump = await at.client("pump");
    await pump.sends("c0 00");
    pump.gets("d0 00");
    pump.getsNothing();
    await pump.sends("c0 00 c0 00 c0 00");
    for (let i = 0; i < 3; i++) pump.gets("d0 00");
    pump.getsNothing();
  }),
  holds(
    "3.1.1",
    "MQTT-3.12.4-1",
    "a flood of PINGREQ is answered as far as it is read",
    async (at) => {
      const pump = await at.client("pump");
      const other = await at.client("other");
      await pump.stalls(true);
      const flood = new Uint8Array(100_000).map((_, byte) => byte % 2 === 0 ? 0xc0 : 0);
      await pump.sends(flood);
      await other.sends("c0 00");
      other.gets("d0 00");
      await pump.stalls(false);
      await at.passes(1000);
      at.expects(pump.waiting > 0, "none was answered");
      for (let bytes = pump.takesBytes(); bytes !== undefined; bytes = pump.takesBytes()) {
        at.expects(bytes.length === 2 && bytes[0] === 0xd0, "another packet than PINGRESP");
      }
    },
  ),
  closes("MQTT-3.12.4-1", "a PINGREQ with a body closes the connection", ["c0 01 00"], ["c0 00"]),
  closes(
    "MQTT-3.14.1-1",
    "DISCONNECT with flags or a body closes the connection as a malformed packet does",
    [...otherFlags(0xe0).map((first) => Uint8Array.of(first, 0)), "e0 01 00", "e0 02 00 00"],
    ["c0 00"],
  ),
  holds(
    "3.1.1",
    "MQTT-3.14.1-1",
    "after a DISCONNECT with a reserved bit the Will is published",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("gone");
      const will = {
        topic: "gone",
        payload: new Uint8Array(0),
        qos: 0,
        retain: false,
        willDelayInterval: 0,
        properties: undefined,
      } as const;
      const right = await at.client("pump", { will });
      await right.sends("e0 00");
      right.isClosed();
      panel.getsNothing();
      const wrong = await at.client("pump", { will });
      await wrong.sends("e1 00");
      wrong.isClosed();
      panel.gets({ type: "publish", topic: "gone" });
    },
  ),
  excuse(
    "3.1.1",
    "MQTT-3.14.4-1",
    "binds the client; the server closes the connection itself (MQTT-3.14.4-2)",
  ),
  holds(
    "3.1.1",
    "MQTT-3.14.4-2",
    "what a client sends behind DISCONNECT is not processed",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("t");
      const pump = await at.client("pump");
      await pump.sends("e0 00", publishPacket("t", "x"), "c0 00");
      pump.isClosed();
      panel.getsNothing();
    },
  ),
];
