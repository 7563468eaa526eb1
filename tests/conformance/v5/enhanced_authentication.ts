/** Enhanced authentication and AUTH: MQTT 5.0 sections 3.15 and 4.12, and what 3.1 and 3.2 say of them. */

import { publishPacket, subscribePacket, unsubscribePacket, willOf } from "../../broker/packets.ts";
import { acknowledgement, connectPacket, disconnectPacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { isRefused, refuses, serves } from "./answers.ts";
import { auth, halfway, naming, offersM } from "./exchange.ts";

/** The properties of an AUTH or CONNACK that belongs to the method. */
const ofM = { authenticationMethod: "M", authenticationData: undefined, reasonString: undefined };

/** AUTH 0x18 of method `M` with the data `who`, with other flags in its first byte. */
function flagged(flags: number): Uint8Array {
  return frame(0xf0 | flags, "18", p("15", s("M"), "16", s("ada")));
}

export const enhancedAuthentication5: readonly Row[] = [
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
  holds(
    "5.0",
    "MQTT-4.12.0-1",
    "a method that is not on offer gets 0x8C and is closed",
    async (at) => {
      offersM(at);
      for (const authenticationMethod of ["OTHER", "m", "M ", "", "SCRAM-SHA-1"]) {
        const pump = await at.open();
        await pump.sends(connectPacket("pump", { properties: { authenticationMethod } }));
        pump.gets({ type: "connack", reasonCode: 0x8c });
        pump.isClosed();
      }
    },
  ),
  holds("5.0", "MQTT-4.12.0-1", "any method gets 0x8C where the broker offers none", async (at) => {
    const pump = await at.open();
    await pump.sends(connectPacket("pump", { properties: { authenticationMethod: "M" } }));
    pump.gets({ type: "connack", reasonCode: 0x8c });
    pump.isClosed();
  }),
  holds("5.0", "MQTT-4.12.0-2", "an AUTH that asks for more has the code 0x18", async (at) => {
    offersM(at);
    const pump = await at.open();
    await pump.sends(connectPacket("pump", { ...naming(undefined) })); // the method speaks first
    for (let step = 0; step < 3; step++) {
      pump.gets({ type: "auth", reasonCode: 0x18, properties: { authenticationData: "?" } });
      await pump.sends(auth(0x18, step < 2 ? "more" : "ada"));
    }
    pump.gets({ type: "connack", reasonCode: 0 });
    await pump.sends(auth(0x19, "more"));
    pump.gets({ type: "auth", reasonCode: 0x18, properties: { authenticationData: "?" } });
  }),
  holds("5.0", "MQTT-4.12.0-3", "an answer with another code than 0x18 closes", async (at) => {
    offersM(at);
    for (const reasonCode of [0x00, 0x19]) {
      const pump = await halfway(at, "pump");
      await pump.sends(auth(reasonCode, "ada"));
      pump.gets({ type: "connack", reasonCode: 0x82 });
      pump.isClosed();
      const connected = await at.client("connected", naming("ada"));
      await connected.sends(auth(0x19, "more"));
      connected.gets({ type: "auth", reasonCode: 0x18 });
      await connected.sends(auth(reasonCode, "ada"));
      isRefused(connected, 0x82);
    }
  }),
  holds(
    "5.0",
    "MQTT-4.12.0-4",
    "who is rejected gets CONNACK with the code and is closed",
    async (at) => {
      offersM(at);
      const [first, connack] = await at.asks("first", naming("no"));
      at.expects(connack?.type === "connack" && connack.reasonCode === 0x87, "CONNACK 0x87");
      first.isClosed();
      const second = await halfway(at, "second");
      await second.sends(auth(0x18, "no"));
      second.gets({ type: "connack", reasonCode: 0x87, sessionPresent: false });
      second.isClosed();
    },
  ),
  holds(
    "5.0",
    "MQTT-4.12.0-4",
    "an exchange that stays half done is rejected in time",
    async (at) => {
      offersM(at, { connectTimeout: 5, authenticationSteps: 4 });
      const slow = await halfway(at, "slow");
      await at.passes(4_999);
      slow.getsNothing();
      await at.passes(1);
      slow.gets({ type: "connack", reasonCode: 0x87 });
      slow.isClosed();
      const endless = await halfway(at, "endless");
      for (let step = 0; step < 3; step++) {
        await endless.sends(auth(0x18, "more"));
        if (step < 2) endless.gets({ type: "auth", reasonCode: 0x18 });
      }
      await endless.sends(auth(0x18, "more"));
      endless.gets({ type: "auth", reasonCode: 0x18 });
      endless.gets({ type: "connack", reasonCode: 0x97 });
      endless.isClosed();
    },
  ),
  holds(
    "5.0",
    "MQTT-4.12.0-5",
    "each AUTH and CONNACK 0x00 names the method of CONNECT",
    async (at) => {
      offersM(at);
      const pump = await at.open();
      await pump.sends(connectPacket("pump", { ...naming("more") }));
      pump.gets({
        type: "auth",
        reasonCode: 0x18,
        properties: { ...ofM, authenticationData: "?" },
      });
      await pump.sends(auth(0x18, "more"));
      pump.gets({
        type: "auth",
        reasonCode: 0x18,
        properties: { ...ofM, authenticationData: "?" },
      });
      await pump.sends(auth(0x18, "ada"));
      pump.gets({
        type: "connack",
        reasonCode: 0,
        properties: { ...ofM, authenticationData: "!" },
      });
      await pump.sends(auth(0x19, "more"));
      pump.gets({
        type: "auth",
        reasonCode: 0x18,
        properties: { ...ofM, authenticationData: "?" },
      });
      await pump.sends(auth(0x18, "ada"));
      pump.gets({
        type: "auth",
        reasonCode: 0x00,
        properties: { ...ofM, authenticationData: "!" },
      });
      await serves(pump);
    },
  ),
  holds(
    "5.0",
    "MQTT-4.12.0-5",
    "an AUTH of a client with another method or none closes",
    async (at) => {
      offersM(at);
      for (const name of ["OTHER", "m", ""]) {
        const pump = await halfway(at, "pump");
        await pump.sends(auth(0x18, "ada", name));
        pump.gets({ type: "connack", reasonCode: 0x82 });
        pump.isClosed();
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-4.12.0-6",
    "who names no method gets no AUTH and no method in CONNACK",
    async (at) => {
      offersM(at);
      for (const username of [undefined, "ada"]) {
        const pump = await at.open();
        await pump.sends(connectPacket("pump", { username }));
        const properties = { authenticationMethod: undefined, authenticationData: undefined };
        pump.gets({ type: "connack", reasonCode: 0, properties });
        await serves(pump);
      }
    },
  ),
  holds("5.0", "MQTT-4.12.0-7", "an AUTH of a client that named no method closes", async (at) => {
    offersM(at);
    for (const reasonCode of [0x00, 0x18, 0x19]) {
      await refuses(at, auth(reasonCode, "ada"), 0x82);
      await refuses(at, auth(reasonCode, "ada", ""), 0x82);
    }
    const early = await at.open();
    await early.sends(auth(0x18, "ada"));
    early.isClosed();
  }),
  holds(
    "5.0",
    "MQTT-4.12.1-1",
    "re-authentication is AUTH 0x19 with the method of CONNECT",
    async (at) => {
      offersM(at);
      const pump = await at.client("pump", naming("ada"));
      await pump.subscribes("t");
      await pump.sends(auth(0x19, "more"), publishPacket("t", "flows"), "c0 00");
      pump.gets({ type: "auth", reasonCode: 0x18 });
      pump.gets({ type: "publish", payload: "flows" });
      pump.gets({ type: "pingresp" });
      await pump.sends(auth(0x18, "ada"));
      pump.gets({ type: "auth", reasonCode: 0x00 });
      await serves(pump);
      for (const name of ["OTHER", "m", ""]) {
        await refuses(at, auth(0x19, "ada", name), 0x82, naming("ada"));
      }
      for (const reasonCode of [0x00, 0x18]) {
        await refuses(at, auth(reasonCode, "ada"), 0x82, naming("ada"));
      }
      await pump.sends(auth(0x19, "more"));
      pump.gets({ type: "auth", reasonCode: 0x18 });
      await pump.sends(auth(0x19, "more")); // one at a time
      isRefused(pump, 0x82);
    },
  ),
  holds(
    "5.0",
    "MQTT-4.12.1-2",
    "a re-authentication that fails ends in DISCONNECT and closes",
    async (at) => {
      offersM(at, { reauthenticationTimeout: 5 });
      const panel = await at.client("panel");
      await panel.subscribes("#");
      await refuses(at, auth(0x19, "no"), 0x87, naming("ada", { will: willOf("gone", "pump") }));
      panel.gets({ type: "publish", topic: "gone" });
      await refuses(at, auth(0x19, "eve"), 0x87, naming("ada")); // a session has one owner
      const pump = await at.client("pump", naming("ada"));
      await pump.sends(auth(0x19, "more"));
      pump.gets({ type: "auth", reasonCode: 0x18 });
      await pump.sends(auth(0x18, "no"));
      isRefused(pump, 0x87);
      const slow = await at.client("slow", naming("ada"));
      await slow.sends(auth(0x19, "more"));
      slow.gets({ type: "auth", reasonCode: 0x18 });
      await at.passes(4_999);
      await serves(slow);
      await at.passes(1);
      isRefused(slow, 0x87);
    },
  ),
];
