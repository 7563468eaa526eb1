/** MQTT 5.0 sections 3.1.2.5 to 3.1.2.7, 3.1.3.2 and 3.1.3.3: the Will of a client. */

import type { Bench } from "../bench.ts";
import { acknowledgement, connectPacket, disconnectPacket, willOf } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, connectBytes, int, KEPT, raw, sized, turnsAway } from "../raw5.ts";

/** A client that gets every Will of a row, and keeps its session. */
async function listener(at: Bench) {
  const panel = await at.client("panel", KEPT);
  await panel.subscribes(["#", { qos: 2, retainAsPublished: true }]);
  return panel;
}

const WILL = willOf("gone", "bye");
const BYE = { type: "publish", topic: "gone", payload: "bye" } as const;

/** A Will that waits so many seconds, of a client whose session is kept so many. */
function delayed(willDelayInterval: number, sessionExpiryInterval: number) {
  return {
    cleanStart: false,
    properties: { sessionExpiryInterval },
    will: willOf("gone", "bye", { willDelayInterval }),
  };
}

export const connectWill5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.1.2-7",
    "a Will is stored with the session: when the broker dies, it goes out at the next start",
    async (at) => {
      await listener(at);
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
      await listener(at);
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
      const panel = await listener(at);
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
      const panel = await listener(at);
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
      const panel = await listener(at);
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
      const panel = await listener(at);
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
      const panel = await listener(at);
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
      const panel = await listener(at);
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
      await listener(at);
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
    "MQTT-3.1.2-9",
    "with the Will Flag, a CONNECT without Will Properties, Topic or Payload is malformed (0x81)",
    async (at) => {
      for (
        const payload of [
          s("c"),
          s("c") + p(),
          s("c") + p() + s("w"),
          s("c") + p() + s("w") + "0005 61",
          s("c") + s("w") + s("m"), // no Will Properties
        ]
      ) await turnsAway(at, connectBytes({ flags: "06", payload }), 0x81);
      await turnsAway(at, connectBytes({ flags: "86", payload: s("c") + s("u") }), 0x81);
      // Without the flag they are bytes too many.
      await turnsAway(at, connectBytes({ payload: s("c") + p() + s("w") + s("m") }), 0x81);
      const panel = await listener(at);
      const empty = await at.open();
      await empty.sends(connectBytes({ flags: "06", payload: s("c") + p() + s("w") + s("") }));
      empty.gets({ type: "connack", reasonCode: 0 });
      await empty.drops();
      panel.gets({ type: "publish", topic: "w", payload: "" });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-11",
    "a Will QoS without the Will Flag is malformed (0x81)",
    async (at) => {
      for (const flags of ["0a", "08", "12", "10", "1a"]) {
        await turnsAway(at, connectBytes({ flags }), 0x81);
      }
      await turnsAway(at, connectBytes({ flags: "8a", payload: s("c") + s("u") }), 0x81);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-12",
    "Will QoS 3 is malformed (0x81); 0, 1 and 2 are what the Will goes out with",
    async (at) => {
      const panel = await listener(at);
      const payload = s("c") + p() + s("gone") + s("bye");
      await turnsAway(at, connectBytes({ flags: "1e", payload }), 0x81);
      await turnsAway(at, connectBytes({ flags: "3e", payload }), 0x81);
      await turnsAway(at, connectBytes({ flags: "1a" }), 0x81);
      for (const [flags, qos] of [["06", 0], ["0e", 1], ["16", 2]] as const) {
        const peer = await at.open();
        await peer.sends(connectBytes({ flags, payload }));
        peer.gets({ type: "connack", reasonCode: 0 });
        await peer.drops();
        panel.gets({ ...BYE, qos });
      }
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-13",
    "Will Retain without the Will Flag is malformed (0x81)",
    async (at) => {
      await turnsAway(at, connectBytes({ flags: "22" }), 0x81);
      await turnsAway(at, connectBytes({ flags: "20" }), 0x81);
      await turnsAway(at, connectBytes({ flags: "a2", payload: s("c") + s("u") }), 0x81);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-14",
    "a Will with Will Retain 0 goes out with RETAIN 0 and leaves the retained message as it is",
    async (at) => {
      const panel = await listener(at);
      const first = await at.client("pump", { will: WILL });
      await first.drops();
      panel.gets({ ...BYE, retain: false });
      const late = await at.client("late");
      await late.subscribes("gone");
      late.getsNothing();
      await late.publishes("gone", "kept", { retain: true });
      late.gets({ type: "publish", payload: "kept" });
      const second = await at.client("pump", { will: WILL });
      await second.drops();
      late.gets(BYE);
      await late.subscribes("gone");
      late.gets({ type: "publish", payload: "kept", retain: true });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-15",
    "a Will with Will Retain 1 becomes the retained message, and removes it when its payload is empty",
    async (at) => {
      const panel = await listener(at);
      const first = await at.client("pump", { will: { ...WILL, retain: true, qos: 1 } });
      await first.drops();
      panel.gets({ ...BYE, retain: true });
      const late = await at.client("late");
      await late.subscribes(["gone", 2]);
      late.gets({ ...BYE, retain: true, qos: 1 });
      const second = await at.client("pump", { will: willOf("gone", "", { retain: true }) });
      await second.drops();
      late.gets({ type: "publish", topic: "gone", payload: "", retain: false });
      await late.subscribes(["gone", 2]);
      late.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-9",
    "a client that is back before its Will Delay has passed keeps the Will from being sent",
    async (at) => {
      const panel = await listener(at);
      const first = await at.client("pump", delayed(10, 3600));
      await first.drops();
      await at.passes(9_999);
      const second = await comes(at, "pump", true);
      await at.passes(60_000);
      await second.closes();
      const third = await comes(at, "pump", true, delayed(10, 3600));
      await comes(at, "pump", true); // takes it over: the delay has not begun to pass
      third.gets({ type: "disconnect", reasonCode: 0x8e });
      await at.passes(60_000);
      panel.getsNothing();
      const last = await comes(at, "pump", true, delayed(10, 3600));
      await last.drops();
      await at.passes(10_001); // too late
      panel.gets(BYE);
      const again = await comes(at, "pump", true, delayed(10, 3600));
      await again.drops();
      await comes(at, "pump", true, delayed(10, 3600)); // in time, and with a Will of its own
      await at.passes(60_000);
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-9",
    "a Will that was kept from being sent is gone for good: a later end without one sends none",
    async (at) => {
      const panel = await listener(at);
      const will = willOf("gone", "bye", { willDelayInterval: 10, qos: 1 });
      const first = await comes(at, "pump", false, { will });
      await first.drops();
      const second = await comes(at, "pump", true);
      await second.drops();
      await at.passes(60_000);
      panel.getsNothing();
      const third = await comes(at, "pump", true);
      await third.drops();
      await at.restarts();
      const again = await comes(at, "panel", true);
      await at.passes(60_000);
      again.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-9",
    "this holds after a restart within the delay too",
    async (at) => {
      await listener(at);
      const first = await at.client("pump", delayed(100, 3600));
      await first.drops();
      await at.restarts();
      await comes(at, "pump", true);
      await at.passes(200_000);
      (await comes(at, "panel", true)).getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-10",
    "a Will goes out with its User Properties in their order, and with its other properties",
    async (at) => {
      const panel = await listener(at);
      const pairs = "26" + s("b") + s("1") + "26" + s("a") + s("2") + "26" + s("b") + s("3") +
        "26" + s("b") + s("1");
      const rest = "03" + s("text/plain") + "08" + s("answers") + "09" + sized("00ff") + "01 01";
      const peer = await at.open();
      await peer.sends(
        connectBytes({ flags: "06", payload: s("c") + p(pairs, rest) + s("gone") + s("bye") }),
      );
      peer.gets({ type: "connack", reasonCode: 0 });
      await peer.drops();
      const bytes = panel.takesBytes()!;
      const first = Array.from(bytes.subarray(8), (byte) => int(byte, 1)).join("");
      const [, ...properties] = [p(pairs, rest), pairs, "03" + s("text/plain")]
        .concat(["08" + s("answers"), "09" + sized("00ff"), "0101"])
        .map((each) => each.replaceAll(" ", ""));
      for (const each of properties) at.expects(first.includes(each), `${each} stands in ${first}`);
      const length = properties.join("").length / 2;
      at.expects(first.length / 2 === 1 + length + 3, "there is no other property");
      await panel.publishes("other", "");
      panel.gets({ type: "publish", topic: "other" });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-10",
    "the order is kept through a delay and a restart",
    async (at) => {
      await listener(at);
      const peer = await at.open();
      const inside = "26" + s("b") + s("1") + "18 00000005" + "26" + s("a") + s("2") + "26" +
        s("b") + s("0");
      await peer.sends(connectBytes({
        flags: "0e",
        properties: p("11 00000064"),
        payload: s("c") + p(inside) + s("gone") + s("bye"),
      }));
      peer.gets({ type: "connack", reasonCode: 0 });
      await peer.drops();
      await at.restarts();
      await at.passes(6_000);
      const panel = await comes(at, "panel", true);
      const pairs = ["26" + s("b") + s("1"), "26" + s("a") + s("2"), "26" + s("b") + s("0")];
      panel.gets(frame(0x32, s("gone"), "0001", p(...pairs), raw("bye")));
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-11",
    "a Will Topic of ill-formed UTF-8 or with U+0000 is malformed (0x81); a good one is published to",
    async (at) => {
      const will = (topic: string) =>
        connectBytes({ flags: "06", payload: s("c") + p() + topic + s("m") });
      for (const topic of ["eda080", "c080", "ff", "6100", "c3"]) {
        await turnsAway(at, will(sized(topic)), 0x81);
      }
      const panel = await listener(at);
      const peer = await at.open();
      await peer.sends(will(s("größe/\u{1f986}")));
      peer.gets({ type: "connack", reasonCode: 0 });
      await peer.drops();
      panel.gets(frame(0x30, s("größe/\u{1f986}"), p(), "6d"));
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-8",
    "a Will of QoS 2 runs through the whole exchange, and one that was refused is not published",
    async (at) => {
      const panel = await listener(at);
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
