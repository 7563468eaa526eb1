/** MQTT 5.0 section 3.1.4: what a CONNECT that is let in does: it takes over, and gets CONNACK. */

import { connectPacket, willOf } from "../../broker/packets.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, connectBytes } from "../raw5.ts";
import { listener } from "./answers.ts";

export const connectAccepted5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.1.4-3",
    "the older connection of a client id gets DISCONNECT 0x8E and is closed, its Will goes out",
    async (at) => {
      const panel = await listener(at);
      const first = await at.client("pump", { will: willOf("gone", "bye") });
      const second = await at.client("pump");
      first.gets({ type: "disconnect", reasonCode: 0x8e });
      first.isClosed();
      panel.gets({ type: "publish", topic: "gone", payload: "bye" });
      second.getsNothing();
      const third = await at.open(4);
      await third.sends(connectPacket("pump", { protocolVersion: 4 }));
      third.gets("20 02 00 00");
      second.gets({ type: "disconnect", reasonCode: 0x8e });
      second.isClosed();
      third.getsNothing();
      const quiet = await at.client("quiet", { properties: { requestProblemInformation: 0 } });
      await at.client("quiet");
      quiet.gets("e0 02 8e 00");
      quiet.isClosed();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-4",
    "when a connection is taken over, Clean Start decides whether its session is thrown away",
    async (at) => {
      const pump = await at.client("pump");
      const first = await comes(at, "panel", false);
      await first.subscribes(["t", 1]);
      const second = await comes(at, "panel", true);
      await pump.publishes("t", "kept");
      second.gets({ type: "publish", payload: "kept" });
      const third = await comes(at, "panel", false, { cleanStart: true });
      await pump.publishes("t", "lost");
      third.getsNothing();
      first.gets({ type: "disconnect", reasonCode: 0x8e });
      second.gets({ type: "disconnect", reasonCode: 0x8e });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-5",
    "a valid CONNECT is answered with CONNACK: type 2, no flags, Reason Code 0x00",
    async (at) => {
      for (const flags of ["02", "00"]) {
        const peer = await at.open();
        await peer.sends(connectBytes({ flags }));
        const bytes = peer.takesBytes()!;
        at.expects(bytes[0] === 0x20, "type 2 and flags 0");
        at.expects(bytes[1] === bytes.length - 2, "the Remaining Length");
        at.expects(bytes[2] === 0 && bytes[3] === 0, "no session, Reason Code 0x00");
        at.expects(bytes[4] === bytes.length - 5, "the Property Length");
        peer.getsNothing();
        await peer.drops();
      }
    },
  ),
];
