/**
 * No client ever receives a message whose topic its rules deny, and nobody one whose publisher might not
 * publish it: whatever wildcards, shared subscriptions, auto-subscriptions, retained messages, delays, Wills,
 * takeovers, restarts, new rules, rules of a client's own and rules about QoS and RETAIN are tried. And whoever
 * may not connect is not there. The rules are judged by tests/policy/access_oracle.ts.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Authenticator } from "../../src/authentication/authenticator.ts";
import type { ProtocolVersion, QoS } from "../../src/packet/packet.ts";
import { AccessList } from "../../src/policy/access_list.ts";
import type { AccessRule } from "../../src/policy/access_rule.ts";
import { compileAutoSubscribe } from "../../src/policy/auto_subscribe.ts";
import type { AutoSubscribeRule } from "../../src/policy/auto_subscribe_rule.ts";
import type { Identity } from "../../src/policy/identity.ts";
import type { Caller } from "../broker/caller.ts";
import { Desk } from "../broker/desk.ts";
import { disconnectPacket, publishPacket, subscribePacket, willOf } from "../broker/packets.ts";
import { oracle } from "../policy/access_oracle.ts";

const level = fc.constantFrom("a", "b");
const topic = fc.array(level, { minLength: 1, maxLength: 2 }).map((levels) => levels.join("/"));
const filter = fc.tuple(
  fc.array(fc.oneof(level, fc.constant("+")), { minLength: 1, maxLength: 2 }),
  fc.boolean(),
).map(([levels, rest]) => (rest ? [...levels, "#"] : levels).join("/"));
const wide = fc.oneof(fc.constantFrom("#", "a/#", "+/b"), filter);
const place = fc.constantFrom("", "/${clientid}", "/${username}", "/${role}", "/+");

const someone = fc.oneof(
  fc.record({ user: fc.constantFrom("a*", "bob", "*") }),
  fc.record({ clientId: fc.constantFrom("a", "b", "c*") }),
  fc.record({ role: fc.constantFrom("a", "b") }),
  fc.record({ not: fc.record({ user: fc.constantFrom("ada", "*") }) }),
);
const rule: fc.Arbitrary<AccessRule> = fc.record({
  permission: fc.constantFrom("allow" as const, "deny" as const),
  who: fc.option(someone, { nil: undefined }),
  action: fc.constantFrom<AccessRule["action"]>(undefined, "publish", "subscribe", "receive"),
  topics: topics(),
});
/** About some of the messages of a topic. */
const choosy: fc.Arbitrary<AccessRule> = fc.oneof(
  fc.record({
    permission: fc.constantFrom("allow" as const, "deny" as const),
    who: fc.option(someone, { nil: undefined }),
    action: fc.constantFrom<AccessRule["action"]>("receive", "publish", ["publish", "receive"]),
    retain: fc.boolean(),
    topics: topics(),
  }),
  fc.record({
    permission: fc.constantFrom("allow" as const, "deny" as const),
    action: fc.constantFrom<AccessRule["action"]>(
      "receive",
      "subscribe",
      ["subscribe", "receive"],
      undefined,
    ),
    qos: fc.subarray([0, 1, 2] as const, { minLength: 1, maxLength: 2 }),
    topics: topics(),
  }),
);
function topics() {
  return fc.array(
    fc.oneof(
      fc.tuple(topic, place).map(([first, second]) => first + second),
      wide,
      topic.map((text) => `=${text}`),
    ),
    { minLength: 1, maxLength: 2 },
  );
}
const anyRule = fc.oneof({ weight: 3, arbitrary: rule }, { weight: 2, arbitrary: choosy });
const admission: fc.Arbitrary<readonly AccessRule[]> = fc.record({
  permission: fc.constantFrom("allow" as const, "deny" as const),
  action: fc.constant("connect" as const),
  who: someone,
}).map((rule) => [
  rule,
  { permission: rule.permission === "allow" ? "deny" : "allow", action: "connect" },
]);
/** Mostly rules that let something through, and everybody in. */
const rules = fc.tuple(
  fc.array(anyRule, { maxLength: 5 }),
  fc.nat({ max: 4 }),
  fc.option(admission, { nil: [], freq: 8 }),
).map(([list, open, first]): readonly AccessRule[] => [
  ...first,
  ...list,
  ...(open > 0 ? [{ permission: "allow" as const }] : []),
]);
const ownRules = fc.option(fc.array(anyRule, { maxLength: 3 }), { nil: undefined, freq: 3 });

const slot = fc.nat({ max: 3 });
const qos = fc.constantFrom<QoS>(0, 1, 2);
const action = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("connect" as const),
      slot,
      clientId: fc.constantFrom<string>("", "", "", "a", "b"),
      user: fc.constantFrom<string | undefined>(undefined, undefined, "ada", "bob", ""),
      roles: fc.subarray(["a", "b", "+"]),
      own: ownRules,
      version: fc.constantFrom<ProtocolVersion>(4, 5),
      clean: fc.boolean(),
      will: fc.option(fc.record({ topic, qos, retain: fc.boolean() }), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("hangUp" as const), slot }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("leave" as const), slot }) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("subscribe" as const),
      slot,
      filter: wide,
      group: fc.constantFrom("", "", "$share/g/", "$share/h/"),
      retainAsPublished: fc.boolean(),
      qos,
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      type: fc.constant("publish" as const),
      slot,
      topic,
      delay: fc.constantFrom("", "", "", "$delayed/1/"),
      qos,
      retain: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("rules" as const),
      rules,
      auto: fc.subarray<AutoSubscribeRule>([
        { name: "all", filters: ["#"] },
        { name: "mine", filters: ["a/${role}", { filter: "+/${clientid}", qos: 1 }] },
        { name: "shared", filters: [{ filter: "$share/g/+/b", qos: 1 }] },
        {
          name: "pinned",
          pinned: true,
          filters: [{ filter: "a/#", qos: 2, retainHandling: 0, retainAsPublished: true }],
        },
      ]),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "pass" as const }) },
  { weight: 1, arbitrary: fc.constant({ type: "restart" as const }) },
);
type Step = typeof action extends fc.Arbitrary<infer T> ? T : never;

interface Seat {
  caller: Caller;
  identity: Identity;
  acknowledges: boolean;
}

const authenticator: Authenticator = {
  verify({ username = "", password }) {
    const [user, ...roles] = username.split(":");
    const own = password === undefined ? {} : { rules: JSON.parse(FROM_UTF8.decode(password)) };
    return { type: "accepted", identity: { user: user || undefined, roles, ...own } };
  },
};
const FROM_UTF8 = new TextDecoder();
const TO_UTF8 = new TextEncoder();

/** Who sits where, unless a step says otherwise. */
const SEATS = [["a", "ada"], ["b", "bob"], ["c1", ""], ["d", "ada"]] as const;

/** What the runs came to, so that a test in which nothing happens fails. */
const seen = {
  delivered: 0,
  shared: 0,
  retained: 0,
  wills: 0,
  withheld: 0,
  refused: 0,
  own: 0,
  auto: 0,
  sentOff: 0,
};

async function play(first: readonly AccessRule[], steps: readonly Step[]): Promise<void> {
  let current = first;
  const options = { access: new AccessList(first), authenticator };
  await Desk.with(options, async (desk) => {
    const seats: Seat[] = [];
    let sent = 0;
    for (const slot of SEATS.keys()) {
      seats[slot] = await connect(desk, usual(slot));
      await seats[slot].caller.send(subscribePacket(1, ["#", 2]));
    }
    for (const step of steps) {
      if ("slot" in step && step.type !== "connect" && seats[step.slot]!.caller.closed) {
        seats[step.slot] = await connect(desk, usual(step.slot));
        await look(seats[step.slot]!, current);
      }
      const seat = "slot" in step ? seats[step.slot] : undefined;
      switch (step.type) {
        case "connect": {
          const next = seats[step.slot] = await connect(desk, step);
          if (!next.caller.closed) await next.caller.send(subscribePacket(1, ["#", 2], ["+", 1]));
          break;
        }
        case "hangUp":
          await seat?.caller.hangUp();
          break;
        case "leave":
          await seat?.caller.send(disconnectPacket());
          break;
        case "subscribe":
          if (step.group !== "") seen.shared += 1;
          await seat?.caller.send(
            subscribePacket(7, [
              step.group + step.filter,
              { qos: step.qos, retainAsPublished: step.retainAsPublished },
            ]),
          );
          break;
        case "publish": {
          if (seat === undefined) break;
          const may = oracle(current, seat.identity, "publish", step.topic, step.qos, step.retain);
          if (!may) seen.refused += 1;
          const { qos, retain } = step;
          await seat.caller.send(
            publishPacket(step.delay + step.topic, may ? "fine" : "forbidden", {
              qos,
              retain,
              packetId: qos === 0 ? 0 : 1_000 + sent++,
            }),
          );
          break;
        }
        case "rules":
          current = step.rules;
          Object.assign(desk.rules, { autoSubscribe: compileAutoSubscribe(step.auto) });
          await desk.feed({
            type: "rules",
            rules: { ...desk.rules, access: new AccessList(current) },
          });
          for (const { session } of desk.tables.clients.values()) {
            seen.auto += session.subscriptions.made;
          }
          seen.sentOff += seats.filter(({ caller }) => wasSentOff(caller)).length;
          break;
        case "pass":
          await desk.pass(2);
          break;
        case "restart":
          (desk.rules as { access: AccessList }).access = new AccessList(current);
          await desk.restart();
          break;
      }
      for (const each of seats) {
        await look(each, current);
        assert.ok(
          each.caller.closed || mayConnect(current, each.identity),
          `${JSON.stringify(each.identity)} is connected`,
        );
      }
    }
    seen.withheld += desk.drops["notPermitted"] ?? 0;
  });
}

function usual(slot: number): Step & { type: "connect" } {
  const [clientId, user] = SEATS[slot]!;
  const version = slot === 1 ? 4 : 5;
  const roles = slot === 0 ? ["a"] : [];
  return {
    type: "connect",
    slot,
    clientId,
    user,
    roles,
    own: undefined,
    version,
    clean: false,
    will: undefined,
  };
}

async function connect(desk: Desk, step: Step & { type: "connect" }): Promise<Seat> {
  const { roles, own, version, clean, will } = step;
  const user = step.user ?? SEATS[step.slot]![1];
  const clientId = step.clientId === "" ? SEATS[step.slot]![0] : step.clientId;
  const caller = await desk.connect(clientId, {
    protocolVersion: version,
    cleanStart: clean,
    username: [user, ...roles].join(":"),
    password: own === undefined ? undefined : TO_UTF8.encode(JSON.stringify(own)),
    properties: version === 5 ? { sessionExpiryInterval: 60, receiveMaximum: 3 } : undefined,
    will: will === undefined ? undefined : willOf(will.topic, "will", will),
  });
  caller.rewind();
  const identity = {
    user: user || undefined,
    roles,
    clientId,
    address: caller.link.address,
    listener: "desk",
    ...(own === undefined ? {} : { rules: own }),
  };
  if (own !== undefined) seen.own += 1;
  return { caller, identity, acknowledges: !clean };
}

/** Every message that has come is one that the client may have. */
async function look(seat: Seat, current: readonly AccessRule[]): Promise<void> {
  const came = seat.acknowledges && !seat.caller.closed
    ? await seat.caller.drink()
    : seat.caller.publishes();
  for (const { topic, payload, qos, retain } of came) {
    const text = FROM_UTF8.decode(payload);
    assert.notEqual(text, "forbidden", `${seat.identity.clientId} got what might not be published`);
    assert.ok(
      oracle(current, seat.identity, "receive", topic, qos, retain),
      `${JSON.stringify(seat.identity)} got ${topic} with QoS ${qos}, RETAIN ${retain}`,
    );
    seen.delivered += 1;
    if (retain) seen.retained += 1;
    if (text === "will") seen.wills += 1;
  }
}

/** Whether it may be there: the first rule about connect that is about it. */
function mayConnect(rules: readonly AccessRule[], identity: Identity): boolean {
  const about = [...identity.rules ?? [], ...rules].filter(({ action }) => action === "connect");
  // To the oracle a rule about everything else says who is meant, too.
  return about.length === 0 ||
    oracle(
      about.map((rule) => ({ ...rule, action: "receive" })),
      { ...identity, rules: undefined },
      "receive",
      "any",
    );
}

function wasSentOff(caller: Caller): boolean {
  const last = caller.packets.at(-1);
  return caller.closed && last?.type === "disconnect" && last.reasonCode === 0x87;
}

Deno.test("No client receives what its rules deny, nor what its publisher might not publish", async () => {
  await fc.assert(
    fc.asyncProperty(rules, fc.array(action, { minLength: 10, maxLength: 60 }), play),
    { numRuns: 400 },
  );
  assert.ok(seen.delivered > 1_000 && seen.shared > 100, JSON.stringify(seen));
  assert.ok(seen.retained > 50 && seen.wills > 10, JSON.stringify(seen));
  assert.ok(seen.withheld > 20 && seen.refused > 200, JSON.stringify(seen));
  assert.ok(seen.own > 100 && seen.sentOff > 10, JSON.stringify(seen));
  assert.ok(seen.auto > 100, JSON.stringify(seen));
});
