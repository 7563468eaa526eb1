/** MQTT 5.0 sections 3.3.1.1 and 3.3.1.2: the DUP flag and the QoS of a PUBLISH. */

import { acknowledgement, publishPacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, ends, int, KEPT, raw } from "../raw5.ts";

/** A PUBLISH to `t` without properties, as bytes. */
function publishBytes(first: number, packetId: number, payload: string): Uint8Array {
  return frame(first, s("t"), packetId === 0 ? "" : int(packetId, 2), p(), raw(payload));
}

export const publish5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.3.1-1",
    "what is unacknowledged when the client comes back is sent again with DUP 1 and the same identifier",
    async (at) => {
      const pump = await at.client("pump");
      const first = await at.client("panel", KEPT);
      await first.subscribes(["t", 2]);
      await pump.publishes("t", "one", { packetId: 1 });
      await pump.publishes("t", "two", { packetId: 2, qos: 2 });
      await pump.publishes("t", "three", { packetId: 3 });
      const [one, two, three] = first.takes().map((each) =>
        each.type === "publish" ? each.packetId : 0
      );
      await first.sends(acknowledgement("puback", one!));
      await first.drops();
      for (const restarts of [false, true, false]) {
        if (restarts) await at.restarts();
        const again = await comes(at, "panel", true);
        again.gets(publishBytes(0x3c, two!, "two")); // DUP, QoS 2
        again.gets(publishBytes(0x3a, three!, "three")); // DUP, QoS 1
        again.getsNothing();
        await again.drops();
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-1",
    "the first attempt has DUP 0, also when it waited in a queue or was never sent before the link broke",
    async (at) => {
      const pump = await at.client("pump");
      const first = await at.client("panel", {
        cleanStart: false,
        properties: { sessionExpiryInterval: 3600, receiveMaximum: 1 },
      });
      await first.subscribes(["t", 1]);
      await pump.publishes("t", "sent", { packetId: 1 });
      await pump.publishes("t", "waiting", { packetId: 2 });
      const { packetId } = first.gets({ type: "publish", payload: "sent", dup: false });
      first.getsNothing();
      await first.drops();
      await pump.publishes("t", "absent", { packetId: 3 });
      const again = await comes(at, "panel", true);
      again.gets({ type: "publish", payload: "sent", dup: true, packetId });
      again.gets({ type: "publish", payload: "waiting", dup: false });
      again.gets({ type: "publish", payload: "absent", dup: false });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-1",
    "behind PUBREC it is PUBREL that is sent again, and no PUBLISH",
    async (at) => {
      const pump = await at.client("pump");
      const first = await at.client("panel", KEPT);
      await first.subscribes(["t", 2]);
      await pump.publishes("t", "x", { packetId: 1, qos: 2 });
      const { packetId } = first.gets({ type: "publish", dup: false, qos: 2 });
      await first.sends(acknowledgement("pubrec", packetId));
      first.gets({ type: "pubrel", packetId });
      await first.drops();
      const again = await comes(at, "panel", true);
      again.gets(`62 02 ${int(packetId, 2)}`);
      again.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-2",
    "a QoS 0 PUBLISH with DUP 1 is malformed (0x81), and none with DUP is ever sent",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", 0]);
      await ends(await at.client("pump"), publishBytes(0x38, 0, "x"), 0x81);
      await ends(await at.client("pump"), publishBytes(0x39, 0, "x"), 0x81);
      panel.getsNothing();
      const pump = await at.client("pump");
      await pump.sends(publishBytes(0x30, 0, "a"));
      panel.gets(publishBytes(0x30, 0, "a"));
      await pump.sends(publishBytes(0x3a, 7, "b")); // QoS 1 with DUP, at a subscription of QoS 0
      panel.gets(publishBytes(0x30, 0, "b"));
      await pump.sends(publishBytes(0x3c, 8, "c"));
      panel.gets(publishBytes(0x30, 0, "c"));
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-2",
    "a QoS 0 message that waited for its client is sent with DUP 0",
    async (at) => {
      at.configure({ queueQos0: true });
      const first = await at.client("panel", KEPT);
      await first.subscribes(["t", 1]);
      await first.drops();
      await (await at.client("pump")).publishes("t", "waited");
      const second = await comes(at, "panel", true);
      second.gets(publishBytes(0x30, 0, "waited"));
      await second.drops();
      (await comes(at, "panel", true)).getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-3",
    "DUP of the publisher is not handed on: the first delivery has DUP 0, whatever came in",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump");
      for (const [index, first] of [0x3a, 0x3c, 0x32, 0x34].entries()) {
        await pump.sends(publishBytes(first, 10 + index, "x"));
        const { packetId } = panel.gets({ type: "publish", dup: false, payload: "x" });
        at.expects(packetId !== 0, "with its own identifier");
      }
      panel.getsNothing();
      // And the other way round: DUP 1 towards one client is none towards another.
      const kept = await at.client("kept", KEPT);
      await kept.subscribes(["u", 1]);
      await pump.publishes("u", "y", { packetId: 20 });
      kept.takes();
      await kept.drops();
      await panel.subscribes(["u", 1]);
      const again = await comes(at, "kept", true);
      again.gets({ type: "publish", topic: "u", dup: true });
      await pump.publishes("u", "z", { packetId: 21, dup: true });
      panel.gets({ type: "publish", topic: "u", payload: "z", dup: false });
      again.gets({ type: "publish", topic: "u", payload: "z", dup: false });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-4",
    "a PUBLISH with both QoS bits set is malformed (0x81) and goes to nobody",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", 2]);
      for (const first of [0x36, 0x37, 0x3e, 0x3f]) {
        await ends(await at.client("pump"), publishBytes(first, 1, "x"), 0x81);
      }
      panel.getsNothing();
      const pump = await at.client("pump");
      await pump.sends(publishBytes(0x30, 0, "x"), publishBytes(0x32, 1, "x"));
      await pump.sends(publishBytes(0x34, 2, "x"));
      for (const qos of [0, 1, 2] as const) panel.gets({ type: "publish", qos });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-1",
    "QoS 0 is answered with nothing, QoS 1 with PUBACK, QoS 2 with PUBREC",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump");
      await pump.sends(publishBytes(0x30, 0, "x"));
      pump.getsNothing();
      await pump.sends(publishBytes(0x32, 0x1234, "x"));
      pump.gets("40 02 12 34");
      pump.getsNothing();
      await pump.sends(publishBytes(0x34, 0x1234, "x"));
      pump.gets("50 02 12 34");
      pump.getsNothing();
      const came = panel.takes();
      at.expects(
        came.length === 3 && came.every(({ type }) => type === "publish"),
        "all delivered",
      );
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-1",
    "a PUBLISH that is refused, or goes to nobody, is answered in the same packet, with the reason",
    async (at) => {
      const pump = await at.client("pump", { properties: { requestProblemInformation: 0 } });
      await pump.publishes("nobody/here", "x");
      pump.getsNothing();
      await pump.publishes("nobody/here", "x", { packetId: 1 });
      pump.gets("40 03 00 01 10"); // no matching subscribers
      await pump.publishes("nobody/here", "x", { packetId: 2, qos: 2 });
      pump.gets("50 03 00 02 10");
      await pump.publishes("$delayed/x", "x");
      pump.getsNothing();
      await pump.publishes("$delayed/x", "x", { packetId: 3 });
      pump.gets("40 03 00 03 90");
      await pump.publishes("$delayed/x", "x", { packetId: 4, qos: 2 });
      pump.gets("50 03 00 04 90");
      await pump.publishes("$delayed/x", "x", { packetId: 4, qos: 2 }); // free again
      pump.gets("50 03 00 04 90");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-1",
    "a PUBLISH is acknowledged when it is stored, and not before",
    async (at) => {
      const kept = await at.client("kept", KEPT);
      await kept.subscribes(["t", 1]);
      await kept.drops();
      const pump = await at.client("pump");
      const desk = await at.desk();
      desk.hold(true);
      await pump.sends(publishPacket("t", "x", { packetId: 1 }));
      await pump.sends(publishPacket("t", "y", { packetId: 2, qos: 2 }));
      pump.getsNothing();
      await desk.letGo();
      pump.gets("40 02 00 01");
      pump.gets("50 02 00 02");
    },
  ),
];
