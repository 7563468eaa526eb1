/** Management in a cluster: whichever node is asked, the answer is about all of it. */

import assert from "node:assert/strict";
import { servicesOf } from "../../../src/server/services.ts";
import {
  dynamicSecurityService,
  dynamicSecurityTopic,
} from "../../../src/service/dynamic_security/service.ts";
import type { Service } from "../../../src/service/service.ts";
import type { Caller } from "../../broker/caller.ts";
import { disconnectPacket } from "../../broker/packets.ts";
import type { Seat } from "../cluster_desk.ts";
import { atClusterDesks } from "../cluster_desk.ts";
import type { ControlDeskOptions } from "../control_desk.ts";
import { Asker, publishPacket, subscribePacket } from "../control_desk.ts";

type Row = Readonly<Record<string, unknown>>;

function test(
  name: string,
  work: (...seats: readonly [Seat, Seat, Seat]) => Promise<void>,
  options: ControlDeskOptions = {},
) {
  Deno.test(name, () => atClusterDesks(["a", "b", "c"], work as never, options));
}

/** A client whose session waits for it, with what was published for it meanwhile, from another node. */
async function absent(at: Seat, by: Seat, clientId: string, ...topics: readonly string[]) {
  const client = await at.shell.desk.keep(clientId, 5, { username: "pumps" });
  await client.send(subscribePacket(1, [`to/${clientId}/#`, { qos: 1 }]));
  await client.send(disconnectPacket());
  for (const topic of topics) {
    await by.asker.get("publish", { topic: `to/${clientId}/${topic}`, payload: "x", qos: 1 });
  }
}

/** The node does not answer any more, and others do not wait long for it. */
function silence(silent: Seat, ...others: readonly Seat[]): void {
  silent.shell.desk.onInstruction = () => {};
  for (const { shell } of others) shell.patience.milliseconds = 20;
}

function disconnected({ packets }: Caller): number | undefined {
  const packet = packets.findLast(({ type }) => type === "disconnect");
  return packet?.type === "disconnect" ? packet.reasonCode : undefined;
}

const plain = (rows: readonly Row[], ...names: readonly string[]) =>
  rows.map((row) => names.map((name) => row[name]));

test("sessions/list lists the clients of all nodes once, with their nodes", async (a, b, c) => {
  await a.shell.desk.keep("p-a", 5, { username: "anna" });
  await b.shell.desk.keep("p-b", 5, { username: "bert" });
  await b.shell.desk.connect("p-b-short");
  await absent(c, a, "p-gone");
  for (const { asker } of [a, b, c]) {
    const { sessions, next, unanswered } = await asker.get("sessions/list", { clientId: "p-*" });
    assert.deepEqual(plain(sessions, "clientId", "node", "connected", "user"), [
      ["p-a", a.node, true, "anna"],
      ["p-b", b.node, true, "bert"],
      ["p-b-short", b.node, true, null],
      ["p-gone", null, false, "pumps"],
    ]);
    assert.equal(sessions[0].address, "desk:2");
    assert.deepEqual([sessions[0].queued, sessions[3].queued], [0, null]);
    assert.deepEqual([next, unanswered], [null, []]);
    const there = await asker.get("sessions/list", { clientId: "p-*", connected: true });
    assert.deepEqual(plain(there.sessions, "clientId"), [["p-a"], ["p-b"], ["p-b-short"]]);
    const away = await asker.get("sessions/list", { clientId: "p-*", connected: false });
    assert.deepEqual(plain(away.sessions, "clientId"), [["p-gone"]]);
    const ofBert = await asker.get("sessions/list", { user: "ber*" });
    assert.deepEqual(plain(ofBert.sessions, "clientId"), [["p-b"]]);
  }
});

test(
  "sessions/list goes through all pages when they are smaller than what a node has",
  async (a, b, c) => {
    const wanted: string[] = [];
    for (const [at, { shell }] of [a, b, c, b, b, a, c].entries()) {
      const clientId = `p-${String.fromCharCode(97 + at * 5 % 7)}`;
      wanted.push(clientId);
      if (at % 2 === 0) await shell.desk.keep(clientId);
      else await shell.desk.connect(clientId);
    }
    for (const limit of [1, 2, 3, 7]) {
      const found: string[] = [];
      let after: string | undefined;
      for (let pages = 0; pages < 10; pages++) {
        const page = await a.asker.get("sessions/list", { clientId: "p-*", limit, after });
        for (const { clientId } of page.sessions) found.push(clientId);
        if (page.next === null) break;
        after = page.next;
      }
      assert.deepEqual(found, wanted.toSorted(), `in pages of ${limit}`);
    }
  },
);

test(
  "lists name the node that does not answer, and show what is known of its clients",
  async (a, b, c) => {
    await b.shell.desk.keep("p-b");
    await b.shell.desk.connect("p-b-short");
    await c.shell.desk.connect("p-c");
    silence(b, a);
    const { sessions, unanswered } = await a.asker.get("sessions/list", { clientId: "p-*" });
    assert.deepEqual(plain(sessions, "clientId", "node", "connected", "address"), [
      ["p-b", b.node, true, null],
      ["p-c", c.node, true, "desk:2"],
    ]);
    assert.deepEqual(unanswered, [b.node]);
    const got = await a.asker.get("sessions/get", { clientId: "p-b" });
    assert.deepEqual([got.session.node, got.session.connection], [b.node, null]);
    assert.deepEqual(got.unanswered, [b.node]);
    assert.equal(await a.asker.refused("sessions/kick", { clientId: "p-b" }), "failed");
    assert.equal(await a.asker.refused("sessions/get", { clientId: "p-b-short" }), "failed");
    const kicked = await a.asker.get("sessions/kick", { clientId: "p-c" });
    assert.equal(kicked.node, c.node);
  },
);

test("sessions/get shows a session as the node has it that it is on", async (a, b) => {
  await b.shell.desk.connect("short");
  await b.shell.desk.keep("long");
  await absent(b, a, "gone", "1");
  for (const clientId of ["short", "long"]) {
    const { session } = await a.asker.get("sessions/get", { clientId });
    assert.equal(session.node, b.node);
    assert.equal(session.connection.congested, false);
    assert.equal(session.stored, clientId === "long");
  }
  const { session } = await a.asker.get("sessions/get", { clientId: "gone" });
  assert.deepEqual([session.node, session.connected, session.queued], [null, false, null]);
  assert.equal(await a.asker.refused("sessions/get", { clientId: "nobody" }), "notFound");
});

test("sessions/kick ends the connection of a client wherever that is", async (a, b, c) => {
  const short = await b.shell.desk.connect("short");
  const long = await c.shell.desk.keep("long");
  const dry = await a.asker.get("sessions/kick", { clientId: "short", dryRun: true });
  assert.equal(dry.node, b.node);
  assert.equal(disconnected(short), undefined);
  await a.asker.get("sessions/kick", { clientId: "short" });
  await a.asker.get("sessions/kick", { clientId: "long" });
  assert.deepEqual([disconnected(short), disconnected(long)], [0x98, 0x98]);
  assert.equal(await a.asker.refused("sessions/kick", { clientId: "long" }), "conflict");
  assert.equal(await a.asker.refused("sessions/kick", { clientId: "short" }), "notFound");
  const { fields } = b.shell.audit.findLast(({ message }) => message === "sessions/kick")!;
  assert.deepEqual(
    [fields["user"], fields["clientId"], fields["passedOnBy"]],
    ["admin", "~asker at a", a.node],
  );
});

test("sessions/delete ends a session wherever it is, and says what it held", async (a, b, c) => {
  const there = await b.shell.desk.keep("there");
  await absent(b, c, "gone", "1", "2", "3");
  const dry = await a.asker.get("sessions/delete", { clientId: "gone", dryRun: true });
  assert.equal(dry.messagesDropped, null);
  const gone = await a.asker.get("sessions/delete", { clientId: "gone" });
  assert.deepEqual([gone.messagesDropped, gone.subscriptions, gone.connected], [3, 1, false]);
  const { connected, node } = await a.asker.get("sessions/delete", { clientId: "there" });
  assert.deepEqual([connected, node], [true, b.node]);
  assert.equal(disconnected(there), 0x98);
  for (const { asker, shell } of [a, b, c]) {
    for (const clientId of ["there", "gone"]) {
      assert.equal(await asker.refused("sessions/get", { clientId }), "notFound");
      assert.ok(!shell.desk.tables.clients.has(clientId));
    }
  }
  assert.equal((await a.model.read("gone", 0, 10)).length, 0);
});

test("queues/purge drops what waits for a client wherever its session is", async (a, b, c) => {
  await absent(b, c, "gone", "1", "2");
  const purged = await a.asker.get("queues/purge", { clientId: "gone" });
  assert.equal(purged.messagesDropped, 2);
  assert.ok(purged.bytes > 0);
  assert.equal((await a.model.read("gone", 0, 10)).length, 0);
  assert.equal((await a.asker.get("queues/purge", { clientId: "gone" })).messagesDropped, 0);
  const back = await c.shell.desk.keep("gone", 5, { username: "pumps" });
  await a.asker.get("publish", { topic: "to/gone/4", payload: "x", qos: 1 });
  await c.shell.desk.turn();
  assert.ok(back.packets.some((packet) => packet.type === "publish"));
  assert.equal((await a.asker.get("queues/purge", { clientId: "gone" })).node, c.node);
});

test("queues/inspect lists what waits for a client that is absent", async (a, b, c) => {
  await absent(b, c, "gone", "1", "2", "3");
  const all = await a.asker.get("queues/inspect", { clientId: "gone" });
  assert.deepEqual(plain(all.messages, "topic"), [["to/gone/1"], ["to/gone/2"], ["to/gone/3"]]);
  assert.deepEqual([all.queued, all.next], [3, null]);
  const { queued, messages, next } = await a.asker.get("queues/inspect", {
    clientId: "gone",
    limit: 2,
  });
  assert.deepEqual([queued, messages.length, next], [null, 2, messages[1].order]);
});

test("subscriptions/add and remove change those of a client wherever it is", async (a, b, c) => {
  const short = await b.shell.desk.connect("short");
  await absent(b, c, "gone");
  await a.asker.get("subscriptions/add", { clientId: "short", filter: "news/#" });
  await a.asker.get("subscriptions/add", { clientId: "gone", filter: "news/#", qos: 1 });
  await c.asker.get("publish", { topic: "news/1", payload: "x", qos: 1 });
  assert.ok(short.packets.some((packet) => packet.type === "publish"));
  assert.equal((await a.model.read("gone", 0, 10)).length, 1);
  for (const { asker } of [a, b, c]) {
    const ofAll = await asker.get("subscriptions/list", { topic: "news/1" });
    assert.deepEqual(plain(ofAll.subscriptions, "clientId", "filter", "node"), [
      ["gone", "news/#", null],
      ["short", "news/#", b.node],
    ]);
    const ofOne = await asker.get("subscriptions/list", { clientId: "short" });
    assert.deepEqual(plain(ofOne.subscriptions, "filter"), [["news/#"]]);
  }
  for (const clientId of ["short", "gone"]) {
    await c.asker.get("subscriptions/remove", { clientId, filter: "news/#" });
  }
  const none = await a.asker.get("subscriptions/list", { topic: "news/1" });
  assert.deepEqual(none.subscriptions, []);
  assert.equal(
    await a.asker.refused("subscriptions/remove", { clientId: "gone", filter: "news/#" }),
    "notFound",
  );
});

test(
  "sessions/provision is refused when another node has a session that is not stored",
  async (a, b, c) => {
    await b.shell.desk.connect("short");
    assert.equal(await a.asker.refused("sessions/provision", { clientId: "short" }), "conflict");
    await a.asker.get("sessions/provision", { clientId: "new" });
    for (const { asker } of [b, c]) {
      const { session } = await asker.get("sessions/get", { clientId: "new" });
      assert.deepEqual([session.provisioned, session.node], [true, null]);
    }
  },
);

test("bans hold on every node, and are taken back on every node", async (a, b, c) => {
  await a.asker.get("bans/add", { kind: "clientId", value: "eve" });
  assert.deepEqual(c.shell.bans().map(({ value }) => value), ["eve"]);
  b.shell.ban({ kind: "user", value: "mallory", until: Infinity, reason: "failures" });
  for (const { asker } of [a, b, c]) {
    const { bans } = await asker.get("bans/list", {});
    assert.deepEqual(plain(bans, "kind", "value", "origin", "nodes"), [
      ["clientId", "eve", "management", [a.node, b.node, c.node]],
      ["user", "mallory", "failures", [b.node]],
    ]);
  }
  await c.asker.get("bans/remove", { kind: "user", value: "mallory" });
  await b.asker.get("bans/remove", { kind: "clientId", value: "eve" });
  assert.equal(
    await a.asker.refused("bans/remove", { kind: "user", value: "mallory" }),
    "notFound",
  );
  for (const { shell, asker } of [a, b, c]) {
    assert.deepEqual(shell.bans(), []);
    assert.deepEqual((await asker.get("bans/list", {})).bans, []);
  }
});

test("limits and rules that are set on one node hold on all", async (a, b, c) => {
  await a.asker.get("limits/set", { name: "maximumSessions", value: 77 });
  await b.asker.get("access/put", {
    name: "alarms",
    rule: { permission: "deny", action: "publish", topics: "alarm/#" },
  });
  for (const { asker, shell } of [a, b, c]) {
    const { limits: [limit] } = await asker.get("limits/get", { name: "maximumSessions" });
    assert.deepEqual([limit.value, limit.origin], [77, "management"]);
    assert.equal(shell.desk.tables.rules.limits.maximumSessions, 77);
    assert.equal((await asker.get("access/list", {})).rules[0].name, "alarms");
  }
});

test("commands about one node do it on the one that is named, or on all", async (a, b, c) => {
  await a.asker.get("log-level/set", { level: "debug" });
  await a.asker.get("log-level/set", { level: "warn", node: "b" });
  assert.deepEqual([a, b, c].map(({ shell }) => shell.logLevel), ["debug", "warn", "info"]);
  assert.equal((await a.asker.get("log-level/get", { node: b.node })).level, "warn");
  const all = await c.asker.get("log-level/set", { level: "error", node: "*" });
  assert.deepEqual(plain(all.nodes, "node", "ok", "before"), [
    [c.node, true, "info"],
    [a.node, true, "debug"],
    [b.node, true, "warn"],
  ]);
  assert.deepEqual([a, b, c].map(({ shell }) => shell.logLevel), ["error", "error", "error"]);
  const everywhere = await c.asker.get("log-level/set", {
    level: "debug",
    node: "*",
    dryRun: true,
  });
  assert.equal(everywhere.nodes.length, 3);
  assert.deepEqual([a, b, c].map(({ shell }) => shell.logLevel), ["error", "error", "error"]);
  assert.equal(await a.asker.refused("log-level/get", { node: "d" }), "notFound");
  await a.asker.get("drain", { node: "b", seconds: 0 });
  const drains = ({ shell }: Seat) => shell.instructions.filter(({ type }) => type === "drain");
  assert.deepEqual([a, b, c].map((seat) => drains(seat).length), [0, 1, 0]);
  b.shell.reloaded = { type: "reloaded", ok: false, report: {}, problems: ["no such file"] };
  const reloads = await a.asker.get("reload", { node: "*" });
  assert.deepEqual(plain(reloads.nodes, "node", "ok"), [
    [a.node, true],
    [b.node, false],
    [c.node, true],
  ]);
  assert.match(reloads.nodes[1].error.detail, /no such file/);
});

test("statistics, health, listeners and cluster/status tell of all nodes", async (a, b, c) => {
  await b.shell.desk.keep("b-1");
  await absent(c, a, "gone", "1");
  const figures = await a.asker.get("statistics", {});
  assert.equal(figures.node, a.node);
  assert.equal(figures.together.connections, 4);
  assert.deepEqual(plain(figures.nodes, "node", "connections"), [
    [a.node, 1],
    [b.node, 2],
    [c.node, 1],
  ]);
  const health = await a.asker.get("health", {});
  assert.deepEqual(plain(health.nodes, "node", "ok", "ready"), [
    [b.node, true, true],
    [c.node, true, true],
  ]);
  const { listeners } = await a.asker.get("listeners/list", {});
  assert.deepEqual(plain(listeners, "node", "name", "connections"), [
    [a.node, "desk", 1],
    [b.node, "desk", 2],
    [c.node, "desk", 1],
  ]);
  const status = await a.asker.get("cluster/status", {});
  assert.deepEqual(plain(status.nodes, "node", "name", "slot", "answers", "connections"), [
    [a.node, "a", 0, true, 1],
    [b.node, "b", 1, true, 2],
    [c.node, "c", 2, true, 1],
  ]);
  silence(c, a);
  const less = await a.asker.get("cluster/status", {});
  assert.deepEqual(plain(less.nodes, "answers"), [[true], [true], [false]]);
  assert.deepEqual(less.unanswered, [c.node]);
});

test("why answers for a client and a publisher on other nodes", async (a, b, c) => {
  const panel = await b.shell.desk.connect("panel");
  await panel.send(subscribePacket(1, ["plant/#", { qos: 1 }]));
  await c.shell.desk.connect("pump", { username: "pumps" });
  await absent(b, c, "gone");
  for (const { asker } of [a, b, c]) {
    const sent = await asker.get("why", {
      clientId: "panel",
      topic: "plant/1",
      qos: 1,
      publisher: "pump",
    });
    assert.deepEqual([sent.outcome, sent.reason, sent.unanswered], ["sent", "sent", []]);
    assert.match(sent.notes[0], /its publisher may publish it/);
    const waits = await asker.get("why", { clientId: "gone", topic: "to/gone/1", qos: 1 });
    assert.deepEqual([waits.outcome, waits.reason], ["waits", "clientAbsent"]);
    const lost = await asker.get("why", { clientId: "gone", topic: "to/gone/1" });
    assert.deepEqual([lost.outcome, lost.reason], ["dropped", "absentQoS0"]);
    const none = await asker.get("why", { clientId: "nobody", topic: "plant/1" });
    assert.deepEqual([none.outcome, none.reason], ["missed", "noSession"]);
    const other = await asker.get("why", { clientId: "gone", topic: "plant/1", qos: 1 });
    assert.deepEqual([other.outcome, other.reason], ["missed", "noMatchingFilter"]);
  }
  const unknown = { clientId: "panel", topic: "plant/1", publisher: "nobody" };
  assert.equal(await a.asker.refused("why", unknown), "notFound");
  await a.asker.get("access/put", {
    name: "pumps",
    rule: { permission: "deny", action: "publish", who: { user: "pumps" }, topics: "plant/#" },
  });
  const refused = await a.asker.get("why", { ...unknown, publisher: "pump" });
  assert.deepEqual([refused.outcome, refused.reason], ["refused", "notAuthorized"]);
  silence(b, a);
  assert.equal(await a.asker.refused("why", { clientId: "panel", topic: "plant/1" }), "failed");
});

test(
  "why knows the turns of a shared subscription that has members on other nodes",
  async (a, b) => {
    for (const { shell } of [a, b]) {
      const member = await shell.desk.connect(`member at ${shell.desk.node!.node}`);
      await member.send(subscribePacket(1, ["$share/g/work/#", { qos: 1 }]));
    }
    const before = JSON.stringify([...a.shell.desk.tables.groups.values()].map(({ turn }) => turn));
    const outcomes = new Set<string>();
    for (const { node } of [a, b]) {
      for (const qos of [0, 1]) {
        const { outcome, reason } = await a.asker.get("why", {
          clientId: `member at ${node}`,
          topic: "work/1",
          qos,
        });
        outcomes.add(`${outcome} ${reason}`);
      }
    }
    for (const outcome of outcomes) assert.match(outcome, /^(sent sent|missed otherMember)$/);
    const after = JSON.stringify([...a.shell.desk.tables.groups.values()].map(({ turn }) => turn));
    assert.equal(after, before); // a rehearsal is nobody's turn
  },
);

test("why tells of what any node has dropped for the client", async (a, b, c) => {
  const panel = await b.shell.desk.keep("panel", 5, {
    properties: { sessionExpiryInterval: 3600, maximumPacketSize: 60 },
  });
  await panel.send(subscribePacket(1, ["plant/#", { qos: 1 }]));
  await c.asker.get("publish", { topic: "plant/1", payload: "x".repeat(100), qos: 1 });
  for (const { asker } of [a, b, c]) {
    const { drops } = await asker.get("why", { clientId: "panel" });
    assert.deepEqual(plain(drops, "topic", "reason", "count"), [[
      "plant/1",
      "tooLargeForClient",
      1,
    ]]);
  }
});

test("trace follows a client from node to node, and ends everywhere", async (a, b, c) => {
  const { id } = await a.asker.get("trace", { clientId: "panel" });
  const flush = async () => {
    for (const { shell } of [a, b, c]) shell.traces.flush();
    await a.shell.desk.turn();
    a.shell.traces.flush();
    await a.shell.desk.turn();
  };
  const lines = (): readonly Row[] =>
    a.asker.caller.packets.flatMap((packet) => {
      if (packet.type !== "publish" || packet.topic !== "reply/to/me") return [];
      const text = new TextDecoder().decode(packet.payload);
      return text.endsWith("\n") ? text.trimEnd().split("\n").map((line) => JSON.parse(line)) : [];
    });
  const seen = (node: string, packet: string) =>
    lines().filter((line) => line["node"] === node && line["packet"] === packet).length;
  const first = await b.shell.desk.keep("panel");
  await first.send(publishPacket("plant/1", "x"));
  await flush();
  assert.equal(seen(b.node, "publish"), 1);
  const second = await c.shell.desk.keep("panel");
  await second.send(publishPacket("plant/2", "x"));
  await flush();
  assert.equal(disconnected(first), 0x8e);
  assert.deepEqual([seen(b.node, "disconnect"), seen(c.node, "publish")], [1, 1]);
  for (const { asker } of [a, b, c]) {
    const { traces } = await asker.get("trace/list", {});
    assert.deepEqual(plain(traces, "id", "node", "clientId"), [[id, a.node, "panel"]]);
  }
  await b.asker.get("trace/stop", { id, node: "a" });
  await flush();
  const count = lines().length;
  assert.equal(lines().at(-1)?.["type"], "end");
  await second.send(publishPacket("plant/3", "x"));
  await flush();
  assert.equal(lines().length, count);
  for (const { shell } of [a, b, c]) assert.equal(shell.traces.watching, false);
});

test(
  "trace ends on all nodes when as many events were told as it was to, and when the asker goes",
  async (a, b) => {
    await a.asker.get("trace", { clientId: "panel", most: 3 });
    const panel = await b.shell.desk.connect("panel");
    for (let i = 0; i < 5; i++) await panel.send(publishPacket(`plant/${i}`, "x"));
    b.shell.traces.flush();
    await a.shell.desk.turn();
    a.shell.traces.flush();
    await a.shell.desk.turn();
    for (const { shell } of [a, b]) assert.equal(shell.traces.watching, false);
    const other = await Asker.connect(a.shell.desk, "admin", "other");
    await other.get("trace", { clientId: "panel" });
    assert.equal(b.shell.traces.watching, true);
    await other.caller.send(disconnectPacket());
    a.shell.traces.flush();
    await a.shell.desk.turn();
    assert.equal(b.shell.traces.watching, false);
  },
);

test("who may not ask one node learns nothing from others", async (a, b) => {
  const asked: string[] = [];
  const { onInstruction } = b.shell.desk;
  b.shell.desk.onInstruction = (text) => {
    asked.push(text);
    onInstruction(text);
  };
  await b.shell.desk.connect("short");
  const eve = await Asker.connect(a.shell.desk, "eve", "eve");
  const topic = "$CONTROL/dunlin/v1/sessions/kick";
  await eve.caller.send(publishPacket(topic, '{"clientId":"short"}', { qos: 1, packetId: 1 }));
  assert.deepEqual(asked, []);
  await a.asker.get("sessions/get", { clientId: "short" });
  assert.equal(asked.length, 1);
});

test(
  "deleteClient of dynamic security ends the user's sessions on all nodes before it is answered",
  async (a, b, c) => {
    const run = async ({ asker }: Seat, ...commands: readonly unknown[]) => {
      const { responses } = await asker.askService(dynamicSecurityTopic, { commands }) as {
        readonly responses: readonly { readonly error?: string }[];
      };
      assert.deepEqual(responses.map(({ error }) => error), commands.map(() => undefined));
    };
    await run(a, { command: "createClient", username: "pumps" });
    const connected = await b.shell.desk.keep("connected", 5, { username: "pumps" });
    await absent(c, a, "gone", "1");
    const answers = () => a.asker.caller.packets.filter(({ type }) => type === "publish").length;
    const before = answers();
    b.model.channel.pause();
    const deleted = run(a, { command: "deleteClient", username: "pumps" });
    await a.shell.desk.turn();
    assert.equal(answers(), before); // the session that b has is there still
    b.model.channel.resume();
    await deleted;
    assert.equal(connected.closed, true);
    for (const { shell } of [a, b, c]) {
      for (const clientId of ["connected", "gone"]) {
        assert.ok(!shell.desk.tables.clients.has(clientId), `${clientId} is left`);
      }
    }
    assert.equal((await a.model.read("gone", 0, 10)).length, 0);
  },
  {
    services: () => {
      const { rules: _, ...service } = dynamicSecurityService; // who may ask is another test's
      return servicesOf([service as Service]);
    },
  },
);
