/** MQTT 5.0 section 3.2.2: the flags and the Reason Code of CONNACK. */

import type { Verdict } from "../../../src/policy/identity.ts";
import { connectPacket, disconnectPacket } from "../../broker/packets.ts";
import { p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import { excuse, holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, connectBytes, KEPT } from "../raw5.ts";

/** Table 3-1. */
const CONNECT_REASON_CODES = new Set([
  ...[0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95],
  ...[0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f],
]);

/** A CONNECT for each way to be turned away, at a broker that `strict` configures. */
const REFUSED: readonly (readonly [bytes: Uint8Array, reasonCode: number])[] = [
  [connectBytes({ flags: "03" }), 0x81],
  [connectBytes({ payload: "" }), 0x81],
  [connectBytes({ payload: s("c") + "ff" }), 0x81],
  [connectBytes({ properties: p("21 0000") }), 0x82],
  [connectBytes({ properties: p("21 0001", "21 0001") }), 0x82],
  [connectBytes({ level: "06" }), 0x84],
  [connectBytes({ name: s("MQTX") }), 0x84],
  [connectBytes({ flags: "82", payload: s("owned") + s("bad") }), 0x86],
  [connectBytes({ flags: "82", payload: s("owned") + s("bob") }), 0x87],
  [connectBytes({ flags: "82", payload: s("") + s("bob"), properties: p("15", s("none")) }), 0x8c],
  [connectBytes({ flags: "06", payload: s("c") + p() + s("a/#") + s("m") }), 0x90],
  [connectBytes({ flags: "80", payload: s("one too many") + s("bob") }), 0x97],
];

/** Room for one session, which belongs to `anna`; the user `bad` is refused. */
async function strict(at: Bench): Promise<void> {
  at.configure({
    limits: { maximumSessions: 1 },
    authenticator: {
      verify: ({ username }): Verdict =>
        username === "bad"
          ? { type: "refused", reason: 0x86, detail: "no" }
          : { type: "accepted", identity: { user: username, roles: [] } },
    },
  });
  const owner = await at.client("owned", { ...KEPT, username: "anna" });
  await owner.drops();
}

export const connack5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.2.2-1",
    "the Connect Acknowledge Flags are 0 or 1, in success and refusal",
    async (at) => {
      await strict(at);
      const flags: number[] = [];
      const answers = async (...bytes: Parameters<typeof connectPacket>) => {
        const peer = await at.open();
        await peer.sends(connectPacket(...bytes));
        flags.push(peer.takesBytes()![2]!);
        await peer.drops();
      };
      await answers("owned", { ...KEPT, username: "anna" });
      await answers("owned", { ...KEPT, username: "anna", cleanStart: true });
      at.expects(flags.join() === "1,0", `the flags are ${flags}`);
      for (const [bytes] of REFUSED) {
        const peer = await at.open();
        await peer.sends(bytes);
        at.expects(peer.takesBytes()![2] === 0, "no flag in a refusal");
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-2",
    "accepting with Clean Start 1, CONNACK says Session Present 0, though there was a session",
    async (at) => {
      await comes(at, "pump", false, { cleanStart: true });
      await comes(at, "pump", false, { cleanStart: true }); // taken over
      const third = await comes(at, "pump", false, { cleanStart: true });
      await third.drops();
      const fourth = await comes(at, "pump", false, { cleanStart: true });
      await fourth.drops();
      await at.restarts();
      await comes(at, "pump", false, { cleanStart: true });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-3",
    "accepting with Clean Start 0, Session Present is 1 when there was a session and 0 when not",
    async (at) => {
      const first = await comes(at, "pump", false);
      const second = await comes(at, "pump", true); // taken over
      first.gets({ type: "disconnect", reasonCode: 0x8e });
      await second.drops();
      await comes(at, "other", false);
      await at.restarts();
      const third = await comes(at, "pump", true);
      await third.sends(disconnectPacket(0, 0));
      const fourth = await comes(at, "pump", false);
      await fourth.drops();
      await at.passes(3_600_001);
      await comes(at, "pump", false);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-3",
    "a session of 3.1.1 is one for 5.0 as well",
    async (at) => {
      const old = await at.client("pump", { version: 4, cleanStart: false });
      await old.subscribes(["t", 1]);
      await old.drops();
      const peer = await comes(at, "pump", true);
      await (await at.client("sender")).publishes("t", "x");
      peer.gets({ type: "publish", topic: "t" });
    },
  ),
  excuse(
    "5.0",
    ["MQTT-3.2.2-4", "MQTT-3.2.2-5"],
    "binds the client: whether it closes, or throws its session state away, when Session Present is " +
      "not what it expected, no server can show; what the flag says is held by MQTT-3.2.2-2 and -3",
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-6",
    "a CONNACK that refuses says Session Present 0, though there is a session of that client id",
    async (at) => {
      await strict(at);
      for (const clean of ["82", "80"]) {
        for (const name of ["bad", "bob"]) {
          const peer = await at.open();
          await peer.sends(connectBytes({ flags: clean, payload: s("owned") + s(name) }));
          const bytes = peer.takesBytes()!;
          at.expects(bytes[2] === 0 && bytes[3]! >= 0x80, `flags ${bytes[2]}, code ${bytes[3]}`);
        }
      }
      await comes(at, "owned", true, { username: "anna" });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-7",
    "after every CONNACK of 0x80 or above the connection is closed, and nothing else was sent",
    async (at) => {
      await strict(at);
      for (const [bytes, reasonCode] of REFUSED) {
        const peer = await at.open();
        await peer.sendsAtOnce(bytes, "c0 00");
        peer.gets({ type: "connack", reasonCode });
        peer.isClosed();
      }
      await comes(at, "owned", true, { username: "anna" });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-8",
    "every way to be turned away has a Reason Code of table 3-1, and each its own",
    async (at) => {
      await strict(at);
      for (const [bytes, reasonCode] of REFUSED) {
        const peer = await at.open();
        await peer.sends(bytes);
        const found = peer.takesBytes()![3]!;
        at.expects(CONNECT_REASON_CODES.has(found), `0x${found.toString(16)} is in table 3-1`);
        at.expects(found === reasonCode, `0x${found.toString(16)} is 0x${reasonCode.toString(16)}`);
      }
      const large = await at.open();
      await large.sends(connectBytes({ properties: p("27 00000008") }));
      large.gets("20 03 00 95 00");
      large.isClosed();
    },
  ),
];
