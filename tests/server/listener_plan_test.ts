/** Which listeners go on at a reload, and with which sockets. */

import assert from "node:assert/strict";
import type { ListenerConfig } from "../../src/server/config.ts";
import { loadConfig } from "../../src/server/config.ts";
import { planListeners, standsInTheWay } from "../../src/server/listener_plan.ts";

function listenersOf(...listeners: readonly object[]): readonly ListenerConfig[] {
  const readFile = () => {
    throw new Error("nothing is to be read");
  };
  const text = JSON.stringify({ listeners });
  const loaded = loadConfig({ text, env: () => undefined, readFile });
  assert.ok(loaded.config !== undefined, JSON.stringify(loaded.problems));
  return loaded.config.listeners;
}

const tcp = (port: number, more: object = {}) => ({ type: "tcp", port, ...more });
const web = (port: number, more: object = {}) => ({ type: "websocket", port, ...more });
const unix = (path: string, more: object = {}) => ({ type: "unix", path, ...more });

/** [what, before, after, from where each has its socket (with ! where it goes on), closed, ended] */
const rows: readonly (readonly [
  string,
  readonly object[],
  readonly object[],
  string,
  readonly number[],
  readonly string[],
])[] = [
  ["go on when nothing changes", [tcp(1), unix("/a")], [tcp(1), unix("/a")], "0! 1!", [], []],
  ["go on in another order", [tcp(1), tcp(2)], [tcp(2), tcp(1)], "1! 0!", [], []],
  [
    "go on when what they do changes",
    [tcp(1), unix("/a")],
    [tcp(1, { versions: ["5.0"], mountPoint: "m/" }), unix("/a", { mode: "0600" })],
    "0! 1!",
    [],
    [],
  ],
  ["are opened when they are new", [tcp(1)], [tcp(1), tcp(2)], "0! new", [], []],
  ["end when they are gone", [tcp(1), tcp(2)], [tcp(2)], "1!", [0], ["127.0.0.1:1"]],
  [
    "are others on another port",
    [tcp(1, { name: "x" })],
    [tcp(2, { name: "x" })],
    "new",
    [0],
    ["x"],
  ],
  [
    "are others on another address",
    [tcp(1, { name: "x" })],
    [tcp(1, { name: "x", address: "127.0.0.2" })],
    "new",
    [0],
    ["x"],
  ],
  [
    "are others of another type, on the same socket",
    [tcp(1, { name: "x" })],
    [web(1, { name: "x" })],
    "0",
    [],
    ["x"],
  ],
  ["are others of another name, on the same socket", [tcp(1)], [tcp(1, { name: "y" })], "0", [], [
    "127.0.0.1:1",
  ]],
  [
    "are known by their names on any free port",
    [tcp(0, { name: "a" }), tcp(0, { name: "b" })],
    [tcp(0, { name: "b" }), tcp(0, { name: "c" })],
    "1! new",
    [0],
    ["a"],
  ],
  ["are counted on any free port without a name", [tcp(0), tcp(0)], [tcp(0)], "0!", [1], [
    "127.0.0.1:0",
  ]],
  [
    "change places without closing a port",
    [tcp(1, { name: "a" }), tcp(2, { name: "b" })],
    [tcp(2, { name: "a" }), tcp(1, { name: "b" })],
    "1 0",
    [],
    ["a", "b"],
  ],
];
for (const [what, before, after, sockets, closed, ended] of rows) {
  Deno.test(`planListeners() has listeners that ${what}`, () => {
    const plan = planListeners(listenersOf(...before), listenersOf(...after));
    const found = plan.placements.map(({ from, goesOn }) => `${from ?? "new"}${goesOn ? "!" : ""}`);
    assert.deepEqual(
      [found.join(" "), plan.closed, plan.ended],
      [sockets, closed, ended],
    );
  });
}

Deno.test("planListeners() opens everything when there was nothing", () => {
  const plan = planListeners([], listenersOf(tcp(1), unix("/a")));
  assert.deepEqual(plan.placements.map(({ from }) => from), [undefined, undefined]);
  assert.deepEqual([plan.closed, plan.ended], [[], []]);
});

Deno.test("standsInTheWay() is true when two cannot listen at the same time", () => {
  const of = (listener: object) => listenersOf(listener)[0]!;
  const one = of(tcp(1)), any = of(tcp(0)), path = of(unix("/a"));
  const all = of(tcp(2, { address: "0.0.0.0" })), other = of(tcp(2, { address: "127.0.0.2" }));
  assert.equal(standsInTheWay(all, other), true);
  assert.equal(standsInTheWay(one, all), false);
  assert.equal(standsInTheWay(any, any), false);
  assert.equal(standsInTheWay(path, one), false);
});
