/** MQTT 5.0 section 3.1.2.4: Clean Start, and what it does to a session. */

import { acknowledgement } from "../../broker/packets.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, KEPT } from "../raw5.ts";

export const cleanStart5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.1.2-4",
    "Clean Start 1 throws away subscriptions, queued and unacknowledged messages and received identifiers",
    async (at) => {
      const pump = await at.client("pump");
      const first = await comes(at, "panel", false);
      await first.subscribes(["t", 2]);
      await pump.publishes("t", "inflight", { packetId: 1 });
      first.gets({ type: "publish", payload: "inflight" });
      await first.publishes("u", "mine", { packetId: 9, qos: 2 });
      first.gets({ type: "pubrec", packetId: 9 });
      await first.drops();
      await pump.publishes("t", "queued", { packetId: 2 });
      const second = await comes(at, "panel", false, { cleanStart: true });
      second.getsNothing();
      pump.takes();
      await pump.publishes("t", "later", { packetId: 3 });
      pump.gets({ type: "puback", packetId: 3, reasonCode: 0x10 }); // nobody subscribes
      second.getsNothing();
      await second.sends(acknowledgement("pubrel", 9));
      second.gets({ type: "pubcomp", packetId: 9, reasonCode: 0x92 });
      await second.drops();
      (await comes(at, "panel", true)).getsNothing(); // the new one is kept, and is empty
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-4",
    "what Clean Start 1 threw away does not come back with a restart",
    async (at) => {
      const pump = await at.client("pump");
      const first = await comes(at, "panel", false);
      await first.subscribes(["t", 1]);
      await first.drops();
      await pump.publishes("t", "queued", { packetId: 1 });
      const second = await comes(at, "panel", false, { cleanStart: true });
      second.getsNothing();
      await at.restarts();
      const third = await comes(at, "panel", true);
      await (await at.client("pump")).publishes("t", "later");
      third.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-5",
    "Clean Start 0 goes on with subscriptions, unacknowledged and queued messages, in their order",
    async (at) => {
      const pump = await at.client("pump");
      const first = await comes(at, "panel", false);
      await first.subscribes(["t", 2]);
      await pump.publishes("t", "one", { packetId: 1 });
      await pump.publishes("t", "two", { packetId: 2, qos: 2 });
      const one = first.gets({ type: "publish", payload: "one", dup: false });
      const two = first.gets({ type: "publish", payload: "two", dup: false });
      await first.drops();
      await pump.publishes("t", "three", { packetId: 3 });
      const second = await comes(at, "panel", true);
      second.gets({ type: "publish", payload: "one", packetId: one.packetId, dup: true });
      second.gets({ type: "publish", payload: "two", packetId: two.packetId, dup: true });
      second.gets({ type: "publish", payload: "three", dup: false });
      await pump.publishes("t", "four");
      second.gets({ type: "publish", payload: "four" });
      second.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-5",
    "Clean Start 0 goes on after a restart, a takeover and a session that began with Clean Start 1",
    async (at) => {
      const first = await at.client("panel", { ...KEPT, cleanStart: true });
      await first.subscribes(["t", 1]);
      await first.publishes("u", "mine", { packetId: 9, qos: 2 });
      first.gets({ type: "pubrec", packetId: 9 });
      const second = await comes(at, "panel", true);
      first.gets({ type: "disconnect", reasonCode: 0x8e });
      await at.restarts();
      const third = await comes(at, "panel", true);
      await (await at.client("pump")).publishes("t", "x");
      third.gets({ type: "publish", payload: "x" });
      await third.sends(acknowledgement("pubrel", 9));
      third.gets({ type: "pubcomp", packetId: 9, reasonCode: 0 });
      at.expects(second.link.closed, "the second connection went with the broker");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-6",
    "Clean Start 0 without a session begins one: none yet, one that ended with its connection, one that expired",
    async (at) => {
      const first = await comes(at, "panel", false, { properties: undefined });
      await first.subscribes(["t", 1]);
      await first.drops();
      const second = await comes(at, "panel", false);
      await (await at.client("pump")).publishes("t", "x");
      second.getsNothing();
      await second.subscribes(["t", 1]);
      await second.drops();
      await at.passes(3_600_000);
      const third = await comes(at, "panel", false);
      await (await at.client("pump")).publishes("t", "x");
      third.getsNothing();
      await third.subscribes(["t", 1]);
      await third.drops();
      (await comes(at, "panel", true)).isOpen(); // it was a session of its own
    },
  ),
];
