/** Rows for MQTT 3.1.1 sections 3.1.2.4, 3.1.2.10 and 4.1: Clean Session, Keep Alive, how long state is kept. */

import { acknowledgement, publishPacket, subscribePacket } from "../../broker/packets.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { connect } from "./shorthand.ts";

export const session311: readonly Row[] = [
  holds(
    "3.1.1",
    "MQTT-3.1.2-4",
    "Clean Session 0 keeps subscriptions and goes on with them",
    async (at) => {
      const first = await at.client("panel", { cleanStart: false });
      await first.subscribes(["t", 1]);
      await first.closes();
      const second = await at.open();
      await second.sends(connect("panel", { cleanStart: false }));
      second.gets({ type: "connack", sessionPresent: true });
      const pump = await at.client("pump");
      await pump.publishes("t", "x");
      second.gets({ type: "publish", payload: "x" });
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.1.2-4",
    "Clean Session 0 begins a session where none is stored",
    async (at) => {
      const first = await at.open();
      await first.sends(connect("panel", { cleanStart: false }));
      first.gets("20 02 00 00");
      first.getsNothing();
      await first.drops();
      const second = await at.open();
      await second.sends(connect("panel", { cleanStart: false }));
      second.gets("20 02 01 00");
    },
  ),
  holds("3.1.1", "MQTT-3.1.2-5", "QoS 1 and 2 for an absent client wait for it", async (at) => {
    const panel = await at.client("panel", { cleanStart: false });
    await panel.subscribes(["+/1", 1], ["+/2", 2]);
    await panel.drops();
    const pump = await at.client("pump");
    await pump.publishes("a/1", "one", { packetId: 1 });
    await pump.publishes("a/2", "two", { packetId: 2, qos: 2 });
    await pump.publishes("b/1", "three", { packetId: 3, qos: 2 });
    await pump.publishes("none", "four", { packetId: 4 });
    await at.restarts();
    const again = await at.client("panel", { cleanStart: false });
    again.gets({ type: "publish", topic: "a/1", payload: "one", qos: 1, dup: false });
    again.gets({ type: "publish", topic: "a/2", payload: "two", qos: 2, dup: false });
    again.gets({ type: "publish", topic: "b/1", payload: "three", qos: 1, dup: false });
    again.getsNothing();
  }),
  holds("3.1.1", "MQTT-3.1.2-6", "Clean Session 1 throws away what was stored", async (at) => {
    const stored = await at.client("panel", { cleanStart: false });
    await stored.subscribes(["t", 1]);
    await stored.drops();
    const pump = await at.client("pump");
    await pump.publishes("t", "queued", { packetId: 1 });
    const clean = await at.open();
    await clean.sends(connect("panel"));
    clean.gets("20 02 00 00");
    await pump.publishes("t", "live", { packetId: 2 });
    clean.getsNothing();
    await clean.drops();
    const later = await at.open();
    await later.sends(connect("panel", { cleanStart: false }));
    later.gets("20 02 00 00");
    later.getsNothing();
  }),
  holds(
    "3.1.1",
    "MQTT-3.1.2-6",
    "the session of Clean Session 1 ends with its connection",
    async (at) => {
      for (const goodbye of [true, false]) {
        const clean = await at.client("panel");
        await clean.subscribes(["t", 2]);
        const pump = await at.client("pump");
        await pump.publishes("t", "unacknowledged", { packetId: 1, qos: 2 });
        clean.gets({ type: "publish", qos: 2 });
        await (goodbye ? clean.closes() : clean.drops());
        await pump.publishes("t", "missed", { packetId: 2, qos: 1 });
        const later = await at.open();
        await later.sends(connect("panel", { cleanStart: false }));
        later.gets("20 02 00 00");
        later.getsNothing();
        await later.closes();
        const end = await at.client("panel"); // for the second round
        await end.closes();
      }
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.1.2-6",
    "a session of Clean Session 1 is gone after a restart",
    async (at) => {
      const clean = await at.client("panel");
      await clean.subscribes(["t", 1]);
      await at.restarts();
      const later = await at.open();
      await later.sends(connect("panel", { cleanStart: false }));
      later.gets("20 02 00 00");
      await later.publishes("t", "x");
      later.getsNothing();
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.1.2-7",
    "a retained message outlives the session of its publisher",
    async (at) => {
      const pump = await at.client("pump");
      await pump.publishes("t", "kept", { packetId: 1, retain: true });
      await pump.closes();
      const clean = await at.client("pump");
      await clean.closes();
      const panel = await at.client("panel");
      await panel.sends(subscribePacket(1, ["t", 1]));
      panel.gets({ type: "suback" });
      panel.gets({ type: "publish", payload: "kept", retain: true });
      await at.restarts();
      const later = await at.client("later");
      await later.sends(subscribePacket(1, ["t", 1]));
      later.gets({ type: "suback" });
      later.gets({ type: "publish", payload: "kept", retain: true });
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.1.2-24",
    "silence for one and a half Keep Alive ends the connection",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("gone");
      const will = { topic: "gone", payload: new Uint8Array(1), qos: 0, retain: false } as const;
      const pump = await at.client("pump", {
        keepAlive: 10,
        will: { ...will, willDelayInterval: 0, properties: undefined },
      });
      await at.passes(14_900);
      pump.isOpen();
      panel.getsNothing();
      await at.passes(200);
      pump.isClosed();
      panel.gets({ type: "publish", topic: "gone" }); // as if the network had failed
    },
  ),
  ...(["c0 00", publishPacket("t", "x"), subscribePacket(1, ["t", 0]), "40 02 00 09"] as const).map(
    (packet, row) =>
      holds(
        "3.1.1",
        "MQTT-3.1.2-24",
        `${
          ["PINGREQ", "PUBLISH", "SUBSCRIBE", "PUBACK"][row]
        } within Keep Alive keeps the connection`,
        async (at) => {
          const pump = await at.client("pump", { keepAlive: 10 });
          for (let i = 0; i < 5; i++) {
            await at.passes(14_000);
            await pump.sends(packet);
            pump.takes();
            pump.isOpen();
          }
          await at.passes(15_100);
          pump.isClosed();
        },
      ),
  ),
  holds(
    "3.1.1",
    "MQTT-3.1.2-24",
    "what is sent to a client does not count for its Keep Alive",
    async (at) => {
      const panel = await at.client("panel", { keepAlive: 10 });
      await panel.subscribes("t");
      const pump = await at.client("pump");
      for (let i = 0; i < 3; i++) {
        await at.passes(4_900);
        await pump.publishes("t", "x");
        panel.gets({ type: "publish" });
      }
      await at.passes(400);
      panel.isClosed();
    },
  ),
  holds("3.1.1", "MQTT-3.1.2-24", "Keep Alive 0 never ends the connection", async (at) => {
    const pump = await at.client("pump", { keepAlive: 0 });
    await at.passes(1_000_000_000);
    pump.isOpen();
    await pump.sends("c0 00");
    pump.gets("d0 00");
  }),
  holds(
    "3.1.1",
    "MQTT-3.1.3-2",
    "the Client Identifier is what the state is filed under",
    async (at) => {
      for (const id of ["a", "A", "a "]) {
        const client = await at.client(id, { cleanStart: false });
        await client.subscribes([`to/${id}`, 1]);
        await client.drops();
      }
      const pump = await at.client("pump");
      for (const id of ["a", "A", "a "]) await pump.publishes(`to/${id}`, id, { packetId: 1 });
      for (const id of ["a ", "A", "a"]) {
        const again = await at.open();
        await again.sends(connect(id, { cleanStart: false }));
        again.gets("20 02 01 00");
        again.gets({ type: "publish", topic: `to/${id}`, payload: id });
        again.getsNothing();
      }
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.1.4-3",
    "a client is let in with both values of Clean Session in turn",
    async (at) => {
      for (
        const [cleanStart, present] of [[false, "00"], [false, "01"], [true, "00"], [false, "00"]]
      ) {
        const link = await at.open();
        await link.sends(connect("pump", { cleanStart: cleanStart === true }));
        link.gets(`20 02 ${present} 00`);
        await link.closes();
      }
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.1.0-1",
    "all parts of a session are kept over a break and a restart",
    async (at) => {
      const panel = await at.client("panel", { cleanStart: false });
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump");
      await pump.publishes("t", "pubrec is owed", { packetId: 1, qos: 2 });
      await pump.publishes("t", "puback is owed", { packetId: 2, qos: 1 });
      const first = panel.gets({ type: "publish", qos: 2 });
      const second = panel.gets({ type: "publish", qos: 1 });
      await panel.publishes("x", "received", { packetId: 9, qos: 2 });
      panel.gets({ type: "pubrec", packetId: 9 });
      await panel.sends(acknowledgement("pubrec", first.packetId));
      panel.gets({ type: "pubrel", packetId: first.packetId });
      await panel.drops();
      const late = await at.client("late");
      await late.publishes("t", "queued", { packetId: 3, qos: 1 });
      await at.restarts();
      const watcher = await at.client("watcher");
      await watcher.subscribes("x");
      const again = await at.open();
      await again.sends(connect("panel", { cleanStart: false }));
      again.gets("20 02 01 00");
      again.getsInAnyOrder(
        { type: "publish", payload: "puback is owed", packetId: second.packetId, dup: true },
        { type: "pubrel", packetId: first.packetId },
        { type: "publish", payload: "queued", dup: false },
      );
      await again.publishes("x", "received", { packetId: 9, qos: 2, dup: true });
      again.gets({ type: "pubrec", packetId: 9 });
      watcher.getsNothing(); // it was passed on before
      await watcher.publishes("t", "subscribed still", { packetId: 4 });
      again.gets({ type: "publish", payload: "subscribed still" });
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.1.0-2",
    "a session lasts at least as long as its connection",
    async (at) => {
      at.configure({
        persistentSessionExpiryInterval: 1,
        limits: { maximumSessionExpiryInterval: 1 },
      });
      const kept = await at.client("kept", { cleanStart: false });
      const clean = await at.client("clean");
      await kept.subscribes(["t", 1]);
      await clean.subscribes(["t", 1]);
      await at.passes(100_000_000);
      const pump = await at.client("pump");
      await pump.publishes("t", "x", { packetId: 1 });
      kept.gets({ type: "publish", payload: "x" });
      clean.gets({ type: "publish", payload: "x" });
    },
  ),
];
