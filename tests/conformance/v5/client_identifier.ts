/** MQTT 5.0 section 3.1.3.1: the Client Identifier. */

import { ANONYMOUS } from "../../../src/policy/identity.ts";
import { connectPacket } from "../../broker/packets.ts";
import { p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, connectBytes, KEPT, sized, turnsAway } from "../raw5.ts";

const LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

export const clientIdentifier5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.1.3-2",
    "session state is filed under the client id, character by character",
    async (at) => {
      const ids = [
        "pump",
        "Pump",
        "pump ",
        " pump",
        "pum",
        "\u00e9",
        "e\u0301",
        "x".repeat(16_383),
      ];
      for (const id of ids) {
        const peer = await comes(at, id, false);
        await peer.subscribes([`for/${ids.indexOf(id)}`, 1]);
        await peer.drops();
      }
      const sender = await at.client("sender");
      for (const index of ids.keys()) {
        await sender.publishes(`for/${index}`, String(index), { packetId: 1 });
      }
      await at.restarts();
      for (const [index, id] of ids.entries()) {
        const peer = await comes(at, id, true);
        peer.gets({ type: "publish", topic: `for/${index}`, payload: String(index) });
        peer.getsNothing();
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-3",
    "a CONNECT without a client id, or with another field in its place, is malformed (0x81)",
    async (at) => {
      for (const payload of ["", "00", "0003 6162", "ffff 61"]) {
        await turnsAway(at, connectBytes({ payload }), 0x81);
      }
      // Will Properties, Topic and Payload alone: the empty topic is what is left of them.
      const rest = p("03", s("t")) + s("w") + s("m");
      await turnsAway(at, connectBytes({ flags: "06", payload: rest }), 0x81);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-4",
    "a client id of ill-formed UTF-8 or with U+0000 is malformed (0x81); any other text is taken",
    async (at) => {
      for (const id of ["eda080", "c080", "ff", "6100", "c3", "61".repeat(60) + "c3"]) {
        await turnsAway(at, connectBytes({ payload: sized(id) }), 0x81);
      }
      for (const id of ["größe", "\u{1f986}", "a/b", "+", "#", "$SYS", " ", "\u0001", "\ufeff"]) {
        const peer = await comes(at, id, false);
        await peer.drops();
        (await comes(at, id, true)).isOpen();
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-5",
    "every length from 1 to 23 bytes, and every digit and ASCII letter, is accepted",
    async (at) => {
      for (let length = 1; length <= 23; length++) {
        const peer = await at.open();
        const from = (length * 7) % 39;
        await peer.sends(connectBytes({ payload: s(LETTERS.slice(from, from + length)) }));
        const connack = peer.gets({ type: "connack", reasonCode: 0 });
        const assigned = connack.properties?.assignedClientIdentifier;
        at.expects(assigned === undefined, "and no other one is assigned");
      }
      for (const letter of LETTERS) {
        const peer = await at.open();
        await peer.sends(connectBytes({ payload: s(letter) }));
        peer.gets({ type: "connack", reasonCode: 0 });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-6",
    "an empty client id is accepted with either Clean Start, and each gets an id of its own",
    async (at) => {
      const ids = new Set<string>();
      for (let i = 0; i < 20; i++) {
        const peer = await at.open();
        await peer.sends(connectBytes({ flags: i % 2 === 0 ? "02" : "00", payload: s("") }));
        const connack = peer.gets({ type: "connack", reasonCode: 0, sessionPresent: false });
        const id = connack.properties?.assignedClientIdentifier;
        at.expects(id !== undefined && id.length > 0, "an id is assigned");
        ids.add(id!);
        peer.getsNothing();
      }
      at.expects(ids.size === 20, "they are 20 different ones");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-7",
    "the id that is assigned is returned, and the session is that id's as if the client had sent it",
    async (at) => {
      const first = await at.open();
      await first.sends(connectPacket("", KEPT));
      const connack = first.gets({ type: "connack", reasonCode: 0, sessionPresent: false });
      const id = connack.properties!.assignedClientIdentifier!;
      await first.subscribes(["t", 1]);
      const same = await comes(at, id, true);
      first.gets({ type: "disconnect", reasonCode: 0x8e });
      first.isClosed();
      await same.drops();
      await (await at.client("pump")).publishes("t", "x", { packetId: 1 });
      const again = await comes(at, id, true);
      again.gets({ type: "publish", payload: "x" });
      const named = await at.open();
      await named.sends(connectPacket("named"));
      const second = named.gets({ type: "connack", reasonCode: 0 });
      at.expects(second.properties?.assignedClientIdentifier === undefined, "not if it sends one");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-8",
    "a client id that is not wanted is answered with CONNACK 0x85, and the connection is closed",
    async (at) => {
      at.configure({
        authenticator: {
          verify: ({ clientId }) =>
            clientId.startsWith("raw")
              ? { type: "refused", reason: 0x85, detail: "not here" }
              : { type: "accepted", identity: ANONYMOUS },
        },
      });
      await turnsAway(at, connectBytes({ payload: s("raw") }), 0x85);
      await turnsAway(at, connectBytes({ payload: s("raw2") }), 0x85);
      const good = await at.open();
      await good.sends(connectBytes({ payload: s("good") }));
      good.gets({ type: "connack", reasonCode: 0 });
    },
  ),
];
