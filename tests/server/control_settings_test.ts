/**
 * Settings of services in a cluster: what another node writes holds here from the end of the turn on, and where
 * several write the same, all nodes end with what the store has.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Broker } from "../../src/broker/broker.ts";
import type { Event } from "../../src/broker/event.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { Control } from "../../src/server/control.ts";
import type { Request, Service, SettingChange, World } from "../../src/service/service.ts";
import { replied } from "../../src/service/service.ts";
import type { Write } from "../../src/session/write.ts";

type Kept = ReadonlyMap<string, string>;

const silent = { debug() {}, info() {}, warn() {}, error() {}, enabled: () => false };

/** A service that is asked to write settings, `{"name": value or null}`, and is nothing but them. */
function keeper(told: (state: Kept, changes: readonly SettingChange[]) => void): Service<Kept> {
  const withAll = (state: Kept, changes: readonly SettingChange[]) => {
    const next = new Map(state);
    for (const { name, value } of changes) {
      if (value === undefined) next.delete(name);
      else next.set(name, value);
    }
    told(next, changes);
    return next;
  };
  return {
    name: "keeper",
    prefix: "$CONTROL/keeper",
    begin: (settings) => new Map(settings),
    perform(state, { payload }) {
      const asked: object = JSON.parse(new TextDecoder().decode(payload));
      const settings = Object.entries(asked).map(([name, value]) => ({
        name,
        value: value === null ? undefined : `${value}`,
      }));
      return { ...replied(withAll(state, settings), {}), settings };
    },
    changed(state, changes) {
      if (changes.some(({ value }) => value === "?")) throw new Error("found ?");
      return { state: withAll(state, changes), events: [], instructions: [] };
    },
    refuse: (refused) => refused,
  };
}

interface Node {
  readonly control: Control;
  /** What the state of its service is. */
  readonly state: () => Kept;
  /** What it has written and that has not become durable, batch by batch. */
  readonly writes: Write[][];
  /** Entries of the log that it has taken in. */
  read: number;
  readonly misunderstood: unknown[];
  turns: number;
}

function newNode(): Node {
  const broker = new Broker({ ...defaultRules, administrators: [{ user: "admin" }] });
  const writes: Write[][] = [];
  const misunderstood: unknown[] = [];
  let state: Kept = new Map();
  const node = { turns: 0 };
  const control = new Control({
    services: [
      keeper((next) => {
        state = next;
        node.turns += 1;
      }) as Service,
    ],
    configured: broker.snapshot().rules,
    view: () => ({ now: 1_000_000, broker: broker.snapshot(), world: {} as World }),
    feed(event: Event) {
      if (event.type === "answer" && event.answer.writes.length > 0) {
        writes.push([...event.answer.writes]);
      }
    },
    endTurn() {},
    perform: () => assert.fail("there are no tasks"),
    instruct() {},
    audit: silent,
    broken: (error) => assert.fail(String(error)),
    echoed: true,
    notUnderstood: (error) => misunderstood.push(error),
  });
  control.begin(new Map());
  return Object.assign(node, { control, state: () => state, writes, read: 0, misunderstood });
}

function ask({ control }: Node, settings: object): void {
  const request: Request = {
    topic: "$CONTROL/keeper",
    payload: new TextEncoder().encode(JSON.stringify(settings)),
    identity: { user: "admin", roles: [] },
    clientId: "a",
    address: "127.0.0.1:1",
    listener: "l",
    via: "mqtt",
    sender: undefined,
  };
  control.ask(request, () => {});
}

/** The log of the cluster: settings in the order in which they became durable. */
type Log = SettingChange[];

/** The oldest batch of a node becomes durable. */
function commit({ writes }: Node, log: Log): void {
  for (const write of writes.shift() ?? []) {
    assert.ok(write.type === "putSetting" || write.type === "deleteSetting");
    log.push({ name: write.name, value: write.type === "putSetting" ? write.value : undefined });
  }
}

/** A node takes in so many entries in one turn. */
function take(node: Node, log: Log, entries: number): void {
  const end = Math.min(log.length, node.read + entries);
  for (; node.read < end; node.read++) {
    const { name, value } = log[node.read]!;
    node.control.noteSetting(name, value);
  }
  node.control.settle();
}

Deno.test("noteSetting() has all nodes end with what the store has when several write the same settings at any time", () => {
  const settings = fc.dictionary(
    fc.constantFrom("x", "y"),
    fc.option(fc.integer({ min: 1, max: 3 })),
    { minKeys: 1 },
  );
  const at = fc.nat({ max: 2 });
  const step = fc.oneof(
    fc.record({ at, settings }),
    fc.record({ at, commit: fc.constant(true) }),
    fc.record({ at, take: fc.integer({ min: 1, max: 4 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const nodes = [newNode(), newNode(), newNode()];
      const log: Log = [];
      for (const step of steps) {
        const node = nodes[step.at]!;
        if ("settings" in step) ask(node, step.settings);
        else if ("take" in step) take(node, log, step.take);
        else commit(node, log);
      }
      const stored = new Map<string, string>();
      for (const node of nodes) while (node.writes.length > 0) commit(node, log);
      for (const { name, value } of log) {
        const own = name.replace("keeper/", "");
        if (value === undefined) stored.delete(own);
        else stored.set(own, value);
      }
      for (const node of nodes) {
        take(node, log, Infinity);
        assert.deepEqual(new Map([...node.state()].sort()), new Map([...stored].sort()));
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("settle() hands all that came in a turn to the service at once, and nothing when nothing came", () => {
  const node = newNode();
  node.control.noteSetting("keeper/x", "1");
  node.control.noteSetting("other/x", "2");
  node.control.noteSetting("keeper/y", "3");
  assert.equal(node.turns, 0);
  node.control.settle();
  node.control.settle();
  assert.deepEqual([node.turns, [...node.state()]], [1, [["x", "1"], ["y", "3"]]]);
});

Deno.test("noteSetting() does nothing to the service when it is what this node has written itself", () => {
  const node = newNode();
  const log: Log = [];
  ask(node, { x: 1 });
  commit(node, log);
  const before = node.turns;
  take(node, log, 1);
  assert.equal(node.turns, before);
});

Deno.test("settle() tells when a service does not understand a setting, and goes on without it", () => {
  const node = newNode();
  node.control.noteSetting("keeper/x", "?");
  node.control.settle();
  node.control.noteSetting("keeper/x", "1");
  node.control.settle();
  assert.equal(node.misunderstood.length, 1);
  assert.deepEqual([...node.state()], [["x", "1"]]);
});
