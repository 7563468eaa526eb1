import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { encode } from "../../src/packet/encode.ts";
import type { Packet, ProtocolVersion, Publish, QoS } from "../../src/packet/packet.ts";
import type { Limits } from "../../src/policy/limits.ts";
import type { Rules } from "../../src/policy/rules.ts";
import * as fifo from "../../src/session/fifo.ts";
import * as ids from "../../src/session/packet_id_map.ts";
import { opened, tailOrders } from "../../src/session/queue.ts";
import { inflightUnder } from "../../src/session/session.ts";
import type { Caller } from "./caller.ts";
import { Desk } from "./desk.ts";
import { acknowledgement, publishPacket, subscribePacket } from "./packets.ts";
import { counted, recount } from "./recount.ts";

/** A subscriber: mostly one that takes all at once, and all kinds of others. */
interface Panel {
  readonly version: ProtocolVersion;
  readonly filter: string;
  readonly qos: QoS;
  readonly stored: boolean;
  /** Not here when the packets come, but later; only if it is stored. */
  readonly away: boolean;
  readonly user: string | undefined;
  readonly receiveMaximum: number;
  readonly identifier: boolean;
}

const often = <T>(usual: T, ...rare: readonly T[]) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(usual) }, fc.constantFrom(...rare));

const presence = {
  stored: fc.boolean(),
  away: fc.boolean(),
  user: often<string | undefined>(undefined, "ann"),
};

const panel = (version: ProtocolVersion): fc.Arbitrary<Panel> =>
  fc.record({
    version: often<ProtocolVersion>(version, 3, 4, 5),
    filter: often("a/b", "a/+", "#", "$share/g/a/b"),
    qos: often<QoS>(2, 1, 0),
    ...presence,
    receiveMaximum: often(65_535, 3),
    identifier: often(false, true),
  });

interface Burst {
  readonly version: ProtocolVersion;
  readonly panels: readonly Panel[];
  readonly packets: readonly Publish[];
  /** Acknowledgements that nobody waits for, by their place among the others. */
  readonly odd: readonly number[];
  readonly limits: Partial<Limits>;
  readonly queuePolicy: Rules["queuePolicy"];
}

const burst: fc.Arbitrary<Burst> = fc.constantFrom<ProtocolVersion>(3, 4, 5).chain((version) =>
  fc.record({
    version: fc.constant(version),
    // Of several members it is the broker's choice who gets which: see the test below.
    panels: fc.array(panel(version), { minLength: 1, maxLength: 3 })
      .filter((all) => all.filter(({ filter }) => filter.startsWith("$share")).length < 2),
    packets: fc.tuple(
      fc.constantFrom<QoS>(1, 2),
      fc.array(
        fc.record({
          topic: often("a/b", "a/c", "$delayed/5/a/b"),
          payload: fc.uint8Array({ maxLength: 6 }),
          retain: often(false, false, false, true),
          other: often(false, false, true),
          again: often(false, false, true),
        }),
        { minLength: 2, maxLength: 24 },
      ),
    ).map(([qos, list]) =>
      list.map(({ topic, payload, retain, other, again }, at) =>
        publishPacket(topic, payload, {
          qos: other ? 1 : qos,
          packetId: again && at > 0 ? at : at + 1,
          retain,
        })
      )
    ),
    odd: fc.array(fc.nat(20), { maxLength: 1 }),
    limits: fc.constantFrom<Partial<Limits>>(
      {},
      { queuedMessagesPerSession: 5 },
      { queuedBytesPerSession: 1_200 },
      { queuedMessagesPerIdentity: 5 },
      { queuedMessages: 8 },
      { queuedBytes: 1_800 },
    ),
    queuePolicy: fc.constantFrom<Rules["queuePolicy"]>("dropOldest", "reject"),
  })
);

/** Sends them: in one piece, or each in a turn of its own. */
async function say(caller: Caller, packets: readonly Packet[], together: boolean) {
  const frames = packets.map((packet) => encode(packet, caller.version).slice());
  if (together) return caller.sendFrames(...frames);
  for (const frame of frames) await caller.sendFrames(frame);
}

/** What is to be said to what has come. */
function answersTo(came: readonly Packet[]): Packet[] {
  const answers: Packet[] = [];
  for (const packet of came) {
    if (packet.type === "publish" && packet.qos > 0) {
      answers.push(acknowledgement(packet.qos === 1 ? "puback" : "pubrec", packet.packetId));
    } else if (packet.type === "pubrel") {
      answers.push(acknowledgement("pubcomp", packet.packetId));
    } else if (packet.type === "pubrec") {
      answers.push(acknowledgement("pubrel", packet.packetId));
    }
  }
  return answers;
}

/** The sessions, what the connections have not been answered, and what is durable. */
function stateOf(desk: Desk): unknown {
  const { clients, connections } = desk.broker.snapshot();
  const sessions = [...clients.values()].map(({ session }) => {
    const { inflight, received, queue, sendQuota, sentBytes, nextPacketId, nextSequence } = session;
    const held = ids.entries(inflight).map(([id, flight]) => {
      const { awaiting, sequence, delivery } = inflightUnder(id, flight);
      return [id, awaiting, sequence, delivery?.message];
    });
    const taken = ids.entries(received).map(([id]) => id);
    const queued = [fifo.toArray(opened(queue).head), tailOrders(queue), queue.bytes];
    return { held, taken, queued, sendQuota, sentBytes, nextPacketId, nextSequence };
  });
  const unacknowledged = [...connections.values()].map((live) => live.unacknowledged);
  deepEqual(counted(desk.tables), recount(desk.tables));
  return { sessions, unacknowledged, drops: desk.drops, durable: desk.disk.dump() };
}

/** What everybody gets, and what their sessions are after each round of answers. */
async function heard(
  { version, panels, packets, odd, limits, queuePolicy }: Burst,
  together: boolean,
  count = { runs: 0, waited: 0 },
): Promise<unknown> {
  const told: unknown[] = [];
  await Desk.with({ limits, queuePolicy }, async (desk) => {
    const all: Caller[] = [];
    const connect = (at: number) => {
      const { version, stored, receiveMaximum, user } = panels[at]!;
      return desk.connect(`panel${at}`, {
        protocolVersion: version,
        cleanStart: !stored,
        username: user,
        properties: version === 5
          ? { receiveMaximum, sessionExpiryInterval: stored ? 100 : 0 }
          : undefined,
      });
    };
    for (const [at, { version, filter, qos, identifier }] of panels.entries()) {
      const caller = await connect(at);
      const subscriptionIdentifier = identifier && version === 5 ? 7 : undefined;
      await caller.send(subscribePacket(1, [filter, { qos, subscriptionIdentifier }]));
      all.push(caller);
    }
    all.push(await desk.connect("pump", { protocolVersion: version }));
    for (const caller of all) caller.take();
    for (const [at, { stored, away }] of panels.entries()) {
      if (stored && away) await all[at]!.hangUp();
    }
    const { step } = desk.broker;
    desk.broker.step = (event, now) => {
      if (event.type === "numbered" || event.type === "acknowledged") count.runs += 1;
      const effects = step.call(desk.broker, event, now);
      count.waited += effects.filter((each) =>
        each.type === "persist" && each.writes.some(({ type }) =>
          type === "sendQueuedRun"
        )
      ).length;
      return effects;
    };
    await say(all.at(-1)!, packets, together);
    told.push(stateOf(desk));
    for (let round = 0; round < 12; round++) {
      if (round === 3) {
        for (const [at, { stored, away }] of panels.entries()) {
          if (stored && away) all[at] = await connect(at);
        }
      }
      for (const caller of all) {
        if (caller.closed) continue;
        const came = caller.take();
        told.push(came);
        const answers = answersTo(came);
        const [place] = odd;
        if (round === 0 && place !== undefined && answers.length > place) {
          answers.splice(place, 0, acknowledgement("pubcomp", 9));
        }
        await say(caller, answers, together);
      }
      told.push(stateOf(desk));
    }
  });
  return told;
}

Deno.test("onNumberedRun() and onAcknowledged() lead to what their packets lead to one by one", async () => {
  const count = { runs: 0, waited: 0 };
  await fc.assert(
    fc.asyncProperty(burst, async (given) => {
      deepEqual(await heard(given, true, count), await heard(given, false));
    }),
    { numRuns: 800 },
  );
  ok(count.runs > 300, `only ${count.runs} runs`);
  ok(count.waited > 5, `only ${count.waited} that had waited in a queue`);
});

Deno.test("onNumberedRun() ends the connection when a run goes beyond Receive Maximum, and not before [MQTT-3.3.4-7]", async () => {
  for (const qos of [1, 2] as const) {
    for (const [count, closed] of [[5, false], [6, true]] as const) {
      await Desk.with({ limits: { receiveMaximum: 5 } }, async (desk) => {
        const panel = await desk.connect("panel");
        await panel.send(subscribePacket(1, ["a/b", 2]));
        const pump = await desk.connect("pump");
        const packets = Array.from(
          { length: count },
          (_, at) => publishPacket("a/b", "", { qos, packetId: at + 1 }),
        );
        await say(pump, packets, true);
        equal(pump.closed, closed, `${count} with QoS ${qos}`);
      });
    }
  }
});

/** How many messages each member gets, and which all of them got, in rounds of so many that are acknowledged or not. */
async function shared(
  version: ProtocolVersion,
  qos: 1 | 2,
  members: readonly {
    readonly version: ProtocolVersion;
    readonly qos: QoS;
    readonly window: number;
  }[],
  rounds: readonly { readonly count: number; readonly answered: boolean }[],
  together: boolean,
  count = { dealt: 0 },
) {
  const told: unknown[] = [];
  await Desk.with({}, async (desk) => {
    const all: Caller[] = [];
    for (const [at, member] of members.entries()) {
      const caller = await desk.connect(`m${at}`, {
        protocolVersion: member.version,
        properties: member.version === 5 ? { receiveMaximum: member.window } : undefined,
      });
      await caller.send(subscribePacket(1, ["$share/g/a/b", member.qos]));
      caller.take();
      all.push(caller);
    }
    const pump = await desk.connect("pump", { protocolVersion: version });
    const { step } = desk.broker;
    desk.broker.step = (event, now) => {
      const effects = step.call(desk.broker, event, now);
      const dealt = effects.some((each) =>
        each.type === "persist" && each.then.some(({ type }) => type === "deliverNumbered")
      );
      if (dealt) count.dealt += 1;
      return effects;
    };
    let number = 0;
    for (const round of rounds) {
      const packets = Array.from(
        { length: round.count },
        (_, at) => publishPacket("a/b", `${number++}`, { qos, packetId: at + 1 }),
      );
      await say(pump, packets, together);
      const acknowledged = pump.take();
      if (qos === 2) await say(pump, answersTo(acknowledged), together);
      const got = all.map((caller) => caller.take());
      const payloads = got.map((came) =>
        came.map((each) =>
          each.type === "publish" ? Number(new TextDecoder().decode(each.payload)) : -1
        )
      );
      for (const own of payloads) {
        deepEqual(own, own.toSorted((a, b) => a - b), "each member's are in order");
      }
      told.push({
        counts: payloads.map((own) => own.length),
        got: payloads.flat().sort((a, b) => a - b),
        acknowledged: acknowledged.length,
        queue: [...desk.tables.groups.values()].map((
          { session, next },
        ) => [session.queue.bytes, next]),
      });
      for (const [at, caller] of all.entries()) {
        if (!round.answered) continue;
        await say(caller, answersTo(got[at]!), together);
        await say(caller, answersTo(caller.take()), together);
        caller.take();
      }
      pump.take();
    }
    for (const caller of all) await caller.hangUp(); // what is inflight goes on to the others
    told.push(desk.drops);
  });
  return told;
}

Deno.test("onNumberedRun() deals a run out to a group's members as its packets would be one by one", async () => {
  const count = { dealt: 0 };
  const member = fc.record({
    version: often<ProtocolVersion>(4, 4, 4, 5),
    qos: often<QoS>(2, 1, 0),
    window: often(65_535, 3),
  });
  await fc.assert(
    fc.asyncProperty(
      often<ProtocolVersion>(4, 5),
      fc.constantFrom<1 | 2>(1, 2),
      fc.array(member, { minLength: 1, maxLength: 4 }),
      fc.array(
        fc.record({ count: fc.integer({ min: 1, max: 24 }), answered: often(true, false) }),
        {
          minLength: 1,
          maxLength: 4,
        },
      ),
      async (version, qos, members, rounds) => {
        const whole = await shared(version, qos, members, rounds, true, count);
        deepEqual(whole, await shared(version, qos, members, rounds, false));
      },
    ),
    { numRuns: 150 },
  );
  ok(count.dealt > 50, `only ${count.dealt} runs were dealt out`);
});
