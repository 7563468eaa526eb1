/** MQTT 5.0 section 3.1.2.5: when the Will of a client goes out, and when it does not. */

import { acknowledgement, connectPacket, disconnectPacket, willOf } from "../../broker/packets.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, KEPT } from "../raw5.ts";
import { BYE, delayed, heir, WILL } from "./wills.ts";

export const connectWill5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.1.2-7",
    "a Will is stored with the session: when the broker dies, it goes out at the next start",
    async (at) => {
      await heir(at);
      await at.client("pump", { ...KEPT, will: willOf("gone", "bye", { qos: 1 }) });
      await at.client("fleeting", { will: willOf("gone", "bye too", { qos: 1 }) });
      await at.restarts();
      const panel = await comes(at, "panel", true);
      panel.getsInAnyOrder(BYE, { ...BYE, payload: "bye too" });
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-7",
    "a Will that waits for its delay is stored too, and goes out when that has passed after the restart",
    async (at) => {
      await heir(at);
      const pump = await at.client("pump", delayed(100, 3600));
      await pump.drops();
      await at.passes(40_000);
      await at.restarts();
      const panel = await comes(at, "panel", true);
      await at.passes(59_000);
      panel.getsNothing();
      await at.passes(2_000);
      panel.gets(BYE);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-7",
    "the Will is that of the client's newest connection, of which a CONNECT without one is none",
    async (at) => {
      const panel = await heir(at);
      const first = await at.client("pump", { ...delayed(100, 3600) });
      await first.drops();
      const second = await comes(at, "pump", true, { will: willOf("gone", "second") });
      await second.drops();
      panel.gets({ ...BYE, payload: "second" });
      const third = await comes(at, "pump", true);
      await third.drops();
      await at.passes(200_000);
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-8",
    "without a delay the Will goes out at once when the connection ends other than by DISCONNECT 0x00",
    async (at) => {
      const panel = await heir(at);
      const cut = await at.client("pump", { will: WILL });
      panel.getsNothing(); // not while the client is there
      await cut.drops();
      panel.gets(BYE);
      for (const reasonCode of [0x04, 0x80, 0x81, 0x93]) {
        const peer = await at.client("pump", { will: WILL });
        await peer.sends(disconnectPacket(reasonCode));
        panel.gets(BYE);
      }
      const malformed = await at.client("pump", { will: WILL });
      await malformed.sends("00 00");
      panel.gets(BYE);
      const silent = await at.client("pump", { will: WILL, keepAlive: 10 });
      await at.passes(15_000);
      silent.gets({ type: "disconnect", reasonCode: 0x8d });
      panel.gets(BYE);
      const kept = await at.client("pump", { ...KEPT, will: WILL });
      await kept.drops();
      panel.gets(BYE);
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    ["MQTT-3.1.2-8", "MQTT-3.1.2-10"],
    "DISCONNECT 0x00 deletes the Will, in all its forms, and it never goes out",
    async (at) => {
      const panel = await heir(at);
      for (const bytes of ["e0 00", "e0 01 00", "e0 02 00 00", "e0 07 00 05 11 00 00 00 64"]) {
        const peer = await at.client("pump", delayed(10, 3600));
        await peer.sends(bytes);
        peer.isClosed();
        await at.passes(4_000_000);
        const again = await at.client("pump", { ...KEPT, will: WILL });
        await again.closes();
      }
      panel.getsNothing();
      await at.restarts();
      (await comes(at, "panel", true)).getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-8",
    "a Will with a delay goes out when it has passed, or with the end of the session before that",
    async (at) => {
      const panel = await heir(at);
      const sayings = [
        [10, 100, 10], // the delay
        [100, 10, 10], // the session
        [10, 10, 10],
        [10, 0, 0], // a session that ends with its connection
        [0, 100, 0],
      ] as const;
      for (const [delay, expiry, seconds] of sayings) {
        const peer = await at.client("pump", delayed(delay, expiry));
        await peer.drops();
        if (seconds > 0) {
          await at.passes(seconds * 1000 - 1);
          panel.getsNothing();
          await at.passes(1);
        }
        panel.gets(BYE);
        await at.passes(200_000);
        panel.getsNothing();
      }
      const late = await at.client("pump", delayed(10, 100));
      await late.sends(disconnectPacket(0x04));
      await at.passes(9_999);
      panel.getsNothing();
      await at.passes(1);
      panel.gets(BYE);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-8",
    "a Will that waits goes out at once when Clean Start 1 ends its session",
    async (at) => {
      const panel = await heir(at);
      const peer = await at.client("pump", delayed(100, 3600));
      await peer.drops();
      panel.getsNothing();
      await at.client("pump");
      panel.gets(BYE);
      await at.passes(200_000);
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-10",
    "a Will that was published does not come again with the end of the session",
    async (at) => {
      const panel = await heir(at);
      const first = await at.client("pump", delayed(0, 100));
      await first.drops();
      panel.gets(BYE);
      await at.passes(200_000);
      panel.getsNothing();
      const second = await at.client("pump", delayed(0, 3600));
      await second.drops();
      panel.gets(BYE);
      await at.client("pump"); // Clean Start ends it
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-10",
    "a Will that was published is gone: it comes neither at the next end nor after a restart",
    async (at) => {
      await heir(at);
      const first = await at.client("pump", { ...KEPT, will: willOf("gone", "bye", { qos: 1 }) });
      await first.drops();
      const second = await comes(at, "pump", true);
      await second.drops();
      await at.restarts();
      const panel = await comes(at, "panel", true);
      panel.gets(BYE);
      const third = await comes(at, "pump", true);
      await third.drops();
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-8",
    "a Will of QoS 2 runs through the whole exchange, and one that was refused is not published",
    async (at) => {
      const panel = await heir(at);
      const pump = await at.client("pump", { will: { ...WILL, qos: 2 } });
      await pump.drops();
      const { packetId } = panel.gets({ ...BYE, qos: 2 });
      await panel.sends(acknowledgement("pubrec", packetId));
      panel.gets({ type: "pubrel", packetId });
      const refused = await at.open();
      await refused.sends(connectPacket("other", { will: { ...WILL, topic: "a/#" } }));
      refused.gets({ type: "connack", reasonCode: 0x90 });
      refused.isClosed();
      panel.getsNothing();
    },
  ),
];
