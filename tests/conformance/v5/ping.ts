/** PINGREQ and PINGRESP of MQTT 5.0, sections 3.12 and 3.13. */

import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { refuses } from "./answers.ts";

export const ping5: readonly Row[] = [
  holds("5.0", "MQTT-3.12.4-1", "every PINGREQ is answered with a PINGRESP", async (at) => {
    const pump = await at.client("pump");
    pump.getsNothing();
    for (let i = 0; i < 3; i++) {
      await pump.sends("c0 00");
      pump.gets("d0 00");
      pump.getsNothing();
    }
    await pump.sends("c0", "00 c0 00", "c000c000");
    for (let i = 0; i < 4; i++) pump.gets("d0 00");
    pump.getsNothing();
    await pump.sends(new Uint8Array(2000).map((_, index) => index % 2 === 0 ? 0xc0 : 0));
    const came = pump.takes();
    at.expects(came.length === 1000, `${came.length} packets answer 1000 PINGREQ`);
    at.expects(came.every(({ type }) => type === "pingresp"), "each of them is a PINGRESP");
  }),
  holds(
    "5.0",
    "MQTT-3.12.4-1",
    "a PINGRESP comes while all else waits for the client",
    async (at) => {
      const panel = await at.client("panel", { keepAlive: 10, properties: { receiveMaximum: 1 } });
      await panel.subscribes(["t", 1]);
      for (const packetId of [1, 2]) await panel.publishes("t", "x", { packetId });
      panel.gets({ type: "puback", packetId: 1 });
      panel.gets({ type: "publish", packetId: 1 });
      panel.gets({ type: "puback", packetId: 2 });
      for (let i = 0; i < 5; i++) { // far beyond what its Keep Alive allows without them
        await at.passes(14_000);
        await panel.sends("c0 00");
        panel.gets("d0 00");
      }
      panel.getsNothing();
    },
  ),
  holds("5.0", "MQTT-3.12.4-1", "what only looks like a PINGREQ is not answered", async (at) => {
    for (let flags = 1; flags < 16; flags++) {
      await refuses(at, Uint8Array.of(0xc0 | flags, 0), 0x81);
    }
    await refuses(at, "c0 01 00", 0x81);
    await refuses(at, "c0 02 0001", 0x81);
    await refuses(at, "c0 80 00", 0x81);
    await refuses(at, "d0 00", 0x82); // a PINGRESP comes from a server only
    const nobody = await at.open();
    await nobody.sends("c0 00");
    nobody.isClosed();
  }),
];
