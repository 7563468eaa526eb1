/** MQTT 5.0 section 3.1.2.11.2: the Session Expiry Interval. */

import { connectPacket, disconnectPacket } from "../../broker/packets.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import type { Peer } from "../peer.ts";
import { comes, KEPT } from "../raw5.ts";

export const sessionExpiry5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.1.2-23",
    "with a Session Expiry Interval the session is kept for that long after the connection has ended",
    async (at) => {
      const ends: readonly ((peer: Peer) => Promise<unknown>)[] = [
        (peer) => peer.drops(),
        (peer) => peer.sends(disconnectPacket()),
        (peer) => peer.sends(disconnectPacket(0x04)),
        (peer) => peer.sends("00 00"),
        () => at.restarts(),
      ];
      const properties = { sessionExpiryInterval: 100 };
      for (const [index, end] of ends.entries()) {
        const id = `pump${index}`;
        const first = await comes(at, id, false, { properties });
        await first.subscribes(["t", 1]);
        await end(first);
        await at.passes(99_999);
        const second = await comes(at, id, true, { properties });
        await (await at.client("sender")).publishes("t", "x");
        second.gets({ type: "publish", topic: "t" });
        await end(second);
        await at.passes(100_000);
        await comes(at, id, false, { properties });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-23",
    "the time of a client that is away goes on while the broker is down, and ends after a restart too",
    async (at) => {
      const properties = { sessionExpiryInterval: 100 };
      for (
        const [index, [down, sessionPresent]] of ([[59_000, true], [61_000, false]] as const)
          .entries()
      ) {
        const id = `pump${index}`;
        const first = await comes(at, id, false, { properties });
        await first.drops();
        await at.passes(10_000);
        await at.restarts(20_000);
        await at.passes(10_000);
        await at.restarts(down);
        await comes(at, id, sessionPresent, { properties });
        const other = await comes(at, `${id} again`, false, { properties });
        await other.drops();
        await at.restarts();
        await at.passes(100_001);
        await comes(at, `${id} again`, false, { properties });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-23",
    "without one, or with 0, the session ends with the connection; DISCONNECT may set another one",
    async (at) => {
      for (const properties of [undefined, { sessionExpiryInterval: 0 }]) {
        const peer = await comes(at, "none", false, { properties });
        await peer.drops();
        await (await comes(at, "none", false, { properties })).drops();
      }
      const kept = { sessionExpiryInterval: 100 };
      const shorter = await comes(at, "kept", false, { properties: kept });
      await shorter.sends(disconnectPacket(0, 10));
      await at.passes(9_999);
      const longer = await comes(at, "kept", true, { properties: kept });
      await longer.sends(disconnectPacket(0, 1000));
      await at.passes(999_999);
      const ending = await comes(at, "kept", true, { properties: kept });
      await ending.sends(disconnectPacket(0, 0));
      await comes(at, "kept", false, { properties: kept });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-23",
    "the interval is that of the newest CONNECT, and 0xFFFFFFFF is for ever where the broker lets it",
    async (at) => {
      at.configure({ limits: { maximumSessionExpiryInterval: 0xffff_ffff } });
      const properties = { sessionExpiryInterval: 0xffff_ffff };
      const first = await comes(at, "pump", false, { properties });
      await first.drops();
      await at.passes(5_000_000_000_000); // more than 158 years
      const second = await comes(at, "pump", true, { properties: { sessionExpiryInterval: 5 } });
      await second.drops();
      await at.passes(5_001);
      await comes(at, "pump", false);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-23",
    "a broker that keeps sessions for a shorter time says so in CONNACK, and keeps them for that time",
    async (at) => {
      at.configure({ limits: { maximumSessionExpiryInterval: 50 } });
      const first = await at.open();
      await first.sends(connectPacket("pump", KEPT));
      first.gets({ type: "connack", properties: { sessionExpiryInterval: 50 } });
      await first.drops();
      await at.passes(49_999);
      const second = await comes(at, "pump", true);
      await second.drops();
      await at.passes(50_001);
      await comes(at, "pump", false);
    },
  ),
];
