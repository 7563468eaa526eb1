/** Rates, and the section `limitsFor`: what they may say, what is said about what they may not, what they become. */

import assert from "node:assert/strict";
import { rulesForClient } from "../../src/policy/client_limits.ts";
import { loadConfig, type Loaded } from "../../src/server/config.ts";
import { rulesOf } from "../../src/server/rules_of.ts";

function load(value: object): Loaded {
  const readFile = () => {
    throw new Error("there are no files here");
  };
  return loadConfig({ text: JSON.stringify(value), env: () => undefined, readFile });
}

function limitsFor(...entries: readonly object[]): object {
  return { limitsFor: entries };
}

/** [when, the file, severity, the key, what is found, what is expected] */
const bad: readonly (readonly [string, object, "error" | "warning", string, RegExp, RegExp])[] = [
  [
    "an entry has no limits",
    limitsFor({ who: { user: "a" } }),
    "error",
    "limitsFor[0].limits",
    /nothing/,
    /object/,
  ],
  [
    "a limit is misspelt",
    limitsFor({ limits: { mesageRate: 1 } }),
    "error",
    "limitsFor[0].limits.mesageRate",
    /unknown key/,
    /one of the \d+ keys of limitsFor\[0\]\.limits/,
  ],
  [
    "a limit is one that clients share",
    limitsFor({ limits: { maximumConnections: 1 } }),
    "error",
    "limitsFor[0].limits.maximumConnections",
    /unknown key/,
    /one of the \d+ keys of limitsFor\[0\]\.limits/,
  ],
  [
    "a limit is out of its range",
    limitsFor({ limits: {} }, { limits: { receiveMaximum: 0 } }),
    "error",
    "limitsFor[1].limits.receiveMaximum",
    /0/,
    /1/,
  ],
  [
    "who is empty",
    limitsFor({ who: {}, limits: {} }),
    "error",
    "limitsFor[0].who",
    /\{\}/,
    /condition/,
  ],
  [
    "an address is none",
    limitsFor({ who: { not: { address: "10.0.0.0/99" } }, limits: {} }),
    "error",
    "limitsFor[0].who.not.address",
    /10\.0\.0\.0\/99/,
    /a range/,
  ],
  [
    "a queue is longer than all together",
    {
      limits: { queuedMessages: 5_000 },
      ...limitsFor({ limits: { queuedMessagesPerSession: 6_000 } }),
    },
    "error",
    "limitsFor[0].limits.queuedMessagesPerSession",
    /6000/,
    /at most limits\.queuedMessages, which is 5000/,
  ],
  [
    "an entry comes after one for everyone",
    limitsFor({ limits: {} }, { who: { user: "a" }, limits: {} }),
    "warning",
    "limitsFor[1]",
    /nobody/,
    /before limitsFor\[0\]/,
  ],
  [
    "a burst has no rate",
    { limits: { messageBurst: 10 } },
    "warning",
    "limits.messageBurst",
    /10, which has no effect/,
    /messageRate above 0/,
  ],
  [
    "a burst of a listener has no rate",
    { listeners: [{ type: "tcp", limits: { listenerByteBurst: 10, messageRate: 1 } }] },
    "warning",
    "listeners[0].limits.listenerByteBurst",
    /no effect/,
    /listenerByteRate/,
  ],
  [
    "rateGrace has no rate",
    limitsFor({ limits: { rateGrace: 10 } }),
    "warning",
    "limitsFor[0].limits.rateGrace",
    /no effect/,
    /messageRate or byteRate/,
  ],
  [
    "a rate is below 0",
    { limits: { byteRate: -1 } },
    "error",
    "limits.byteRate",
    /-1/,
    /0/,
  ],
];

for (const [when, file, severity, path, found, expected] of bad) {
  Deno.test(`loadConfig() says what is wrong when ${when}`, () => {
    const { problems, config } = load(file);
    const [problem, ...more] = problems.filter((each) => each.path.startsWith(path.split(".")[0]!));
    assert.ok(problem !== undefined, JSON.stringify(problems));
    assert.equal(problem.path, path);
    assert.match(problem.found, found);
    assert.match(problem.expected, expected);
    assert.equal(problem.severity, severity);
    assert.deepEqual(more, []);
    assert.equal(config === undefined, severity === "error");
  });
}

Deno.test("loadConfig() finds nothing wrong when a burst stands where the rate is another one's", () => {
  const { problems } = load({
    limits: { messageBurst: 10, rateGrace: 5 },
    limitsFor: [{ who: { role: "device" }, limits: { messageRate: 5 } }],
  });
  assert.deepEqual(problems, []);
});

Deno.test("rulesForClient() takes the first entry that is about the client, over the limits of its listener", () => {
  const { config, problems } = load({
    listeners: [
      { type: "tcp", name: "plain" },
      { type: "tcp", name: "edge", port: 1884, limits: { receiveMaximum: 5, messageRate: 9 } },
    ],
    limits: { topicLevels: 7 },
    limitsFor: [
      { who: { role: "gateway", listener: "edge" }, limits: { messageRate: 0, sendWindow: 999 } },
      { who: { address: "10.0.0.0/8" }, limits: { messageRate: 1 } },
      { who: { not: { user: "*" } }, limits: { subscriptionsPerSession: 3 } },
    ],
  });
  assert.ok(config !== undefined, JSON.stringify(problems));
  const rules = rulesOf(config);
  const limits = (who: object) => {
    const all = rulesForClient(rules, { user: "u", roles: [], listener: "edge", ...who }).limits;
    const { messageRate, sendWindow, receiveMaximum, subscriptionsPerSession, topicLevels } = all;
    return [messageRate, sendWindow, receiveMaximum, subscriptionsPerSession, topicLevels];
  };
  assert.deepEqual(limits({ roles: ["gateway"], address: "10.1.1.1" }), [0, 999, 5, 20_000, 7]);
  assert.deepEqual(limits({ roles: ["gateway"], listener: "plain" }), [0, 256, 256, 20_000, 7]);
  assert.deepEqual(limits({ user: undefined, address: "10.1.1.1" }), [1, 256, 5, 20_000, 7]);
  assert.deepEqual(limits({ user: undefined }), [9, 256, 5, 3, 7]);
  assert.equal(rulesForClient(rules, { user: "u", roles: [], listener: "plain" }), rules);
  const twice = { user: undefined, roles: [], listener: "edge" };
  assert.equal(rulesForClient(rules, twice), rulesForClient(rules, { ...twice, clientId: "x" }));
});
