/** What a reload says has changed: by key, listeners by name, secrets not at all. */

import assert from "node:assert/strict";
import type { Config } from "../../src/server/config.ts";
import { loadConfig } from "../../src/server/config.ts";
import { differenceOf, needsRestart, withoutRestart } from "../../src/server/config_difference.ts";

function configOf(value: unknown): Config {
  const readFile = () => {
    throw new Error("nothing is to be read");
  };
  const loaded = loadConfig({ text: JSON.stringify(value), env: () => undefined, readFile });
  assert.ok(loaded.config !== undefined, JSON.stringify(loaded.problems));
  return loaded.config;
}

const tcp = (port: number, more: object = {}) => ({ type: "tcp", port, ...more });
const rule = (user: string) => ({
  permission: "allow",
  who: { user },
  action: "publish",
  topics: ["a"],
});
const secret = (text: string) => ({ authentication: { jwt: { secret: text.repeat(32) } } });

/** [what is another, before, after, key → what stood there → what stands there] */
const rows: readonly (readonly [string, object, object, readonly (readonly unknown[])[]])[] = [
  ["nothing", {}, { queuePolicy: "dropOldest" }, []],
  [
    "keys and limits",
    { sysInterval: 1 },
    { sysInterval: 2, limits: { receiveMaximum: 9 } },
    [["sysInterval", 1, 2], ["limits.receiveMaximum", 256, 9]],
  ],
  [
    "an optional key",
    {},
    { responseInformation: "r" },
    [["responseInformation", undefined, "r"]],
  ],
  [
    "a key of a listener that stands elsewhere in the list by then",
    { listeners: [tcp(1), tcp(2, { name: "two" })] },
    { listeners: [tcp(2, { name: "two", versions: ["5.0"] }), tcp(1)] },
    [["listeners.two.versions", undefined, ["5.0"]]],
  ],
  [
    "a list of values",
    { listeners: [tcp(1, { name: "x", versions: ["3.1", "5.0"] })] },
    { listeners: [tcp(1, { name: "x", versions: ["5.0"] })] },
    [["listeners.x.versions", ["3.1", "5.0"], ["5.0"]]],
  ],
  [
    "listeners on any free port, which have one name",
    { listeners: [tcp(0), tcp(0)] },
    { listeners: [tcp(0), tcp(0, { mountPoint: "m/" })] },
    [['listeners["127.0.0.1:0 (2)"].mountPoint', undefined, "m/"]],
  ],
  [
    "a secret, which is not shown",
    secret("a"),
    secret("b"),
    [["authentication.jwt.secret", "(not shown)", "(not shown)"]],
  ],
];
for (const [what, before, after, expected] of rows) {
  Deno.test(`differenceOf() tells ${what} when that is another`, () => {
    const found = differenceOf(configOf(before), configOf(after));
    assert.deepEqual(found.map(({ key, before, after }) => [key, before, after]), expected);
  });
}

Deno.test("differenceOf() tells one rule when one is put before all others, and when it is taken out", () => {
  const few = { access: [rule("a"), rule("b")] };
  const more = { access: [rule("new"), rule("a"), rule("b")] };
  const [put, ...others] = differenceOf(configOf(few), configOf(more));
  assert.deepEqual([put?.key, put?.before, others], ["access[0]", undefined, []]);
  assert.match(JSON.stringify(put?.after), /"new"/);
  const [taken] = differenceOf(configOf(more), configOf(few));
  assert.deepEqual([taken?.key, taken?.after], ["access[0]", undefined]);
});

Deno.test("differenceOf() shows no secret when all of a section is new or gone", () => {
  const open = { listeners: [tcp(1, { name: "x" })] };
  const closed = { listeners: [tcp(1, { name: "x", ...secret("s") })] };
  for (const [one, other] of [[open, closed], [closed, open], [{}, secret("s")]] as const) {
    const text = JSON.stringify(differenceOf(configOf(one), configOf(other)));
    assert.ok(text.includes("not shown") && !text.includes("sss"), text);
  }
});

Deno.test("withoutRestart() keeps what the broker holds, and takes the rest", () => {
  const before = configOf({ store: "memory", data: "./a" });
  const after = configOf({
    data: "./b",
    onDamage: "refuse",
    queueQos0: true,
    limits: { tcpBacklog: 7 },
  });
  const changes = differenceOf(before, after);
  assert.deepEqual(
    changes.filter(needsRestart).map(({ key }) => key).toSorted(),
    ["data", "limits.tcpBacklog", "onDamage", "store"],
  );
  const now = withoutRestart(before, after);
  assert.deepEqual(differenceOf(before, now).map(({ key }) => key), ["queueQos0"]);
  assert.deepEqual(differenceOf(now, after).every(needsRestart), true);
});
