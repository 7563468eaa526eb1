import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { joined } from "../../src/packet/joined.ts";
import type { Effect } from "../../src/session/effect.ts";
import { encode } from "../../src/packet/encode.ts";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { AccessList } from "../../src/policy/access_list.ts";
import type { AccessRule } from "../../src/policy/access_rule.ts";
import type { Limits } from "../../src/policy/limits.ts";
import { messageSize } from "../../src/session/message.ts";
import { Desk } from "./desk.ts";
import { publishPacket, subscribePacket } from "./packets.ts";
import { countedClients } from "./recount.ts";

const rule = (permission: "allow" | "deny", topic: string): AccessRule => ({
  permission,
  topics: [topic],
});

interface Said {
  readonly version: ProtocolVersion;
  readonly packets: readonly {
    readonly topic: string;
    readonly payload: Uint8Array;
    readonly retain: boolean;
    readonly qos: 0 | 1;
    readonly expires: boolean;
  }[];
  readonly filters: readonly string[];
  readonly limits: Partial<Limits>;
  readonly access: readonly AccessRule[];
}

const often = <T>(usual: T, ...rare: readonly T[]) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, fc.constantFrom(...rare));

const said: fc.Arbitrary<Said> = fc.record({
  version: fc.constantFrom<ProtocolVersion>(3, 4, 5),
  packets: fc.array(
    fc.record({
      topic: fc.constantFrom(
        ...["a", "a/b", "a/c", "a/b/c", "b", "b/c", "ä/b", "$x/y", "$delayed/5/a", "a/b/c/d/e/f"],
      ),
      payload: fc.oneof(
        fc.uint8Array({ maxLength: 6 }),
        fc.constantFrom(0, 600).map((size) => new Uint8Array(size).fill(9)),
      ),
      retain: often(true, false),
      qos: often<0 | 1>(0, 1),
      expires: often(false, true),
    }),
    { minLength: 2, maxLength: 40, size: "max" },
  ),
  filters: fc.oneof(
    fc.constant([]),
    fc.array(fc.constantFrom("#", "a/b", "a/+", "b/#", "z"), { maxLength: 3 }),
  ),
  limits: often<Partial<Limits>>(
    {},
    { retainedMessages: 3 },
    { retainedBytes: 900 },
    { retainedMessagesPerClient: 2 },
    { retainedBytesPerClient: 650 },
    { topicLevels: 5 },
    { topicLength: 4 },
  ),
  access: fc.oneof(
    fc.constant([]),
    fc.constantFrom([rule("deny", "a/c"), rule("allow", "#")], [rule("allow", "a/#")]),
  ),
});

/** What all have heard, what is retained, and what is durable. */
async function heard(
  { version, packets, filters, limits, access }: Said,
  together: boolean,
  measured: boolean,
  count = { kept: 0 },
): Promise<unknown> {
  let told: unknown;
  const rates = measured ? { messageRate: 1_000_000 } : {};
  const options = { limits: { ...limits, ...rates }, access: new AccessList(access) };
  await Desk.with(options, async (desk) => {
    const panel = await desk.connect("panel", { protocolVersion: version });
    for (const [at, filter] of filters.entries()) {
      await panel.send(subscribePacket(at + 1, [filter, 1]));
    }
    const pump = await desk.connect("pump", { protocolVersion: version });
    pump.take();
    const { step } = desk.broker;
    desk.broker.step = (event, now) => {
      const effects = step.call(desk.broker, event, now);
      if (event.type === "retained") count.kept += runWrites(effects);
      return effects;
    };
    const frames = packets.map(({ topic, payload, retain, qos, expires }, at) => {
      const rest = expires && version === 5 ? { properties: { messageExpiryInterval: 30 } } : {};
      const packetId = qos === 0 ? 0 : at + 1;
      return [
        ...encode(publishPacket(topic, payload, { retain, qos, packetId, ...rest }), version),
      ];
    });
    if (together) pump.link.push(Uint8Array.from(frames.flat()));
    else {for (const frame of frames) {
        pump.link.push(Uint8Array.from(frame));
        await desk.turn();
      }}
    await desk.pass(1);
    told = [pump.lines(), panel.lines(), stateOf(desk)];
    await desk.pass(40); // some have expired
    const late = await desk.connect("late", { protocolVersion: version });
    await late.send(subscribePacket(1, ["#", 1]));
    told = [told, [...late.lines()].sort(), stateOf(desk)];
  });
  return told;
}

function runWrites(effects: readonly Effect[]): number {
  return effects.filter((each) =>
    each.type === "persist" && each.writes[0]?.type === "putRetainedRun"
  ).length;
}

function stateOf(desk: Desk): unknown {
  const { tables } = desk;
  const kept = [...tables.retained.matching("#"), ...tables.retained.matching("$x/#")];
  const bytes = kept.reduce((all, message) => all + messageSize(message), 0);
  equal(tables.retainedBytes, bytes);
  deepEqual(
    countedClients(tables).retainedBy,
    kept.length === 0 ? {} : { pump: [kept.length, bytes] },
  );
  equal(tables.retained.size, kept.length);
  kept.sort((a, b) => a.order - b.order);
  const refused = desk.facts.filter(({ type }) => type === "refused");
  return {
    kept,
    refused,
    drops: desk.drops,
    durable: desk.disk.dump(),
    due: tables.retainedDue.size,
  };
}

Deno.test("onRetainedRun() leads to what its packets lead to one by one, whatever limits and rules say", async () => {
  const count = { kept: 0 };
  await fc.assert(
    fc.asyncProperty(said, async (given) => {
      for (const together of [true, false]) {
        const singly = await heard(given, together, true); // who is measured is never heard in runs
        deepEqual(await heard(given, together, false, count), singly);
      }
    }),
    { numRuns: 250 },
  );
  ok(count.kept > 500, `only ${count.kept} runs were kept as such`);
});

Deno.test("onRetainedRun() keeps nothing of the bytes that were read, and they are durable after a restart", async () => {
  await Desk.with({}, async (desk) => {
    const pump = await desk.connect("pump", { protocolVersion: 4 });
    desk.hold(true);
    const frames = ["a/b", "a/c"].map((topic, at) =>
      encode(publishPacket(topic, Uint8Array.of(at, at), { retain: true }), 4)
    );
    const read = joined(frames);
    pump.link.push(read);
    await desk.turn();
    read.fill(0xff); // as the next read does
    await desk.letGo();
    for (const restarted of [false, true]) {
      if (restarted) await desk.restart();
      const kept = [...desk.tables.retained.matching("a/+")].map(({ topic, payload, publisher }) =>
        `${topic} ${payload} ${publisher}`
      );
      deepEqual(kept, ["a/b 0,0 pump", "a/c 1,1 pump"]);
    }
  });
});

Deno.test("onRetainedRun() holds back who adds more than may wait for the store", async () => {
  await Desk.with({ limits: { pendingWrites: 2 } }, async (desk) => {
    const pump = await desk.connect("pump", { protocolVersion: 4 });
    desk.hold(true);
    for (let at = 0; at < 5; at++) {
      pump.link.push(encode(publishPacket(`a/${at}`, "x", { retain: true }), 4).slice());
      await desk.turn();
    }
    equal(desk.tables.retained.size, 2);
    await desk.letGo();
    equal(desk.tables.retained.size, 5);
  });
});

Deno.test("a packet in form of a run ends the connection when it comes before CONNECT", async () => {
  await Desk.with({}, async (desk) => {
    const caller = await desk.dial(4);
    caller.link.push(encode(publishPacket("a", "x", { retain: true }), 4).slice());
    await desk.turn();
    ok(caller.closed);
    equal(desk.tables.retained.size, 0);
  });
});
