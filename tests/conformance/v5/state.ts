/** Session State and Network Connections of MQTT 5.0, sections 4.1 and 4.2. */

import type { Bench, ClientOptions } from "../bench.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import type { Peer } from "../peer.ts";
import { serves } from "./answers.ts";
import { overSockets } from "./over_sockets.ts";

/** CONNECT with Clean Start 0 and this Session Expiry Interval in seconds. */
function keeps(sessionExpiryInterval: number): ClientOptions {
  return { cleanStart: false, properties: { sessionExpiryInterval } };
}

/** CONNECT with Clean Start 0 finds the session, or does not. */
async function finds(
  at: Bench,
  clientId: string,
  there: boolean,
  expiry = 0,
): Promise<Peer> {
  const [peer, connack] = await at.asks(clientId, keeps(expiry));
  at.expects(
    connack?.type === "connack" && connack.reasonCode === 0 && connack.sessionPresent === there,
    `the session of ${clientId} is ${there ? "there" : "gone"}`,
  );
  return peer;
}

/**
 * Every part of a session's state: a subscription, a QoS 2 message received, a QoS 1 and a QoS 2 message
 * sent, one of them released, and one queued.
 */
async function fill(at: Bench, panel: Peer): Promise<void> {
  const pump = await at.client("pump");
  await panel.subscribes(["t", 2]);
  for (const [packetId, qos] of [[1, 1], [2, 2], [3, 2]] as const) {
    await pump.publishes("t", `m${packetId}`, { packetId, qos });
    panel.gets({ type: "publish", packetId, qos });
  }
  await panel.sends("50 02 0003");
  panel.gets("62 02 0003");
  await panel.publishes("nobody", "x", { packetId: 9, qos: 2 });
  panel.gets({ type: "pubrec", packetId: 9 });
  await pump.closes();
}

/** All that `fill` left is there, and works. */
async function isWhole(at: Bench, panel: Peer, sentAgain: boolean): Promise<void> {
  if (sentAgain) {
    panel.gets({ type: "publish", packetId: 1, qos: 1, dup: true, payload: "m1" });
    panel.gets({ type: "publish", packetId: 2, qos: 2, dup: true, payload: "m2" });
    panel.gets("62 02 0003");
  }
  panel.getsNothing();
  await panel.publishes("t", "not taken twice", { packetId: 9, qos: 2, dup: true });
  panel.gets("50 02 0009");
  await panel.sends("62 02 0009");
  panel.gets("70 02 0009");
  await panel.sends("50 02 0002", "70 02 0003");
  panel.gets("62 02 0002");
  await panel.sends("40 02 0001", "70 02 0002");
  panel.getsNothing();
  const pump = await at.client("pump");
  await pump.publishes("t", "later", { packetId: 4, qos: 2 });
  panel.gets({ type: "publish", payload: "later", dup: false });
}

/** A day in milliseconds. */
const DAY = 86_400_000;

export const state5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-4.1.0-1",
    "an open connection keeps its session, whatever its expiry",
    async (at) => {
      for (const expiry of [0, 1, 3600]) {
        const panel = await at.client(`panel ${expiry}`, keeps(expiry));
        await fill(at, panel);
        await at.passes(60 * DAY);
        await isWhole(at, panel, false);
        await panel.closes();
      }
    },
  ),
  holds("5.0", "MQTT-4.1.0-1", "a deadline of an earlier absence does not end it", async (at) => {
    const first = await at.client("panel", keeps(10));
    await first.subscribes(["t", 1]);
    await first.drops();
    await at.passes(9_000);
    const again = await finds(at, "panel", true, 10);
    await at.passes(9_000);
    await again.publishes("t", "x");
    again.gets({ type: "publish" });
    await at.passes(100_000);
    await again.publishes("t", "y");
    again.gets({ type: "publish" });
    await again.drops();
    await at.passes(9_000);
    await finds(at, "panel", true, 10);
  }),
  holds(
    "5.0",
    "MQTT-4.1.0-1",
    "nor does a take-over, as long as the state is wanted",
    async (at) => {
      const panel = await at.client("panel", keeps(60));
      await fill(at, panel);
      const again = await finds(at, "panel", true, 60);
      panel.gets({ type: "disconnect", reasonCode: 0x8e });
      panel.isClosed();
      await isWhole(at, again, true);
    },
  ),
  holds("5.0", "MQTT-4.1.0-1", "nor one that passes while the store brings it back", async (at) => {
    const first = await at.client("panel", keeps(10));
    await fill(at, first);
    await first.drops();
    await at.passes(9_000);
    const desk = await at.desk();
    desk.hold(true);
    const [panel, none] = await at.asks("panel", keeps(10));
    at.expects(none === undefined, "the CONNACK waits for the store");
    await at.passes(5_000);
    await at.act(() => desk.hold(false));
    panel.gets({ type: "connack", reasonCode: 0, sessionPresent: true });
    await isWhole(at, panel, true);
    await at.passes(20_000);
    await panel.publishes("t", "still there");
    panel.gets({ type: "publish", payload: "still there" });
  }),
  holds(
    "5.0",
    "MQTT-4.1.0-2",
    "a session is there until its expiry, and gone after",
    async (at) => {
      for (
        const [expiry, wait, there] of [
          [0, 0, false],
          [1, 900, true],
          [1, 1_000, false],
          [60, 59_999, true],
          [60, 60_001, false],
          [7 * 86_400, 6 * DAY, true],
          [7 * 86_400, 8 * DAY, false],
        ] as const
      ) {
        for (const end of ["drops", "closes"] as const) {
          const name = `panel ${expiry} ${wait} ${end}`;
          const panel = await at.client(name, keeps(expiry));
          await panel.subscribes(["t", 1]);
          await panel[end]();
          await at.passes(wait);
          const again = await finds(at, name, there, expiry);
          await again.publishes("t", "x");
          if (there) again.gets({ type: "publish" });
          again.getsNothing();
          await again.sends("e0 00");
        }
      }
    },
  ),
  holds("5.0", "MQTT-4.1.0-2", "all of its state comes back until then", async (at) => {
    const panel = await at.client("panel", keeps(3600));
    await fill(at, panel);
    await panel.drops();
    await at.passes(3_599_000);
    const again = await finds(at, "panel", true, 3600);
    await isWhole(at, again, true);
  }),
  holds("5.0", "MQTT-4.1.0-2", "and none of it after", async (at) => {
    const panel = await at.client("panel", keeps(60));
    await fill(at, panel);
    await panel.drops();
    const pump = await at.client("pump");
    await pump.publishes("t", "queued", { packetId: 1 });
    await at.passes(61_000);
    const again = await finds(at, "panel", false, 60);
    await again.publishes("t", "x", { packetId: 9, qos: 2 });
    again.gets("50 03 0009 10"); // nobody subscribes, and the identifier is not known
    await again.sends("50 02 0003");
    again.gets("62 03 0003 92");
    await serves(again);
  }),
  holds("5.0", "MQTT-4.1.0-2", "so too where the broker starts again meanwhile", async (at) => {
    for (const [down, there] of [[30_000, true], [90_000, false]] as const) {
      const name = `panel ${down}`;
      const panel = await at.client(name, keeps(60));
      await fill(at, panel);
      await panel.drops();
      await at.passes(10_000);
      await at.restarts(down);
      await at.passes(1);
      const again = await finds(at, name, there, 60);
      if (there) await isWhole(at, again, true);
      else await serves(again);
    }
  }),
  holds(
    "5.0",
    "MQTT-4.1.0-2",
    "a session that has ended does not come back by a restart",
    async (at) => {
      const ended = ["drops", "closes with an interval of 0", "is taken over by a clean start"];
      for (const [index, name] of ended.entries()) {
        const panel = await at.client(name, keeps(3600));
        await fill(at, panel);
        if (index === 0) {
          await panel.drops();
          await at.passes(3_601_000);
        } else if (index === 1) {
          await panel.sends("e0 07 00 05 11 00000000");
        } else {
          await (await at.client(name)).drops();
        }
        await at.restarts();
        const again = await finds(at, name, false, 3600);
        await again.publishes("t", "x");
        await serves(again);
      }
    },
  ),
  holds("5.0", "MQTT-4.1.0-2", "an interval that never ends keeps it", async (at) => {
    at.configure({ limits: { maximumSessionExpiryInterval: 0xffff_ffff } });
    const panel = await at.client("panel", keeps(0xffff_ffff));
    await fill(at, panel);
    await panel.drops();
    for (let year = 0; year < 3; year++) await at.passes(365 * DAY);
    await isWhole(at, await finds(at, "panel", true, 0xffff_ffff), true);
  }),

  holds("5.0", "MQTT-4.2-1", "MQTT is spoken over TCP, cut and joined in any way", async (at) => {
    await overSockets(async (dial) => {
      const whole = "10 0e 0004 4d515454 05 02 0000 00 0001 61";
      const subscribe = "82 07 0001 00 0001 74 01";
      const publish = "32 07 0001 74 0007 00 78";
      const answers = "90 04 0001 00 01 40 02 0007 32 07 0001 74 0001 00 78 d0 00";
      for (const size of [1, 2, 3, 1000]) {
        const link = await dial();
        const sent = [whole, subscribe, publish, "c0 00"].join("").replaceAll(" ", "");
        for (let from = 0; from < sent.length; from += 2 * size) {
          await link.sends(sent.slice(from, from + 2 * size));
        }
        const connack = await link.bytes(16);
        at.expects(connack.startsWith("200e00000b"), `CONNACK comes, found is ${connack}`);
        const rest = await link.bytes(answers.replaceAll(" ", "").length / 2);
        at.expects(rest.includes("9004000100" + "01"), "SUBACK comes");
        at.expects(rest.includes("40020007"), "PUBACK comes");
        at.expects(rest.includes("3207000174000100" + "78"), "the message comes back");
        at.expects(rest.endsWith("d000"), "PINGRESP comes last");
        link.close();
      }
    });
  }),
];
