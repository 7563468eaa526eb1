/** Enhanced authentication: MQTT 5.0 section 4.12. */

import { publishPacket, willOf } from "../../broker/packets.ts";
import { connectPacket } from "../../broker/packets.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { isRefused, refuses, serves } from "./answers.ts";
import { auth, halfway, naming, offersM, ofM } from "./exchange.ts";

export const enhancedAuthentication5: readonly Row[] = [
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
