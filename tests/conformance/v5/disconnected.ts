/** What follows a DISCONNECT of MQTT 5.0, section 3.14.4. */

import { publishPacket, willOf } from "../../broker/packets.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import type { Peer } from "../peer.ts";
import { refuses, serves } from "./answers.ts";
import { OF_BROKER, withWill } from "./disconnect_values.ts";

export const disconnected5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.14.4-1",
    "after its DISCONNECT the broker sends nothing more",
    async (at) => {
      const pump = await at.client("pump");
      const panel = await at.client("panel");
      await panel.subscribes(["t", 1]);
      const rest = [publishPacket("t", "x", { packetId: 5 }), "c0 00", "c0 00"] as const;
      await panel.sends("c0 00", "c1 00", ...rest);
      panel.gets("d0 00");
      panel.gets({ type: "disconnect", reasonCode: 0x81 });
      await pump.publishes("t", "late");
      await pump.publishes("t", "late", { packetId: 1 });
      await at.passes(60_000);
      panel.isClosed();
    },
  ),
  holds("5.0", "MQTT-3.14.4-1", "nor what waited for the store before it", async (at) => {
    const desk = await at.desk();
    const panel = await at.client("panel", { properties: { sessionExpiryInterval: 60 } });
    await panel.subscribes(["t", 1]);
    desk.hold(true);
    await panel.publishes("t", "x", { packetId: 1 });
    await panel.sends("c1 00");
    panel.gets({ type: "disconnect", reasonCode: 0x81 });
    await at.act(() => desk.hold(false));
    panel.isClosed();
  }),
  holds(
    "5.0",
    "MQTT-3.14.4-1",
    "what follows a client's DISCONNECT counts for nothing",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("t");
      const pump = await at.client("pump");
      await pump.sends(publishPacket("t", "before"), "e0 00", publishPacket("t", "after"), "c0 00");
      pump.isClosed();
      panel.gets({ type: "publish", payload: "before" });
      await serves(panel);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.14.4-2",
    "a DISCONNECT is followed by the end, whoever sent it",
    async (at) => {
      for (const bytes of ["e0 00", "e0 01 00", "e0 02 00 00", "e0 01 04", "e0 01 80"]) {
        const pump = await at.client("pump");
        await pump.sends(bytes);
        pump.isClosed();
      }
      for (const [code, , send] of OF_BROKER) await refuses(at, send, code);
    },
  ),
  holds("5.0", "MQTT-3.14.4-3", "DISCONNECT 0x00 discards the Will", async (at) => {
    for (const bytes of ["e0 00", "e0 01 00", "e0 02 00 00", "e0 07 00 05 11 00000064"]) {
      for (const willDelayInterval of [0, 30]) {
        const { dying, heir } = await withWill(at, {
          will: willOf("will", "last words", { qos: 1, retain: true, willDelayInterval }),
          properties: { sessionExpiryInterval: 60 },
        });
        await dying.sends(bytes);
        dying.isClosed();
        await at.passes(200_000); // beyond its delay, and the end of its session
        heir.getsNothing();
      }
    }
    const late = await at.client("late");
    await late.subscribes("will");
    late.getsNothing();
  }),
  holds("5.0", "MQTT-3.14.4-3", "any other end does not", async (at) => {
    const ends: readonly ((dying: Peer) => Promise<void>)[] = [
      (dying) => dying.sends("e0 01 04"),
      (dying) => dying.sends("e0 01 80"),
      (dying) => dying.sends("e3 00"),
      (dying) => dying.drops(),
    ];
    for (const end of ends) {
      const { dying, heir } = await withWill(at);
      await end(dying);
      heir.gets({ type: "publish", topic: "will", payload: "last words" });
      heir.getsNothing();
    }
  }),
];
