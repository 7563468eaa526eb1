/** MQTT 5.0 section 3.1.4: a CONNECT that is out of form or not let in, and what comes behind it. */

import type { Verdict } from "../../../src/policy/identity.ts";
import { ANONYMOUS } from "../../../src/policy/identity.ts";
import { connectPacket, publishPacket, subscribePacket, willOf } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, connectBytes, int, KEPT, raw, turnsAway } from "../raw5.ts";
import { listener } from "./answers.ts";

/** A verdict that is given when the row asks for it. */
function verdictLater() {
  let resolve = (_: Verdict) => {};
  const verify = () => new Promise<Verdict>((each) => resolve = each);
  return { authenticator: { verify }, decide: (verdict: Verdict) => resolve(verdict) };
}

export const connectRefused5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.1.4-1",
    "a CONNECT out of form is answered with CONNACK 0x81 and closed",
    async (at) => {
      const whole = connectBytes({
        flags: "c6",
        payload: s("c") + p() + s("w") + s("m") + s("u") + s("p"),
      });
      // Cut anywhere behind its Protocol Version, with the Remaining Length that it then has.
      for (let length = 9; length < whole.length; length++) {
        const cut = whole.slice(0, length);
        cut[1] = length - 2;
        await turnsAway(at, cut, 0x81);
      }
      await turnsAway(at, connectBytes({ payload: s("c") + "00" }), 0x81); // trailing bytes
      await turnsAway(at, connectBytes({ payload: s("c") + s("") }), 0x81);
      await turnsAway(at, connectBytes({ payload: "0005" + raw("four") }), 0x81);
      await turnsAway(
        at,
        connectBytes({ flags: "06", payload: s("c") + p() + s("") + s("m") }),
        0x81,
      );
      const good = await at.open();
      await good.sends(whole);
      good.gets({ type: "connack", reasonCode: 0 });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-1",
    "a CONNECT with values that are not allowed is answered with 0x82 or 0x90 and closed",
    async (at) => {
      for (
        const property of [
          "21 0000", // Receive Maximum 0
          "27 00000000", // Maximum Packet Size 0
          "17 02", // Request Problem Information 2
          "19 02", // Request Response Information 2
          "16 0001 ff", // Authentication Data without Authentication Method
        ]
      ) await turnsAway(at, connectBytes({ properties: p(property) }), 0x82);
      const will = (properties: string, topic: string) =>
        connectBytes({ flags: "06", payload: s("c") + properties + s(topic) + s("m") });
      await turnsAway(at, will(p("01 02"), "w"), 0x82); // Payload Format Indicator 2
      await turnsAway(at, will(p("08", s("a/+")), "w"), 0x82);
      for (const topic of ["a/#", "+", "#", "a/+/b", "a+"]) {
        await turnsAway(at, will(p(), topic), 0x90);
      }
      for (const property of ["21 0001", "27 00000100", "17 01", "17 00", "19 01", "19 00"]) {
        const peer = await at.open();
        await peer.sends(connectBytes({ properties: p(property) }));
        peer.gets({ type: "connack", reasonCode: 0 });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-1",
    "a CONNECT that is refused leaves the older connection of its client id alone, and starts no session",
    async (at) => {
      const first = await at.client("raw");
      await turnsAway(at, connectBytes({ flags: "03" }), 0x81);
      first.getsNothing();
      await turnsAway(
        at,
        connectBytes({ properties: p("11 00000064"), payload: s("x") + "00" }),
        0x81,
      );
      (await comes(at, "x", false)).isOpen();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-2",
    "a client that authentication refuses gets CONNACK with the reason and is closed; nothing of it stays",
    async (at) => {
      let reason = 0x86;
      at.configure({
        authenticator: {
          verify: ({ username }) =>
            username === "bad"
              ? { type: "refused", reason, detail: "no" }
              : { type: "accepted", identity: ANONYMOUS },
        },
      });
      const panel = await listener(at);
      const pump = await at.client("pump");
      for (reason of [0x86, 0x87, 0x8a, 0x88, 0x89]) {
        const peer = await at.open();
        const will = willOf("gone", "bye");
        await peer.sends(connectPacket("pump", { ...KEPT, username: "bad", will }));
        peer.gets({ type: "connack", reasonCode: reason, sessionPresent: false });
        peer.isClosed();
        pump.isOpen();
        await turnsAway(
          at,
          connectBytes({ flags: "80", properties: p("11 0000ffff"), payload: s("new") + s("bad") }),
          reason,
        );
      }
      panel.getsNothing(); // no Will
      pump.getsNothing(); // not taken over
      (await comes(at, "new", false)).isOpen(); // no session was begun
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-2",
    "a client that may not have the session of that client id gets CONNACK 0x87 and is closed",
    async (at) => {
      const owner = await at.client("pump", { ...KEPT, username: "anna" });
      await owner.subscribes(["t", 1]);
      const bytes = connectBytes({ flags: "82", payload: s("pump") + s("bob") });
      await turnsAway(at, bytes, 0x87);
      owner.getsNothing();
      await owner.drops();
      await turnsAway(at, bytes, 0x87); // Clean Start does not help
      (await comes(at, "pump", true, { username: "anna" })).isOpen();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-2",
    "the CONNACK of a refusal can be written however long the client id or the authenticator's words are",
    async (at) => {
      at.configure({
        authenticator: {
          verify: ({ username }) =>
            username === "bad"
              ? { type: "refused", reason: 0x86, detail: "no", told: "n".repeat(70_000) }
              : { type: "accepted", identity: { ...ANONYMOUS, user: username } },
        },
      });
      const clientId = "c".repeat(16_383);
      await at.client(clientId, { username: "anna" });
      const peer = await at.open();
      await peer.sends(connectPacket(clientId, { username: "bob" }));
      peer.gets({ type: "connack", reasonCode: 0x87 });
      peer.isClosed();
      await turnsAway(at, connectBytes({ flags: "82", payload: s("new") + s("bad") }), 0x86);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-6",
    "nothing that comes behind a rejected CONNECT is processed, whatever rejected it",
    async (at) => {
      at.configure({
        authenticator: {
          verify: ({ username }) =>
            username === "bad"
              ? { type: "refused", reason: 0x86, detail: "no" }
              : { type: "accepted", identity: ANONYMOUS },
        },
      });
      const panel = await listener(at);
      const behind = [
        publishPacket("t", "x"),
        publishPacket("t", "y", { packetId: 1, retain: true }),
        subscribePacket(2, ["#", 0]),
        { type: "pingreq" },
      ] as const;
      for (
        const [bytes, reasonCode] of [
          [connectBytes({ flags: "03" }), 0x81],
          [connectBytes({ properties: p("21 0000") }), 0x82],
          [connectBytes({ level: "06" }), 0x84],
          [connectBytes({ flags: "82", payload: s("c") + s("bad") }), 0x86],
        ] as const
      ) {
        const peer = await at.open();
        await peer.sendsAtOnce(bytes, ...behind, connectBytes());
        peer.gets({ type: "connack", reasonCode });
        peer.isClosed();
      }
      panel.getsNothing();
      await panel.subscribes("t");
      panel.getsNothing(); // and nothing is retained
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-6",
    "packets that come while authentication is under way wait for it, and are dropped when it refuses",
    async (at) => {
      const { authenticator, decide } = verdictLater();
      at.configure({ authenticator });
      const peer = await at.open();
      await peer.sendsAtOnce(connectBytes(), publishPacket("t", "x", { retain: true }), "c0 00");
      peer.getsNothing();
      decide({ type: "refused", reason: 0x87, detail: "no" });
      await (await at.desk()).turn();
      peer.gets({ type: "connack", reasonCode: 0x87 });
      peer.isClosed();
      const panel = await at.open();
      await panel.sendsAtOnce(connectBytes(), frame(0x82, "0001", p(), s("#"), "00"));
      panel.getsNothing();
      decide({ type: "accepted", identity: ANONYMOUS });
      await (await at.desk()).turn();
      panel.gets({ type: "connack", reasonCode: 0 });
      panel.gets(`90 04 ${int(1, 2)} 00 00`);
      panel.getsNothing(); // no retained message
    },
  ),
];
