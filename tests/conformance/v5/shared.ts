/** Shared Subscriptions of MQTT 5.0, section 4.8.2. */

import type { QoS } from "../../../src/packet/packet.ts";
import { unsubscribePacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import type { Peer } from "../peer.ts";
import { id, serves } from "./answers.ts";

const KEEPS = { cleanStart: false, properties: { sessionExpiryInterval: 3600 } } as const;

/** Members of the group `g` of the filter `t`, each with a session that outlives its connection. */
async function members(at: Bench, count: number, qos: QoS = 2): Promise<Peer[]> {
  const all: Peer[] = [];
  for (let index = 0; index < count; index++) {
    const member = await at.client(`member ${index}`, KEEPS);
    await member.subscribes(["$share/g/t", qos]);
    all.push(member);
  }
  return all;
}

/** These filters are refused with 0x8F, in SUBSCRIBE and in UNSUBSCRIBE. */
async function areRefused(at: Bench, filters: readonly string[]): Promise<void> {
  const panel = await at.client("panel");
  for (const filter of filters) {
    await panel.sends(frame(0x82, "0001", p(), s(filter), "01"));
    panel.gets("90 04 0001 00 8f");
    await panel.sends(frame(0xa2, "0002", p(), s(filter)));
    panel.gets("b0 04 0002 00 8f");
  }
  const pump = await at.client("pump");
  for (const topic of ["t", "x", "g", "$share/g/t", "$share//t", "$share/g"]) {
    await pump.publishes(topic, "x");
  }
  await serves(panel);
}

/** The one member that has got something, and the others, that have not. */
function chosen(at: Bench, all: readonly Peer[]): [Peer, readonly Peer[]] {
  const found = all.filter((member) => member.waiting > 0);
  at.expects(found.length === 1, `one member gets the message, found are ${found.length}`);
  return [found[0]!, all.filter((member) => member !== found[0])];
}

export const shared5: readonly Row[] = [
  holds("5.0", "MQTT-4.8.2-1", "a shared filter without a name is refused", async (at) => {
    await areRefused(at, ["$share//t", "$share//#", "$share///", "$share/", "$share//"]);
  }),
  holds("5.0", "MQTT-4.8.2-1", "one with a name of any length is shared", async (at) => {
    for (const name of ["g", " ", "$share", "ä€😀", "g".repeat(60_000)]) {
      const all = [await at.client("a"), await at.client("b")];
      for (const each of all) await each.subscribes([`$share/${name}/t/+`, 1]);
      const pump = await at.client("pump");
      for (let turn = 0; turn < 4; turn++) {
        await pump.publishes("t/x", String(turn), { packetId: turn + 1 });
        const [one] = chosen(at, all);
        one.gets({ type: "publish", topic: "t/x", payload: String(turn) });
      }
    }
  }),
  holds("5.0", "MQTT-4.8.2-1", "only $share/ makes a filter shared", async (at) => {
    for (const filter of ["$SHARE/g/t", "$shared/g/t", "share/g/t", "/$share/g/t", "$sharE/g/t"]) {
      const all = [await at.client("a"), await at.client("b")];
      for (const each of all) await each.subscribes([filter, 0]);
      const pump = await at.client("pump");
      await pump.publishes("t", "not shared");
      await pump.publishes(filter, "as it stands");
      for (const each of all) {
        each.gets({ type: "publish", topic: filter, payload: "as it stands" });
        each.getsNothing();
      }
    }
  }),
  holds(
    "5.0",
    "MQTT-4.8.2-2",
    "a name with a wildcard, or no filter behind it, is refused",
    async (at) => {
      await areRefused(at, [
        "$share/g",
        "$share/g/",
        "$share/+/t",
        "$share/#/t",
        "$share/g+/t",
        "$share/+g/t",
        "$share/g#/t",
        "$share/#",
        "$share/+",
        "$share/g#",
        "$share/g/a#",
        "$share/g/#/a",
        "$share/g/+a",
      ]);
    },
  ),
  holds("5.0", "MQTT-4.8.2-2", "the filter begins behind the / that ends the name", async (at) => {
    const panel = await at.client("panel");
    for (
      const [full, topic] of [
        ["$share/g//", "/"],
        ["$share/g//t", "/t"],
        ["$share/g/t", "t"],
        ["$share/g/t/u", "t/u"],
        ["$share/g/$share/h/t", "$share/h/t"],
        ["$share/g/+", "q"],
      ] as const
    ) {
      await panel.sends(frame(0x82, "0001", p(), s(full), "01"));
      panel.gets("90 04 0001 00 01");
      for (const other of ["/", "/t", "t", "t/u", "$share/h/t", "q", "g/t", "$share/g/t"]) {
        if (other !== topic && full !== "$share/g/+") await panel.publishes(other, "x");
      }
      panel.getsNothing();
      await panel.publishes(topic, "x");
      panel.gets({ type: "publish", topic });
      panel.getsNothing();
      await panel.sends(unsubscribePacket(2, full));
      panel.gets({ type: "unsuback", reasonCodes: [0] });
    }
  }),
  holds("5.0", "MQTT-4.8.2-3", "each member gets with the QoS that it was granted", async (at) => {
    const pump = await at.client("pump");
    const all: Peer[] = [];
    for (const qos of [0, 1, 2] as const) {
      const member = await at.client(`member ${qos}`);
      await member.subscribes(["$share/g/t", qos]);
      all.push(member);
    }
    const turns: number[] = [0, 0, 0];
    for (let turn = 0; turn < 18; turn++) {
      const published = (turn % 9 < 3 ? 2 : turn % 9 < 6 ? 1 : 0) as QoS;
      const packetId = published === 0 ? 0 : turn + 1;
      await pump.publishes("t", String(turn), { packetId, qos: published });
      const [one] = chosen(at, all);
      const granted = all.indexOf(one);
      const qos = Math.min(granted, published) as QoS;
      one.gets({ type: "publish", qos, payload: String(turn) });
      turns[granted]! += 1;
    }
    at.expects(turns.every((each) => each > 0), `each member gets some: ${turns}`);
  }),
  holds("5.0", "MQTT-4.8.2-3", "so too where the message waited for a member", async (at) => {
    const pump = await at.client("pump");
    for (const qos of [0, 1, 2] as const) {
      const [member] = await members(at, 1, qos);
      await member!.drops();
      await pump.publishes("t", "waited", { packetId: qos + 1, qos: 2 });
      const back = await at.client("member 0", KEEPS);
      back.gets({ type: "publish", qos, payload: "waited", dup: false });
      await back.sends("e0 07 00 05 11 00000000");
    }
  }),
  holds(
    "5.0",
    "MQTT-4.8.2-4",
    "a QoS 2 delivery broken off goes on with the same client",
    async (at) => {
      for (
        const [released, restarts] of [[false, false], [true, false], [false, true], [true, true]]
      ) {
        const all = await members(at, 3);
        const pump = await at.client("pump");
        await pump.publishes("t", "x", { packetId: 1, qos: 2 });
        const [one, others] = chosen(at, all);
        const { packetId } = one.gets({ type: "publish", qos: 2, payload: "x" });
        if (released) {
          await one.sends(frame(0x50, id(packetId)));
          one.gets({ type: "pubrel", packetId });
        }
        await one.drops();
        for (const other of others) other.getsNothing();
        let left = others;
        if (restarts) {
          await at.restarts();
          left = [];
          for (const other of others) left = [...left, await at.client(other.name, KEEPS)];
        }
        await at.passes(600_000);
        for (const other of left) other.getsNothing();
        const back = await at.client(one.name, KEEPS);
        if (released) {
          back.gets(frame(0x62, id(packetId)));
        } else {
          back.gets({ type: "publish", qos: 2, dup: true, packetId, payload: "x" });
          await back.sends(frame(0x50, id(packetId)));
          back.gets(frame(0x62, id(packetId)));
        }
        await back.sends(frame(0x70, id(packetId)));
        back.getsNothing();
        for (const other of left) other.getsNothing();
        for (const each of [back, ...left]) await each.sends("e0 07 00 05 11 00000000");
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-4.8.2-5",
    "where its session ends, nobody else gets the message",
    async (at) => {
      const ends: readonly ((one: Peer) => Promise<unknown>)[] = [
        (one) => one.sends("e0 07 00 05 11 00000000"),
        async (one) => {
          await one.drops();
          await at.passes(3_601_000);
        },
        async (one) => {
          await one.drops();
          await at.client(one.name); // with Clean Start
        },
      ];
      for (const end of ends) {
        const all = await members(at, 3);
        const pump = await at.client("pump");
        await pump.publishes("t", "x", { packetId: 1, qos: 2 });
        const [one, others] = chosen(at, all);
        one.gets({ type: "publish", qos: 2 });
        await end(one);
        for (const other of others) other.getsNothing();
        const again = await at.client(one.name, KEEPS);
        again.getsNothing();
        await pump.publishes("t", "next", { packetId: 2, qos: 2 });
        const [next] = chosen(at, others);
        next.gets({ type: "publish", payload: "next" });
        for (const each of [again, ...others]) await each.sends("e0 07 00 05 11 00000000");
      }
    },
  ),
  holds("5.0", "MQTT-4.8.2-6", "what a client refuses is offered to no other", async (at) => {
    for (
      const [qos, code] of [[1, "80"], [1, "97"], [1, "99"], [2, "80"], [2, "83"], [
        2,
        "97",
      ]] as const
    ) {
      const all = await members(at, 3);
      const pump = await at.client("pump");
      await pump.publishes("t", "x", { packetId: 1, qos });
      const [one, others] = chosen(at, all);
      const { packetId } = one.gets({ type: "publish", qos });
      await one.sends(frame(qos === 1 ? 0x40 : 0x50, id(packetId), code));
      await at.passes(60_000);
      for (const each of all) each.getsNothing();
      await one.drops();
      for (const other of others) other.getsNothing();
      const back = await at.client(one.name, KEEPS);
      back.getsNothing();
      for (const each of [back, ...others]) await each.sends("e0 07 00 05 11 00000000");
    }
  }),
  holds(
    "5.0",
    "MQTT-4.8.2-6",
    "without a refusal another gets what was not acknowledged",
    async (at) => {
      const all = await members(at, 2);
      const pump = await at.client("pump");
      await pump.publishes("t", "x", { packetId: 1, qos: 1 });
      const [one, [other]] = chosen(at, all);
      one.gets({ type: "publish", qos: 1 });
      await one.drops();
      other!.gets({ type: "publish", qos: 1, payload: "x" });
      const back = await at.client(one.name, KEEPS);
      back.getsNothing();
    },
  ),
];
