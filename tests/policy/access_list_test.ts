/** Decisions of rules of access: a table of who asks what under which rules, and properties. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { QoS } from "../../src/packet/packet.ts";
import { AccessList } from "../../src/policy/access_list.ts";
import type { AccessRule, Action } from "../../src/policy/access_rule.ts";
import type { Identity } from "../../src/policy/identity.ts";
import { BROKER } from "../../src/policy/identity.ts";
import { permits } from "../../src/policy/permits.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { deepFreeze } from "../deep_freeze.ts";
import { oracle, subscribeOracle } from "./access_oracle.ts";

function identity(clientId: string, rest: Partial<Identity> = {}): Identity {
  return deepFreeze({
    user: undefined,
    roles: [],
    clientId,
    address: "192.0.2.7",
    listener: "plain",
    certificate: undefined,
    ...rest,
  });
}

const ADA = identity("desk-1", { user: "ada", roles: ["operator", "night"], address: "10.1.2.3" });
const BOB = identity("desk-2", { user: "bob", address: "10.200.0.1" });
const PUMP = identity("pump-7", {
  listener: "mutual",
  address: "2001:db8::7",
  certificate: { cn: "pump-7", sanDns: ["pump.example", "p7.example"] },
});
const NOBODY = identity("x", { address: undefined, listener: undefined });
const SOCKET = identity("local", { address: "/run/dunlin.sock" });

type Answer = number | "default";
/** [identity, action, topic, the place of the rule that decides, more about the message] */
type Row = readonly [Identity, Action, string, Answer, { qos?: QoS; retain?: boolean }?];

interface Scene {
  readonly name: string;
  readonly rules: readonly AccessRule[];
  readonly rows: readonly Row[];
}

const allow = "allow" as const;
const deny = "deny" as const;

const scenes: readonly Scene[] = [
  {
    name: "first match wins",
    rules: [
      { permission: deny, topics: "plant/secret/#" },
      { permission: allow, topics: "plant/#" },
      { permission: deny, topics: "plant/line1/#" },
      { permission: allow, action: "publish", topics: ["log/+", "=audit"] },
    ],
    rows: [
      [ADA, "publish", "plant/a", 1],
      [ADA, "publish", "plant", 1],
      [ADA, "publish", "plant/secret", 0],
      [ADA, "publish", "plant/secret/x/y", 0],
      [ADA, "publish", "plant/line1/x", 1],
      [ADA, "publish", "plants/a", "default"],
      [ADA, "publish", "log/a", 3],
      [ADA, "publish", "log/a/b", "default"],
      [ADA, "publish", "audit", 3],
      [ADA, "publish", "audit/x", "default"],
      [ADA, "receive", "log/a", "default"],
      [ADA, "receive", "plant/secret/x", 0],
      [ADA, "receive", "plant/x", 1],
      [ADA, "publish", "$SYS/x", "default"],
      [ADA, "connect", "", "default"],
    ],
  },
  {
    name: "subscribe needs a rule that covers the whole filter",
    rules: [
      { permission: deny, topics: "plant/secret/#" },
      { permission: allow, topics: "plant/#" },
      { permission: allow, topics: "hall/+" },
    ],
    rows: [
      [ADA, "subscribe", "plant/#", 1],
      [ADA, "subscribe", "plant/+/x", 1],
      [ADA, "subscribe", "plant", 1],
      [ADA, "subscribe", "plant/+", 1],
      [ADA, "subscribe", "plant/secret/+", 0],
      [ADA, "subscribe", "plant/secret", 0],
      [ADA, "subscribe", "hall/+", 2],
      [ADA, "subscribe", "hall/a", 2],
      [ADA, "subscribe", "hall/#", "default"],
      [ADA, "subscribe", "#", "default"],
      [ADA, "subscribe", "+/a", "default"],
      [ADA, "subscribe", "+/#", "default"],
    ],
  },
  {
    name: "a filter may be named letter by letter",
    rules: [
      { permission: deny, action: "subscribe", topics: ["=#", "=+/#"] },
      { permission: allow, topics: ["#", "=$SYS/broker/uptime"] },
    ],
    rows: [
      [ADA, "subscribe", "#", 0],
      [ADA, "subscribe", "+/#", 0],
      [ADA, "subscribe", "a/#", 1],
      [ADA, "subscribe", "+", 1],
      [ADA, "receive", "anything", 1],
      [ADA, "subscribe", "$SYS/#", "default"],
      [ADA, "subscribe", "$SYS/broker/uptime", 1],
      [ADA, "receive", "$SYS/broker/uptime", 1],
      [ADA, "receive", "$SYS/broker/load", "default"],
    ],
  },
  {
    name: "a rule without topics is about every topic",
    rules: [
      { permission: allow, who: { user: "ada" } },
      { permission: deny, who: { user: "bob" }, action: "publish" },
      { permission: allow, topics: "#" },
    ],
    rows: [
      [ADA, "publish", "$other/x", 0],
      [ADA, "subscribe", "$SYS/#", 0],
      [ADA, "receive", "$SYS/x", 0],
      [BOB, "publish", "a", 1],
      [BOB, "subscribe", "a/#", 2],
      [BOB, "receive", "$SYS/x", "default"],
    ],
  },
  {
    name: "who",
    rules: [
      { permission: allow, who: { user: "a*" }, topics: "u" },
      { permission: allow, who: { user: "*" }, topics: "known" },
      { permission: allow, who: { not: { user: "*" } }, topics: "anonymous" },
      { permission: allow, who: { clientId: ["pump-*", "desk-2"] }, topics: "c" },
      { permission: allow, who: { role: "night" }, topics: "r" },
      { permission: allow, who: { address: "10.0.0.0/9" }, topics: "net" },
      { permission: allow, who: { address: ["2001:db8::/32", "192.0.2.7"] }, topics: "six" },
      { permission: allow, who: { address: "/run/*" }, topics: "sock" },
      { permission: allow, who: { listener: "mut*" }, topics: "l" },
      { permission: allow, who: { certificate: { cn: "pump-*" } }, topics: "cert" },
      { permission: allow, who: { certificate: { sanDns: "p7.*" } }, topics: "san" },
      {
        permission: allow,
        who: { or: [{ user: "bob" }, { and: [{ role: "operator" }, { role: "night" }] }] },
        topics: "or",
      },
      { permission: allow, who: { user: "ada", not: { address: "10.0.0.0/8" } }, topics: "both" },
      { permission: allow, who: { not: { not: { user: "bob" } } }, topics: "twice" },
    ],
    rows: [
      [ADA, "publish", "u", 0],
      [BOB, "publish", "u", "default"],
      [PUMP, "publish", "u", "default"],
      [BOB, "publish", "known", 1],
      [PUMP, "publish", "known", "default"],
      [PUMP, "publish", "anonymous", 2],
      [BOB, "publish", "anonymous", "default"],
      [PUMP, "publish", "c", 3],
      [BOB, "publish", "c", 3],
      [ADA, "publish", "c", "default"],
      [ADA, "publish", "r", 4],
      [BOB, "publish", "r", "default"],
      [ADA, "publish", "net", 5],
      [BOB, "publish", "net", "default"],
      [SOCKET, "publish", "net", "default"],
      [NOBODY, "publish", "net", "default"],
      [PUMP, "publish", "six", 6],
      [BOB, "publish", "six", "default"],
      [SOCKET, "publish", "sock", 7],
      [ADA, "publish", "sock", "default"],
      [PUMP, "publish", "l", 8],
      [ADA, "publish", "l", "default"],
      [NOBODY, "publish", "l", "default"],
      [PUMP, "publish", "cert", 9],
      [ADA, "publish", "cert", "default"],
      [PUMP, "publish", "san", 10],
      [BOB, "publish", "or", 11],
      [ADA, "publish", "or", 11],
      [PUMP, "publish", "or", "default"],
      [ADA, "publish", "both", "default"],
      [BOB, "publish", "twice", 13],
      [ADA, "publish", "twice", "default"],
    ],
  },
  {
    name: "QoS and retain",
    rules: [
      { permission: deny, action: "publish", retain: true, topics: "live/#" },
      { permission: allow, action: ["publish", "subscribe"], qos: [0, 1], topics: "live/#" },
      { permission: deny, action: "subscribe", qos: 2, topics: "other/#" },
      { permission: allow, topics: "other/#" },
    ],
    rows: [
      [ADA, "publish", "live/a", 1, { qos: 0 }],
      [ADA, "publish", "live/a", 1, { qos: 1 }],
      [ADA, "publish", "live/a", "default", { qos: 2 }],
      [ADA, "publish", "live/a", 0, { qos: 0, retain: true }],
      [ADA, "publish", "live/a", 0, { qos: 2, retain: true }],
      [ADA, "subscribe", "live/+", 1, { qos: 1 }],
      [ADA, "subscribe", "live/+", "default", { qos: 2 }],
      [ADA, "receive", "live/a", 1],
      [ADA, "subscribe", "other/x", 2, { qos: 2 }],
      [ADA, "subscribe", "other/x", 3, { qos: 1 }],
      [ADA, "receive", "other/x", 3],
      [ADA, "publish", "other/x", 3, { qos: 2 }],
    ],
  },
  {
    name: "QoS and retain of what is received",
    rules: [
      { permission: deny, action: "receive", retain: true, topics: "live/#" },
      { permission: deny, action: "receive", qos: 2, who: { user: "ada" }, topics: "live/x" },
      { permission: allow, action: ["publish", "receive"], qos: [0, 1], topics: "live/#" },
      { permission: allow, qos: 0, topics: ["cheap/#", "own/${clientid}"] },
      { permission: deny, action: "subscribe", qos: 2, topics: "cheap/+" },
    ],
    rows: [
      [ADA, "receive", "live/a", 2, { qos: 1 }],
      [ADA, "receive", "live/a", "default", { qos: 2 }],
      [ADA, "receive", "live/a", 0, { qos: 1, retain: true }],
      [ADA, "receive", "live/x", 1, { qos: 2 }],
      [BOB, "receive", "live/x", "default", { qos: 2 }],
      [ADA, "publish", "live/x", 2, { qos: 1, retain: true }],
      [ADA, "publish", "live/x", "default", { qos: 2 }],
      [ADA, "receive", "cheap/a", 3],
      [ADA, "receive", "cheap/a", "default", { qos: 1 }],
      [ADA, "subscribe", "cheap/a", 3],
      [ADA, "subscribe", "cheap/a", 4, { qos: 2 }],
      [ADA, "receive", "own/desk-1", 3],
      [ADA, "receive", "own/desk-1", "default", { qos: 1 }],
      [BOB, "receive", "own/desk-1", "default"],
    ],
  },
  {
    name: "connect is judged once a rule names it",
    rules: [
      { permission: deny, action: "connect", who: { address: "10.200.0.0/16" } },
      { permission: allow, action: "connect", who: { user: "*" } },
      { permission: deny },
    ],
    rows: [
      [ADA, "connect", "", 1],
      [BOB, "connect", "", 0],
      [PUMP, "connect", "", "default"],
      [ADA, "publish", "a", 2],
      [ADA, "subscribe", "a", 2],
      [ADA, "receive", "a", 2],
    ],
  },
  {
    name: "receive alone, and a subscribe that is denied",
    rules: [
      { permission: allow, action: "receive", topics: "news/#" },
      { permission: deny, action: "subscribe", topics: "news/#" },
      { permission: deny, action: "receive", topics: "wide/dark" },
      { permission: allow, action: "subscribe", topics: "wide/#" },
    ],
    rows: [
      [ADA, "receive", "news/a", 0],
      [ADA, "subscribe", "news/a", 1],
      [ADA, "subscribe", "wide/#", 3],
      [ADA, "receive", "wide/dark", 2],
      [ADA, "receive", "wide/light", 3],
      [ADA, "publish", "wide/light", "default"],
    ],
  },
  {
    name: "what stands for a client",
    rules: [
      { permission: allow, topics: ["dev/${clientid}/#", "home/${username}", "=id/${clientid}"] },
      { permission: allow, topics: ["team/${role}/+", "${cert.cn}/up", "a-${clientid}-z/x"] },
      { permission: allow, topics: "$app/${username}/#" },
    ],
    rows: [
      [PUMP, "publish", "dev/pump-7/x/y", 0],
      [PUMP, "publish", "dev/pump-7", 0],
      [PUMP, "publish", "dev/pump-8/x", "default"],
      [PUMP, "subscribe", "dev/pump-7/#", 0],
      [PUMP, "subscribe", "dev/+/x", "default"],
      [PUMP, "subscribe", "dev/#", "default"],
      [ADA, "publish", "home/ada", 0],
      [BOB, "publish", "home/ada", "default"],
      [PUMP, "publish", "home/undefined", "default"],
      [PUMP, "publish", "home/", "default"],
      [ADA, "publish", "id/desk-1", 0],
      [ADA, "publish", "id/desk-1/x", "default"],
      [ADA, "publish", "team/night/x", 1],
      [ADA, "publish", "team/operator/x", 1],
      [ADA, "publish", "team/admin/x", "default"],
      [ADA, "subscribe", "team/night/+", 1],
      [ADA, "subscribe", "team/+/x", "default"],
      [BOB, "publish", "team//x", "default"],
      [PUMP, "publish", "pump-7/up", 1],
      [ADA, "publish", "desk-1/up", "default"],
      [PUMP, "publish", "a-pump-7-z/x", 1],
      [PUMP, "publish", "a-pump-8-z/x", "default"],
      [ADA, "publish", "$app/ada/x", 2],
      [ADA, "publish", "dev/${clientid}/x", "default"],
    ],
  },
];

for (const { name, rules, rows } of scenes) {
  const list = deepFreeze({ ...defaultRules, access: new AccessList(rules) });
  for (const [who, action, topic, answer, { qos = 0, retain = false } = {}] of rows) {
    const message = `${qos === 0 ? "" : ` with QoS ${qos}`}${retain ? " retained" : ""}`;
    Deno.test(`permits() goes by ${answer} when ${name} and ${who.clientId} asks to ${action} ${topic}${message}`, () => {
      const decision = permits(list, who, action, topic, qos, retain);
      const permitted = answer === "default"
        ? action === "connect" && !rules.some((rule) => rule.action === "connect")
        : rules[answer]!.permission === "allow";
      assert.equal(decision.at, answer === "default" ? -1 : answer);
      assert.equal(decision.permitted, permitted);
      // The second time from what is kept.
      assert.equal(permits(list, who, action, topic, qos, retain), decision);
    });
  }
}

Deno.test("permits() has a table of at least 80 decisions", () => {
  assert.ok(scenes.reduce((sum, { rows }) => sum + rows.length, 0) >= 80);
});

Deno.test("permits() names the rule that decided, by its place and its name", () => {
  const access = new AccessList([{ permission: "deny", topics: "x" }, {
    name: "all else",
    permission: "allow",
  }]);
  const rules = { ...defaultRules, access };
  assert.equal(permits(rules, ADA, "publish", "x").rule, "access[0]");
  assert.equal(permits(rules, ADA, "publish", "y").rule, 'access[1] "all else"');
});

Deno.test("permits() lets the broker itself do what every rule denies", () => {
  const rules = { ...defaultRules, access: new AccessList([{ permission: "deny" }]) };
  for (const action of ["connect", "publish", "subscribe", "receive"] as const) {
    assert.equal(permits(rules, BROKER, action, "$SYS/x").permitted, true);
    assert.equal(permits(rules, { ...BROKER }, action, "a").permitted, action === "connect");
  }
});

Deno.test("permits() refuses $SYS and $CONTROL to publishers though a rule allows everything", () => {
  const rules = { ...defaultRules, access: new AccessList([{ permission: "allow" }]) };
  for (const topic of ["$SYS/x", "$CONTROL/dunlin", "$SYS"]) {
    assert.equal(permits(rules, ADA, "publish", topic).permitted, false);
    assert.equal(permits(rules, ADA, "receive", topic).permitted, topic !== "$CONTROL/dunlin");
  }
});

const level = fc.constantFrom("a", "b", "+", "${clientid}", "x${role}", "${username}", "$s");
const filter = fc.tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([levels, rest]) => (rest ? [...levels, "#"] : levels).join("/"));
const pattern = fc.oneof(
  filter,
  filter.filter((text) => !/[+#]/.test(text)).map((text) => `=${text}`),
  fc.constant("#"),
);
const someone = fc.constantFrom("ad*", "*", "bob", "d?", "a");
const who = fc.letrec<{ who: AccessRule["who"] }>((tie) => ({
  who: fc.oneof(
    { maxDepth: 3 },
    fc.record({ user: someone }),
    fc.record({ clientId: someone }),
    fc.record({ role: someone, listener: someone }),
    fc.record({ not: tie("who") }),
    fc.record({ or: fc.tuple(tie("who"), tie("who")) }),
    fc.record({ and: fc.tuple(tie("who"), tie("who")), user: someone }),
  ) as fc.Arbitrary<AccessRule["who"]>,
})).who;
const anyRule: fc.Arbitrary<AccessRule> = fc.oneof(
  fc.record({
    permission: fc.constantFrom(allow, deny),
    who: fc.option(who, { nil: undefined }),
    action: fc.constantFrom(undefined, "publish", "subscribe", "receive", [
      "publish",
      "receive",
    ]) as fc.Arbitrary<AccessRule["action"]>,
    topics: fc.option(fc.array(pattern, { minLength: 1, maxLength: 3 }), {
      nil: undefined,
      freq: 8,
    }),
  }),
  fc.record({
    permission: fc.constantFrom(allow, deny),
    action: fc.constantFrom<AccessRule["action"]>(
      "publish",
      "subscribe",
      "receive",
      ["subscribe", "receive"],
      undefined,
    ),
    qos: fc.subarray([0, 1, 2] as const, { minLength: 1 }),
    topics: fc.array(pattern, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({
    permission: fc.constantFrom(allow, deny),
    action: fc.constantFrom<AccessRule["action"]>("publish", "receive", ["publish", "receive"]),
    retain: fc.boolean(),
    topics: pattern,
  }),
);
const value = fc.constantFrom("a", "b", "ada", "bob", "a/b", "+", "#", "$s", "", "a\0");
const anyIdentity: fc.Arbitrary<Identity> = fc.record({
  rules: fc.option(fc.array(anyRule, { maxLength: 3 }), { nil: undefined, freq: 2 }),
  user: fc.option(value, { nil: undefined }),
  roles: fc.array(value, { maxLength: 2 }),
  clientId: value,
  address: fc.constant("10.0.0.1"),
  listener: value,
});
const anyTopic = fc.array(fc.constantFrom("a", "b", "ada", "xa", "xb", "$s", ""), {
  minLength: 1,
  maxLength: 4,
}).map((levels) => levels.join("/")).filter((topic) => topic !== "");

Deno.test("AccessList.decide() says what the definition says, whatever the rules, clients and topics", () => {
  fc.assert(
    fc.property(
      fc.array(anyRule, { minLength: 1, maxLength: 8 }),
      fc.array(anyIdentity, { minLength: 1, maxLength: 3 }),
      fc.array(anyTopic, { minLength: 1, maxLength: 8 }),
      fc.constantFrom<QoS>(0, 1, 2),
      fc.boolean(),
      (rules, identities, topics, qos, retain) => {
        const list = new AccessList(rules);
        for (const each of identities) {
          for (const topic of topics) {
            for (const action of ["publish", "receive"] as const) {
              const { permitted } = list.decide(each, action, topic, qos, retain);
              assert.equal(permitted, oracle(rules, each, action, topic, qos, retain));
            }
            assert.equal(list.receives(each, topic), receivesOf(list, each, topic));
          }
        }
      },
    ),
    { numRuns: 3_000 },
  );
});

/** What `receives` is to say, of every kind of message. It may say "some" where it is all or none. */
function receivesOf(list: AccessList, identity: Identity, topic: string): string {
  const answers = ([0, 1, 2] as const).flatMap((qos) =>
    [false, true].map((retain) => list.decide(identity, "receive", topic, qos, retain).permitted)
  );
  const said = list.receives(identity, topic);
  if (said === "some") return said;
  return answers.every((each) => each) ? "all" : answers.some((each) => each) ? "some" : "none";
}

const anyFilter = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom("#", "+/#", "+", "$s/#") },
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.array(fc.constantFrom("a", "b", "ada", "xa", "+", "+", "$s"), {
        minLength: 1,
        maxLength: 3,
      }),
      fc.boolean(),
    ).map(([levels, rest]) => (rest ? [...levels, "#"] : levels).join("/")),
  },
);

Deno.test("AccessList.decide() of subscribe says what the definition says, whatever the rules, clients and filters", () => {
  fc.assert(
    fc.property(
      fc.array(anyRule, { minLength: 1, maxLength: 8 }),
      anyIdentity,
      fc.array(anyFilter, { minLength: 1, maxLength: 8 }),
      fc.constantFrom<QoS>(0, 1, 2),
      (rules, each, filters, qos) => {
        const list = new AccessList(rules);
        for (const filter of filters) {
          const { permitted } = list.decide(each, "subscribe", filter, qos, false);
          assert.equal(permitted, subscribeOracle(rules, each, filter, qos), filter);
        }
      },
    ),
    { numRuns: 3_000 },
  );
});

Deno.test("AccessList.decide() goes by a literal with wildcards in it only for that very filter", () => {
  const list = new AccessList([
    { permission: "deny", topics: ["=a/#", "=+/b", "=x#y", "=a/#/b", "=\${clientid}/#"] },
    { permission: "allow" },
  ]);
  const pump = identity("pump");
  const denied = (filter: string) => !list.decide(pump, "subscribe", filter, 0, false).permitted;
  assert.deepEqual(
    ["a/#", "+/b", "pump/#", "a/+", "a/b", "+/+", "#", "other/#", "a"].filter(denied),
    ["a/#", "+/b", "pump/#"],
  );
  assert.equal(list.decide(pump, "publish", "a/b", 0, false).permitted, true);
});

Deno.test("AccessList.sameFor() is true only where every answer is the same", () => {
  fc.assert(
    fc.property(
      fc.array(anyRule, { minLength: 1, maxLength: 5 }),
      anyIdentity,
      anyIdentity,
      fc.array(anyTopic, { minLength: 5, maxLength: 20 }),
      (rules, one, other, topics) => {
        const list = new AccessList(rules);
        if (!list.sameFor(one, other)) return;
        for (const topic of topics) {
          for (const [qos, retain] of [[0, false], [1, false], [2, true]] as const) {
            assert.deepEqual(
              list.decide(one, "receive", topic, qos, retain),
              list.decide(other, "receive", topic, qos, retain),
            );
          }
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

Deno.test("AccessList.decide() stays right when there are more different clients and topics than it keeps", () => {
  const rules: AccessRule[] = Array.from({ length: 40 }, (_, at) => ({
    permission: at % 3 === 0 ? deny : allow,
    who: { clientId: `*${at % 10}*` },
    topics: [`t/${at}/#`, "own/${clientid}"],
  }));
  const list = new AccessList(rules);
  for (let n = 0; n < 3_000; n++) {
    const client: Identity = { user: undefined, roles: [], clientId: `c${n}` };
    const topic = n % 2 === 0 ? `t/${n % 50}/${n}` : `own/c${n}`;
    assert.equal(
      list.decide(client, "publish", topic, 0, false).permitted,
      oracle(rules, client, "publish", topic),
    );
  }
});
