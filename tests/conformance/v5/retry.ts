/** Message delivery retry of MQTT 5.0, section 4.4. */

import { unsubscribePacket } from "../../broker/packets.ts";
import { frame } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { id, isRefused, serves } from "./answers.ts";
import { KEEPS } from "./drinks.ts";

export const retry5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-4.4.0-1",
    "what is unacknowledged is sent again on reconnecting",
    async (at) => {
      const pump = await at.client("pump");
      let panel = await at.client("panel", KEEPS);
      await panel.subscribes(["t", 2]);
      for (const [packetId, qos] of [[1, 2], [2, 1], [3, 2], [4, 1], [5, 2]] as const) {
        await pump.publishes("t", `m${packetId}`, { packetId, qos });
        panel.gets({ type: "publish", packetId, qos, dup: false });
      }
      await panel.sends("50 02 0003", "50 02 0001", "40 02 0002");
      panel.gets("62 02 0003");
      panel.gets("62 02 0001");
      for (const end of ["drops", "closes", "restarts", "taken over"] as const) {
        if (end === "drops" || end === "closes") await panel[end]();
        if (end === "restarts") await at.restarts();
        const again = await at.client("panel", KEEPS);
        if (end === "taken over") isRefused(panel, 0x8e);
        panel = again;
        panel.getsInAnyOrder(
          { type: "publish", packetId: 4, qos: 1, dup: true, payload: "m4" },
          { type: "publish", packetId: 5, qos: 2, dup: true, payload: "m5" },
          { type: "pubrel", packetId: 3 },
          { type: "pubrel", packetId: 1 },
        );
        panel.getsNothing();
      }
      await panel.sends("40 02 0004", "50 02 0005", "70 02 0001", "70 02 0003");
      panel.gets("62 02 0005");
      await panel.sends("70 02 0005");
      await panel.drops();
      await serves(await at.client("panel", KEEPS));
    },
  ),
  holds("5.0", "MQTT-4.4.0-1", "and never at any other time", async (at) => {
    at.configure({ limits: { retryInterval: 5 } }); // which is for 3.x only
    const pump = await at.client("pump");
    const panel = await at.client("panel", KEEPS);
    await panel.subscribes(["t", 2]);
    for (const [packetId, qos] of [[1, 1], [2, 2], [3, 2]] as const) {
      await pump.publishes("t", "x", { packetId, qos });
      panel.gets({ type: "publish", packetId });
    }
    await panel.sends("50 02 0003");
    panel.gets("62 02 0003");
    await panel.publishes("other", "x", { packetId: 9, qos: 2 });
    panel.gets({ type: "pubrec", packetId: 9 });
    for (const milliseconds of [1, 5_000, 20_000, 3_600_000, 90 * 86_400_000]) {
      await at.passes(milliseconds);
      panel.getsNothing();
    }
    await panel.subscribes(["t", 2], ["u", 1]);
    await panel.sends(unsubscribePacket(1, "t"));
    panel.gets({ type: "unsuback" });
    await serves(panel);
    await pump.publishes("u", "new", { packetId: 7 });
    panel.gets({ type: "publish", payload: "new", dup: false });
    await panel.sends(frame(0x40, id(4)));
    panel.getsNothing();
    // A new session has nothing to send again.
    const anew = await at.client("panel", { ...KEEPS, cleanStart: true });
    await serves(anew);
  }),
  holds(
    "5.0",
    "MQTT-4.4.0-1",
    "a client's PUBLISH and PUBREL sent again are taken so",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump", KEEPS);
      await pump.publishes("t", "two", { packetId: 2, qos: 2 });
      await pump.publishes("t", "three", { packetId: 3, qos: 2 });
      await pump.sends("62 02 0003");
      await pump.drops();
      for (const payload of ["two", "three"]) panel.gets({ type: "publish", payload });
      const again = await at.client("pump", KEEPS);
      await again.publishes("t", "two", { packetId: 2, qos: 2, dup: true });
      await again.sends("62 02 0003", "62 02 0002");
      again.gets("50 02 0002");
      again.gets("70 03 0003 92"); // the PUBCOMP was lost: the identifier is free
      again.gets("70 02 0002");
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-4.4.0-2",
    "a PUBACK or PUBREC of 0x80 or above ends the message",
    async (at) => {
      for (const code of ["80", "83", "87", "90", "91", "97", "99"]) {
        const pump = await at.client("pump");
        const first = await at.client("panel", KEEPS);
        await first.subscribes(["t", 2]);
        await pump.publishes("t", "one", { packetId: 1, qos: 1 });
        await pump.publishes("t", "two", { packetId: 2, qos: 2 });
        first.gets({ type: "publish", packetId: 1 });
        first.gets({ type: "publish", packetId: 2 });
        await first.sends(`40 03 0001 ${code}`, `50 03 0002 ${code}`);
        first.getsNothing(); // no PUBREL either
        await first.drops();
        const again = await at.client("panel", KEEPS);
        again.getsNothing();
        await at.restarts();
        const last = await at.client("panel", KEEPS);
        last.getsNothing();
        const other = await at.client("other");
        await other.publishes("t", "next", { packetId: 1, qos: 1 });
        last.gets({ type: "publish", payload: "next", dup: false });
        await last.sends("e0 07 00 05 11 00000000");
      }
    },
  ),
];
