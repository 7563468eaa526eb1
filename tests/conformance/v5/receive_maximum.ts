/** MQTT 5.0 section 3.3.4: Receive Maximum, of the client and of the server. */

import {
  acknowledgement,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
} from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import { excuse, holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import type { Peer } from "../peer.ts";
import { comes, connectBytes, ends, int, KEPT, raw } from "../raw5.ts";

/** Publishes so many messages of QoS 1, numbered from 0. */
async function floods(pump: Peer, count: number, qos: 1 | 2 = 1): Promise<void> {
  for (let i = 0; i < count; i++) {
    await pump.publishes("t", String(i), { packetId: i + 1, qos });
    if (qos === 2) await pump.sends(acknowledgement("pubrel", i + 1));
  }
  pump.takes();
}

/** A client that takes so many messages at once, with a subscription to `t`. */
async function narrow(at: Bench, receiveMaximum: number, qos: 1 | 2 = 1): Promise<Peer> {
  const peer = await at.client("panel", {
    cleanStart: false,
    properties: { sessionExpiryInterval: 3600, receiveMaximum },
  });
  await peer.subscribes(["t", qos]);
  return peer;
}

export const receiveMaximum5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.3.4-7",
    "more QoS 2 messages than the announced Receive Maximum without PUBREL end the connection with 0x93",
    async (at) => {
      at.configure({ limits: { receiveMaximum: 3 } });
      const panel = await at.client("panel");
      await panel.subscribes("#");
      const pump = await at.open();
      await pump.sends(connectBytes());
      pump.gets({ type: "connack", properties: { receiveMaximum: 3 } });
      const send = (packetId: number) => pump.publishes("t", "x", { packetId, qos: 2 });
      for (const packetId of [1, 2, 3]) {
        await send(packetId);
        pump.gets({ type: "pubrec", packetId, reasonCode: 0 });
      }
      await send(2); // sent again: none more
      pump.gets({ type: "pubrec", packetId: 2 });
      await pump.sends(acknowledgement("pubrel", 2));
      pump.gets({ type: "pubcomp", packetId: 2 });
      await send(4); // one was free
      pump.gets({ type: "pubrec", packetId: 4 });
      await pump.publishes("t", "QoS 0 is not counted");
      pump.getsNothing();
      panel.takes();
      await ends(pump, frame(0x34, s("t"), "0005", p(), raw("too many")), 0x93);
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-7",
    "QoS 1 counts as long as its PUBACK has not been sent",
    async (at) => {
      at.configure({ limits: { receiveMaximum: 3 } });
      const kept = await at.client("kept", KEPT);
      await kept.subscribes(["t", 1]);
      const pump = await at.client("pump");
      const many = [1, 2, 3].map((packetId) => publishPacket("t", "x", { packetId }));
      for (let i = 0; i < 5; i++) {
        await pump.sends(...many);
        for (const packetId of [1, 2, 3]) pump.gets({ type: "puback", packetId });
      }
      const desk = await at.desk();
      desk.hold(true); // now they are not acknowledged
      await pump.sends(...many);
      pump.getsNothing();
      await pump.sends(publishPacket("t", "too many", { packetId: 4 }));
      pump.gets({ type: "disconnect", reasonCode: 0x93 });
      pump.isClosed();
      await desk.letGo();
      const payloads = kept.takes().map((each) =>
        each.type === "publish" ? new TextDecoder().decode(each.payload) : ""
      );
      at.expects(payloads.length === 18 && !payloads.includes("too many"), "it was not published");
    },
  ),
  excuse(
    "5.0",
    "MQTT-3.3.4-8",
    "binds the client: whether it holds back other packets while it waits for acknowledgements is its own " +
      "doing; that the broker does not is held by MQTT-3.3.4-10",
  ),
  ...([1, 2] as const).map((qos) =>
    holds(
      "5.0",
      "MQTT-3.3.4-9",
      `a client has at most its Receive Maximum of QoS ${qos} messages unacknowledged, the rest waits in order`,
      async (at) => {
        const panel = await narrow(at, 3, qos);
        const pump = await at.client("pump");
        await floods(pump, 10, qos);
        let next = 0;
        const open: number[] = [];
        const take = () => {
          const { packetId } = panel.gets({ type: "publish", payload: String(next++), qos });
          open.push(packetId);
        };
        for (let i = 0; i < 3; i++) take();
        panel.getsNothing();
        while (open.length > 0) {
          const packetId = open.shift()!;
          if (qos === 2) {
            await panel.sends(acknowledgement("pubrec", packetId));
            panel.gets({ type: "pubrel", packetId });
            panel.getsNothing(); // PUBREC frees nothing
            await panel.sends(acknowledgement("pubcomp", packetId));
          } else await panel.sends(acknowledgement("puback", packetId));
          if (next < 10) take();
          panel.getsNothing();
        }
        at.expects(next === 10, "all have come");
      },
    )
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-9",
    "after a reconnect the Receive Maximum of the new CONNECT holds, for what is sent again as for the rest",
    async (at) => {
      const first = await narrow(at, 5);
      const pump = await at.client("pump");
      await floods(pump, 8);
      at.expects(first.takes().length === 5, "five are on their way");
      await first.drops();
      const second = await comes(at, "panel", true, {
        properties: { sessionExpiryInterval: 3600, receiveMaximum: 2 },
      });
      let { packetId } = second.gets({ type: "publish", payload: "0", dup: true });
      for (let i = 1; i < 8; i++) {
        const after = second.gets({ type: "publish", payload: String(i), dup: i < 5 });
        second.getsNothing(); // two at a time
        await second.sends(acknowledgement("puback", packetId));
        packetId = after.packetId;
      }
      second.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-9",
    "retained messages count; a PUBREC with an error frees its place, and Receive Maximum 1 is enough",
    async (at) => {
      const pump = await at.client("pump");
      for (let i = 0; i < 5; i++) {
        await pump.publishes(`r/${i}`, "x", { retain: true, packetId: 1 });
      }
      const panel = await narrow(at, 1, 2);
      await panel.subscribes(["r/+", 1]);
      for (let i = 0; i < 5; i++) {
        const { packetId } = panel.gets({ type: "publish", retain: true, qos: 1 });
        panel.getsNothing();
        await panel.sends(acknowledgement("puback", packetId));
      }
      await floods(pump, 2, 2);
      const { packetId } = panel.gets({ type: "publish", payload: "0", qos: 2 });
      panel.getsNothing();
      await panel.sends(acknowledgement("pubrec", packetId, 0x80));
      panel.gets({ type: "publish", payload: "1", qos: 2 });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-9",
    "without a Receive Maximum the broker is bound by its own limit, and QoS 0 by none",
    async (at) => {
      at.configure({ limits: { sendWindow: 4 } });
      const panel = await at.client("panel");
      await panel.subscribes(["t", 1]);
      const pump = await at.client("pump");
      await floods(pump, 6);
      at.expects(panel.takes().length === 4, "its own limit");
      const tight = await narrow(at, 1);
      for (let i = 0; i < 3; i++) await pump.publishes("u", "x");
      await tight.subscribes("u");
      for (let i = 0; i < 3; i++) {
        await pump.publishes("u", "x");
        tight.gets({ type: "publish", topic: "u", qos: 0 });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-10",
    "at that limit every other packet is answered at once",
    async (at) => {
      const panel = await narrow(at, 1, 2);
      const pump = await at.client("pump");
      await floods(pump, 3, 2);
      const { packetId } = panel.gets({ type: "publish", payload: "0", qos: 2 });
      await panel.sends({ type: "pingreq" });
      panel.gets("d0 00");
      await panel.sends(subscribePacket(1, ["u", 0]));
      panel.gets({ type: "suback", packetId: 1, reasonCodes: [0] });
      await panel.sends(unsubscribePacket(2, "u"));
      panel.gets({ type: "unsuback", packetId: 2, reasonCodes: [0] });
      await panel.publishes("v", "x", { packetId: 3 });
      panel.gets({ type: "puback", packetId: 3 });
      await panel.publishes("v", "x", { packetId: 4, qos: 2 });
      panel.gets({ type: "pubrec", packetId: 4 });
      await panel.sends(acknowledgement("pubrel", 4));
      panel.gets({ type: "pubcomp", packetId: 4 });
      await panel.sends(acknowledgement("pubrec", packetId));
      panel.gets(`62 02 ${int(packetId, 2)}`);
      panel.getsNothing(); // and still no second PUBLISH
      await panel.sends("00 00");
      panel.gets({ type: "disconnect", reasonCode: 0x81 });
      panel.isClosed();
    },
  ),
];
