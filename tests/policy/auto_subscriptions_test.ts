import assert from "node:assert/strict";
import fc from "fast-check";
import { AccessList } from "../../src/policy/access_list.ts";
import { compileAutoSubscribe } from "../../src/policy/auto_subscribe.ts";
import type { AutoSubscribeRule } from "../../src/policy/auto_subscribe_rule.ts";
import { autoSubscriptions } from "../../src/policy/auto_subscriptions.ts";
import type { Identity } from "../../src/policy/identity.ts";
import { defaultLimits } from "../../src/policy/limits.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { covers } from "../../src/topic/covers.ts";
import { parseTopicFilter } from "../../src/topic/topic_filter.ts";

const PUMP: Identity = {
  user: "ann",
  roles: ["line-1", "line-2", "reader"],
  clientId: "plant-3-pump",
  address: "10.0.0.7",
  listener: "floor",
  certificate: { cn: "pump.example", sanDns: ["a.example", "b.example"], serial: "1F" },
  version: 4,
};

function rules(given: readonly AutoSubscribeRule[], rest: Partial<Rules> = {}): Rules {
  return { ...defaultRules, autoSubscribe: compileAutoSubscribe(given), ...rest };
}

/** What a rule with one filter comes to: full filters, and `reason: filter` of what is skipped. */
function comesTo(
  rule: Partial<AutoSubscribeRule>,
  identity: Identity = PUMP,
  rest: Partial<Rules> = {},
): readonly string[] {
  const all = rules([{ name: "r", filters: ["t"], ...rule }], rest);
  const { wanted, skipped } = autoSubscriptions(all, identity);
  return [...wanted.keys(), ...skipped.map(({ why, filter }) => `${why}: ${filter}`)];
}

/** [whom the rule is about, whether it is about the pump] */
const abouts: readonly (readonly [AutoSubscribeRule["who"], boolean])[] = [
  [undefined, true],
  [{ clientId: "plant-*" }, true],
  [{ clientId: "plant-{line}-pump" }, true],
  [{ clientId: "plant-{line}-valve" }, false],
  [{ clientId: ["x", "plant-{line}-*"] }, true],
  [{ user: "a*" }, true],
  [{ user: "b*" }, false],
  [{ role: "reader" }, true],
  [{ role: "writer" }, false],
  [{ role: "line-{n}" }, true],
  [{ certificate: { cn: "*.example" } }, true],
  [{ certificate: { sanDns: "{host}.example" } }, true],
  [{ certificate: { sanUri: "*" } }, false],
  [{ address: "10.0.0.0/8" }, true],
  [{ address: "10.0.{net}.*" }, true],
  [{ address: "11.0.0.0/8" }, false],
  [{ listener: "floor" }, true],
  [{ listener: "{where}or" }, true],
  [{ listener: "roof" }, false],
  [{ version: "3.1.1" }, true],
  [{ version: "3.*" }, true],
  [{ version: ["3.1", "5.0"] }, false],
  [{ and: [{ clientId: "{p}-3-*" }, { user: "ann" }] }, true],
  [{ or: [{ user: "bob" }, { listener: "floor" }] }, true],
  [{ not: { user: "ann" } }, false],
  [{ clientId: "plant-*", user: "bob" }, false],
];
for (const [who, is] of abouts) {
  Deno.test(`autoSubscriptions() is ${is ? "" : "not "}about the client when the rule says ${JSON.stringify(who)}`, () => {
    assert.deepEqual(comesTo({ who }), is ? ["t"] : []);
  });
}

/** [filter, who, what it comes to] */
const filters: readonly (readonly [string, AutoSubscribeRule["who"], readonly string[]])[] = [
  ["devices/${clientid}/commands", undefined, ["devices/plant-3-pump/commands"]],
  ["u/${username}/#", undefined, ["u/ann/#"]],
  ["a/${address}", undefined, ["a/10.0.0.7"]],
  ["l/${listener}/+", undefined, ["l/floor/+"]],
  ["c/${cert.cn}", undefined, ["c/pump.example"]],
  ["c/${cert.sanDns}", undefined, ["noValue: c/${cert.sanDns}"]],
  ["c/${cert.issuer}", undefined, ["noValue: c/${cert.issuer}"]],
  ["r/${role}", undefined, ["r/line-1", "r/line-2", "r/reader"]],
  ["r/${role}", { role: "line-*" }, ["r/line-1", "r/line-2"]],
  ["r/${n}/${role}", { role: "line-{n}" }, ["r/1/line-1", "r/2/line-2"]],
  ["p/${line}", { clientId: "plant-{line}-*" }, ["p/3"]],
  ["p/${line}-${what}", { clientId: "plant-{line}-{what}" }, ["p/3-pump"]],
  ["p/${line}", { clientId: ["plant-{line}-x", "plant-*"] }, ["noValue: p/${line}"]],
  ["h/${host}", { certificate: { sanDns: "{host}.example" } }, ["h/a"]],
  ["n/${net}", { address: "10.0.{net}.*" }, ["n/0"]],
  ["v/${v}", { version: "3.1.{v}" }, ["v/1"]],
  ["$share/g/jobs/${clientid}", undefined, ["$share/g/jobs/plant-3-pump"]],
  ["$share/${username}/jobs", undefined, ["$share/ann/jobs"]],
  ["a/${clientid}x/${clientid}", undefined, ["a/plant-3-pumpx/plant-3-pump"]],
];
for (const [filter, who, expected] of filters) {
  Deno.test(`autoSubscriptions() comes to ${expected.join(", ")} when the filter is ${filter}, who ${JSON.stringify(who)}`, () => {
    assert.deepEqual(comesTo({ filters: [filter], who }), expected);
  });
}

for (const value of ["+", "#", "a/b", "a+", "/", "x\0y", "$SYS", "$share", ""]) {
  Deno.test(`autoSubscriptions() never widens a filter when a client calls itself ${JSON.stringify(value)}`, () => {
    const client = { ...PUMP, clientId: value, user: value, roles: [value] };
    for (const name of ["clientid", "username", "role"]) {
      const first = comesTo({ filters: [`\${${name}}/g/#`] }, client);
      assert.deepEqual(first, [`unusableValue: \${${name}}/g/#`]);
      const inner = comesTo({ filters: [`$share/g/\${${name}}/x`] }, client);
      assert.deepEqual(inner, [`unusableValue: $share/g/\${${name}}/x`]);
      const later = comesTo({ filters: [`a/\${${name}}`] }, client);
      assert.deepEqual(
        later,
        value.startsWith("$") ? [`a/${value}`] : [`unusableValue: a/\${${name}}`],
      );
    }
  });
}

Deno.test("autoSubscriptions() skips a filter of which the client has no part when it is anonymous and bare", () => {
  const bare: Identity = { user: undefined, roles: [] };
  const names = ["clientid", "username", "address", "listener", "role", "cert.cn"];
  for (const name of names) {
    assert.deepEqual(comesTo({ filters: [`x/\${${name}}`] }, bare), [`noValue: x/\${${name}}`]);
  }
});

Deno.test("autoSubscriptions() leads to filters below the template with + in its places when any client comes", () => {
  const value = fc.oneof(
    fc.constantFrom("+", "#", "$SYS", "a/b", "$share", "x"),
    fc.string({ unit: "binary" }),
  );
  const template = fc.constantFrom(
    "${clientid}/#",
    "a/${clientid}/+",
    "$share/g/${clientid}",
    "x${clientid}y/${username}",
  );
  fc.assert(
    fc.property(template, value, value, (filter, clientId, user) => {
      const { wanted } = autoSubscriptions(
        rules([{ name: "r", filters: [filter] }]),
        { ...PUMP, clientId, user },
      );
      const wide = filter.replace("$share/g/", "").split("/")
        .map((level) => level.includes("${") ? "+" : level).join("/");
      for (const { filter: matched, shareName } of wanted.values()) {
        assert.ok(covers(wide, matched), `${matched} is more than ${wide}`);
        assert.equal(shareName, filter.startsWith("$share") ? "g" : undefined);
        assert.notEqual(typeof parseTopicFilter(matched, Infinity), "string");
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("autoSubscriptions() skips with the reason when something stands against a filter", () => {
  const deny = new AccessList([{ permission: "deny", topics: "t" }]);
  assert.deepEqual(comesTo({}, PUMP, { access: deny }), ["notPermitted: t"]);
  const qos = new AccessList([{ permission: "allow", action: "subscribe", qos: 0 }]);
  assert.deepEqual(comesTo({}, PUMP, { access: qos }), ["t"]);
  assert.deepEqual(comesTo({ filters: [{ filter: "t", qos: 1 }] }, PUMP, { access: qos }), [
    "notPermitted: t",
  ]);
  const shared = { filters: ["$share/g/t"] };
  assert.deepEqual(comesTo(shared, PUMP, { sharedSubscriptions: false }), [
    "sharedSubscriptionsOff: $share/g/t",
  ]);
  const levels = { limits: { ...defaultLimits, topicLevels: 2 } };
  assert.deepEqual(comesTo({ filters: ["a/b", "a/b/c"] }, PUMP, levels), [
    "a/b",
    "invalidFilter: a/b/c",
  ]);
  const few = { limits: { ...defaultLimits, autoSubscribeFilters: 2 } };
  assert.deepEqual(comesTo({ filters: ["a", "b", "a", "c"] }, PUMP, few), [
    "a",
    "b",
    "tooManyFilters: c",
  ]);
});

Deno.test("autoSubscriptions() does not ask the rules of access when the client is only a name", () => {
  const access = new AccessList([{ permission: "deny" }]);
  const all = rules([{ name: "r", filters: ["t"] }], { access });
  assert.deepEqual([...autoSubscriptions(all, PUMP, false).wanted.keys()], ["t"]);
});

Deno.test("autoSubscriptions() takes the first of two rules when both lead to a filter", () => {
  const { wanted } = autoSubscriptions(
    rules([
      { name: "none", who: { user: "bob" }, filters: [{ filter: "t", qos: 0 }] },
      { name: "one", pinned: true, filters: [{ filter: "t", qos: 1, retainHandling: 2 }] },
      { name: "two", filters: [{ filter: "t", qos: 2 }] },
    ]),
    PUMP,
  );
  assert.deepEqual([...wanted.values()], [{
    full: "t",
    filter: "t",
    shareName: undefined,
    options: {
      qos: 1,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 2,
      subscriptionIdentifier: undefined,
    },
    rule: "one",
    pinned: true,
  }]);
});

Deno.test("autoSubscriptions() is below the mount point when the listener has one", () => {
  const filters = ["a", "$share/g/b", "$SYS/x"];
  assert.deepEqual(comesTo({ filters }, PUMP, { mountPoint: "m/" }), [
    "m/a",
    "$share/g/m/b",
    "m/$SYS/x",
  ]);
});

Deno.test("autoSubscriptions() is about the listed clients and their user when a rule provisions them", () => {
  const listed = { provision: { clientIds: ["plant-3-pump", "*"] } };
  assert.deepEqual(comesTo(listed), ["t"]);
  assert.deepEqual(comesTo(listed, { ...PUMP, clientId: "other" }), []);
  const bound = { provision: { clientIds: ["plant-3-pump"], user: "ann" } };
  assert.deepEqual(comesTo(bound), ["t"]);
  assert.deepEqual(comesTo(bound, { ...PUMP, user: "eve" }), []);
});

Deno.test("autoSubscriptions() gives back the same empty answer when there are no rules", () => {
  assert.equal(autoSubscriptions(rules([]), PUMP), autoSubscriptions(rules([]), { ...PUMP }));
});
