/** `why` in a table: a row at least for each word that it can answer with, and each is then tried for real. */

import assert from "node:assert/strict";
import { AccessList } from "../../../src/policy/access_list.ts";
import { defaultRules } from "../../../src/policy/rules.ts";
import { dropReasons, fateReasons } from "../../../src/session/reason_words.ts";
import type { Caller } from "../../broker/caller.ts";
import type { Desk } from "../../broker/desk.ts";
import { acknowledgement, disconnectPacket } from "../../broker/packets.ts";
import type { ControlDeskOptions, Reply } from "../control_desk.ts";
import { Asker, atControlDesk, PREFIX, publishPacket, subscribePacket } from "../control_desk.ts";
import { happened } from "./happened.ts";

interface Row {
  readonly name: string;
  readonly options?: ControlDeskOptions;
  /** Makes things so that it is true for the client `panel`; whose `pump` may publish. */
  readonly given: (desk: Desk, pump: Caller) => Promise<unknown>;
  readonly topic?: string;
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly payloadSize?: number;
  readonly propertiesSize?: number;
  /** `""`: the broker. Default: pump. */
  readonly publisher?: string;
  /** Outcome and reason. */
  readonly expected: string;
  /** In the words or the notes. */
  readonly words?: RegExp;
  /** It cannot be published by a client so. */
  readonly untried?: boolean;
}

const SMALL_OUTBOX = { outboxCongested: 2_000, outboxDrained: 500, outboxMaximum: 50_000 };

/** A client that subscribes to a/# and is there. */
async function present(desk: Desk, qos: 0 | 1 | 2 = 2, rest = {}): Promise<Caller> {
  const panel = await desk.keep("panel", 5, rest);
  await panel.send(subscribePacket(1, ["a/#", qos]));
  return panel;
}

/** The same, gone. */
async function absent(desk: Desk): Promise<void> {
  const panel = await present(desk);
  await panel.send(disconnectPacket());
}

async function stalled(desk: Desk, pump: Caller): Promise<void> {
  const panel = await present(desk);
  await panel.send(subscribePacket(2, ["fill", 0]));
  await panel.stall(true);
  for (let i = 0; i < 3; i++) await pump.send(publishPacket("fill", "x".repeat(1_500)));
  assert.equal(desk.tables.clients.get("panel")!.live!.congested, true);
}

async function publishes(pump: Caller, count: number): Promise<void> {
  for (let id = 1; id <= count; id++) await pump.send(publishPacket("a/b", "x", { packetId: id }));
}

const rows: readonly Row[] = [
  { name: "it subscribes and is there", given: (desk) => present(desk), expected: "sent sent" },
  {
    name: "it was granted less",
    given: (desk) => present(desk, 0),
    qos: 2,
    expected: "sent sent",
    words: /comes with QoS 0/,
  },
  {
    name: "it does not ask for Retain As Published",
    given: (desk) => present(desk),
    retain: true,
    expected: "sent sent",
    words: /comes with RETAIN 0/,
  },
  { name: "it never came", given: () => Promise.resolve(), expected: "missed noSession" },
  {
    name: "no filter matches",
    given: (desk) => present(desk),
    topic: "b/a",
    expected: "missed noMatchingFilter",
    words: /of 1/,
  },
  {
    name: "it is its own, with No Local",
    given: async (_desk, pump) =>
      await pump.send(subscribePacket(1, ["a/#", { qos: 1, noLocal: true }])),
    publisher: "panel",
    options: {},
    expected: "missed noLocal",
  },
  {
    name: "a rule denies it",
    options: {
      access: new AccessList([
        { permission: "deny", action: "receive", topics: "a/secret", name: "secrets" },
        { permission: "allow" },
      ]),
    },
    given: (desk) => present(desk),
    topic: "a/secret",
    expected: "dropped notPermitted",
    words: /secrets/,
  },
  {
    name: "a rule denies it with RETAIN only",
    options: {
      access: new AccessList([
        { permission: "deny", action: "receive", topics: "a/#", qos: [1, 2], name: "only 0" },
        { permission: "allow" },
      ]),
    },
    given: (desk) => present(desk),
    qos: 1,
    expected: "dropped notPermitted",
    words: /only 0/,
  },
  {
    name: "its publisher may not",
    options: {
      access: new AccessList([
        { permission: "deny", action: "publish", who: { clientId: "pump" }, name: "no pump" },
        { permission: "allow" },
      ]),
    },
    given: (desk) => present(desk),
    expected: "refused notAuthorized",
    words: /no pump/,
  },
  {
    name: "its delay makes no sense",
    given: (desk) => present(desk),
    topic: "$delayed/x/a/b",
    expected: "refused topicNameInvalid",
  },
  {
    name: "the packet is larger than the broker takes",
    options: { limits: { maximumPacketSize: 300 } },
    given: (desk) => present(desk),
    payloadSize: 290,
    propertiesSize: 20,
    expected: "refused packetTooLarge",
  },
  {
    name: "the store is full and its publisher speaks 5.0",
    given: async (desk) => {
      await present(desk);
      await desk.feed({ type: "store", full: true, detail: "test" });
    },
    qos: 1,
    expected: "refused quotaExceeded",
  },
  {
    name: "the store is full and it is the broker's own",
    given: async (desk) => {
      await present(desk);
      await desk.feed({ type: "store", full: true, detail: "test" });
    },
    qos: 1,
    publisher: "",
    expected: "waits storeFull",
    untried: true, // the store of this desk has room
  },
  {
    name: "it is delayed",
    given: (desk) => present(desk),
    topic: "$delayed/60/a/b",
    expected: "waits delayed",
    words: /sent/,
  },
  {
    name: "there are as many delayed as may be",
    options: { limits: { delayedMessages: 0 } },
    given: (desk) => present(desk),
    topic: "$delayed/60/a/b",
    expected: "dropped delayedFull",
  },
  {
    name: "there are as many delayed as may be and its publisher can be told",
    options: { limits: { delayedMessages: 0 } },
    given: (desk) => present(desk),
    topic: "$delayed/60/a/b",
    qos: 1,
    expected: "refused delayedFull",
  },
  {
    name: "it is a request",
    given: async (desk) => {
      const panel = await desk.connect("panel", { username: "admin" });
      await panel.send(subscribePacket(1, ["$CONTROL/#", 1]));
    },
    topic: "$CONTROL/dunlin/v1/nothing",
    publisher: "panel",
    expected: "missed serviceTopic",
  },
  { name: "it is away and QoS is 0", given: absent, expected: "dropped absentQoS0" },
  {
    name: "it is away and QoS 0 is kept",
    options: { queueQos0: true },
    given: absent,
    expected: "waits clientAbsent",
  },
  { name: "it is away and QoS is 1", given: absent, qos: 1, expected: "waits clientAbsent" },
  {
    name: "its queue is full and the newest goes",
    options: { queuePolicy: "dropNewest", limits: { queuedMessagesPerSession: 2 } },
    given: async (desk, pump) => {
      await absent(desk);
      await publishes(pump, 2);
    },
    qos: 1,
    expected: "dropped queueFull",
    words: /2 of 2/,
  },
  {
    name: "its queue is full and the oldest goes",
    options: { limits: { queuedMessagesPerSession: 2 } },
    given: async (desk, pump) => {
      await absent(desk);
      await publishes(pump, 2);
    },
    qos: 1,
    expected: "waits clientAbsent",
    words: /queueFull: in its favour 1 older/,
  },
  {
    name: "its queue is full and the publisher is told",
    options: { queuePolicy: "reject", limits: { queuedMessagesPerSession: 2 } },
    given: async (desk, pump) => {
      await absent(desk);
      await publishes(pump, 2);
    },
    qos: 1,
    expected: "refused queueFull",
    words: /0x97/,
  },
  {
    name: "the queues of its user are full",
    options: { queuePolicy: "dropNewest", limits: { queuedMessagesPerIdentity: 1 } },
    given: async (desk, pump) => {
      const panel = await present(desk, 2, { username: "ada" });
      await panel.send(disconnectPacket());
      await publishes(pump, 1);
    },
    qos: 1,
    expected: "dropped identityQueueFull",
  },
  {
    name: "all queues are full",
    options: { queuePolicy: "dropNewest", limits: { queuedMessages: 1 } },
    given: async (desk, pump) => {
      await absent(desk);
      await publishes(pump, 1);
    },
    qos: 2,
    expected: "dropped brokerQueueFull",
  },
  {
    name: "nothing more may be retained",
    options: { limits: { retainedMessages: 0 } },
    given: (desk) => present(desk),
    qos: 1,
    retain: true,
    expected: "refused retainedFull",
  },
  {
    name: "its publisher retains as much as it may",
    options: { limits: { retainedMessagesPerClient: 0 } },
    given: (desk) => present(desk),
    qos: 1,
    retain: true,
    expected: "refused clientRetainedFull",
  },
  {
    name: "it takes no packet of that size",
    given: (desk) =>
      present(desk, 2, { properties: { sessionExpiryInterval: 60, maximumPacketSize: 100 } }),
    payloadSize: 95,
    expected: "dropped tooLargeForClient",
    words: /Maximum Packet Size is 100/,
  },
  {
    name: "its properties make it too large",
    given: (desk) =>
      present(desk, 2, { properties: { sessionExpiryInterval: 60, maximumPacketSize: 100 } }),
    payloadSize: 50,
    propertiesSize: 50,
    expected: "dropped tooLargeForClient",
  },
  {
    name: "it has come by another listener than its session",
    options: { listeners: new Map([["desk", { ...defaultRules, mountPoint: "m/" }]]) },
    given: async (desk) => {
      const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 };
      await desk.feed({
        type: "provision",
        clientId: "panel",
        owner: { user: undefined, roles: [] },
        expiryInterval: 60,
        subscriptions: [{
          filter: "a/#",
          options: { ...options, subscriptionIdentifier: undefined } as const as never,
        }],
      });
      await desk.keep("panel");
    },
    publisher: "",
    expected: "dropped outsideMountPoint",
  },
  {
    name: "its publisher cannot name it",
    options: { listeners: new Map([["desk", { ...defaultRules, mountPoint: "m/" }]]) },
    given: (desk) => present(desk),
    expected: "refused outsideMountPoint",
    untried: true,
  },
  {
    name: "it is congested and QoS is 0",
    options: { limits: SMALL_OUTBOX },
    given: stalled,
    expected: "dropped congested",
  },
  {
    name: "it is congested and QoS is 1",
    options: { limits: SMALL_OUTBOX },
    given: stalled,
    qos: 1,
    expected: "waits clientCongested",
  },
  {
    name: "its Receive Maximum is used up",
    given: async (desk, pump) => {
      await present(desk, 2, { properties: { sessionExpiryInterval: 60, receiveMaximum: 2 } });
      await publishes(pump, 2);
    },
    qos: 1,
    expected: "waits quotaUsed",
    words: /0 of 2/,
  },
  {
    name: "older ones wait for the store",
    options: { limits: { queueHead: 2 } },
    given: async (desk, pump) => {
      await absent(desk);
      await publishes(pump, 6);
      const panel = await desk.keep("panel", 5, {
        properties: { sessionExpiryInterval: 60, receiveMaximum: 3 },
      });
      desk.hold(true); // what comes next from the store does not come
      await panel.send(acknowledgement("puback", 1), acknowledgement("puback", 2));
      await panel.send(acknowledgement("puback", 3));
    },
    qos: 1,
    publisher: "",
    expected: "waits behindOthers",
  },
  {
    name: "its CONNACK waits for the store",
    given: async (desk) => {
      await present(desk);
      desk.hold(true);
      await desk.keep("panel");
    },
    qos: 1,
    publisher: "",
    expected: "waits notGreeted",
  },
  {
    name: "nobody of its shared subscription is there and QoS is 0",
    given: async (desk) => {
      const panel = await desk.keep("panel");
      await panel.send(subscribePacket(1, ["$share/g/a/#", 1]));
      await panel.send(disconnectPacket());
    },
    expected: "dropped nobodyInGroup",
    words: /of 1 members: panel/,
  },
  {
    name: "nobody of its shared subscription is there and QoS is 1",
    given: async (desk) => {
      const panel = await desk.keep("panel");
      await panel.send(subscribePacket(1, ["$share/g/a/#", 1]));
      await panel.send(disconnectPacket());
    },
    qos: 1,
    expected: "waits groupWaits",
  },
  {
    name: "it is the turn of another member",
    given: async (desk) => {
      for (const clientId of ["other", "panel"]) {
        const caller = await desk.keep(clientId);
        await caller.send(subscribePacket(1, ["$share/g/a/#", 1]));
      }
    },
    qos: 1,
    expected: "missed otherMember",
    words: /other, of 2 members: other, panel/,
  },
  {
    name: "it is its own turn",
    given: async (desk, pump) => {
      for (const clientId of ["other", "panel"]) {
        const caller = await desk.keep(clientId);
        await caller.send(subscribePacket(1, ["$share/g/a/#", 1]));
      }
      await publishes(pump, 1);
    },
    qos: 1,
    expected: "sent sent",
    words: /its turn/,
  },
];

for (const [at, row] of rows.entries()) {
  Deno.test(`why answers ${row.expected} when ${row.name}`, async () => {
    await atControlDesk(row.options ?? {}, async ({ desk }) => {
      const own = row.publisher === "panel" && row.topic === undefined;
      const pump = await desk.connect(own ? "panel" : "pump", { username: "admin" });
      await row.given(desk, pump);
      const { topic = "a/b", qos = 0, retain = false, payloadSize = 8, propertiesSize = 0 } = row;
      const { publisher = "pump" } = row;
      const answer = await askWhy(desk, {
        clientId: "panel",
        topic,
        qos,
        retain,
        payloadSize,
        propertiesSize,
        ...(publisher === "" ? {} : { publisher }),
      });
      assert.ok(answer !== undefined);
      assert.equal(`${answer.outcome} ${answer.reason}`, row.expected, answer.words);
      if (row.words !== undefined) {
        assert.match([answer.words, ...answer.notes].join("\n"), row.words);
      }
      if (row.untried) return;
      const caller = publisher === "panel" && !own ? await callerOf(desk) : pump;
      const by = publisher === "" ? undefined : { clientId: own ? "panel" : publisher, caller };
      const properties = propertiesSize === 0
        ? undefined
        : { correlationData: new Uint8Array(propertiesSize - 3) };
      const told = { topic, qos, retain, payloadSize, properties };
      const real = (await happened(desk, ["panel"], by, told, 1_000 + at)).get("panel")!;
      const expected =
        { sent: "sent", waits: "waits", refused: "refused" }[answer.outcome as "sent"];
      assert.equal(real.outcome, expected ?? "nothing", JSON.stringify(real));
      const isTold = answer.outcome === "dropped" && answer.reason !== "notPermitted";
      if (isTold) assert.deepEqual(real.drops, [answer.reason]);
      else if (answer.outcome === "missed") assert.deepEqual(real.drops.filter(isNoLostReply), []);
    });
  });
}

/** Asks as over HTTP: no mount point is in the way. */
async function askWhy(desk: Desk, input: unknown) {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  desk.control!.ask({
    topic: `${PREFIX}/why`,
    payload: new TextEncoder().encode(JSON.stringify(input)),
    identity: { user: "admin", roles: [] },
    clientId: "",
    address: "127.0.0.1:1",
    listener: "admin",
    via: "http",
    sender: undefined,
  }, resolve);
  await desk.turn();
  const reply = await promise as Reply;
  assert.ok(reply.ok, JSON.stringify(reply.error));
  return reply.data;
}

/** Anything but the reply to a request that nobody subscribes to. */
function isNoLostReply(reason: string): boolean {
  return reason !== "noSubscriber";
}

async function callerOf(desk: Desk): Promise<Caller> {
  return await desk.connect("panel", { username: "admin", cleanStart: false });
}

/** What is never said of a message that is still to come. */
const LOOKING_BACK = [
  "expired",
  "outboxFull",
  "sessionEnded",
  "noSubscriber",
  "purged",
  "storedLost",
];

Deno.test("why has a row for every word that it can answer with", () => {
  const words = new Set(rows.map(({ expected }) => expected.split(" ")[1]!));
  for (const word of [...Object.keys(dropReasons), ...Object.keys(fateReasons)]) {
    if (!LOOKING_BACK.includes(word)) assert.ok(words.has(word), `no row has ${word}`);
  }
});

Deno.test("why changes nothing when it is asked again and again", async () => {
  await atControlDesk({}, async ({ desk }) => {
    const pump = await desk.connect("pump");
    for (const clientId of ["other", "panel"]) {
      const caller = await desk.keep(clientId);
      await caller.send(subscribePacket(1, ["$share/g/a/#", 1], ["a/+", 2]));
    }
    await publishes(pump, 1);
    const asker = await Asker.connect(desk);
    const picture = () => {
      const { clients, groups, queuedMessages, queuedBytes } = desk.tables;
      return structuredClone({
        sessions: [...clients.values()].map(({ session }) => session),
        turns: [...groups.values()].map(({ next, session }) => [next, session]),
        queuedMessages,
        queuedBytes,
      });
    };
    const before = picture();
    const first = await asker.get("why", { clientId: "panel", topic: "a/b", qos: 2 });
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(await asker.get("why", { clientId: "panel", topic: "a/b", qos: 2 }), first);
    }
    assert.deepEqual(picture(), before);
    assert.equal(first.paths.length, 2);
  });
});

Deno.test("why lists what was dropped of late, the latest first, when it is asked without a topic", async () => {
  await atControlDesk({}, async ({ desk }) => {
    const pump = await desk.connect("pump");
    await absent(desk);
    for (const topic of ["a/1", "a/2", "a/1"]) await pump.send(publishPacket(topic, "x"));
    await publishes(pump, 2);
    const asker = await Asker.connect(desk);
    await asker.get("queues/purge", { clientId: "panel" });
    const { drops, outcome } = await asker.get("why", { clientId: "panel" });
    assert.equal(outcome, undefined);
    assert.deepEqual(
      drops.map(({ topic, reason, count }: Record<string, unknown>) => [topic, reason, count]),
      [[null, "purged", 2], ["a/1", "absentQoS0", 2], ["a/2", "absentQoS0", 1]],
    );
    assert.equal((await asker.get("why", { clientId: "panel", limit: 1 })).drops.length, 1);
    assert.deepEqual((await asker.get("why", { clientId: "pump" })).drops, []);
  });
});

Deno.test("why is refused when the publisher is unknown or the topic is none", async () => {
  await atControlDesk({}, async ({ desk }) => {
    const asker = await Asker.connect(desk);
    const input = { clientId: "panel", topic: "a" };
    assert.equal(await asker.refused("why", { ...input, publisher: "nobody" }), "notFound");
    assert.equal(await asker.refused("why", { ...input, topic: "a/#" }), "badRequest");
    assert.equal(await asker.refused("why", { topic: "a" }), "badRequest");
  });
});
