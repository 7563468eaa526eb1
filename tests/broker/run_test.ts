import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { encode } from "../../src/packet/encode.ts";
import type { ProtocolVersion, Publish } from "../../src/packet/packet.ts";
import { Desk } from "./desk.ts";
import { publishPacket, subscribePacket } from "./packets.ts";

interface Listener {
  readonly version: ProtocolVersion;
  readonly filter: string;
  readonly rest: Readonly<Record<string, unknown>>;
  /** What it says in CONNECT. */
  readonly properties: Readonly<Record<string, number>>;
}

/** Those of the publisher's wire shape, who get runs as they came, and all kinds of others. */
const listener: fc.Arbitrary<Listener> = fc.record({
  version: fc.constantFrom<ProtocolVersion>(3, 4, 5),
  filter: fc.constantFrom("a/b", "a/+", "#", "$share/g/a/b"),
  rest: fc.oneof(
    { weight: 4, arbitrary: fc.constant({}) },
    fc.constantFrom<Record<string, unknown>>(
      { subscriptionIdentifier: 3 },
      { noLocal: true },
      { retainAsPublished: true },
      { qos: 1 },
    ),
  ),
  properties: fc.oneof(
    { weight: 4, arbitrary: fc.constant({}) },
    fc.constantFrom<Record<string, number>>({ maximumPacketSize: 12 }, { topicAliasMaximum: 2 }),
  ),
}).map((each) => ({
  ...each,
  properties: each.version === 5 ? each.properties : {},
  rest: each.version === 5 && !(each.filter.startsWith("$share") && "noLocal" in each.rest)
    ? each.rest
    : {},
}));

const publishes = fc.array(
  fc.record({
    topic: fc.constantFrom("a/b", "a/b", "a/b", "a/c", "$delayed/5/a/b"),
    payload: fc.uint8Array({ maxLength: 6 }),
    retain: fc.constantFrom(false, false, false, true),
  }),
  { minLength: 2, maxLength: 20 },
);

/** What everybody gets: all packets in one piece, each alone, or each measured, and so never as a run. */
async function received(
  version: ProtocolVersion,
  listeners: readonly Listener[],
  packets: readonly Publish[],
  how: "together" | "alone" | "measured",
): Promise<readonly (readonly string[])[]> {
  const lines: (readonly string[])[] = [];
  const limits = how === "measured" ? { messageRate: 1_000_000 } : {};
  await Desk.with({ limits }, async (desk) => {
    const pump = await desk.connect("pump", { protocolVersion: version });
    await pump.send(subscribePacket(1, ["#", 0]));
    const others = [];
    for (const [at, { version, filter, rest, properties }] of listeners.entries()) {
      const other = await desk.connect(`panel${at}`, { protocolVersion: version, properties });
      await other.send(subscribePacket(1, [filter, rest]));
      others.push(other);
    }
    const frames = packets.map((packet) => encode(packet, version).slice());
    if (how === "together") await pump.sendFrames(...frames);
    else for (const frame of frames) await pump.sendFrames(frame);
    await desk.pass(6);
    for (const caller of [pump, ...others]) lines.push(caller.lines());
  });
  return lines;
}

Deno.test("onRun() leads to what its packets lead to one by one, whoever subscribes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<ProtocolVersion>(3, 4, 5),
      fc.array(listener, { maxLength: 4 }),
      publishes,
      async (version, listeners, messages) => {
        const packets = messages.map(({ topic, payload, retain }) =>
          publishPacket(topic, payload, { retain })
        );
        const singly = await received(version, listeners, packets, "measured");
        // Which member of a group gets which message is not said, but how many each of them gets is.
        const members = listeners.flatMap(({ filter }, at) =>
          filter.startsWith("$") ? [at + 1] : []
        );
        const sizes = (lines: typeof singly) => members.map((at) => lines[at]!.length);
        const ofGroup = (lines: typeof singly) => members.flatMap((at) => lines[at]!).sort();
        const others = (lines: typeof singly) => lines.filter((_, at) => !members.includes(at));
        for (const how of ["together", "alone"] as const) {
          const lines = await received(version, listeners, packets, how);
          deepEqual(others(lines), others(singly));
          deepEqual(sizes(lines), sizes(singly));
          deepEqual(ofGroup(lines), ofGroup(singly));
        }
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("onRun() hands on as many of a run as the outbox has room for, and counts the rest", async () => {
  const limits = { outboxMaximum: 1_000, outboxCongested: 900, outboxDrained: 100 };
  await Desk.with({ limits: { ...limits, sendWindowBytes: 500 } }, async (desk) => {
    const panel = await desk.connect("panel", { protocolVersion: 4 });
    await panel.send(subscribePacket(1, ["a/b", 0]));
    panel.take();
    const pump = await desk.connect("pump", { protocolVersion: 4 });
    await panel.stall(true);
    const frames = Array.from({ length: 200 }, (_, at) => {
      const payload = Uint8Array.of(at, ...new Uint8Array(40));
      return [...encode(publishPacket("a/b", payload), 4)];
    });
    for (let at = 0; at < frames.length; at += 50) {
      pump.link.push(Uint8Array.from(frames.slice(at, at + 50).flat()));
    }
    await desk.turn();
    await panel.stall(false);
    const got = panel.take() as Publish[];
    ok(got.length > 10 && got.length < 200, `${got.length} of 200`);
    equal(got.length + desk.outboxDropped + (desk.drops.congested ?? 0), 200);
    for (const [at, { payload }] of got.entries()) equal(payload[0], at);
  });
});

Deno.test("onRun() hands a run on in one piece when a subscriber is congested, and counts all that it misses", async () => {
  const limits = { outboxMaximum: 4_000, outboxCongested: 900, outboxDrained: 100 };
  await Desk.with({ limits: { ...limits, sendWindowBytes: 500 } }, async (desk) => {
    const deaf = await desk.connect("deaf", { protocolVersion: 4 });
    await deaf.send(subscribePacket(1, ["#", 0]));
    deaf.take();
    const panel = await desk.connect("panel", { protocolVersion: 4 });
    await panel.send(subscribePacket(1, ["a/b", 0]));
    panel.take();
    const pump = await desk.connect("pump", { protocolVersion: 4 });
    await deaf.stall(true);
    await pump.send(publishPacket("a/c", new Uint8Array(1_000)));
    const frames = Array.from({ length: 20 }, (_, at) => [
      ...encode(publishPacket("a/b", Uint8Array.of(at)), 4),
    ]);
    const send = async () => {
      pump.link.push(Uint8Array.from(frames.flat()));
      await desk.turn();
    };
    await send();
    deepEqual((panel.take() as Publish[]).map(({ payload }) => payload[0]), [...frames.keys()]);
    deepEqual(
      desk.facts.filter(({ type }) => type === "dropped"),
      [{ type: "dropped", clientId: "deaf", topic: "a/b", reason: "congested", count: 20 }],
    );
    await deaf.stall(false);
    deepEqual((deaf.take() as Publish[]).map(({ topic }) => topic), ["a/c"]);
    await send();
    deepEqual((deaf.take() as Publish[]).map(({ payload }) => payload[0]), [...frames.keys()]);
    equal(desk.drops.congested, 20);
  });
});
