/** MQTT 5.0 section 3.2: CONNACK comes before all else, and once. */

import type { Verdict } from "../../../src/policy/identity.ts";
import { ANONYMOUS } from "../../../src/policy/identity.ts";
import { connectPacket, publishPacket, subscribePacket } from "../../broker/packets.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, connectBytes, KEPT } from "../raw5.ts";

/** An authenticator that never answers, and how often it was asked. */
function pending() {
  let asked = 0;
  const verify = () => {
    asked += 1;
    return new Promise<Verdict>(() => {});
  };
  return { authenticator: { verify }, count: () => asked };
}

export const connackFirst5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.2.0-1",
    "while a CONNECT is being decided on, the broker sends nothing, and CONNACK before all else",
    async (at) => {
      let decide = (_: Verdict) => {};
      at.configure({
        authenticator: {
          verify: ({ username }) =>
            username === "late"
              ? new Promise<Verdict>((resolve) => decide = resolve)
              : { type: "accepted", identity: ANONYMOUS },
        },
      });
      const pump = await at.client("pump");
      await pump.publishes("t", "kept", { retain: true });
      const first = await comes(at, "panel", false);
      await first.subscribes(["t", 1]);
      first.takes();
      await first.drops();
      const second = await at.open();
      await second.sendsAtOnce(
        connectPacket("panel", { ...KEPT, username: "late" }),
        { type: "pingreq" },
        subscribePacket(1, ["t", 0]),
        publishPacket("t", "mine", { packetId: 9 }),
      );
      await pump.publishes("t", "queued", { packetId: 1 });
      second.getsNothing();
      await at.passes(1000);
      second.getsNothing();
      decide({ type: "accepted", identity: ANONYMOUS });
      await (await at.desk()).turn();
      second.gets({ type: "connack", reasonCode: 0, sessionPresent: true });
      const rest = second.takes().map(({ type }) => type);
      at.expects(rest.includes("pingresp") && rest.includes("suback"), "all is answered after it");
      at.expects(rest.includes("publish") && !rest.includes("connack"), "messages come after it");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.0-1",
    "while the session is being loaded or stored, the broker sends nothing, and CONNACK before all else",
    async (at) => {
      const pump = await at.client("pump");
      const first = await comes(at, "panel", false);
      await first.subscribes(["t", 1]);
      await first.drops();
      await pump.publishes("t", "queued", { packetId: 1 });
      const desk = await at.desk();
      desk.hold(true);
      const second = await at.open();
      await second.sendsAtOnce(connectPacket("panel", KEPT), { type: "pingreq" });
      await pump.publishes("t", "QoS 0 meanwhile");
      await pump.publishes("t", "QoS 1 meanwhile", { packetId: 2 });
      const fresh = await at.open();
      await fresh.sendsAtOnce(connectPacket("fresh", KEPT), subscribePacket(1, ["t", 0]));
      second.getsNothing();
      fresh.getsNothing();
      await desk.letGo();
      second.gets({ type: "connack", reasonCode: 0, sessionPresent: true });
      const types = second.takes().map(({ type }) => type);
      at.expects(types.filter((type) => type === "publish").length >= 2, "then the messages");
      fresh.gets({ type: "connack", reasonCode: 0, sessionPresent: false });
      fresh.gets({ type: "suback", packetId: 1 });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.0-1",
    "a connection that ends before its CONNACK gets no other packet in its place",
    async (at) => {
      const { authenticator, count } = pending();
      at.configure({ authenticator });
      const first = await at.open();
      await first.sendsAtOnce(connectBytes(), "00 00"); // read only after the verdict
      first.getsNothing();
      at.expects(count() === 1, "the verdict is awaited");
      await (await at.desk()).feed({ type: "shutdown" });
      first.isClosed(); // without DISCONNECT
      const never = await at.open();
      await never.sends("10 10 00 04");
      await at.passes(60_000);
      never.isClosed();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.2.0-2",
    "a connection gets one CONNACK: a second CONNECT gets DISCONNECT, a refused one nothing more",
    async (at) => {
      const twice = await at.open();
      await twice.sendsAtOnce(connectBytes(), connectBytes(), connectBytes());
      twice.gets({ type: "connack", reasonCode: 0 });
      twice.gets({ type: "disconnect", reasonCode: 0x82 });
      twice.isClosed();
      const wrong = await at.client("wrong");
      await wrong.sends(connectBytes({ flags: "03" })); // malformed besides
      wrong.gets({ type: "disconnect", reasonCode: 0x82 });
      wrong.isClosed();
      const newer = await at.client("newer");
      await newer.sends(connectBytes({ level: "06" }));
      newer.gets({ type: "disconnect", reasonCode: 0x82 });
      newer.isClosed();
      const refused = await at.open();
      await refused.sendsAtOnce(connectBytes({ flags: "03" }), connectBytes());
      refused.gets({ type: "connack", reasonCode: 0x81 });
      refused.isClosed();
    },
  ),
];
