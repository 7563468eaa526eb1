/**
 * What `why` says of a message for each client is what then happens to it: whatever is subscribed, shared, queued,
 * unacknowledged, congested, denied or too large. It is asked before each publication.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { ProtocolVersion, QoS } from "../../src/packet/packet.ts";
import { AccessList } from "../../src/policy/access_list.ts";
import type { AccessRule } from "../../src/policy/access_rule.ts";
import { answer } from "../../src/service/why/answer.ts";
import type { Caller } from "../broker/caller.ts";
import { Desk } from "../broker/desk.ts";
import { disconnectPacket, publishPacket, subscribePacket } from "../broker/packets.ts";
import { happened } from "../service/why/happened.ts";

const NAMES = ["a", "b", "c"] as const;
type Name = typeof NAMES[number];

const name = fc.constantFrom(...NAMES);
const qos = fc.constantFrom<QoS>(0, 1, 2);
const topic = fc.constantFrom("t", "t", "t/u", "t/u", "v");
const filter = fc.constantFrom("t", "t/#", "+", "#", "$share/g/t/#", "$share/h/#", "t/u");

/** How a client is, as long as the world lasts. */
const nature = fc.record({
  version: fc.constantFrom<ProtocolVersion>(4, 5, 5),
  user: fc.constantFrom(undefined, "ada"),
  receiveMaximum: fc.constantFrom(undefined, 1, 2),
  maximumPacketSize: fc.constantFrom(undefined, undefined, 70),
  topicAliasMaximum: fc.constantFrom(undefined, 2),
  stored: fc.constantFrom(true, true, false),
  filter: fc.constantFrom("#", "t/#", "$share/g/#"),
  qos: fc.constantFrom<QoS>(0, 1, 2),
});
type Nature = typeof nature extends fc.Arbitrary<infer T> ? T : never;

const rule: fc.Arbitrary<AccessRule> = fc.record({
  permission: fc.constantFrom("allow" as const, "deny" as const),
  who: fc.option(fc.record({ clientId: name }), { nil: undefined }),
  action: fc.constantFrom<AccessRule["action"]>("publish", "receive", undefined),
  topics: fc.constantFrom("#", "t/#", "v"),
});

const action = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant("subscribe" as const),
      name,
      filter,
      qos,
      noLocal: fc.boolean(),
      retainAsPublished: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constant("publish" as const),
      by: fc.constantFrom(undefined, ...NAMES),
      topic,
      qos,
      retain: fc.boolean(),
      payloadSize: fc.constantFrom(4, 30, 90, 1_100),
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("leave" as const), name }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("come" as const), name }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("drink" as const), name }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("stall" as const), on: fc.boolean() }) },
);
type Deed = typeof action extends fc.Arbitrary<infer T> ? T : never;

const rules = fc.record({
  queuePolicy: fc.constantFrom("dropOldest" as const, "dropNewest" as const, "reject" as const),
  queueQos0: fc.boolean(),
  access: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(rule, { maxLength: 3 }) },
  ),
  limits: fc.record({
    queuedMessagesPerSession: fc.constantFrom(2, 4, 1_000),
    queuedMessagesPerIdentity: fc.constantFrom(3, 1_000),
    queuedMessages: fc.constantFrom(4, 1_000),
    retainedMessages: fc.constantFrom(1, 1_000, 1_000, 1_000),
    sendWindow: fc.constantFrom(2, 100),
    queueHead: fc.constantFrom(2, 100),
  }),
});

const OUTBOX = { outboxCongested: 2_000, outboxDrained: 500, outboxMaximum: 100_000 };

class World {
  readonly callers = new Map<Name, Caller>();
  readonly desk: Desk;
  readonly natures: Readonly<Record<Name, Nature>>;
  compared = 0;
  #number = 0;

  constructor(desk: Desk, natures: Readonly<Record<Name, Nature>>) {
    this.desk = desk;
    this.natures = natures;
  }

  /** The connection of the client, made where there is none. */
  async come(name: Name): Promise<Caller> {
    const known = this.callers.get(name);
    if (known !== undefined && !known.closed) return known;
    const { version, user, stored, filter, qos, ...maxima } = this.natures[name];
    const given = Object.entries(maxima).filter(([, value]) => value !== undefined);
    const properties = version === 5
      ? { sessionExpiryInterval: stored ? 3_600 : 0, ...Object.fromEntries(given) }
      : undefined;
    const caller = await this.desk.connect(name, {
      protocolVersion: version,
      cleanStart: !stored,
      username: user,
      properties,
    });
    this.callers.set(name, caller);
    if (!this.desk.tables.clients.get(name)!.session.subscriptions.size) {
      await caller.send(subscribePacket(1, [filter, qos]));
    }
    return caller;
  }

  async do(deed: Deed): Promise<void> {
    switch (deed.does) {
      case "come":
        await this.come(deed.name);
        return;
      case "leave":
        if (this.callers.get(deed.name)?.closed === false) {
          await this.callers.get(deed.name)!.send(disconnectPacket());
        }
        this.callers.delete(deed.name);
        return;
      case "drink":
        if (this.callers.get(deed.name)?.closed === false) {
          await this.callers.get(deed.name)!.drink();
        }
        return;
      case "stall": { // c publishes nothing, so its acknowledgements are not missed
        const caller = await this.come("c");
        await caller.stall(deed.on);
        return;
      }
      case "subscribe": {
        const caller = await this.come(deed.name);
        const { filter, qos } = deed;
        const is5 = caller.version === 5;
        const noLocal = is5 && deed.noLocal && !filter.startsWith("$share/");
        const retainAsPublished = is5 && deed.retainAsPublished;
        await caller.send(subscribePacket(1, [filter, { qos, noLocal, retainAsPublished }]));
        return;
      }
      case "publish":
        return await this.publish(deed);
    }
  }

  async publish(deed: Deed & { readonly does: "publish" }): Promise<void> {
    const { desk } = this;
    const name = deed.by === "c" ? undefined : deed.by;
    const by = name === undefined ? undefined : { clientId: name, caller: await this.come(name) };
    const { topic, qos, retain, payloadSize } = deed;
    const question = {
      topic,
      qos,
      retain,
      payloadSize,
      publisher: name,
      propertiesSize: 0,
      messageExpiryInterval: undefined,
    };
    const publisher = name === undefined ? undefined : desk.tables.clients.get(name);
    const said = NAMES.map((clientId) => {
      const tables = { ...desk.tables, now: desk.now };
      return answer(tables, { ...question, clientId }, publisher, 1_000);
    });
    const number = ++this.#number;
    const real = await happened(desk, NAMES, by, { topic, qos, retain, payloadSize }, number);
    for (const [at, clientId] of NAMES.entries()) {
      const { outcome, reason, words } = said[at]!;
      const is = real.get(clientId)!;
      const expected = outcome === "dropped" || outcome === "missed" ? "nothing" : outcome;
      const story = `${clientId}: ${outcome}, ${reason}: ${words}; it was ${JSON.stringify(is)}`;
      assert.equal(is.outcome, expected, story);
      if (outcome === "dropped" && reason !== "notPermitted") {
        assert.ok(is.drops.includes(reason), story);
      }
      this.compared += 1;
    }
  }
}

Deno.test("answer() says what then happens when a message is published", async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.record({ a: nature, b: nature, c: nature }),
      rules,
      fc.array(action, { minLength: 5, maxLength: 30 }),
      async (natures, { access, limits, ...rest }, actions) => {
        const list = access.length === 0 ? [] : [...access, { permission: "allow" } as const];
        const options = { ...rest, access: new AccessList(list), limits: { ...limits, ...OUTBOX } };
        await Desk.with(options, async (desk) => {
          const world = new World(desk, natures);
          for (const name of NAMES) await world.come(name);
          for (const each of actions) await world.do(each);
          compared += world.compared;
        });
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(compared > 1_000, `only ${compared} answers were compared`);
});

Deno.test("answer() finds one client among many subscribers when not all are looked at", async () => {
  await Desk.with({}, async (desk) => {
    for (let i = 0; i < 30; i++) {
      const caller = await desk.connect(`c${i}`);
      await caller.send(subscribePacket(1, ["t", 1]));
    }
    const said = answer(
      desk.tables,
      {
        clientId: "c29",
        topic: "t",
        qos: 1,
        retain: false,
        publisher: undefined,
        payloadSize: 0,
        propertiesSize: 0,
        messageExpiryInterval: undefined,
      },
      undefined,
      10,
    );
    assert.equal(said.outcome, "sent");
    assert.match(said.notes.join(), /19 other subscribers were not looked at/);
    const other = await desk.connect("other");
    await other.send(publishPacket("t", "x"));
  });
});
