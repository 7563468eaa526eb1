/** AUTH: MQTT 5.0 section 3.15, and what 3.1 and 3.2 say of it. */

import { publishPacket, subscribePacket, unsubscribePacket, willOf } from "../../broker/packets.ts";
import { acknowledgement, connectPacket, disconnectPacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { isRefused, refuses } from "./answers.ts";
import { auth, halfway, naming, offersM, ofM } from "./exchange.ts";

/** AUTH 0x18 of method `M` with the data `who`, with other flags in its first byte. */
function flagged(flags: number): Uint8Array {
  return frame(0xf0 | flags, "18", p("15", s("M"), "16", s("ada")));
}

export const authPacket5: readonly Row[] = [
  holds("5.0", "MQTT-3.1.2-30", "before CONNACK only AUTH and DISCONNECT are taken", async (at) => {
    offersM(at);
    const panel = await at.client("panel");
    await panel.subscribes("#");
    for (
      const packet of [
        publishPacket("t", "m"),
        publishPacket("t", "m", { packetId: 1 }),
        subscribePacket(1, ["t", 0]),
        unsubscribePacket(1, "t"),
        acknowledgement("puback", 1),
        acknowledgement("pubrel", 1),
        { type: "pingreq" } as const,
        connectPacket("pump"),
      ]
    ) {
      const pump = await halfway(at, "pump");
      await pump.sends(packet, auth(0x18, "ada"));
      pump.gets({ type: "connack", reasonCode: 0x82 });
      pump.isClosed();
    }
    const pump = await halfway(at, "pump", { will: willOf("gone", "pump") });
    await pump.sends(disconnectPacket());
    pump.isClosed();
    panel.getsNothing();
  }),
  holds("5.0", "MQTT-3.1.4-6", "an AUTH behind a rejected CONNECT leads to nothing", async (at) => {
    offersM(at);
    const pump = await at.open();
    await pump.sends(connectPacket("pump", { ...naming("no") }), auth(0x18, "ada"));
    pump.gets({ type: "connack", reasonCode: 0x87 });
    pump.isClosed();
  }),
  holds(
    "5.0",
    "MQTT-3.2.0-1",
    "in an exchange nothing but AUTH comes before CONNACK",
    async (at) => {
      offersM(at);
      const stored = { cleanStart: false, properties: { sessionExpiryInterval: 60 } };
      const first = await at.client("panel", naming("ada", stored));
      await first.subscribes(["t", 1]);
      await first.closes();
      const pump = await at.client("pump");
      await pump.publishes("t", "waits", { packetId: 1 });
      pump.gets({ type: "puback" });
      const panel = await halfway(at, "panel", stored);
      panel.getsNothing();
      await panel.sends(auth(0x18, "ada"));
      panel.gets({ type: "connack", reasonCode: 0, sessionPresent: true });
      panel.gets({ type: "publish", payload: "waits" });
    },
  ),
  holds("5.0", "MQTT-3.15.1-1", "an AUTH with other flags than 0000 closes", async (at) => {
    offersM(at);
    for (let flags = 1; flags < 16; flags++) {
      const pump = await halfway(at, "pump");
      await pump.sends(flagged(flags));
      pump.gets({ type: "connack", reasonCode: 0x81 });
      pump.isClosed();
      const connected = await at.client("connected", naming("ada"));
      await connected.sends(flagged(flags));
      isRefused(connected, 0x81);
    }
    const pump = await halfway(at, "pump");
    await pump.sends(flagged(0));
    pump.gets({ type: "connack", reasonCode: 0 });
  }),
  holds(
    "5.0",
    "MQTT-3.15.2-1",
    "an AUTH with a code of no table closes, and none is sent",
    async (at) => {
      offersM(at);
      const properties = p("15", s("M"));
      for (const code of ["01", "04", "17", "1a", "80", "87", "ff"]) {
        const pump = await halfway(at, "pump");
        await pump.sends(frame(0xf0, code, properties));
        pump.gets({ type: "connack", reasonCode: 0x82 });
        pump.isClosed();
        await refuses(at, frame(0xf0, code, properties), 0x82, naming("ada"));
      }
      const pump = await halfway(at, "pump");
      await pump.sends(auth(0x18, "more"));
      pump.gets(frame(0xf0, "18", p("15", s("M"), "16", s("?"))));
      await pump.sends(auth(0x18, "ada"));
      pump.gets({ type: "connack", reasonCode: 0 });
      await pump.sends(auth(0x19, "ada"));
      pump.gets(frame(0xf0, "00", p("15", s("M"), "16", s("!"))));
    },
  ),
  holds(
    "5.0",
    ["MQTT-3.15.2-2", "MQTT-3.15.2-3"],
    "an AUTH carries neither Reason String nor User Property, and none is above Maximum Packet Size",
    async (at) => {
      offersM(at);
      const size = frame(0xf0, "18", p("15", s("M"), "16", s("?"))).length;
      const bare = { ...ofM, authenticationData: "?", userProperties: undefined };
      for (const maximumPacketSize of [undefined, 60]) {
        const properties = maximumPacketSize === undefined ? {} : { maximumPacketSize };
        const pump = await at.open();
        await pump.sends(connectPacket("pump", { ...naming("more", { properties }) }));
        pump.gets({ type: "auth", reasonCode: 0x18, properties: bare });
        await pump.sends(auth(0x18, "ada"));
        pump.gets({ type: "connack", reasonCode: 0 });
        await pump.sends(auth(0x19, "more"));
        pump.gets({ type: "auth", reasonCode: 0x18, properties: bare });
      }
      const tiny = await at.open();
      const properties = { maximumPacketSize: size - 1 };
      await tiny.sends(connectPacket("tiny", { ...naming("more", { properties }) }));
      for (const packet of tiny.takes()) {
        at.expects(packet.type === "connack" && packet.reasonCode === 0x95, "CONNACK 0x95 at most");
      }
      tiny.isClosed();
    },
  ),
];
