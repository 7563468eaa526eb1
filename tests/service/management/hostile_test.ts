/** Requests to management that are meant to harm: names, sizes, depths. Each has an answer, and nothing else. */

import assert from "node:assert/strict";
import { Asker, atControlDesk } from "../control_desk.ts";
import { subscribePacket } from "../../broker/packets.ts";

/** Values that some code may trip over, in the place of any text. */
const TEXTS: readonly string[] = [
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "\ud800",
  "a\ud800b",
  "\0",
  "a\0b",
  "\n2026 INFO audit: forged",
  "\u202egnp.exe",
  "/",
  "+",
  "#",
  "$SYS/x",
  "$CONTROL/dunlin/v1/help",
  "$delayed/1/$CONTROL/x",
  "$share/g",
  "$share//x",
  "${clientid}",
  "*".repeat(1_000),
  "€".repeat(65_535),
  "x".repeat(65_536),
  "a/".repeat(1_000),
];

const OTHERS: readonly unknown[] = [
  null,
  [],
  {},
  -1,
  0,
  1.5,
  1e308,
  2 ** 53,
  true,
  JSON.parse('{"__proto__":{"x":1}}'),
  JSON.parse(`${"[".repeat(5_000)}${"]".repeat(5_000)}`),
  nested(3_000),
];

/** `{"not":{"not":…}}` */
function nested(depth: number): unknown {
  let who: unknown = { user: "a" };
  for (let at = 0; at < depth; at++) who = { not: who };
  return who;
}

/** The input with each of its parts in turn replaced by the value. */
function* replaced(input: unknown, value: unknown): Iterable<unknown> {
  yield value;
  if (typeof input !== "object" || input === null) return;
  for (const [key, inner] of Object.entries(input)) {
    for (const other of replaced(inner, value)) {
      yield Array.isArray(input) ? input.with(Number(key), other) : { ...input, [key]: other };
    }
  }
}

/** Questions whose answers are all that management keeps. */
const KEPT: readonly string[] = [
  "bans/list",
  "access/list",
  "auto-subscribe/list",
  "sessions/list",
  "subscriptions/list",
];

Deno.test("Control.take() answers every request when any part of it is meant to harm, and what is kept is there after a restart", async () => {
  const limits = { managementRate: 100_000, managementRequest: 1_048_576 };
  await atControlDesk({ limits }, async ({ desk }) => {
    let asker = await Asker.connect(desk);
    const { data } = await asker.ask("help");
    const commands = data.commands as { name: string; example: unknown }[];
    assert.ok(commands.length > 30);
    await desk.keep("pump-7");
    for (const { name, example } of commands) {
      if (name === "drain") continue;
      for (const value of [...TEXTS, ...OTHERS]) {
        for (const input of replaced(example, value)) {
          const { ok, error, command } = await asker.ask(name, input);
          assert.equal(command, name);
          assert.ok(ok || error!.reason !== "failed", `${name}: ${error?.detail}`);
        }
      }
    }
    const before = [];
    for (const name of KEPT) before.push((await asker.ask(name)).data);
    await desk.restart();
    asker = await Asker.connect(desk);
    for (const [at, name] of KEPT.entries()) {
      const { data } = await asker.ask(name);
      if (name === "sessions/list") continue; // who asks is another connection
      assert.deepEqual(data, before[at]);
    }
  });
});

Deno.test("publish is refused when its properties fit no packet", async () => {
  await atControlDesk({}, async ({ desk }) => {
    const asker = await Asker.connect(desk);
    const panel = await desk.connect("panel");
    await panel.send(subscribePacket(1, ["t", 1]));
    panel.take();
    for (
      const input of [
        { contentType: "a\0b" },
        { contentType: "€".repeat(65_535) },
        { contentType: "\ud800" },
        { userProperties: [["a\0b", "c"]] },
        { userProperties: [["k", "€".repeat(65_535)]] },
        { userProperties: [["\udc00", "c"]] },
      ]
    ) {
      const { ok, error } = await asker.ask("publish", { topic: "t", payload: "m", ...input });
      assert.equal(ok, false);
      assert.equal(error!.reason, "badRequest");
    }
    assert.deepEqual(panel.lines(), []);
    assert.equal((await asker.ask("publish", { topic: "t", contentType: "text/plain" })).ok, true);
    assert.equal(panel.lines().length, 1);
  });
});

Deno.test("bans/add is refused when the value is no text that a client could have", async () => {
  await atControlDesk({}, async ({ desk, bans }) => {
    const asker = await Asker.connect(desk);
    for (const value of ["\ud800", "a\0b", "€".repeat(65_535)]) {
      for (const kind of ["user", "clientId"]) {
        const { error } = await asker.ask("bans/add", { kind, value });
        assert.equal(error?.reason, "badRequest");
      }
    }
    assert.deepEqual(bans(), []);
    for (const value of ["__proto__", "constructor", "a/b", "\n"]) {
      assert.equal((await asker.ask("bans/add", { kind: "user", value })).ok, true);
    }
    await desk.restart();
    assert.deepEqual(
      bans().map(({ value }) => value).sort(),
      ["\n", "__proto__", "a/b", "constructor"],
    );
  });
});

Deno.test("publish leaves the payload out of the log of audit", async () => {
  await atControlDesk({}, async ({ desk, audit }) => {
    const asker = await Asker.connect(desk);
    await asker.ask("publish", { topic: "door/code", payload: "4711-secret" });
    await asker.ask("publish", { topic: "door/code/+", payload: "4711-secret" });
    await asker.ask("publish", { topic: "door/code", payloadBase64: btoa("4711-secret") });
    const text = JSON.stringify(audit);
    assert.ok(text.includes("door/code"));
    assert.ok(!text.includes("4711-secret") && !text.includes(btoa("4711-secret")), text);
  });
});
