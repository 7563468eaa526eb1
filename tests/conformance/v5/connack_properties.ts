/** MQTT 5.0 section 3.2.2.3: what CONNACK announces, and that the broker and its clients are held to it. */

import { ANONYMOUS } from "../../../src/policy/identity.ts";
import { acknowledgement, connectPacket, publishPacket, willOf } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import { excuse, holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import type { Peer } from "../peer.ts";
import { comes, connectBytes, ends, int, raw } from "../raw5.ts";

/** The CONNACK of a plain CONNECT, in which every property is read from the bytes. */
async function greeted(at: Bench, properties = p()) {
  const peer = await at.open();
  await peer.sends(connectBytes({ properties, payload: s("") }));
  return [peer, peer.gets({ type: "connack", reasonCode: 0 }).properties ?? {}] as const;
}

/** A PUBLISH of a topic with an alias. */
function aliased(topic: string, topicAlias: number) {
  return publishPacket(topic, "x", { properties: { topicAlias } });
}

/** Refuses the user `bad` with so many letters as words for the client, and others for the log. */
function refusing(at: Bench, letters: number): void {
  at.configure({
    authenticator: {
      verify: ({ username }) =>
        username === "bad"
          ? { type: "refused", reason: 0x86, detail: "the log's", told: "x".repeat(letters) }
          : { type: "accepted", identity: ANONYMOUS },
    },
  });
}

/** The bytes of the CONNACK for a client that is refused and takes so many bytes. */
async function refusedWith(at: Bench, maximumPacketSize?: number): Promise<Uint8Array | undefined> {
  const peer: Peer = await at.open();
  const properties = maximumPacketSize === undefined ? p() : p("27", int(maximumPacketSize, 4));
  await peer.sends(connectBytes({ flags: "82", properties, payload: s("c") + s("bad") }));
  const bytes = peer.takesBytes();
  peer.isClosed();
  return bytes;
}

export const connackProperties5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.2.2-9",
    "the broker has QoS 1 and 2: it announces no Maximum QoS, and takes and sends both",
    async (at) => {
      const [peer, properties] = await greeted(at);
      at.expects(properties.maximumQoS === undefined, "no Maximum QoS");
      await peer.subscribes(["t", 2]);
      for (const qos of [0, 1, 2] as const) {
        await peer.sends(publishPacket("t", "x", { qos, packetId: qos === 0 ? 0 : qos }));
        const packets = peer.takes();
        const publish = packets.find((packet) => packet.type === "publish");
        at.expects(publish?.qos === qos, `QoS ${qos} comes back`);
        const receipt = packets.find((packet) =>
          packet.type === "puback" || packet.type === "pubrec"
        );
        const type = qos === 0 ? undefined : qos === 1 ? "puback" : "pubrec";
        at.expects(receipt?.type === type, `QoS ${qos} is acknowledged`);
      }
      peer.isOpen();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-10",
    "SUBSCRIBE is granted with whatever QoS it asks for",
    async (at) => {
      const [peer] = await greeted(at);
      await peer.sends(frame(0x82, "0001", p(), s("a"), "00", s("b"), "01", s("c"), "02"));
      peer.gets("90 06 00 01 00 00 01 02");
    },
  ),
  excuse(
    "5.0",
    "MQTT-3.2.2-11",
    "binds the client of a server that announces a Maximum QoS: this broker never announces one " +
      "(shown with MQTT-3.2.2-9), so no client can go beyond it",
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-12",
    "a Will of any QoS is within the broker's abilities: no CONNECT is refused for it, and it goes out",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["gone", 2]);
      for (const qos of [0, 1, 2] as const) {
        const peer = await comes(at, "pump", false, {
          properties: undefined,
          will: willOf("gone", "bye", { qos }),
        });
        await peer.drops();
        panel.gets({ type: "publish", topic: "gone", qos });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-13",
    "a retained Will is within the broker's abilities: CONNECT is not refused, and it is retained",
    async (at) => {
      const [, properties] = await greeted(at);
      at.expects(
        properties.retainAvailable === undefined,
        "Retain Available is not announced as 0",
      );
      const will = willOf("gone", "bye", { retain: true });
      const peer = await comes(at, "pump", false, { properties: undefined, will });
      await peer.drops();
      const panel = await at.client("panel");
      await panel.subscribes("gone");
      panel.gets({ type: "publish", topic: "gone", retain: true });
    },
  ),
  excuse(
    "5.0",
    "MQTT-3.2.2-14",
    "binds the client of a server that announces Retain Available 0: this broker never does (shown " +
      "with MQTT-3.2.2-13), so every RETAIN is allowed",
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-15",
    "a packet of the announced Maximum Packet Size is taken, one byte more is refused with 0x95",
    async (at) => {
      at.configure({ limits: { maximumPacketSize: 1000 } });
      const [panel, properties] = await greeted(at);
      at.expects(properties.maximumPacketSize === 1000, "what is announced");
      await panel.subscribes("t");
      const pump = await at.client("pump");
      const body = `${s("t")} ${p()}`;
      await pump.sends(frame(0x30, body, raw("x".repeat(1000 - 3 - 4))));
      const came = panel.gets({ type: "publish", topic: "t" });
      at.expects(came.payload.length === 993, "the whole payload");
      await ends(pump, frame(0x30, body, raw("x".repeat(1001 - 3 - 4))), 0x95);
      for (const header of ["30 e6 07", "32 ff ff ff 7f", "82 e6 07", "c0 e6 07", "42 e6 07"]) {
        await ends(await at.client("pump"), header, 0x95); // by the fixed header alone
      }
      const first = await at.open();
      await first.sends("10 e6 07");
      first.isClosed();
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-16",
    "the id that is assigned to a client without one is that of no other session, kept or connected",
    async (at) => {
      const ids = new Set<string>();
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 20; i++) {
          const peer = await at.open();
          await peer.sends(connectPacket("", { properties: { sessionExpiryInterval: 3600 } }));
          const { properties, sessionPresent } = peer.gets({ type: "connack", reasonCode: 0 });
          const id = properties?.assignedClientIdentifier;
          at.expects(id !== undefined && id !== "" && !ids.has(id), `${id} is assigned`);
          at.expects(!sessionPresent, "its session is new");
          ids.add(id!);
          if (i % 2 === 0) await peer.drops();
        }
        await at.restarts();
      }
      at.expects(ids.size === 60, "60 sessions, 60 ids");
      for (const id of [...ids].slice(0, 5)) await comes(at, id, true);
    },
  ),
  holds(
    "5.0",
    ["MQTT-3.2.2-17", "MQTT-3.3.2-9"],
    "a Topic Alias above the announced maximum ends the connection with 0x94, and is not published",
    async (at) => {
      at.configure({ limits: { topicAliasMaximum: 5 } });
      const [panel, properties] = await greeted(at);
      at.expects(properties.topicAliasMaximum === 5, "what is announced");
      await panel.subscribes("#");
      for (const alias of [6, 7, 255, 256, 65_535]) {
        await ends(await at.client("pump"), frame(0x30, s("t"), p("23", int(alias, 2))), 0x94);
        const quiet = await at.client("pump");
        await ends(quiet, frame(0x32, s("t"), "0001", p("23", int(alias, 2))), 0x94);
      }
      panel.getsNothing();
      const good = await at.client("pump");
      await good.sends(aliased("t", 5));
      panel.gets({ type: "publish", topic: "t" });
      good.isOpen();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-18",
    "where the broker takes no aliases it announces none or 0, and any alias ends the connection with 0x94",
    async (at) => {
      at.configure({ limits: { topicAliasMaximum: 0 } });
      const [panel, properties] = await greeted(at);
      at.expects((properties.topicAliasMaximum ?? 0) === 0, "no Topic Alias Maximum, or 0");
      await panel.subscribes("#");
      for (const alias of [1, 2, 65_535]) {
        await ends(await at.client("pump"), frame(0x30, s("t"), p("23", int(alias, 2))), 0x94);
      }
      await ends(await at.client("pump"), frame(0x30, s(""), p("23 0001")), 0x94);
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-19",
    "the Reason String is left out of a CONNACK that it would make larger than the client takes",
    async (at) => {
      refusing(at, 50);
      const worded = 5 + 3 + 50;
      for (const room of [undefined, 10_000, worded + 1, worded]) {
        const bytes = await refusedWith(at, room);
        at.expects(bytes?.length === worded, `${room}: ${bytes?.length} bytes`);
        at.expects(bytes![5] === 0x1f, "with the Reason String");
      }
      for (const room of [worded - 1, worded - 2, 20, 16]) {
        const bytes = await refusedWith(at, room);
        at.expects(bytes?.join() === "32,3,0,134,0", `${room}: ${bytes}`);
      }
      for (const room of [15, 5]) { // no CONNACK that lets a client in would fit either
        const bytes = await refusedWith(at, room);
        at.expects(bytes?.join() === "32,3,0,149,0", `${room}: ${bytes}`);
      }
      for (const room of [4, 1]) {
        at.expects(await refusedWith(at, room) === undefined, `nothing fits ${room} bytes`);
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-20",
    "no User Property makes a CONNACK larger than the client takes: it has none, welcome or refusal",
    async (at) => {
      refusing(at, 5);
      for (const room of [64, 100, 65_535]) {
        const [peer, properties] = await greeted(at, p("27", int(room, 4)));
        at.expects(properties.userProperties === undefined, "no User Property");
        await peer.drops();
        const bytes = await refusedWith(at, room);
        at.expects(bytes!.length <= room && bytes!.length === 5 + 3 + 5, "the Reason String alone");
      }
      const pairs = p("26", s("name"), s("value"), "27 00000030");
      const [, echoed] = await greeted(at, pairs); // those of CONNECT are not sent back
      at.expects(echoed.userProperties === undefined, "no User Property");
    },
  ),
  excuse(
    "5.0",
    "MQTT-3.2.2-21",
    "binds the client: which Keep Alive it goes by is its own doing; that the broker goes by the Server " +
      "Keep Alive that it sent is shown with MQTT-3.2.2-22",
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-22",
    "without a Server Keep Alive the client's own counts, and with one that one does",
    async (at) => {
      at.configure({ limits: { maximumKeepAlive: 20 } });
      for (const [asked, told, seconds] of [[10, undefined, 15], [20, undefined, 30]] as const) {
        const peer = await at.open();
        await peer.sends(connectBytes({ keepAlive: int(asked, 2) }));
        const connack = peer.gets({ type: "connack", reasonCode: 0 });
        at.expects(connack.properties?.serverKeepAlive === told, "no Server Keep Alive");
        await at.passes(seconds * 1000 - 1);
        peer.getsNothing();
        await at.passes(1);
        peer.gets({ type: "disconnect", reasonCode: 0x8d });
        peer.isClosed();
      }
      for (const asked of [21, 65_535, 0]) {
        const peer = await at.open();
        await peer.sends(connectBytes({ keepAlive: int(asked, 2) }));
        peer.gets({ type: "connack", reasonCode: 0, properties: { serverKeepAlive: 20 } });
        await at.passes(29_999);
        peer.getsNothing();
        await at.passes(1);
        peer.gets({ type: "disconnect", reasonCode: 0x8d });
        peer.isClosed();
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.2-22",
    "a broker without a limit of its own never sends a Server Keep Alive",
    async (at) => {
      for (const asked of [0, 1, 10, 65_535]) {
        const peer = await at.open();
        await peer.sends(connectBytes({ keepAlive: int(asked, 2) }));
        const connack = peer.gets({ type: "connack", reasonCode: 0 });
        at.expects(connack.properties?.serverKeepAlive === undefined, "no Server Keep Alive");
        await peer.sends(acknowledgement("puback", 1));
        await peer.drops();
      }
    },
  ),
];
