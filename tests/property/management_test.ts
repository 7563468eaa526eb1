/**
 * Any series of commands with restarts in between: what management says it has is what a plain model says, is
 * the same after a restart, and is what holds; what is refused or tried out changes nothing.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Reply } from "../service/control_desk.ts";
import { Asker, openControlDesk } from "../service/control_desk.ts";

/** What management keeps, as plainly as can be said. */
interface Model {
  readonly bans: Map<string, string>;
  readonly access: Map<string, { readonly position: number; readonly topics: string }>;
  readonly auto: Map<string, { readonly position: number; readonly filter: string }>;
  readonly limits: Map<string, number>;
  readonly sessions: Map<string, Set<string>>;
  readonly retained: Map<string, string>;
}

type Step =
  | { readonly type: "restart" }
  | { readonly type: "ask"; readonly command: string; readonly input: Record<string, unknown> };

const name = fc.constantFrom("a", "b", "c/d", "é\u{1f427}");
const client = fc.constantFrom("pump", "panel", "p/1");
const filter = fc.constantFrom("x", "x/#", "+/y", "$share/g/x");
const topic = fc.constantFrom("x", "x/y", "z/y");
const dryRun = fc.boolean().map((dry) => dry ? { dryRun: true } : {});
const position = fc.option(fc.nat(5), { nil: undefined });

function ask(command: string, ...parts: fc.Arbitrary<Record<string, unknown>>[]) {
  return fc.tuple(dryRun, ...parts).map((all): Step => ({
    type: "ask",
    command,
    input: JSON.parse(JSON.stringify(Object.assign({}, ...all))),
  }));
}

const user = fc.record({ kind: fc.constant("user"), value: name });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ type: "restart" } as const) },
  ask("bans/add", user, fc.record({ reason: name })),
  ask("bans/remove", user),
  ask(
    "access/put",
    fc.record({
      name,
      position,
      rule: filter.map((topics) => ({
        permission: "allow",
        topics: topics.replace("$share/g/", ""),
      })),
    }),
  ),
  ask("access/remove", fc.record({ name })),
  ask(
    "access/replace",
    fc.record({
      rules: fc.uniqueArray(name, { maxLength: 3 }).map((names) =>
        names.map((name) => ({ name, permission: "allow", topics: "x" }))
      ),
    }),
  ),
  ask(
    "auto-subscribe/put",
    fc.record({ name, position, rule: filter.map((one) => ({ name: "r", filters: [one] })) }),
  ),
  ask("auto-subscribe/remove", fc.record({ name })),
  ask(
    "limits/set",
    fc.record({
      name: fc.constantFrom("retainedMessages", "topicLevels", "readBuffer"),
      value: fc.constantFrom(null, 9, 100, -1),
    }),
  ),
  ask("sessions/provision", fc.record({ clientId: client, user: fc.constant("u") })),
  ask("sessions/delete", fc.record({ clientId: client })),
  ask("subscriptions/add", fc.record({ clientId: client, filter })),
  ask("subscriptions/remove", fc.record({ clientId: client, filter })),
  ask("publish", fc.record({ topic, payload: name, retain: fc.constant(true), qos: fc.nat(2) })),
  ask("retained/delete", fc.record({ filter: fc.constantFrom("x", "#", "+/y") })),
  ask("queues/purge", fc.record({ clientId: client })),
);

/** What the broker says of all that it keeps. */
async function stateOf(asker: Asker) {
  const [bans, access, auto, limits, sessions, subscriptions, retained] = [
    await asker.get("bans/list"),
    await asker.get("access/list"),
    await asker.get("auto-subscribe/list"),
    await asker.get("limits/get"),
    await asker.get("sessions/list"),
    await asker.get("subscriptions/list"),
    await asker.get("retained/list"),
  ];
  return {
    bans: bans.bans,
    access: access.rules,
    auto: auto.rules,
    limits: limits.limits.filter(({ origin }: { origin: string }) => origin === "management"),
    sessions: sessions.sessions.filter(({ connected }: { connected: boolean }) => !connected)
      .map(({ expiresAt: _, ...rest }: Record<string, unknown>) => rest),
    subscriptions: subscriptions.subscriptions.filter((row: { clientId: string }) =>
      !row.clientId.startsWith("~")
    ),
    retained: retained.retained,
  };
}

/** What the model makes of a command that was done. */
function apply(model: Model, command: string, input: Record<string, unknown>, reply: Reply): void {
  const { clientId, filter } = input as { clientId: string; filter: string };
  const key = String(input["name"]);
  switch (command) {
    case "bans/add":
      model.bans.set(String(input["value"]), String(input["reason"]));
      return;
    case "bans/remove":
      model.bans.delete(String(input["value"]));
      return;
    case "access/put":
      model.access.set(key, {
        position: reply.data.position,
        topics: (input["rule"] as { topics: string }).topics,
      });
      return;
    case "access/remove":
      model.access.delete(key);
      return;
    case "access/replace":
      model.access.clear();
      for (const [at, { name, topics }] of (input["rules"] as Rules).entries()) {
        model.access.set(name, { position: (at + 1) * 10, topics });
      }
      return;
    case "auto-subscribe/put":
      model.auto.set(key, {
        position: reply.data.position,
        filter: (input["rule"] as { filters: string[] }).filters[0]!,
      });
      return;
    case "auto-subscribe/remove":
      model.auto.delete(key);
      return;
    case "limits/set":
      if (input["value"] === null) model.limits.delete(key);
      else model.limits.set(key, input["value"] as number);
      return;
    case "sessions/provision":
      model.sessions.set(clientId, new Set());
      return;
    case "sessions/delete":
      model.sessions.delete(clientId);
      return;
    case "subscriptions/add":
      model.sessions.get(clientId)!.add(filter);
      return;
    case "subscriptions/remove":
      model.sessions.get(clientId)!.delete(filter);
      return;
    case "publish":
      model.retained.set(String(input["topic"]), String(input["payload"]));
      return;
    case "retained/delete":
      for (const topic of [...model.retained.keys()]) {
        if (filter === "#" || filter === topic || filter === "+/y" && /^[^/]*\/y$/.test(topic)) {
          model.retained.delete(topic);
        }
      }
  }
}

type Rules = { name: string; topics: string }[];

function byPlace<Rule extends { readonly position: number }>(rules: Map<string, Rule>) {
  return [...rules].sort(([a, { position: one }], [b, { position: other }]) =>
    one - other || (a < b ? -1 : 1)
  );
}

function compare(model: Model, state: Awaited<ReturnType<typeof stateOf>>): void {
  // deno-lint-ignore no-explicit-any
  const rows = (list: any[], of: (row: any) => unknown) => list.map(of);
  assert.deepEqual(
    new Map(rows(state.bans, ({ value, reason }) => [value, reason]) as [string, string][]),
    model.bans,
  );
  assert.deepEqual(
    rows(state.access, ({ name, position, rule }) => [name, { position, topics: rule.topics }]),
    byPlace(model.access),
  );
  assert.deepEqual(
    rows(state.auto, ({ name, position, rule }) => [name, { position, filter: rule.filters[0] }]),
    byPlace(model.auto),
  );
  assert.deepEqual(
    new Map(rows(state.limits, ({ name, value }) => [name, value]) as [string, number][]),
    model.limits,
  );
  assert.deepEqual(
    rows(state.sessions, ({ clientId }) => clientId),
    [...model.sessions.keys()].sort(),
  );
  const own = state.subscriptions.filter((row: { origin: string }) => row.origin === "client");
  assert.deepEqual(
    rows(own, ({ clientId, filter }) => `${clientId} ${filter}`).sort(),
    [...model.sessions].flatMap(([id, filters]) => [...filters].map((one) => `${id} ${one}`))
      .sort(),
  );
  const made = state.subscriptions.filter((row: { origin: string }) => row.origin !== "client");
  const wanted = new Set([...model.auto.values()].map(({ filter }) => filter));
  for (const [id, filters] of model.sessions) {
    for (const filter of wanted) {
      const byRule = made.some((row: { clientId: string; filter: string }) =>
        row.clientId === id && row.filter === filter
      );
      if (filters.has(filter)) assert.ok(!byRule, "the client's own wins");
    }
  }
  assert.deepEqual(rows(state.retained, ({ topic }) => topic), [...model.retained.keys()].sort());
}

Deno.test("commands in any order keep what a model keeps, through restarts, and dry runs keep nothing", async () => {
  const seen = { done: 0, refused: 0, dry: 0, restarts: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const { desk } = await openControlDesk({ limits: { managementRate: 100_000 } });
      const model: Model = {
        bans: new Map(),
        access: new Map(),
        auto: new Map(),
        limits: new Map(),
        sessions: new Map(),
        retained: new Map(),
      };
      let asker = await Asker.connect(desk);
      let before = await stateOf(asker);
      for (const step of steps) {
        if (step.type === "restart") {
          await desk.restart();
          asker = await Asker.connect(desk);
          seen.restarts += 1;
          assert.deepEqual(await stateOf(asker), before, "after a restart");
          continue;
        }
        const { command, input } = step;
        const reply = await asker.ask(command, input);
        const after = await stateOf(asker);
        if (!reply.ok || input["dryRun"] === true) {
          assert.deepEqual(after, before, `${command} changed something: ${JSON.stringify(reply)}`);
          seen[reply.ok ? "dry" : "refused"] += 1;
        } else {
          apply(model, command, input, reply);
          seen.done += 1;
        }
        compare(model, after);
        const { limits } = desk.tables.rules;
        for (const [name, value] of model.limits) {
          assert.equal(limits[name as keyof typeof limits], value, "it holds");
        }
        before = after;
      }
      await desk.clear();
    }),
    { numRuns: 120 },
  );
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 50, `${what}: ${count}`);
});
