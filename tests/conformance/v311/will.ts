/** Rows for MQTT 3.1.1 sections 3.1.2.5 to 3.1.2.7, 3.1.3.2 and 3.14.4: the Will. */

import { subscribePacket, willOf } from "../../broker/packets.ts";
import { frame, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import type { Peer } from "../peer.ts";
import { closesAtOnce, connect } from "./shorthand.ts";

const MQTT = s("MQTT");
const WILL = [s("gone"), s("bye")];
/** A CONNECT with these Connect Flags and this payload behind the Client Identifier. */
const withFlags = (flags: string, ...rest: string[]) =>
  frame(0x10, MQTT, "04", flags, "00 00", s("a"), ...rest);

/** The ways in which a connection ends without DISCONNECT. */
const ENDS: readonly (readonly [string, (at: Bench, pump: Peer) => Promise<unknown>])[] = [
  ["the client cuts the link", (_, pump) => pump.drops()],
  ["Keep Alive has run out", (at) => at.passes(15_100)],
  ["the client breaks the protocol", (_, pump) => pump.sends("00 00")],
  ["the client sends CONNECT again", (_, pump) => pump.sends(connect("pump"))],
  ["another client takes over", (at) => at.client("pump", { cleanStart: false })],
];

export const will311: readonly Row[] = [
  ...ENDS.map(([how, end]) =>
    holds("3.1.1", "MQTT-3.1.2-8", `the Will is published when ${how}`, async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["gone", 2]);
      const will = willOf("gone", "bye", { qos: 1 });
      const pump = await at.client("pump", { keepAlive: 10, will });
      panel.getsNothing();
      await end(at, pump);
      panel.gets({ type: "publish", topic: "gone", payload: "bye", qos: 1, retain: false });
      panel.getsNothing();
    })
  ),
  holds(
    "3.1.1",
    "MQTT-3.1.2-8",
    "the Will is published when the broker has crashed",
    async (at) => {
      const panel = await at.client("panel", { cleanStart: false });
      await panel.subscribes(["gone", 1]);
      await at.client("pump", { cleanStart: false, will: willOf("gone", "bye", { qos: 1 }) });
      await at.restarts();
      const again = await at.client("panel", { cleanStart: false });
      again.gets({ type: "publish", topic: "gone", payload: "bye", qos: 1 });
    },
  ),
  holds(
    "3.1.1",
    ["MQTT-3.1.2-8", "MQTT-3.14.4-3"],
    "the Will is not published after DISCONNECT",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("gone");
      for (const cleanStart of [true, false]) {
        const pump = await at.client("pump", { cleanStart, will: willOf("gone", "bye") });
        await pump.sends("e0 00");
        pump.isClosed();
        await at.passes(100_000_000);
        panel.getsNothing();
      }
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.1.2-9",
    "Will Topic, Will Message, QoS and RETAIN are used as given",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["#", 2]);
      for (const [flags, qos] of [["06", 0], ["0e", 1], ["16", 2]] as const) {
        const pump = await at.open();
        await pump.sends(withFlags(flags, s("a/é"), "00 03 00 ff 01"));
        pump.gets("20 02 00 00");
        await pump.drops();
        const payload = Uint8Array.of(0, 255, 1);
        panel.gets({ type: "publish", topic: "a/é", payload, qos, retain: false, dup: false });
      }
      const empty = await at.open();
      await empty.sends(withFlags("06", s("empty"), "00 00"));
      empty.gets("20 02 00 00");
      await empty.drops();
      panel.gets({ type: "publish", topic: "empty", payload: "" });
    },
  ),
  closesAtOnce(
    "MQTT-3.1.2-9",
    "the Will Flag without Will Topic and Will Message closes the connection",
    [
      withFlags("06"),
      withFlags("06", s("gone")),
      withFlags("06", s("gone"), "00"),
      withFlags("06", s("gone"), "00 04 61 62 63"),
    ],
    [withFlags("06", ...WILL)],
  ),
  holds(
    "3.1.1",
    "MQTT-3.1.2-10",
    "the Will goes once, and not from a later connection",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("gone");
      const will = willOf("gone", "bye");
      const first = await at.client("pump", { cleanStart: false, will });
      await first.drops();
      panel.gets({ type: "publish", payload: "bye" });
      const second = await at.client("pump", { cleanStart: false });
      await second.drops();
      panel.getsNothing();
      const third = await at.client("pump", { cleanStart: false, will });
      await third.closes();
      panel.getsNothing();
      const fourth = await at.client("pump", { cleanStart: false });
      await fourth.drops();
      panel.getsNothing();
      await at.restarts();
      const watcher = await at.client("watcher");
      await watcher.subscribes("gone");
      watcher.getsNothing();
    },
  ),
  closesAtOnce(
    ["MQTT-3.1.2-11", "MQTT-3.1.2-13"],
    "Will QoS without the Will Flag closes the connection",
    [withFlags("0a"), withFlags("12"), withFlags("1a")],
    [withFlags("02")],
  ),
  closesAtOnce(
    ["MQTT-3.1.2-11", "MQTT-3.1.2-15"],
    "Will Retain without the Will Flag closes the connection",
    [withFlags("22")],
    [withFlags("02"), withFlags("26", ...WILL)],
  ),
  closesAtOnce(
    "MQTT-3.1.2-11",
    "a Will in the payload without the Will Flag closes the connection",
    [withFlags("02", ...WILL)],
    [withFlags("06", ...WILL)],
  ),
  holds(
    "3.1.1",
    "MQTT-3.1.2-12",
    "without the Will Flag nothing is published at the end",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["#", 2]);
      const pump = await at.client("pump", { keepAlive: 10 });
      await pump.drops();
      const late = await at.client("late", { keepAlive: 10 });
      await at.passes(16_000);
      late.isClosed();
      panel.getsNothing();
    },
  ),
  closesAtOnce(
    "MQTT-3.1.2-14",
    "Will QoS 3 closes the connection",
    [withFlags("1e", ...WILL), withFlags("3e", ...WILL)],
    [withFlags("16", ...WILL), withFlags("36", ...WILL)],
  ),
  holds("3.1.1", "MQTT-3.1.2-16", "a Will with Will Retain 0 is not retained", async (at) => {
    const panel = await at.client("panel");
    await panel.subscribes("gone");
    const pump = await at.client("pump", { will: willOf("gone", "bye") });
    await pump.drops();
    panel.gets({ type: "publish", payload: "bye", retain: false });
    const late = await at.client("late");
    await late.subscribes("gone");
    late.getsNothing();
  }),
  holds("3.1.1", "MQTT-3.1.2-17", "a Will with Will Retain 1 is retained", async (at) => {
    const panel = await at.client("panel");
    await panel.subscribes(["gone", 1]);
    const pump = await at.client("pump", { will: willOf("gone", "bye", { retain: true, qos: 1 }) });
    await pump.drops();
    panel.gets({ type: "publish", payload: "bye", retain: false });
    const late = await at.client("late");
    await late.sends(subscribePacket(1, ["gone", 2]));
    late.gets({ type: "suback" });
    late.gets({ type: "publish", payload: "bye", retain: true, qos: 1 });
  }),
  closesAtOnce(
    "MQTT-3.1.3-10",
    "a Will Topic that is no UTF-8, is empty or has wildcards closes the connection",
    [
      withFlags("06", "00 02 c3 28", s("bye")),
      withFlags("06", "00 00", s("bye")),
      withFlags("06", s("a/+"), s("bye")),
      withFlags("06", s("#"), s("bye")),
    ],
    [withFlags("06", "00 02 c3 a4", s("bye"))],
  ),
];
