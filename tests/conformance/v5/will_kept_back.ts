/** MQTT 5.0 section 3.1.3.2.2: a Will Delay Interval, within which a client may come back. */

import { willOf } from "../../broker/packets.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, KEPT } from "../raw5.ts";
import { BYE, delayed, heir } from "./wills.ts";

export const willKeptBack5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.1.3-9",
    "a client that is back before its Will Delay has passed keeps the Will from being sent",
    async (at) => {
      const panel = await heir(at);
      const first = await at.client("pump", delayed(10, 3600));
      await first.drops();
      await at.passes(9_999);
      const second = await comes(at, "pump", true);
      await at.passes(60_000);
      await second.closes();
      const third = await comes(at, "pump", true, delayed(10, 3600));
      await comes(at, "pump", true); // takes it over: the delay has not begun to pass
      third.gets({ type: "disconnect", reasonCode: 0x8e });
      await at.passes(60_000);
      panel.getsNothing();
      const last = await comes(at, "pump", true, delayed(10, 3600));
      await last.drops();
      await at.passes(10_001); // too late
      panel.gets(BYE);
      const again = await comes(at, "pump", true, delayed(10, 3600));
      await again.drops();
      await comes(at, "pump", true, delayed(10, 3600)); // in time, and with a Will of its own
      await at.passes(60_000);
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-9",
    "a Will that was kept from being sent is gone for good: a later end without one sends none",
    async (at) => {
      const panel = await heir(at);
      const will = willOf("gone", "bye", { willDelayInterval: 10, qos: 1 });
      const first = await comes(at, "pump", false, { will });
      await first.drops();
      const second = await comes(at, "pump", true);
      await second.drops();
      await at.passes(60_000);
      panel.getsNothing();
      const third = await comes(at, "pump", true);
      await third.drops();
      await at.restarts();
      const again = await comes(at, "panel", true);
      await at.passes(60_000);
      again.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-9",
    "this holds after a restart within the delay too",
    async (at) => {
      await heir(at);
      const first = await at.client("pump", delayed(100, 3600));
      await first.drops();
      await at.restarts();
      await comes(at, "pump", true);
      await at.passes(200_000);
      (await comes(at, "panel", true)).getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-9",
    "so too where the delay passes while the store brings the session back",
    async (at) => {
      const panel = await heir(at);
      const first = await at.client("pump", delayed(10, 3600));
      await first.drops();
      await at.passes(9_000);
      const desk = await at.desk();
      desk.hold(true);
      const [pump, none] = await at.asks("pump", KEPT);
      at.expects(none === undefined, "the CONNACK waits for the store");
      await at.passes(5_000);
      await at.act(() => desk.hold(false));
      pump.gets({ type: "connack", reasonCode: 0, sessionPresent: true });
      await at.passes(60_000);
      panel.getsNothing();
    },
  ),
];
