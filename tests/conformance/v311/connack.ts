/** Rows for MQTT 3.1.1 section 3.2: CONNACK. */

import { Reason } from "../../../src/packet/reason_code.ts";
import { frame, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { connect } from "./shorthand.ts";

const MQTT = s("MQTT");

/** [the Reason Code of the authenticator, the return code that a 3.1.1 client is told] */
const RETURN_CODES: readonly (readonly [number, string])[] = [
  [Reason.clientIdentifierNotValid, "02"],
  [Reason.serverUnavailable, "03"],
  [Reason.serverBusy, "03"],
  [Reason.badUserNameOrPassword, "04"],
  [Reason.notAuthorized, "05"],
  [Reason.banned, "05"],
];

export const connack311: readonly Row[] = [
  holds(
    "3.1.1",
    "MQTT-3.2.0-1",
    "nothing comes before CONNACK, whatever awaits the client",
    async (at) => {
      const panel = await at.client("panel", { cleanStart: false });
      await panel.subscribes(["#", 2]);
      await panel.drops();
      const pump = await at.client("pump");
      await pump.publishes("t", "one", { packetId: 1 });
      await pump.publishes("t", "two", { packetId: 2, qos: 2 });
      const again = await at.open();
      await again.sends("10"); // the first byte of a CONNECT is no reason to speak
      again.getsNothing();
      await again.sends(frame(0x10, MQTT, "04 00 00 00", s("panel")).subarray(1));
      again.gets("20 02 01 00");
      again.gets({ type: "publish", payload: "one" });
      again.gets({ type: "publish", payload: "two" });
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.2.2-1",
    "Clean Session 1: session present is 0, also where one was",
    async (at) => {
      for (let round = 0; round < 2; round++) {
        const clean = await at.open();
        await clean.sends(connect("pump"));
        clean.gets("20 02 00 00");
        await clean.drops();
        const kept = await at.client("pump", { cleanStart: false });
        await kept.subscribes(["t", 1]);
        await kept.drops();
      }
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.2.2-2",
    "Clean Session 0 with a stored session: session present is 1",
    async (at) => {
      const first = await at.client("pump", { cleanStart: false });
      await first.closes();
      const second = await at.open();
      await second.sends(connect("pump", { cleanStart: false }));
      second.gets("20 02 01 00");
      await second.drops();
      await at.restarts();
      const third = await at.open();
      await third.sends(connect("pump", { cleanStart: false }));
      third.gets("20 02 01 00");
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.2.2-3",
    "Clean Session 0 without a stored session: session present is 0",
    async (at) => {
      const first = await at.open();
      await first.sends(connect("pump", { cleanStart: false }));
      first.gets("20 02 00 00");
      const clean = await at.client("other");
      await clean.drops();
      const other = await at.open();
      await other.sends(connect("other", { cleanStart: false }));
      other.gets("20 02 00 00");
    },
  ),
  ...RETURN_CODES.map(([reason, code]) =>
    holds(
      "3.1.1",
      ["MQTT-3.2.2-4", "MQTT-3.2.2-5"],
      `a client refused with 0x${
        reason.toString(16)
      } is told ${code} and session present 0, and the end follows`,
      async (at) => {
        at.configure({
          authenticator: {
            verify: ({ username }) =>
              username === "mallory"
                ? { type: "refused", reason, detail: "mallory" }
                : { type: "accepted", identity: { user: username, roles: [] } },
          },
        });
        const owner = await at.client("pump", { cleanStart: false });
        await owner.drops();
        const link = await at.open();
        await link.sends(connect("pump", { cleanStart: false, username: "mallory" }));
        link.gets(`20 02 00 ${code}`);
        link.isClosed();
      },
    )
  ),
  holds(
    "3.1.1",
    ["MQTT-3.2.2-4", "MQTT-3.2.2-5"],
    "a client that asks for the session of another is told 5 and session present 0, and the end follows",
    async (at) => {
      const owner = await at.client("pump", { cleanStart: false, username: "ada" });
      const link = await at.open();
      await link.sends(connect("pump", { cleanStart: false, username: "mallory" }));
      link.gets("20 02 00 05");
      link.isClosed();
      owner.isOpen();
    },
  ),
];
