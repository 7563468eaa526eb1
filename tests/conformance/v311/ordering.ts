/** Rows for MQTT 3.1.1 section 4.6: the order of messages. */

import type { Packet } from "../../../src/packet/packet.ts";
import { acknowledgement, publishPacket } from "../../broker/packets.ts";
import type { Row } from "../harness.ts";
import { excuse, holds } from "../harness.ts";

const TO_TEXT = new TextDecoder();

/** The payloads of the PUBLISH packets, in order. */
function payloads(packets: readonly Packet[]): string {
  return packets.flatMap((each) => each.type === "publish" ? [TO_TEXT.decode(each.payload)] : [])
    .join(" ");
}

/** The Packet Identifiers of the packets of one type, in order. */
function identifiers(packets: readonly Packet[], type: Packet["type"]): readonly number[] {
  return packets.flatMap((each) => each.type === type && "packetId" in each ? [each.packetId] : []);
}

export const ordering311: readonly Row[] = [
  excuse(
    "3.1.1",
    "MQTT-4.5.0-2",
    "binds the client: the broker's own part as a receiver is MQTT-3.3.4-1",
  ),
  holds(
    "3.1.1",
    "MQTT-4.6.0-1",
    "PUBLISH packets are sent again in their first order",
    async (at) => {
      const panel = await at.client("panel", { cleanStart: false });
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump");
      for (let i = 1; i <= 9; i++) {
        await pump.publishes("t", `${i}`, { packetId: i, qos: i % 3 === 0 ? 2 : 1 });
      }
      const ids = identifiers(panel.takes(), "publish");
      // Two identifiers get free, and later messages get them, so that order is not that of identifiers.
      await panel.sends(acknowledgement("puback", ids[0]!), acknowledgement("puback", ids[4]!));
      await pump.publishes("t", "10", { packetId: 10 });
      for (const crash of [false, true]) {
        await (crash ? at.restarts() : panel.drops());
        const again = await at.client("panel", { cleanStart: false });
        const order = payloads(again.takes());
        at.expects(order === "2 3 4 6 7 8 9 10", `the order is ${order}`);
        if (!crash) await again.drops();
      }
    },
  ),
  holds(
    "3.1.1",
    ["MQTT-4.6.0-2", "MQTT-4.6.0-3"],
    "PUBACK and PUBREC go out in the order of the PUBLISH packets",
    async (at) => {
      const stored = await at.client("stored", { cleanStart: false });
      await stored.subscribes(["slow/#", 1]);
      const pump = await at.client("pump");
      const desk = await at.desk();
      const order = [5, 3, 9, 1, 7, 2];
      desk.hold(true); // the first ones wait for the disk; none may overtake them
      for (const id of order) {
        await pump.publishes(id % 2 === 0 ? "fast" : "slow/t", "x", { packetId: id });
        await pump.publishes(id % 2 === 0 ? "slow/t" : "fast", "x", { packetId: 100 + id, qos: 2 });
      }
      await desk.letGo();
      const came = pump.takes();
      const pubacks = identifiers(came, "puback").join();
      const pubrecs = identifiers(came, "pubrec").join();
      at.expects(pubacks === order.join(), `PUBACK for ${pubacks}`);
      at.expects(pubrecs === order.map((id) => 100 + id).join(), `PUBREC for ${pubrecs}`);
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.6.0-4",
    "PUBREL packets go out in the order of the PUBREC packets",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump");
      for (let i = 1; i <= 5; i++) await pump.publishes("t", "x", { packetId: i, qos: 2 });
      const ids = identifiers(panel.takes(), "publish");
      const order = [ids[3]!, ids[0]!, ids[4]!, ids[1]!, ids[2]!];
      await panel.sends(...order.map((id) => acknowledgement("pubrec", id)));
      const pubrels = identifiers(panel.takes(), "pubrel");
      at.expects(pubrels.join() === order.join(), `PUBREL for ${pubrels}, PUBREC for ${order}`);
    },
  ),
  holds(
    "3.1.1",
    ["MQTT-4.6.0-5", "MQTT-4.6.0-6"],
    "a consumer gets the messages of a topic and QoS in the order of each publisher",
    async (at) => {
      at.configure({ limits: { sendWindow: 3 } });
      const panel = await at.client("panel", { cleanStart: false });
      await panel.subscribes(["t", 2], ["+", 2], ["#", 1]);
      const pumps = [await at.client("a"), await at.client("b")];
      const batch = (name: string, from: number) =>
        Array.from(
          { length: 5 },
          (_, at) =>
            ([0, 1, 2] as const).map((qos) =>
              publishPacket("t", `${name}${qos}:${from + at}`, {
                qos,
                packetId: qos === 0 ? 0 : from + at + 100 * qos,
              })
            ),
        ).flat();
      const got: Packet[] = [];
      const drink = async (peer: typeof panel) => {
        for (let round = 0; round < 100; round++) {
          const came = peer.takes();
          got.push(...came.filter((each) => each.type === "publish"));
          const answers = came.flatMap((each): Packet[] => {
            if (each.type === "pubrel") return [acknowledgement("pubcomp", each.packetId)];
            if (each.type !== "publish" || each.qos === 0) return [];
            return [acknowledgement(each.qos === 1 ? "puback" : "pubrec", each.packetId)];
          });
          if (answers.length === 0) return;
          await peer.sends(...answers);
        }
      };
      await pumps[0]!.sends(...batch("a", 1));
      await pumps[1]!.sends(...batch("b", 1));
      await drink(panel);
      await panel.drops(); // and now while it is absent; QoS 0 is not kept
      await pumps[1]!.sends(...batch("b", 6));
      await pumps[0]!.sends(...batch("a", 6));
      const again = await at.client("panel", { cleanStart: false });
      await drink(again);
      for (const name of ["a", "b"]) {
        for (const qos of [0, 1, 2]) {
          const mine = payloads(got).split(" ").filter((each) => each.startsWith(`${name}${qos}:`));
          const all = qos === 0 ? 5 : 10;
          const wanted = Array.from({ length: all }, (_, at) => `${name}${qos}:${at + 1}`);
          at.expects(mine.join() === wanted.join(), `${name} with QoS ${qos} came as ${mine}`);
        }
      }
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.6.0-6",
    "nothing overtakes what is still read from the store",
    async (at) => {
      at.configure({ limits: { sendWindow: 4, queueHead: 1 } });
      const panel = await at.client("panel", { cleanStart: false });
      await panel.subscribes(["t", 1]);
      const pump = await at.client("pump");
      for (let i = 1; i <= 9; i++) await pump.publishes("t", `${i}`, { packetId: i });
      const got: Packet[] = [];
      const desk = await at.desk();
      for (let i = 10; i <= 14; i++) {
        // While the window is open and the store is slow, another message comes.
        desk.hold(true);
        const came = panel.takes();
        got.push(...came);
        const ids = identifiers(came, "publish");
        await panel.sends(...ids.map((id) => acknowledgement("puback", id)));
        await pump.publishes("t", `${i}`, { packetId: i });
        await desk.letGo();
      }
      for (let round = 0; panel.waiting > 0 && round < 30; round++) {
        const came = panel.takes();
        got.push(...came);
        const ids = identifiers(came, "publish");
        await panel.sends(...ids.map((id) => acknowledgement("puback", id)));
      }
      const order = payloads(got);
      at.expects(order === "1 2 3 4 5 6 7 8 9 10 11 12 13 14", `the order is ${order}`);
    },
  ),
];
