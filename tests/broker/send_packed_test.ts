import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import type { ProtocolVersion, Publish } from "../../src/packet/packet.ts";
import { AccessList } from "../../src/policy/access_list.ts";
import { publishesOf } from "../../src/packet/publish_run.ts";
import type { Caller } from "./caller.ts";
import { Desk } from "./desk.ts";
import { publishPacket, subscribePacket } from "./packets.ts";

/** Rules that permit everything: whoever is under rules is asked about each message, and so gets none packed. */
const ASKED = new AccessList([{ permission: "allow", topics: ["#", "$x/#"] }]);

interface Kept {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly expires: boolean;
  /** By the client that subscribes. */
  readonly own: boolean;
}

interface Given {
  readonly version: ProtocolVersion;
  readonly kept: readonly Kept[];
  /** What is retained anew once the stream has begun. */
  readonly late: readonly Kept[];
  readonly filter: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly properties: Readonly<Record<string, number>>;
  readonly retainedPerTurn: number;
}

const often = <T>(usual: T, ...rare: readonly T[]) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, fc.constantFrom(...rare));

const kept: fc.Arbitrary<Kept> = fc.record({
  topic: fc.oneof(
    fc.constantFrom("a", "a/b", "a/c", "a/b/c", "b", "b/c", "ä/b", "$x/y", "c".repeat(300)),
    fc.nat(20).map((n) => `a/${n}`),
  ),
  payload: fc.oneof(
    { weight: 4, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 20 }) },
    fc.constantFrom(120, 512, 600, 20_000).map((size) => new Uint8Array(size).fill(9)),
  ),
  qos: often<0 | 1>(0, 1),
  expires: often(false, true),
  own: often(false, true),
});

const given: fc.Arbitrary<Given> = fc.constantFrom<ProtocolVersion>(3, 4, 5).chain((version) =>
  fc.record({
    version: fc.constant(version),
    kept: fc.array(kept, { maxLength: 30, size: "max" }),
    late: fc.array(kept, { maxLength: 3 }),
    filter: often("#", "a/#", "a/+", "+/b", "a/b", "$x/+"),
    options: version === 5
      ? often({}, { qos: 1 }, { noLocal: true }, { subscriptionIdentifier: 7 })
      : often({}, { qos: 1 }),
    properties: version === 5
      ? often({}, { topicAliasMaximum: 2 }, { maximumPacketSize: 200 }, { receiveMaximum: 2 })
      : fc.constant({}),
    retainedPerTurn: fc.constantFrom(1, 3, 200),
  })
);

/** What the client gets that subscribes, and how many messages came packed. */
async function heard(
  { version, kept, late, filter, options, properties, retainedPerTurn }: Given,
  asked: boolean,
  count = { packed: 0 },
): Promise<readonly unknown[]> {
  const got: unknown[] = [];
  const rules = asked ? { access: ASKED } : {};
  await Desk.with({ ...rules, limits: { retainedPerTurn } }, async (desk) => {
    const panel = await desk.connect("panel", { protocolVersion: version, properties });
    const pump = await desk.connect("pump", { protocolVersion: 5 });
    const retain = async (all: readonly Kept[]) => {
      for (const each of all) await say(each.own ? panel : pump, each);
    };
    await retain(kept);
    panel.take();
    const { step } = desk.broker;
    desk.broker.step = (event, now) => {
      const effects = step.call(desk.broker, event, now);
      for (const effect of effects) {
        if (effect.type !== "deliverRetained") continue;
        count.packed += effect.count;
        equal([...publishesOf(effect, version)].length, effect.count);
        equal(payloads([...publishesOf(effect, version)]), effect.payload);
      }
      return effects;
    };
    const before = payloads(desk);
    await panel.send(subscribePacket(1, [filter, options]));
    await retain(late);
    await desk.pass(1);
    for (let round = 0; round < 12; round++) {
      const came = panel.take();
      got.push(...came);
      for (const packet of came) {
        if (packet.type !== "publish" || packet.qos === 0) continue;
        const { packetId } = packet;
        await panel.send({ type: "puback", packetId, reasonCode: 0, properties: undefined });
      }
    }
    got.push(desk.drops, payloads(desk) - before);
  });
  return got;
}

function say(caller: Caller, { topic, payload, qos, expires }: Kept): Promise<void> {
  const packetId = qos === 0 ? 0 : 1;
  const rest = expires && caller.version === 5 ? { properties: { messageExpiryInterval: 30 } } : {};
  return caller.send(publishPacket(topic, payload, { retain: true, qos, packetId, ...rest }));
}

/** Bytes of the payloads of these, or of all with QoS 0 that were counted as sent. */
function payloads(of: readonly Publish[] | Desk): number {
  if (of instanceof Desk) return of.runtime.measures.traffic.sent.payload[0]!;
  return of.reduce((sum, { payload }) => sum + payload.length, 0);
}

Deno.test("sendPacked() sends what is sent message by message, whoever subscribes to whatever", async () => {
  const count = { packed: 0 };
  await fc.assert(
    fc.asyncProperty(given, async (given) => {
      deepEqual(await heard(given, false, count), await heard(given, true));
    }),
    { numRuns: 120 },
  );
  ok(count.packed > 300, `only ${count.packed} messages were sent packed`);
});

Deno.test("sendPacked() takes no more at once than the limit, and no more than the outbox is to hold", async () => {
  for (const limits of [{ retainedPerTurn: 7 }, { outboxCongested: 2_000, outboxDrained: 500 }]) {
    await Desk.with({ limits }, async (desk) => {
      const pump = await desk.connect("pump");
      const packets = Array.from({ length: 100 }, (_, at) =>
        publishPacket(`a/${at}`, "x", {
          retain: true,
        }));
      await pump.send(...packets);
      const panel = await desk.connect("panel");
      let most = 0;
      const { step } = desk.broker;
      desk.broker.step = (event, now) => {
        const effects = step.call(desk.broker, event, now);
        const counts = effects.map((each) => each.type === "deliverRetained" ? each.count : 0);
        most = Math.max(most, counts.reduce((sum, each) => sum + each, 0));
        return effects;
      };
      await panel.send(subscribePacket(1, ["a/+", 0]));
      equal(panel.take().length, 101, "SUBACK and all of them");
      ok(most > 0 && most <= 14, `${most} at once`); // a turn has two places for them
    });
  }
});
