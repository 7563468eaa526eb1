/** QoS 2 with the broker as the sender, MQTT 5.0 section 4.3.3. */

import { frame } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { id, isRefused, serves } from "./answers.ts";
import { KEEPS, pair, publishBytes, unused } from "./parties.ts";

export const qos2Sender5: readonly Row[] = [
  holds("5.0", "MQTT-4.3.3-3", "a QoS 2 message is unacknowledged until its PUBREC", async (at) => {
    const [pump, first] = await pair(at, KEEPS);
    for (const packetId of [1, 2]) await pump.publishes("t", `m${packetId}`, { packetId, qos: 2 });
    for (const packetId of [1, 2]) first.gets({ type: "publish", packetId });
    await first.sends("50 02 0009");
    first.gets("62 03 0009 92");
    await first.drops();
    await at.restarts();
    let panel = await at.client("panel", KEEPS);
    panel.gets(publishBytes(0x3c, 1, "m1"));
    panel.gets(publishBytes(0x3c, 2, "m2"));
    await panel.sends("50 02 0001");
    panel.gets("62 02 0001");
    await panel.drops();
    panel = await at.client("panel", KEEPS);
    panel.gets(publishBytes(0x3c, 2, "m2"));
    panel.gets("62 02 0001");
    for (const wrong of ["40 02 0002", "70 02 0002"]) {
      await panel.sends(wrong);
      isRefused(panel, 0x82);
      panel = await at.client("panel", KEEPS);
      panel.gets({ type: "publish", packetId: 2, dup: true });
      panel.gets({ type: "pubrel", packetId: 1 });
    }
  }),
  holds("5.0", "MQTT-4.3.3-4", "a PUBREC below 0x80 is answered with its PUBREL", async (at) => {
    const [pump, panel] = await pair(at);
    for (let i = 1; i <= 4; i++) await pump.publishes("t", "x", { packetId: i, qos: 2 });
    const [a, b, c, d] = unused(at, panel, 2, 4);
    await panel.sends(frame(0x50, id(b!)), frame(0x50, id(a!), "10"));
    panel.gets(frame(0x62, id(b!)));
    panel.gets(frame(0x62, id(a!)));
    await panel.sends(frame(0x50, id(c!), "80"), frame(0x50, id(d!), "97"));
    panel.getsNothing(); // these end the hand-shake
    await panel.sends(frame(0x50, id(b!))); // PUBREC again, before PUBCOMP: PUBREL again
    panel.gets(frame(0x62, id(b!)));
    await panel.sends(frame(0x70, id(b!)), frame(0x50, id(b!)));
    panel.gets(frame(0x62, id(b!), "92"));
  }),
  holds("5.0", "MQTT-4.3.3-5", "a PUBREL is unacknowledged until its PUBCOMP", async (at) => {
    const [pump, first] = await pair(at, KEEPS);
    await pump.publishes("t", "x", { packetId: 1, qos: 2 });
    first.gets({ type: "publish", packetId: 1 });
    await first.sends("50 02 0001");
    first.gets("62 02 0001");
    await first.sends("70 02 0009"); // of another one
    await first.drops();
    for (let turn = 0; turn < 2; turn++) {
      const panel = await at.client("panel", KEEPS);
      panel.gets("62 02 0001");
      panel.getsNothing();
      if (turn === 0) await at.restarts();
      else await panel.sends("70 02 0001");
      if (turn === 1) await panel.drops();
    }
    const last = await at.client("panel", KEEPS);
    await serves(last);
  }),
  holds("5.0", "MQTT-4.3.3-6", "after PUBREL the PUBLISH never goes out again", async (at) => {
    const [pump, first] = await pair(at, KEEPS);
    await pump.publishes("t", "x", { packetId: 1, qos: 2 });
    first.gets({ type: "publish", packetId: 1 });
    await first.sends("50 02 0001");
    first.gets("62 02 0001");
    for (let turn = 0; turn < 4; turn++) {
      if (turn === 2) await at.restarts();
      const panel = await at.client("panel", { ...KEEPS, cleanStart: false });
      panel.gets("62 02 0001");
      panel.getsNothing();
      await panel.sends("50 02 0001"); // the PUBREC was late, or lost
      panel.gets("62 02 0001");
      panel.getsNothing();
    }
  }),
  holds("5.0", "MQTT-4.3.3-7", "a message that was sent once does not expire", async (at) => {
    for (const restarts of [false, true]) {
      const [pump, first] = await pair(at, KEEPS);
      const properties = { messageExpiryInterval: 10 };
      await pump.publishes("t", "sent", { packetId: 1, qos: 2, properties });
      first.gets({ type: "publish", packetId: 1, properties });
      await first.drops();
      await pump.publishes("t", "queued", { packetId: 2, qos: 2, properties });
      await at.passes(11_000);
      if (restarts) await at.restarts();
      const panel = await at.client("panel", KEEPS);
      const again = panel.gets({ type: "publish", packetId: 1, dup: true, payload: "sent" });
      at.expects(
        (again.properties?.messageExpiryInterval ?? 0) === 0,
        "nothing is left of its time",
      );
      panel.getsNothing(); // what was only queued has expired
      await at.passes(100_000);
      await panel.sends("50 02 0001");
      panel.gets("62 02 0001");
      await panel.sends("70 02 0001", "e0 07 00 05 11 00000000");
      panel.isClosed();
    }
  }),
];
