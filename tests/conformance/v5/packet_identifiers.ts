/** Packet Identifiers and the first PUBLISH of a message to a client, MQTT 5.0 sections 4.3.2 and 4.3.3. */

import { publishPacket } from "../../broker/packets.ts";
import { frame } from "../../packet/bytes_of.ts";
import type { ClientOptions } from "../bench.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { usedUpTo } from "./used_ids.ts";
import type { Peer } from "../peer.ts";
import { id } from "./answers.ts";
import { KEEPS, pair, publishBytes } from "./parties.ts";

export const packetIdentifiers5: readonly Row[] = [
  holds(
    "5.0",
    ["MQTT-4.3.2-1", "MQTT-4.3.3-1"],
    "each new message to a client has an identifier that is not in use",
    async (at) => {
      const [pump, panel] = await pair(at);
      for (let i = 1; i <= 6; i++) {
        await pump.publishes("t", String(i), { packetId: i, qos: i % 2 === 0 ? 2 : 1 });
      }
      const used = Array.from({ length: 6 }, () => panel.gets({ type: "publish" }).packetId);
      at.expects(new Set(used).size === 6, `6 messages have 6 identifiers, found are ${used}`);
      // 1 is let go, 2 only half: until PUBCOMP its identifier is in use.
      await panel.sends(frame(0x40, id(used[0]!)), frame(0x50, id(used[1]!)));
      panel.gets({ type: "pubrel", packetId: used[1]! });
      for (let i = 7; i <= 12; i++) {
        await pump.publishes("t", String(i), { packetId: i, qos: i % 2 === 0 ? 2 : 1 });
        const { packetId } = panel.gets({ type: "publish" });
        at.expects(!used.slice(1).includes(packetId), `${packetId} is not in use`);
        used.push(packetId);
      }
    },
  ),
  holds(
    "5.0",
    ["MQTT-4.3.2-1", "MQTT-4.3.3-1"],
    "nor where all identifiers have been used once",
    async (at) => {
      const before = await at.client("panel", KEEPS);
      await before.subscribes(["t", 2]);
      const pump = await at.client("pump");
      // The first one is never acknowledged, the second one never completed.
      for (const qos of [1, 2] as const) await pump.publishes("t", "kept", { packetId: 9, qos });
      const unacknowledged = before.gets({ type: "publish", qos: 1 }).packetId;
      const uncompleted = before.gets({ type: "publish", qos: 2 }).packetId;
      await before.sends(frame(0x50, id(uncompleted)));
      before.gets({ type: "pubrel", packetId: uncompleted });
      await pump.publishes("t", "last", { packetId: 10 });
      before.gets({ type: "publish", payload: "last" });
      await before.drops();
      await usedUpTo(at, "panel", 65_435);
      const panel = await at.client("panel", KEEPS);
      panel.gets({ type: "publish", payload: "kept", packetId: unacknowledged });
      panel.gets({ type: "pubrel", packetId: uncompleted });
      const kept = new Set([unacknowledged, uncompleted]);
      for (let i = 0; i < 2; i++) {
        kept.add(panel.gets({ type: "publish", payload: "last" }).packetId);
      }
      const batch = Array.from({ length: 200 }, () => publishPacket("t", "", { packetId: 8 }));
      await pump.sends(...batch);
      const ids = panel.takes().map((each) => each.type === "publish" ? each.packetId : 0);
      at.expects(ids.length === batch.length, `${ids.length} of ${batch.length} have come`);
      at.expects(new Set(ids).size === ids.length, "one is given twice");
      at.expects(ids.includes(65_535) && ids.some((each) => each < 200), "they begin anew");
      const wrong = ids.find((each) => each === 0 || kept.has(each));
      at.expects(wrong === undefined, `${wrong} was given while it was in use`);
    },
  ),
  holds(
    "5.0",
    ["MQTT-4.3.2-1", "MQTT-4.3.3-1"],
    "nor after a restart, by whatever way it comes",
    async (at) => {
      const pump = async () => await at.client("pump");
      await (await pump()).publishes("r", "x", { packetId: 1, retain: true });
      const ways: readonly ((panel: Peer) => Promise<void>)[] = [
        async () => await (await pump()).publishes("t", "x", { packetId: 1 }),
        async (panel) => await panel.subscribes(["r", 1]),
        async () => await (await pump()).publishes("s", "x", { packetId: 1 }),
      ];
      for (const [index, way] of [...ways, undefined].entries()) {
        const name = `panel ${index}`;
        const first = await at.client(name, KEEPS);
        await first.subscribes(["t", 2], [`$share/${index}/s`, 1]);
        for (const packetId of [1, 2, 3]) {
          await (await pump()).publishes("t", "x", { packetId, qos: 2 });
          first.gets({ type: "publish", packetId });
        }
        await first.sends("50 02 0001"); // of all three it was the last to be of use
        first.gets("62 02 0001");
        await first.drops();
        if (way === undefined) await (await pump()).publishes("t", "queued", { packetId: 4 });
        await at.restarts();
        const panel = await at.client(name, KEEPS);
        panel.getsInAnyOrder(
          { type: "publish", packetId: 2, dup: true },
          { type: "publish", packetId: 3, dup: true },
          { type: "pubrel", packetId: 1 },
        );
        await way?.(panel);
        const { packetId } = panel.gets({ type: "publish", dup: false });
        at.expects(packetId > 3, `1 to 3 are in use, found is ${packetId}`);
        await panel.sends("e0 07 00 05 11 00000000");
      }
    },
  ),
  holds("5.0", "MQTT-4.3.2-2", "a QoS 1 message first goes out with DUP 0", async (at) => {
    const [pump, panel] = await pair(at);
    await pump.sends(publishBytes(0x32, 7, "a"), publishBytes(0x3a, 8, "b"));
    panel.gets(publishBytes(0x32, 1, "a"));
    panel.gets(publishBytes(0x32, 2, "b")); // the publisher's DUP is not handed on
    const absent = await at.client("absent", KEEPS);
    await absent.subscribes(["t", 1]);
    await absent.drops();
    await pump.sends(publishBytes(0x32, 9, "c"));
    const back = await at.client("absent", KEEPS);
    back.gets(publishBytes(0x32, 1, "c")); // queued, and sent for the first time now
  }),
  holds(
    "5.0",
    ["MQTT-4.3.2-2", "MQTT-4.3.3-2"],
    "the first PUBLISH has DUP 0 by whatever way it comes",
    async (at) => {
      const pump = await at.client("pump");
      const options: readonly ClientOptions[] = [
        {},
        { properties: { maximumPacketSize: 1000 } },
        { properties: { topicAliasMaximum: 5 } },
      ];
      for (const [qos, first] of [[1, 0x32], [2, 0x34]] as const) {
        await pump.publishes(`r/${qos}`, "x", { packetId: 1, qos, retain: true });
        await pump.sends("62 02 0001");
        for (const each of options) {
          const panel = await at.client("panel", each);
          await panel.subscribes([`r/${qos}`, 2], [`t/${qos}`, 2], [`$share/g/s/${qos}`, 2]);
          for (const topic of [`t/${qos}`, `s/${qos}`]) {
            await pump.publishes(topic, "x", { packetId: 2, qos });
            await pump.sends("62 02 0002");
          }
          for (const retain of [1, 0, 0]) {
            const bytes = panel.takesBytes();
            at.expects(bytes?.[0] === (first | retain), `the first byte is ${first | retain}`);
          }
          panel.getsNothing();
        }
        const twins = [await at.client("twin 1"), await at.client("twin 2")]; // who share bytes
        for (const twin of twins) await twin.subscribes(["u", 2]);
        await pump.sends(
          publishBytes(first | 8, 3, "x").map((byte) => byte === 0x74 ? 0x75 : byte),
        );
        for (const twin of twins) {
          const bytes = twin.takesBytes();
          at.expects(bytes?.[0] === first, `the first byte is ${first}`);
        }
      }
    },
  ),
  holds("5.0", "MQTT-4.3.3-2", "a QoS 2 message first goes out with DUP 0", async (at) => {
    const [pump, panel] = await pair(at);
    await pump.sends(publishBytes(0x34, 7, "a"), publishBytes(0x3c, 8, "b"));
    panel.gets(publishBytes(0x34, 1, "a"));
    panel.gets(publishBytes(0x34, 2, "b"));
    const absent = await at.client("absent", KEEPS);
    await absent.subscribes(["t", 2]);
    await absent.drops();
    await pump.sends(publishBytes(0x34, 9, "c"));
    const back = await at.client("absent", KEEPS);
    back.gets(publishBytes(0x34, 1, "c"));
  }),
];
