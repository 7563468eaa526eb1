/** Flow Control of MQTT 5.0, section 4.9. */

import { publishPacket, subscribePacket, unsubscribePacket } from "../../broker/packets.ts";
import { frame } from "../../packet/bytes_of.ts";
import type { Bench, ClientOptions } from "../bench.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import type { Peer } from "../peer.ts";
import { id, isRefused, serves } from "./answers.ts";

/** CONNECT with this Receive Maximum and a session that stays. */
function keeps(receiveMaximum: number | undefined): ClientOptions {
  const properties = { sessionExpiryInterval: 3600 };
  return {
    cleanStart: false,
    properties: receiveMaximum === undefined ? properties : { ...properties, receiveMaximum },
  };
}

/** Publishes that many messages to `t`, payloads `1` and on, QoS 1 and 2 in turn unless one is given. */
async function publishes(at: Bench, count: number, qos?: 1 | 2): Promise<void> {
  const pump = await at.client("pump");
  for (let i = 1; i <= count; i++) {
    await pump.publishes("t", String(i), { packetId: i, qos: qos ?? (i % 2 === 0 ? 2 : 1) });
  }
  await pump.closes();
}

/** Takes exactly that many messages; their identifiers. */
function getsJust(panel: Peer, count: number): number[] {
  const ids: number[] = [];
  for (let i = 0; i < count; i++) ids.push(panel.gets({ type: "publish" }).packetId);
  panel.getsNothing();
  return ids;
}

export const flowControl5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-4.9.0-1",
    "as many go out as Receive Maximum allows, and one at least",
    async (at) => {
      for (const receiveMaximum of [1, 2, 3, 7, 20]) {
        const panel = await at.client("panel", keeps(receiveMaximum));
        await panel.subscribes(["t", 2]);
        await publishes(at, 25);
        getsJust(panel, receiveMaximum);
        await panel.sends("e0 07 00 05 11 00000000");
      }
      const all = await at.client("all", keeps(undefined)); // which stands for 65,535
      await all.subscribes(["t", 2]);
      await publishes(at, 100);
      getsJust(all, 100);
    },
  ),
  holds(
    "5.0",
    "MQTT-4.9.0-1",
    "the broker's own limit makes it smaller, never larger",
    async (at) => {
      at.configure({ limits: { sendWindow: 5 } });
      for (const [receiveMaximum, quota] of [[3, 3], [5, 5], [6, 5], [65_535, 5], [undefined, 5]]) {
        const panel = await at.client("panel", keeps(receiveMaximum));
        await panel.subscribes(["t", 2]);
        await publishes(at, 9);
        getsJust(panel, quota!);
        await panel.sends("e0 07 00 05 11 00000000");
      }
    },
  ),
  holds("5.0", "MQTT-4.9.0-1", "a Receive Maximum of 0 is refused", async (at) => {
    const zero = await at.open();
    await zero.sends("10 11 0004 4d515454 05 02 0000 03 21 0000 0001 61");
    zero.gets({ type: "connack", reasonCode: 0x82 });
    zero.isClosed();
  }),
  holds("5.0", "MQTT-4.9.0-1", "a new connection begins with its own quota", async (at) => {
    const panel = await at.client("panel", keeps(6));
    await panel.subscribes(["t", 2]);
    await publishes(at, 12);
    getsJust(panel, 6);
    for (const receiveMaximum of [2, 1, 4, 10]) {
      const again = await at.client("panel", keeps(receiveMaximum));
      getsJust(again, receiveMaximum); // what was sent before counts again
    }
  }),
  holds(
    "5.0",
    "MQTT-4.9.0-2",
    "each PUBLISH uses one up, and its end gives it back",
    async (at) => {
      for (const qos of [1, 2] as const) {
        const panel = await at.client("panel", keeps(3));
        await panel.subscribes(["t", 2]);
        await publishes(at, 12, qos);
        const [a, b, c] = getsJust(panel, 3);
        if (qos === 1) {
          await panel.sends(frame(0x40, id(b!)));
          const [d] = getsJust(panel, 1);
          await panel.sends(frame(0x40, id(b!)), frame(0x40, "fff0")); // of what is not inflight
          panel.getsNothing();
          await panel.sends(
            frame(0x40, id(a!), "10"),
            frame(0x40, id(c!), "83"),
            frame(0x40, id(d!)),
          );
          getsJust(panel, 3);
        } else {
          await panel.sends(frame(0x50, id(b!)));
          panel.gets(frame(0x62, id(b!)));
          panel.getsNothing(); // PUBREC below 0x80 gives nothing back
          await panel.sends(frame(0x70, id(b!)));
          getsJust(panel, 1);
          await panel.sends(frame(0x50, id(b!)), frame(0x70, id(b!)));
          panel.gets({ type: "pubrel", reasonCode: 0x92 });
          panel.getsNothing();
          await panel.sends(frame(0x50, id(a!), "80"), frame(0x50, id(c!), "97"));
          getsJust(panel, 2);
        }
        await panel.sends("e0 07 00 05 11 00000000");
      }
    },
  ),
  holds("5.0", "MQTT-4.9.0-2", "so do retained messages and those of a group", async (at) => {
    const pump = await at.client("pump");
    for (let i = 1; i <= 6; i++) await pump.publishes(`r/${i}`, "x", { packetId: i, retain: true });
    const panel = await at.client("panel", keeps(4));
    await panel.subscribes(["t", 2], ["$share/g/u", 2]);
    for (const topic of ["t", "u", "t", "u", "u"]) {
      await pump.publishes(topic, "x", { packetId: 9 });
    }
    const ids = getsJust(panel, 4);
    await panel.subscribes(["r/#", 1]);
    panel.getsNothing();
    let came = 4;
    let open = ids;
    while (open.length > 0) {
      await panel.sends(...open.map((packetId) => frame(0x40, id(packetId))));
      open = panel.takes().flatMap((each) => each.type === "publish" ? [each.packetId] : []);
      at.expects(open.length <= 4, `${open.length} are inflight, 4 are allowed`);
      came += open.length;
    }
    at.expects(came === 11, `all messages come in the end: ${came} of 11`);
  }),
  holds("5.0", "MQTT-4.9.0-2", "a client that goes over the broker's own is closed", async (at) => {
    at.configure({ limits: { receiveMaximum: 3 } });
    const pump = await at.client("pump");
    for (const packetId of [1, 2, 3]) {
      await pump.publishes("t", "x", { packetId, qos: 2 });
      pump.gets({ type: "pubrec", packetId });
    }
    await pump.sends("62 02 0002"); // which gives one back
    pump.gets({ type: "pubcomp" });
    await pump.publishes("t", "x", { packetId: 4, qos: 2 });
    pump.gets({ type: "pubrec" });
    await pump.publishes("t", "x", { packetId: 1, qos: 2, dup: true }); // which is no new one
    pump.gets({ type: "pubrec", packetId: 1 });
    await pump.publishes("t", "x", { packetId: 5, qos: 2 });
    isRefused(pump, 0x93);
  }),
  holds("5.0", "MQTT-4.9.0-2", "what is sent again uses it up as well", async (at) => {
    const first = await at.client("panel", keeps(5));
    await first.subscribes(["t", 2]);
    await publishes(at, 12, 1);
    getsJust(first, 5);
    const panel = await at.client("panel", keeps(8));
    const ids = getsJust(panel, 8); // five again, three anew
    await panel.sends(frame(0x40, id(ids[0]!)), frame(0x40, id(ids[7]!)));
    getsJust(panel, 2);
    await publishes(at, 1, 1);
    panel.getsNothing();
    const again = await at.client("panel", keeps(3));
    const sent = getsJust(again, 3);
    // What was sent on the earlier connection only has used up nothing of this one's.
    await again.sends(frame(0x40, id(ids[6]!)));
    again.getsNothing();
    await again.sends(frame(0x40, id(sent[0]!)));
    getsJust(again, 1);
  }),
  holds("5.0", "MQTT-4.9.0-3", "at quota 0 all other packets are answered", async (at) => {
    const panel = await at.client("panel", keeps(1));
    await panel.subscribes(["t", 2]);
    await publishes(at, 3, 2);
    const [inflight] = getsJust(panel, 1);
    await serves(panel);
    await panel.sends(subscribePacket(1, ["u", 2]), unsubscribePacket(2, "u"));
    panel.gets("90 04 0001 00 02");
    panel.gets("b0 04 0002 00 00");
    await panel.sends(
      publishPacket("nobody", "x", { packetId: 1, qos: 1 }),
      publishPacket("nobody", "x", { packetId: 2, qos: 2 }),
      "62 02 0002",
      "62 02 0009",
    );
    panel.gets("40 03 0001 10");
    panel.gets("50 03 0002 10");
    panel.gets("70 02 0002");
    panel.gets("70 03 0009 92");
    await panel.sends(frame(0x50, id(inflight!)), "50 02 0077");
    panel.gets(frame(0x62, id(inflight!)));
    panel.gets("62 03 0077 92");
    const pump = await at.client("pump");
    await pump.publishes("t", "with QoS 0");
    panel.gets({ type: "publish", qos: 0, payload: "with QoS 0" });
    await panel.subscribes(["$share/g/v", 0]);
    await pump.publishes("v", "shared", { packetId: 1, qos: 1 });
    panel.gets({ type: "publish", qos: 0, payload: "shared" });
    await panel.sends("e0 00");
    panel.isClosed();
  }),
  holds("5.0", "MQTT-4.9.0-3", "so they are where the client has used up its own", async (at) => {
    at.configure({ limits: { receiveMaximum: 2 } });
    const pump = await at.client("pump");
    for (const packetId of [1, 2]) await pump.publishes("t", "x", { packetId, qos: 2 });
    for (const packetId of [1, 2]) pump.gets({ type: "pubrec", packetId });
    await serves(pump);
    await pump.subscribes(["t", 0]);
    await pump.publishes("t", "with QoS 0");
    pump.gets({ type: "publish", payload: "with QoS 0" });
    await pump.sends("62 02 0001", "62 02 0002", publishPacket("t", "x", { packetId: 1, qos: 2 }));
    pump.getsInAnyOrder(
      { type: "pubcomp", packetId: 1, reasonCode: 0 },
      { type: "pubcomp", packetId: 2, reasonCode: 0 },
      { type: "pubrec", packetId: 1, reasonCode: 0 },
      { type: "publish", payload: "x" },
    );
    await serves(pump);
  }),
];
