/** MQTT 5.0 section 3.3.2.3.3: the Message Expiry Interval. */

import type { PublishProperties } from "../../../src/packet/packet.ts";
import { publishPacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, KEPT, raw } from "../raw5.ts";

/** A PUBLISH of so many seconds' expiry. */
function expiring(
  payload: string,
  seconds: number,
  rest: Parameters<typeof publishPacket>[2] = {},
) {
  const properties: PublishProperties = { messageExpiryInterval: seconds };
  return publishPacket("t", payload, { properties, ...rest });
}

export const messageExpiry5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.3.2-5",
    "a message that expires while its client is absent is not delivered, one that does not yet is",
    async (at) => {
      for (const [away, payloads] of [[9_999, ["short", "long"]], [10_001, ["long"]]] as const) {
        const first = await at.client("panel", KEPT);
        await first.subscribes(["t", 2]);
        await first.drops();
        const pump = await at.client("pump");
        await pump.sends(expiring("short", 10, { packetId: 1, qos: 1 }));
        await pump.sends(expiring("long", 100, { packetId: 2, qos: 2 }));
        await at.passes(away);
        const second = await comes(at, "panel", true);
        for (const payload of payloads) second.gets({ type: "publish", payload });
        second.getsNothing();
        await comes(at, "panel", false, { cleanStart: true });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-5",
    "time while the broker is down counts, and so does waiting for the client's Receive Maximum",
    async (at) => {
      const first = await at.client("panel", KEPT);
      await first.subscribes(["t", 1]);
      await first.drops();
      const pump = await at.client("pump");
      await pump.sends(expiring("short", 10, { packetId: 1, qos: 1 }));
      await pump.sends(expiring("long", 100, { packetId: 2, qos: 1 }));
      await at.restarts(20_000);
      const second = await comes(at, "panel", true, {
        properties: { sessionExpiryInterval: 3600, receiveMaximum: 1 },
      });
      const { packetId } = second.gets({ type: "publish", payload: "long" });
      const again = await at.client("pump");
      await again.sends(expiring("waits too long", 10, { packetId: 1, qos: 1 }));
      await again.sends(expiring("waits", 100, { packetId: 2, qos: 1 }));
      second.getsNothing();
      await at.passes(10_001);
      await second.sends({ type: "puback", packetId, reasonCode: 0, properties: undefined });
      second.gets({ type: "publish", payload: "waits" });
      second.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-5",
    "a retained message is not sent any more when it has expired; one whose delivery began is",
    async (at) => {
      const pump = await at.client("pump");
      await pump.sends(expiring("kept", 10, { retain: true }));
      const kept = await at.client("kept", KEPT);
      await kept.subscribes(["t", { qos: 1, retainHandling: 2 }]);
      await pump.sends(expiring("begun", 10, { packetId: 1, qos: 1 }));
      const { packetId } = kept.gets({ type: "publish", payload: "begun" });
      await kept.drops();
      await at.passes(9_999);
      const early = await at.client("early");
      await early.subscribes("t");
      early.gets({ type: "publish", payload: "kept", retain: true });
      await at.passes(1);
      const late = await at.client("late");
      await late.subscribes("t");
      late.getsNothing();
      await at.restarts();
      const later = await at.client("later");
      await later.subscribes("t");
      later.getsNothing();
      const back = await comes(at, "kept", true);
      back.gets({ type: "publish", payload: "begun", packetId, dup: true });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-6",
    "the Message Expiry Interval is passed on less the whole seconds that the message has waited",
    async (at) => {
      const now = await at.client("now");
      await now.subscribes("t");
      const first = await at.client("panel", KEPT);
      await first.subscribes(["t", 1]);
      await first.drops();
      const pump = await at.client("pump");
      await pump.sends(frame(0x33, s("t"), "0001", p("02 00000064"), raw("x"))); // 100 s
      now.gets(frame(0x30, s("t"), p("02 00000064"), raw("x")));
      await at.passes(30_000);
      const panel = await comes(at, "panel", true);
      panel.gets(frame(0x32, s("t"), "0001", p("02 00000046"), raw("x"))); // 70 s
      await at.passes(60_000);
      const late = await at.client("late");
      await late.subscribes("t");
      late.gets(frame(0x31, s("t"), p("02 0000000a"), raw("x"))); // 10 s
      await panel.drops();
      const again = await comes(at, "panel", true);
      again.gets(frame(0x3a, s("t"), "0001", p("02 0000000a"), raw("x")));
      await at.restarts(5_000);
      const down = await at.client("down");
      await down.subscribes("t");
      down.gets(frame(0x31, s("t"), p("02 00000005"), raw("x"))); // 5 s
      await pump.drops();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-6",
    "the largest interval does not overflow, and without one none is added",
    async (at) => {
      const panel = await at.client("panel", KEPT);
      await panel.subscribes(["t", 1]);
      await panel.drops();
      const pump = await at.client("pump");
      await pump.sends(frame(0x32, s("t"), "0001", p("02 ffffffff"), raw("x")));
      await pump.sends(frame(0x32, s("t"), "0002", p(), raw("y")));
      await at.passes(2_000);
      const back = await comes(at, "panel", true);
      back.gets(frame(0x32, s("t"), "0001", p("02 fffffffd"), raw("x")));
      back.gets(frame(0x32, s("t"), "0002", p(), raw("y")));
    },
  ),
];
