/**
 * The seam between the broker and its services: who may ask, where replies go and when, and that nothing of
 * it reaches anybody else.
 */

import assert from "node:assert/strict";
import { AccessList } from "../../src/policy/access_list.ts";
import type { AccessRule } from "../../src/policy/access_rule.ts";
import type { Caller } from "../broker/caller.ts";
import { willOf } from "../broker/packets.ts";
import type { ControlDeskOptions, Shell } from "./control_desk.ts";
import { Asker, atControlDesk, PREFIX, publishPacket, subscribePacket } from "./control_desk.ts";

function test(
  name: string,
  work: (shell: Shell) => Promise<void>,
  options: ControlDeskOptions = {},
) {
  Deno.test(name, () => atControlDesk(options, work));
}

/** Reason Code of the acknowledgement of a request of that client. */
async function reasonOf(caller: Caller, topic: string): Promise<number> {
  await caller.send(publishPacket(topic, "", { packetId: 7 }));
  const puback = caller.packets.findLast((packet) => packet.type === "puback");
  assert.ok(puback?.type === "puback");
  return puback.reasonCode;
}

function textsOn(caller: Caller, topic: string): string[] {
  return caller.packets.flatMap((packet) =>
    packet.type === "publish" && packet.topic === topic
      ? [new TextDecoder().decode(packet.payload)]
      : []
  );
}

const HEALTH = `${PREFIX}/health`;

test("take() answers to the Response Topic with the Correlation Data when the request has them", async ({ desk }) => {
  const asker = await Asker.connect(desk);
  const reply = await asker.ask("health");
  assert.equal(reply.ok, true);
  assert.equal(reply.command, "health");
  assert.equal(reply.data.ready, true);
});

for (const version of [4, 5] as const) {
  test(`take() answers to …/response when a client of version ${version} subscribes to it`, async ({ desk }) => {
    const admin = await desk.connect("a", { username: "admin", protocolVersion: version });
    await admin.send(publishPacket(HEALTH, ""));
    assert.deepEqual(textsOn(admin, `${HEALTH}/response`), []);
    await admin.send(subscribePacket(1, ["$CONTROL/dunlin/v1/#", 0]));
    await admin.send(publishPacket(HEALTH, ""));
    const [text] = textsOn(admin, `${HEALTH}/response`);
    assert.equal(JSON.parse(text!).ok, true);
  });
}

test("take() tells nobody else when others subscribe to everything", async ({ desk }) => {
  const other = await desk.connect("other", { username: "admin" });
  await other.send(subscribePacket(1, ["#", 0], ["$CONTROL/#", 0], ["reply/#", 0]));
  const before = other.packets.length;
  const asker = await Asker.connect(desk);
  await asker.caller.send(subscribePacket(1, [`${PREFIX}/#`, 0]));
  await asker.ask("health");
  await asker.caller.send(publishPacket(HEALTH, "", { retain: true }));
  assert.equal(other.packets.length, before);
  assert.equal(desk.tables.retained.size, 0);
  assert.equal(desk.tables.delayed.size, 0);
});

/** [what, rules of access, own rules of the client, the Reason Code] */
const naming: readonly (readonly [string, readonly AccessRule[], boolean])[] = [
  ["there are no rules", [], false],
  ["a rule allows every topic", [{ permission: "allow" }], false],
  ["a rule allows #", [{ permission: "allow", topics: "#" }], false],
  ["a rule allows +/dunlin/v1/health", [{ permission: "allow", topics: "+/dunlin/v1/#" }], false],
  ["a rule names it", [{ permission: "allow", topics: "$CONTROL/#" }], true],
  ["a rule names the command", [{ permission: "allow", action: "publish", topics: HEALTH }], true],
  [
    "a rule names another command",
    [{ permission: "allow", action: "publish", topics: `${PREFIX}/sessions/#` }],
    false,
  ],
  [
    "a rule denies everything before one names it",
    [{ permission: "deny" }, { permission: "allow", topics: "$CONTROL/#" }],
    false,
  ],
  [
    "a rule allows everything before one denies it",
    [{ permission: "allow" }, { permission: "deny", topics: "$CONTROL/#" }],
    false,
  ],
];
for (const [what, rules, may] of naming) {
  test(`permits() ${may ? "lets" : "does not let"} a client ask when ${what}`, async ({ desk }) => {
    const caller = await desk.connect("c", { username: "carla" });
    assert.equal(await reasonOf(caller, HEALTH), may ? 0 : 0x87);
    const { facts } = desk;
    assert.equal(facts.some(({ type }) => type === "refused"), !may);
  }, { access: new AccessList(rules) });
}

test("permits() lets an administrator ask when a rule denies everything", async ({ desk }) => {
  const asker = await Asker.connect(desk);
  assert.equal((await asker.ask("health")).ok, true);
}, { access: new AccessList([{ permission: "deny" }]) });

test("permits() lets nobody ask when there is no administrator and no rule", async ({ desk }) => {
  const caller = await desk.connect("c", { username: "admin" });
  assert.equal(await reasonOf(caller, HEALTH), 0x87);
}, { administrators: [] });

test("permits() makes nobody an administrator when an entry has no condition", async ({ desk }) => {
  const caller = await desk.connect("c", { username: "admin" });
  assert.equal(await reasonOf(caller, HEALTH), 0x87);
}, { administrators: [{}] });

test("publish() refuses a request with a delay, however deep it stands", async ({ desk }) => {
  const admin = await desk.connect("a", { username: "admin" });
  assert.equal(await reasonOf(admin, `$delayed/1/${HEALTH}`), 0x87);
  assert.equal(await reasonOf(admin, `$delayed/1/$delayed/1/${HEALTH}`), 0x87);
  assert.equal(desk.tables.delayed.size, 0);
});

test("admitConnect() refuses a Will that is a request", async ({ desk }) => {
  const admin = await desk.connect("a", {
    username: "admin",
    will: willOf(`${PREFIX}/sessions/delete`, '{"clientId":"x"}'),
  });
  assert.ok(admin.closed);
});

test("publish() answers nothing and routes nothing when a service is unknown", async ({ desk }) => {
  const asker = await Asker.connect(desk);
  const reply = await asker.askService("$CONTROL/nothing/v1", {}) as { ok: boolean };
  assert.equal(reply.ok, false);
  assert.equal(await reasonOf(asker.caller, "$CONTROL"), 0);
});

test("answer() lets the reply leave when its settings are durable and not before", async ({ desk }) => {
  const asker = await Asker.connect(desk);
  desk.hold(true);
  const input = { kind: "user", value: "eve" };
  await asker.caller.send(publishPacket(`${PREFIX}/bans/add`, JSON.stringify(input), {
    properties: { responseTopic: "r" },
  }));
  assert.deepEqual(textsOn(asker.caller, "r"), []);
  await asker.caller.send(publishPacket(`${PREFIX}/bans/list`, "", {
    properties: { responseTopic: "list" },
  }));
  assert.deepEqual(textsOn(asker.caller, "list"), [], "it speaks of what is not durable yet");
  await desk.letGo();
  assert.equal(textsOn(asker.caller, "r").length, 1);
  assert.equal(JSON.parse(textsOn(asker.caller, "list")[0]!).data.bans.length, 1);
});

test("answer() lets the reply leave when what its events wrote is durable", async ({ desk }) => {
  const pump = await desk.keep("pump", 5, { username: "p" });
  await pump.send(subscribePacket(1, ["x", 0]));
  const asker = await Asker.connect(desk);
  desk.hold(true);
  await asker.caller.send(publishPacket(`${PREFIX}/sessions/delete`, '{"clientId":"pump"}', {
    properties: { responseTopic: "r" },
  }));
  assert.deepEqual(textsOn(asker.caller, "r"), []);
  await desk.letGo();
  assert.equal(JSON.parse(textsOn(asker.caller, "r")[0]!).ok, true);
  assert.equal(desk.disk.dump().sessions.length, 0);
});

test("take() performs a QoS 2 request once when it is sent again", async ({ desk, audit }) => {
  const admin = await desk.connect("a", { username: "admin" });
  const request = publishPacket(`${PREFIX}/publish`, '{"topic":"x"}', { qos: 2, packetId: 9 });
  await admin.send(request);
  await admin.send({ ...request, dup: true });
  assert.equal(admin.packets.filter(({ type }) => type === "pubrec").length, 2);
  assert.equal(audit.filter(({ message }) => message === "publish").length, 1);
});

test("take() refuses what is above managementRequest and managementRate", async ({ desk }) => {
  const asker = await Asker.connect(desk);
  const long = { topic: "x", payload: "y".repeat(2_000) };
  assert.equal(await asker.refused("publish", long), "requestTooLarge");
  const reasons: string[] = [];
  for (let i = 0; i < 25; i++) reasons.push((await asker.ask("health")).error?.reason ?? "ok");
  assert.deepEqual(new Set(reasons), new Set(["ok", "tooManyRequests"]));
  assert.equal(reasons.filter((reason) => reason === "ok").length, 19, "20 less the first");
  await desk.pass(1);
  assert.equal((await asker.ask("health")).ok, true);
}, { limits: { managementRequest: 1_024, managementRate: 2 } });

test("answer() sends a short refusal when the reply is above Maximum Packet Size", async ({ desk }) => {
  const asker = await desk.connect("small", {
    username: "admin",
    properties: { maximumPacketSize: 300 },
  });
  await asker.send(
    publishPacket(`${PREFIX}/limits/get`, "", { properties: { responseTopic: "r" } }),
  );
  assert.equal(JSON.parse(textsOn(asker, "r")[0]!).error.reason, "replyTooLarge");
});

test(
  "take() refuses and keeps nothing when a setting is above settings",
  async ({ desk, bans }) => {
    const asker = await Asker.connect(desk);
    await asker.get("bans/add", { kind: "user", value: "one" });
    assert.equal(await asker.refused("bans/add", { kind: "user", value: "two" }), "limit");
    assert.equal(bans().length, 1);
    await asker.get("bans/add", { kind: "user", value: "one", reason: "again" });
    await asker.get("bans/remove", { kind: "user", value: "one" });
    await asker.get("bans/add", { kind: "user", value: "two" });
  },
  { limits: { settings: 1 } },
);

test(
  "take() goes on with others while a task is under way, up to managementTasks",
  async (shell) => {
    const { desk } = shell;
    const asker = await Asker.connect(desk);
    const held: (() => void)[] = shell.held = [];
    for (const responseTopic of ["r1", "r2"]) {
      await asker.caller.send(
        publishPacket(`${PREFIX}/reload`, "", { properties: { responseTopic } }),
      );
    }
    assert.deepEqual(textsOn(asker.caller, "r1"), []);
    assert.equal(JSON.parse(textsOn(asker.caller, "r2")[0]!).error.reason, "tooManyRequests");
    assert.equal((await asker.ask("health")).ok, true);
    for (const go of held) go();
    await desk.turn();
    assert.equal(JSON.parse(textsOn(asker.caller, "r1")[0]!).ok, true);
  },
  { limits: { managementTasks: 1 } },
);

test("take() writes a line of audit with who and from where for each command", async ({ desk, audit }) => {
  const asker = await Asker.connect(desk);
  await asker.get("bans/add", { kind: "user", value: "eve" });
  await asker.refused("sessions/get", { clientId: "nobody" });
  const who = { user: "admin", clientId: "~asker of admin", address: "desk:1", via: "mqtt" };
  const [added, refused] = audit;
  assert.equal(added!.message, "bans/add");
  for (const line of [added!, refused!]) {
    for (const [key, value] of Object.entries(who)) assert.equal(line.fields[key], value);
  }
  assert.equal(refused!.message, "refused");
  assert.equal(refused!.fields["reason"], "notFound");
});

test("ask() answers when it is durable, and only who may", async ({ desk }) => {
  const request = (user: string) => ({
    topic: `${PREFIX}/bans/add`,
    payload: new TextEncoder().encode('{"kind":"user","value":"eve"}'),
    identity: { user, roles: [] },
    clientId: "",
    address: "127.0.0.1:5",
    listener: "admin",
    via: "http" as const,
    sender: undefined,
  });
  const replies: unknown[] = [];
  const last = () => replies.pop() as { ok: boolean; error: { reason: string } };
  desk.control!.ask(request("bob"), (reply) => replies.push(reply));
  await desk.turn();
  assert.equal(last().error.reason, "notPermitted");
  desk.hold(true);
  desk.control!.ask(request("admin"), (reply) => replies.push(reply));
  await desk.turn();
  assert.deepEqual(replies, []);
  await desk.letGo();
  assert.equal(last().ok, true);
});

test("take() makes no other rules when a command changes none", async ({ desk }) => {
  const asker = await Asker.connect(desk);
  await asker.get("limits/set", { name: "retainedMessages", value: 5 });
  const { rules } = desk.tables;
  await asker.get("bans/add", { kind: "user", value: "eve" });
  await asker.get("publish", { topic: "x" });
  assert.equal(desk.tables.rules, rules);
  await asker.get("limits/set", { name: "retainedMessages", value: 6 });
  assert.notEqual(desk.tables.rules, rules);
});

test("reconfigure() keeps what management has laid over and a listener's own limits", async ({ desk }) => {
  const asker = await Asker.connect(desk);
  await asker.get("limits/set", { name: "retainedMessages", value: 5 });
  await asker.get("access/put", { name: "a", rule: { permission: "allow", topics: "a" } });
  const listeners = new Map();
  const own = { ...desk.rules.limits, topicLevels: 9 };
  const configured = { ...desk.rules, access: new AccessList([{ permission: "deny" }]), listeners };
  listeners.set("narrow", { ...configured, limits: own });
  desk.control!.reconfigure(configured);
  await desk.turn();
  const { rules } = desk.tables;
  const narrow = rules.listeners.get("narrow")!;
  assert.deepEqual(rules.access.rules.map(({ permission }) => permission), ["allow", "deny"]);
  assert.equal(rules.access.ahead, 1);
  assert.equal(narrow.access, rules.access);
  for (const limits of [rules.limits, narrow.limits]) assert.equal(limits.retainedMessages, 5);
  assert.equal(narrow.limits.topicLevels, 9);
  assert.equal(rules.limits.topicLevels, 128);
});
