/**
 * A trace tells of exactly the packets that went over the wire: all of a client that is followed, and of a topic
 * that is followed every PUBLISH of it, by whatever way it goes (runs, shared bytes, aliases, queues).
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { ProtocolVersion, QoS } from "../../src/packet/packet.ts";
import { followerOf } from "../../src/service/trace/followed.ts";
import { Trace } from "../../src/service/trace/trace.ts";
import type { Followed } from "../../src/service/trace/trace_start.ts";
import type { Caller } from "../broker/caller.ts";
import { Desk } from "../broker/desk.ts";
import { disconnectPacket, publishPacket, subscribePacket } from "../broker/packets.ts";

const NAMES = ["a", "b", "c"] as const;
type Name = typeof NAMES[number];

const name = fc.constantFrom(...NAMES);
const qos = fc.constantFrom<QoS>(0, 1, 2);
const topic = fc.constantFrom("t", "t/u", "v");
const action = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant("subscribe" as const),
      name,
      qos,
      filter: fc.constantFrom("t", "t/#", "#", "$share/g/t/#"),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant("publish" as const),
      name,
      qos,
      topics: fc.array(topic, { minLength: 1, maxLength: 6 }),
      retain: fc.boolean(),
      size: fc.constantFrom(1, 40, 1_200),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("leave" as const), name }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant("drink" as const), name }) },
);
type Deed = typeof action extends fc.Arbitrary<infer T> ? T : never;

const nature = fc.record({
  version: fc.constantFrom<ProtocolVersion>(4, 5),
  aliases: fc.constantFrom(0, 2),
  stored: fc.boolean(),
});
type Nature = typeof nature extends fc.Arbitrary<infer T> ? T : never;

// deno-lint-ignore no-explicit-any
type Line = any;

class World {
  readonly callers = new Map<Name, Caller>();
  /** All that was sent and came, as traces call it. */
  readonly wire: string[] = [];
  readonly #heard = new Map<Caller, number>();
  readonly #names = new Map<Caller, Name>();
  /** Topics by alias, set by the broker. */
  readonly #aliases = new Map<Caller, Map<number, string>>();
  #packetId = 0;

  constructor(readonly desk: Desk, readonly natures: Readonly<Record<Name, Nature>>) {}

  async come(name: Name): Promise<Caller> {
    const known = this.callers.get(name);
    if (known !== undefined && !known.closed) return known;
    const { version, aliases, stored } = this.natures[name];
    const properties = version === 5
      ? { sessionExpiryInterval: stored ? 60 : 0, topicAliasMaximum: aliases }
      : undefined;
    this.wire.push(`in connect ${name}`);
    const caller = await this.desk.connect(name, {
      protocolVersion: version,
      cleanStart: !stored,
      properties,
    });
    this.callers.set(name, caller);
    this.#names.set(caller, name);
    this.listen();
    return caller;
  }

  /** What the clients have got since the last time. */
  listen(): void {
    for (const [caller, name] of this.#names) {
      const from = this.#heard.get(caller) ?? 0;
      this.#heard.set(caller, caller.packets.length);
      for (const packet of caller.packets.slice(from)) {
        if (packet.type !== "publish") {
          this.wire.push(`out ${packet.type} ${name}`);
          continue;
        }
        const aliases = this.#aliases.get(caller) ?? new Map<number, string>();
        this.#aliases.set(caller, aliases);
        const alias = packet.properties?.topicAlias;
        if (alias !== undefined && packet.topic !== "") aliases.set(alias, packet.topic);
        const topic = packet.topic === "" ? aliases.get(alias!)! : packet.topic;
        this.wire.push(`out publish ${name} ${topic} ${packet.qos} ${packet.payload.length}`);
      }
    }
  }

  async do(deed: Deed): Promise<void> {
    const caller = await this.come(deed.name);
    switch (deed.does) {
      case "leave":
        this.wire.push(`in disconnect ${deed.name}`);
        await caller.send(disconnectPacket());
        break;
      case "drink": {
        const before = caller.packets.length;
        const came = await caller.drink();
        // PUBACK and PUBREC for each, and PUBCOMP for each PUBREL that has come.
        for (const { qos } of came) {
          if (qos > 0) this.wire.push(`in ${qos === 1 ? "puback" : "pubrec"} ${deed.name}`);
        }
        const released = caller.packets.slice(before).filter(({ type }) => type === "pubrel");
        for (const _ of released) this.wire.push(`in pubcomp ${deed.name}`);
        break;
      }
      case "subscribe":
        this.wire.push(`in subscribe ${deed.name}`);
        await caller.send(subscribePacket(1, [deed.filter, deed.qos]));
        break;
      case "publish": {
        const { topics, qos, retain, size } = deed;
        const packets = topics.map((topic) => {
          this.wire.push(`in publish ${deed.name} ${topic} ${qos} ${size}`);
          const packetId = qos === 0 ? 0 : ++this.#packetId;
          return publishPacket(topic, new Uint8Array(size), { qos, retain, packetId });
        });
        await caller.send(...packets);
      }
    }
    this.listen();
  }
}

function traceOf(desk: Desk, followed: Followed, id: number): Trace {
  const start = {
    id,
    followed,
    seconds: 60,
    most: 1_000_000,
    payload: 8,
    topic: "",
    needs: [],
    sender: { connection: 0, responseTopic: undefined, correlationData: undefined },
    by: { user: undefined, clientId: "" },
  };
  return new Trace(start, desk.tables, desk.now, () => Infinity, () => false);
}

/** The packets that a trace has told of. */
function packetsOf(trace: Trace): string[] {
  return trace.take().map((line) => JSON.parse(line)).flatMap((line: Line) => {
    if (line.type !== "packet") return [];
    const { direction, packet, clientId, topic, qos, payloadBytes } = line;
    const what = packet === "publish" ? ` ${topic} ${qos} ${payloadBytes}` : "";
    return [`${direction} ${packet} ${clientId}${what}`];
  });
}

Deno.test("Trace tells of exactly the packets on the wire when a client or a topic is followed", async () => {
  let told = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.record({ a: nature, b: nature, c: nature }),
      fc.array(action, { minLength: 5, maxLength: 25 }),
      async (natures, actions) => {
        await Desk.with({}, async (desk) => {
          const world = new World(desk, natures);
          const client = traceOf(desk, { clientId: "a" }, 1);
          const topic = traceOf(desk, { topic: "t/#" }, 2);
          const { broker } = desk;
          desk.runtime.watch({
            step(event, now) {
              for (const trace of [client, topic]) trace.before(event, desk.tables, now);
              const effects = broker.step(event, now);
              for (const trace of [client, topic]) trace.after(effects, desk.tables);
              return effects;
            },
          });
          for (const each of actions) await world.do(each);
          desk.runtime.watch(undefined);
          const ofClient = world.wire.filter((line) => line.split(" ")[2] === "a");
          const found = packetsOf(client);
          told += found.length;
          assert.deepEqual(found.toSorted(), ofClient.toSorted());
          const { isTopic } = followerOf({ topic: "t/#" });
          const ofTopic = world.wire.filter((line) => isTopic(line.split(" ")[3] ?? ""));
          assert.deepEqual(packetsOf(topic).toSorted(), ofTopic.toSorted());
        });
      },
    ),
    { numRuns: 150 },
  );
  assert.ok(told > 1_000, `only ${told} packets were told of`);
});
