/** Listeners with versions and limits of their own: what the configuration says becomes rules. */

import assert from "node:assert/strict";
import { defaultLimits } from "../../src/policy/limits.ts";
import { rulesFor } from "../../src/policy/rules.ts";
import { loadConfig } from "../../src/server/config.ts";
import { limitsOf } from "../../src/server/listener_limits.ts";
import { rulesOf } from "../../src/server/rules_of.ts";

function configOf(value: unknown) {
  const readFile = () => {
    throw new Error("nothing is to be read");
  };
  const loaded = loadConfig({ text: JSON.stringify(value), env: () => undefined, readFile });
  assert.ok(loaded.config !== undefined, JSON.stringify(loaded.problems));
  return loaded.config;
}

Deno.test("rulesOf() has rules of its own for each listener with versions or limits, and no other", () => {
  const rules = rulesOf(configOf({
    listeners: [
      { type: "tcp", name: "plain" },
      { type: "websocket", name: "web", versions: ["5.0"], limits: { receiveMaximum: 7 } },
      { type: "tcp", name: "old", port: 1884, versions: ["3.1", "3.1.1"] },
    ],
    limits: { topicLevels: 9, receiveMaximum: 8 },
  }));
  assert.deepEqual([...rules.listeners.keys()], ["web", "old"]);
  assert.deepEqual(rules.listeners.get("web")?.versions, [5]);
  assert.deepEqual(rules.listeners.get("old")?.versions, [3, 4]);
  assert.equal(rulesFor(rules, { listener: "plain" }), rules);
  const web = rulesFor(rules, { listener: "web" });
  const limits = { ...rules.limits, receiveMaximum: 7 };
  assert.deepEqual(web, { ...rules, versions: [5], limits });
  assert.deepEqual(rulesFor(rules, { listener: "old" }).limits, rules.limits);
});

Deno.test("limitsOf() takes the broker's limit where the listener has none", () => {
  assert.equal(limitsOf(defaultLimits, {}), defaultLimits);
  const own = limitsOf(defaultLimits, { limits: { maximumPacketSize: 1_000 } });
  assert.deepEqual(own, { ...defaultLimits, maximumPacketSize: 1_000 });
});
