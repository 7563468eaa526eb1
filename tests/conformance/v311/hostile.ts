/** Rows for MQTT 3.1.1 section 4.8: what breaks the protocol ends its connection, and nobody else's. */

import { publishPacket } from "../../broker/packets.ts";
import { Reason } from "../../../src/packet/reason_code.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { hostileRows } from "../hostile/rows.ts";

export const hostile311: readonly Row[] = [
  ...hostileRows("3.1.1"),
  holds(
    "3.1.1",
    "MQTT-4.8.0-1",
    "a violation ends the connection on which it came, and no other",
    async (at) => {
      const bystander = await at.client("bystander");
      await bystander.subscribes(["t", 1]);
      const pump = await at.client("pump");
      // What came before it counts, what comes behind it does not.
      await pump.sends(
        publishPacket("t", "before", { packetId: 1 }),
        "30 02 00 09",
        publishPacket("t", "behind", { packetId: 2 }),
      );
      pump.gets("40 02 00 01");
      pump.isClosed();
      bystander.gets({ type: "publish", payload: "before" });
      bystander.getsNothing();
      await bystander.sends("c0 00");
      bystander.gets("d0 00");
      const again = await at.client("pump");
      again.isOpen();
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.8.0-2",
    "when CONNECT cannot be judged for now its connection is closed",
    async (at) => {
      at.configure({
        authenticator: {
          verify: ({ username }) =>
            username === undefined
              ? { type: "accepted", identity: { user: undefined, roles: [] } }
              : Promise.reject(new Error("the directory does not answer")),
        },
      });
      const bystander = await at.client("bystander");
      const [pump, connack] = await at.asks("pump", { username: "ada" });
      const code = connack?.type === "connack" ? connack.reasonCode : undefined;
      at.expects(code === 3 || code === Reason.serverUnavailable, `the answer is ${code}`);
      pump.isClosed();
      bystander.isOpen();
    },
  ),
];
