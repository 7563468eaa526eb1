/** Rates of publications: who is above one is not read for a while; nothing is lost and nobody starves. */

import assert from "node:assert/strict";
import type { QoS } from "../../src/packet/packet.ts";
import { encode } from "../../src/packet/encode.ts";
import { tiersOf } from "../../src/policy/client_limits.ts";
import type { Limits } from "../../src/policy/limits.ts";
import { defaultLimits } from "../../src/policy/limits.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import type { Caller } from "./caller.ts";
import type { DeskOptions } from "./desk.ts";
import { Desk } from "./desk.ts";
import { publishPacket, subscribePacket } from "./packets.ts";

/** A panel that sees what comes through. */
async function panelAt(desk: Desk): Promise<Caller> {
  const panel = await desk.connect("panel");
  await panel.send(subscribePacket(1, ["#", 0]));
  panel.take();
  return panel;
}

/** So many PUBLISH packets: `0`, `1`, … */
async function flood(pump: Caller, count: number, topic = "t", qos: QoS = 0, from = 0) {
  for (let n = from; n < from + count; n++) {
    pump.link.push(
      encode(
        publishPacket(topic, String(n), qos === 0 ? {} : { qos, packetId: n + 1 }),
        pump.version,
      ),
    );
  }
  await pump.send();
}

function payloads(panel: Caller): string[] {
  return panel.publishes().map(({ payload }) => new TextDecoder().decode(payload));
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, at) => String(from + at));
}

const RATES: readonly (readonly [keyof Limits, keyof Limits])[] = [
  ["messageRate", "messageBurst"],
  ["listenerMessageRate", "listenerMessageBurst"],
];

for (const [rate, burst] of RATES) {
  for (const version of [4, 5] as const) {
    for (const qos of [0, 1, 2] as const) {
      Deno.test(`Broker.step() takes a burst and then ${rate} messages a second of QoS ${qos} in order, all of them, when a ${version} client floods`, async () => {
        await Desk.with({ limits: { [rate]: 10, [burst]: 20 } }, async (desk) => {
          const panel = await panelAt(desk);
          const pump = await desk.connect("pump", { protocolVersion: version });
          await flood(pump, 100, "t", qos);
          const first = payloads(panel);
          assert.ok(first.length >= 20 && first.length <= 21, `${first.length} at once`);
          let seen = first.length;
          assert.deepEqual(first, numbers(0, seen));
          for (let second = 1; second <= 5; second++) {
            await desk.pass(1);
            const more = payloads(panel);
            assert.ok(Math.abs(more.length - 10) <= 1, `${more.length} in second ${second}`);
            assert.deepEqual(more, numbers(seen, seen + more.length));
            seen += more.length;
          }
          await desk.pass(10);
          assert.deepEqual(payloads(panel), numbers(seen, 100));
          assert.deepEqual(desk.drops, {});
          assert.equal(pump.closed, false);
          assert.equal(desk.nextIn, undefined);
        });
      });
    }
  }
}

Deno.test("Broker.step() takes no more than the burst when all comes in one piece, also after other rules", async () => {
  await Desk.with({ limits: { messageRate: 10 } }, async (desk) => {
    const panel = await panelAt(desk);
    const pump = await desk.connect("pump");
    const piece = Uint8Array.from(
      numbers(100, 500).flatMap((text) => [...encode(publishPacket("t", text), 5)]),
    );
    const { limits } = desk.rules;
    for (const [messageRate, expected] of [[10, 11], [0, 389], [5, 6]] as const) {
      const rules = { ...desk.rules, limits: { ...limits, messageRate } };
      await desk.feed({ type: "rules", rules });
      if (messageRate > 0) pump.link.push(piece);
      await pump.send();
      assert.equal(panel.publishes().length, expected);
    }
  });
});

Deno.test("Broker.step() never pauses a client when it keeps to its rate", async () => {
  await Desk.with({ limits: { messageRate: 10, messageBurst: 5 } }, async (desk) => {
    const panel = await panelAt(desk);
    const pump = await desk.connect("pump");
    for (let n = 0; n < 20; n++) {
      await flood(pump, 5, "t", 0, n * 5);
      assert.deepEqual(payloads(panel), numbers(n * 5, n * 5 + 5));
      await desk.pass(0.5);
    }
    assert.deepEqual(desk.facts.filter((fact) => fact.type === "rateLimited"), []);
  });
});

for (const limit of ["byteRate", "listenerByteRate"] as const) {
  Deno.test(`Broker.step() lets ${limit} bytes a second in, large messages and small ones`, async () => {
    for (const size of [10, 1_000, 5_000]) {
      await Desk.with({ limits: { [limit]: 10_000 } }, async (desk) => {
        const panel = await panelAt(desk);
        const pump = await desk.connect("pump");
        const count = 100_000 / size;
        await flood(pump, 0);
        for (let n = 0; n < count; n++) {
          pump.link.push(encode(publishPacket("t", "x".repeat(size - 1)), 5));
        }
        await pump.send();
        const bytes = () =>
          panel.publishes().reduce((sum, { payload }) => sum + payload.length + 1, 0);
        let all = bytes();
        assert.ok(all >= 10_000 && all <= 10_000 + size, `${all} at once`);
        await desk.pass(4);
        all += bytes();
        assert.ok(Math.abs(all - 50_000) <= size + 600, `${all} bytes of ${size} in 4 s`);
        await desk.pass(8);
        assert.equal(all + bytes(), 100_000);
      });
    }
  });
}

Deno.test("Broker.step() pays for one message above all bursts in time, and for no more", async () => {
  await Desk.with({ limits: { byteRate: 1_000, byteBurst: 500 } }, async (desk) => {
    const panel = await panelAt(desk);
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("t", "x".repeat(60_499)), publishPacket("t", "next"));
    assert.equal(panel.publishes().length, 1);
    await desk.pass(59.9);
    assert.equal(panel.publishes().length, 0);
    await desk.pass(1);
    assert.equal(panel.publishes().length, 1);
  });
});

Deno.test("Broker.step() tells of a rate limit once, and again after a second without", async () => {
  await Desk.with({ limits: { messageRate: 100, messageBurst: 1 } }, async (desk) => {
    const told = () => desk.facts.filter((fact) => fact.type === "rateLimited");
    const pump = await desk.connect("pump");
    await flood(pump, 200);
    await desk.pass(4);
    assert.deepEqual(told(), [
      { type: "rateLimited", clientId: "pump", listener: "desk", limit: "messageRate", rate: 100 },
    ]);
    await flood(pump, 200);
    await desk.pass(5);
    assert.equal(told().length, 2);
  });
});

Deno.test("Broker.step() answers others and keeps them when one floods", async () => {
  await Desk.with({ limits: { messageRate: 1 } }, async (desk) => {
    const panel = await panelAt(desk);
    const flooder = await desk.connect("flooder", { keepAlive: 2 });
    const quiet = await desk.connect("quiet");
    await flood(flooder, 1_000);
    await quiet.send({ type: "pingreq" }, publishPacket("quiet", "heard", { qos: 1, packetId: 1 }));
    quiet.take();
    assert.deepEqual(quiet.packets.slice(1).map(({ type }) => type), ["pingresp", "puback"]);
    assert.ok(payloads(panel).includes("heard"));
    // Its PINGREQ would stand behind what is not read: it is not taken for dead.
    await desk.pass(100);
    assert.equal(flooder.closed, false);
    assert.equal(desk.endOf("flooder"), undefined);
  });
});

Deno.test("Broker.step() notices that a flooder has hung up when it reads on", async () => {
  await Desk.with({ limits: { messageRate: 1 } }, async (desk) => {
    const pump = await desk.connect("pump");
    await flood(pump, 5);
    await pump.hangUp();
    assert.equal(desk.endOf("pump"), undefined);
    await desk.pass(10);
    assert.equal(desk.endOf("pump"), "linkLost");
    assert.equal(desk.nextIn, undefined);
  });
});

/** So many flooders beside one who says something once a second. */
async function crowd(options: DeskOptions, flooders: number, seconds: number) {
  const counts = new Map<string, number>();
  await Desk.with(options, async (desk) => {
    const panel = await panelAt(desk);
    const pumps: Caller[] = [];
    for (let n = 0; n < flooders; n++) pumps.push(await desk.connect(`pump-${n}`));
    const modest = await desk.connect("modest");
    for (const [at, pump] of pumps.entries()) await flood(pump, 3_000, `pump-${at}`);
    panel.take();
    for (let second = 0; second < seconds; second++) {
      await modest.send(publishPacket("modest", "x"));
      await desk.pass(1);
    }
    for (const { topic } of panel.publishes()) counts.set(topic, (counts.get(topic) ?? 0) + 1);
    const facts = desk.facts.filter((fact) => fact.type === "rateLimited");
    assert.equal(facts.length, 1);
    assert.equal(facts[0]!.clientId, "");
  });
  return counts;
}

for (const rate of [10, 100, 1_000]) {
  Deno.test(`Broker.step() shares ${rate} messages a second of a listener out evenly, and hears who says little`, async () => {
    const seconds = rate === 1_000 ? 10 : 20;
    const counts = await crowd({ limits: { listenerMessageRate: rate } }, 5, seconds);
    const modest = counts.get("modest") ?? 0;
    assert.ok(modest >= seconds - 2, `${modest} of ${seconds} modest messages`);
    const shares = numbers(0, 5).map((at) => counts.get(`pump-${at}`) ?? 0);
    const all = shares.reduce((sum, share) => sum + share, modest);
    assert.ok(Math.abs(all - rate * seconds) <= rate / 10 + 8, `${all} messages in ${seconds} s`);
    for (const share of shares) {
      assert.ok(Math.abs(share - (all - modest) / 5) <= 0.1 * all / 5 + 2, `shares ${shares}`);
    }
  });
}

Deno.test("Broker.step() shares bytes, not messages, out when the bytes of a listener are limited", async () => {
  await Desk.with(
    { limits: { listenerByteRate: 100_000, listenerByteBurst: 1_000 } },
    async (desk) => {
      const panel = await panelAt(desk);
      const large = await desk.connect("large");
      const small = await desk.connect("small");
      for (let n = 0; n < 200; n++) {
        large.link.push(
          encode(publishPacket("large", "x".repeat(10_000)), 5),
        );
      }
      for (let n = 0; n < 20_000; n++) {
        small.link.push(
          encode(publishPacket("small", "x".repeat(100)), 5),
        );
      }
      await desk.pass(10);
      const bytes = { large: 0, small: 0 };
      for (const { topic, payload } of panel.publishes()) {
        bytes[topic as "large" | "small"] += payload.length;
      }
      assert.ok(bytes.large > 400_000 && bytes.small > 400_000, JSON.stringify(bytes));
      assert.ok(bytes.large + bytes.small < 1_050_000, JSON.stringify(bytes));
    },
  );
});

Deno.test("Broker.step() gives the others what is left when a flooder of their listener goes", async () => {
  await Desk.with({ limits: { listenerMessageRate: 100 } }, async (desk) => {
    const panel = await panelAt(desk);
    const one = await desk.connect("one");
    const two = await desk.connect("two");
    await flood(one, 1_000, "one");
    await flood(two, 1_000, "two");
    await desk.pass(1);
    panel.take();
    await desk.feed({ type: "kick", clientId: "one", reason: 0x98 });
    assert.equal(desk.tables.connectedBy.size, 0);
    await desk.pass(1);
    const count = panel.publishes().length;
    assert.ok(Math.abs(count - 100) <= 5, `${count} messages`);
  });
});

for (const version of [3, 4, 5] as const) {
  Deno.test(`Broker.step() closes a ${version} client when it stays above its rate for rateGrace`, async () => {
    await Desk.with({ limits: { messageRate: 10, rateGrace: 5 } }, async (desk) => {
      const pump = await desk.connect("pump", { protocolVersion: version });
      const patient = await desk.connect("patient", { protocolVersion: version });
      await flood(pump, 1_000);
      await flood(patient, 40);
      await desk.pass(4.9);
      assert.equal(pump.closed, false);
      await desk.pass(0.5);
      assert.equal(desk.endOf("pump"), "rateExceeded");
      assert.equal(pump.closed, true);
      if (version === 5) pump.expect("disconnect 0x96");
      await desk.pass(60);
      assert.equal(patient.closed, false, "it was above its rate for 3 seconds only");
    });
  });
}

Deno.test("Broker.step() closes nobody when it is the listener's rate that clients are above", async () => {
  await Desk.with({ limits: { listenerMessageRate: 10, rateGrace: 1 } }, async (desk) => {
    const pump = await desk.connect("pump");
    await flood(pump, 200);
    await desk.pass(30);
    assert.equal(pump.closed, false);
  });
});

Deno.test("Broker.step() does not read a paused client when the store has room again, and the other way round", async () => {
  await Desk.with(
    { limits: { messageRate: 10, messageBurst: 4, pendingWrites: 3 } },
    async (desk) => {
      const keeper = await desk.keep("keeper");
      await keeper.send(subscribePacket(1, ["t", 1]));
      await keeper.hangUp();
      const pump = await desk.connect("pump", { protocolVersion: 4 });
      desk.hold(true);
      await flood(pump, 30, "t", 1);
      const waiting = desk.tables.pending;
      assert.ok(waiting >= 3 && waiting <= 5, `${waiting} wait`);
      await desk.pass(10); // its tokens are back, the store is not
      assert.equal(desk.tables.pending, waiting);
      await desk.letGo();
      await desk.pass(30);
      assert.equal(desk.tables.queuedMessages, 30);
      assert.deepEqual(pump.lines().filter((line) => line.startsWith("puback")).length, 30);
    },
  );
});

Deno.test("Broker.step() gives a client the rate of the first entry of limitsFor that is about it", async () => {
  const tiers = tiersOf([
    { who: { user: "vip-*" }, limits: { messageRate: 0 } },
    { who: { clientId: "slow" }, limits: { messageRate: 1, messageBurst: 2 } },
    { limits: { messageRate: 5, messageBurst: 10 } },
  ]);
  await Desk.with({ tiers }, async (desk) => {
    const panel = await desk.connect("panel", { username: "vip-panel" });
    await panel.send(subscribePacket(1, ["#", 0]));
    panel.take();
    for (
      const [clientId, username, expected] of [
        ["slow", "vip-1", 100],
        ["slow", "ada", 3],
        ["other", undefined, 11],
      ] as const
    ) {
      const pump = await desk.connect(clientId, username === undefined ? {} : { username });
      await flood(pump, 100);
      assert.equal(payloads(panel).length, expected, `${clientId} ${username}`);
      await desk.feed({ type: "kick", clientId, reason: 0x98 });
    }
  });
});

Deno.test("Broker.step() puts connected clients under other rates when the rules change", async () => {
  await Desk.with({ limits: { messageRate: 1 } }, async (desk) => {
    const panel = await panelAt(desk);
    const pump = await desk.connect("pump");
    await flood(pump, 100);
    assert.equal(payloads(panel).length, 2);
    const { limits } = desk.rules;
    await desk.feed({
      type: "rules",
      rules: { ...desk.rules, limits: { ...limits, messageRate: 50 } },
    });
    assert.equal(payloads(panel).length, 51);
    await desk.feed({
      type: "rules",
      rules: { ...desk.rules, limits: { ...limits, messageRate: 0 } },
    });
    assert.equal(payloads(panel).length, 47);
    await desk.feed({
      type: "rules",
      rules: { ...desk.rules, limits: { ...limits, messageRate: 1 } },
    });
    await flood(pump, 100);
    assert.equal(payloads(panel).length, 2);
    assert.equal(desk.tables.connections.size, 2);
  });
});

Deno.test("Broker.step() keeps the bucket of a listener when rules change that are not about it", async () => {
  await Desk.with({ limits: { listenerMessageRate: 10 } }, async (desk) => {
    const panel = await panelAt(desk);
    const pump = await desk.connect("pump");
    await flood(pump, 100);
    assert.equal(payloads(panel).length, 11);
    await desk.feed({ type: "rules", rules: { ...desk.rules, queueQos0: true } });
    assert.equal(payloads(panel).length, 0);
    await desk.pass(1);
    assert.equal(payloads(panel).length, 10);
  });
});

Deno.test("defaultLimits set no rate, so that nobody has a meter", async () => {
  await Desk.with({}, async (desk) => {
    await desk.connect("pump");
    for (const live of desk.tables.connections.values()) assert.equal(live.meter, undefined);
    assert.equal(defaultRules.limits, defaultLimits);
  });
});
