/** Traces at the desk: what they tell of, what they never tell, and where they end. */

import assert from "node:assert/strict";
import { encode } from "../../../src/packet/encode.ts";
import { AccessList } from "../../../src/policy/access_list.ts";
import type { AccessRule } from "../../../src/policy/access_rule.ts";
import type { Steps } from "../../../src/server/runtime.ts";
import { Tracing } from "../../../src/server/tracing.ts";
import type { TraceStart } from "../../../src/service/trace/trace_start.ts";
import type { Caller } from "../../broker/caller.ts";
import { acknowledgement, connectPacket, disconnectPacket } from "../../broker/packets.ts";
import type { ControlDeskOptions, Shell } from "../control_desk.ts";
import { Asker, atControlDesk, PREFIX, publishPacket, subscribePacket } from "../control_desk.ts";

// deno-lint-ignore no-explicit-any
type Line = any;

function test(
  name: string,
  work: (shell: Shell) => Promise<void>,
  options: ControlDeskOptions = {},
) {
  Deno.test(name, () => atControlDesk(options, work));
}

/** Begins a trace that is told at `reply/to/me`. */
async function begin(asker: Asker, input: unknown): Promise<number> {
  return (await asker.get("trace", input)).id;
}

/** What has been told to that client so far, at that topic; replies are no lines. */
async function told({ desk, traces }: Shell, caller: Caller, topic = "reply/to/me") {
  traces.flush();
  await desk.turn();
  return caller.packets.flatMap((packet): Line[] => {
    if (packet.type !== "publish" || packet.topic !== topic) return [];
    const text = new TextDecoder().decode(packet.payload);
    return text.endsWith("\n") ? text.trimEnd().split("\n").map((line) => JSON.parse(line)) : [];
  });
}

/** A line in a few words. */
function short(line: Line): string {
  const { type, direction, packet, clientId, topic, fact, qos, packetId, reason } = line;
  const words = type === "packet"
    ? [direction, packet, clientId, topic, qos === undefined ? undefined : `q${qos}`, packetId]
    : type === "fact"
    ? [fact, clientId, topic, reason]
    : [type, clientId, line.change, reason];
  return words.filter((word) => word !== undefined).join(" ");
}

async function shorts(shell: Shell, asker: Asker, without = /^session /): Promise<string[]> {
  return (await told(shell, asker.caller)).map(short).filter((line) => !without.test(line));
}

test("trace tells the life of a client when that is followed, and nothing of others", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  await begin(asker, { clientId: "panel" });
  const pump = await desk.connect("pump");
  const panel = await desk.connect("panel", { username: "ada" });
  await panel.send(subscribePacket(1, ["a/#", 1]));
  await pump.send(publishPacket("a/b", "x", { packetId: 9 }));
  await pump.send(publishPacket("a/0", "x"), publishPacket("a/0", "y"));
  await panel.send(acknowledgement("puback", 1));
  await panel.send(publishPacket("b", "x", { packetId: 2, qos: 2 }));
  await panel.send(acknowledgement("pubrel", 2), { type: "pingreq" });
  await panel.send(disconnectPacket());
  assert.deepEqual(await shorts(shell, asker), [
    "in connect panel",
    "connected panel",
    "out connack panel",
    "in subscribe panel 1",
    "subscribed panel",
    "out suback panel 1",
    "out publish panel a/b q1 1",
    "out publish panel a/0 q0",
    "out publish panel a/0 q0",
    "in puback panel 1",
    "in publish panel b q2 2",
    "out pubrec panel 2",
    "in pubrel panel 2",
    "out pubcomp panel 2",
    "in pingreq panel",
    "out pingresp panel",
    "in disconnect panel",
    "disconnected panel clientDisconnected",
    "sessionEnded panel",
  ]);
});

test("trace tells what changes of a session when its client is followed", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  const panel = await desk.keep("panel", 5, {
    properties: { sessionExpiryInterval: 60, receiveMaximum: 1 },
  });
  const pump = await desk.connect("pump");
  await begin(asker, { clientId: "panel" });
  await panel.send(subscribePacket(1, ["a", 1]));
  await pump.send(publishPacket("a", "1", { packetId: 1 }));
  await pump.send(publishPacket("a", "2", { packetId: 2 }));
  await panel.send(disconnectPacket());
  const states = (await told(shell, asker.caller)).filter(({ type }) => type === "session");
  assert.deepEqual(
    states.map(({ connected, queued, sendQuota = "-", subscriptions }) =>
      `${connected} ${queued} ${sendQuota} ${subscriptions}`
    ),
    ["true 0 1 0", "true 0 1 1", "true 0 0 1", "true 1 0 1", "false 1 - 1"],
  );
});

test("trace tells of each PUBLISH of a topic when that is followed, with who gets it", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  await begin(asker, { topic: "a/+" });
  const pump = await desk.connect("pump");
  for (const clientId of ["one", "two"]) {
    const caller = await desk.connect(clientId, { protocolVersion: clientId === "one" ? 4 : 5 });
    await caller.send(subscribePacket(1, ["#", 1]));
  }
  const away = await desk.keep("away");
  await away.send(subscribePacket(1, ["a/b", 0]));
  await away.send(disconnectPacket());
  await pump.send(publishPacket("b", "x"), publishPacket("a/b/c", "x", { packetId: 1 }));
  await pump.send(publishPacket("a/b", "x", { packetId: 7 }));
  await pump.send(publishPacket("a/c", "x"), publishPacket("a/c", "y"), publishPacket("a/c", "z"));
  const lines = await shorts(shell, asker);
  assert.deepEqual(lines.filter((line) => line.includes("a/b")), [
    "in publish pump a/b q1 7",
    "dropped away a/b absentQoS0",
    "out publish one a/b q1 2",
    "out publish two a/b q1 2",
  ]);
  const runs = lines.filter((line) => line.includes("a/c"));
  assert.equal(runs.filter((line) => line === "in publish pump a/c q0").length, 3);
  assert.equal(runs.filter((line) => line === "out publish one a/c q0").length, 3);
  assert.equal(runs.filter((line) => line === "out publish two a/c q0").length, 3);
  assert.equal(lines.length, 13);
});

test("trace tells of each PUBLISH with the topic when it came among others that are retained", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  await begin(asker, { topic: "a/+" });
  const pump = await desk.connect("pump");
  const retained = ["a/b", "b", "a/c"].map((topic) => publishPacket(topic, "x", { retain: true }));
  await pump.send(...retained);
  assert.deepEqual(await shorts(shell, asker), [
    "in publish pump a/b q0",
    "in publish pump a/c q0",
  ]);
});

test("trace tells of whoever comes from an address when that is followed", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  await begin(asker, { address: "192.0.2.0/24" });
  await desk.connect("elsewhere");
  const peer = { listener: "desk", anonymousAllowed: true };
  const entropy = new Uint8Array(16);
  await desk.feed({
    type: "opened",
    connection: 900,
    peer: { address: "192.0.2.7:1", ...peer },
    entropy,
  });
  await desk.feed({ type: "packet", connection: 900, packet: connectPacket("near") });
  await desk.feed({ type: "closed", connection: 900, reason: "linkLost" });
  assert.deepEqual(await shorts(shell, asker), [
    "link opened",
    "in connect near",
    "connected near",
    "out connack near",
    "disconnected near linkLost",
    "sessionEnded near",
  ]);
});

test("trace names the reason when something is refused, dropped or closed", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  await begin(asker, { clientId: "panel" });
  const panel = await desk.keep("panel", 5, {
    properties: { sessionExpiryInterval: 60, maximumPacketSize: 60 },
  });
  await panel.send(subscribePacket(1, ["a", 1]));
  await panel.send(publishPacket("secret", "x", { packetId: 3 }));
  const pump = await desk.connect("pump");
  await pump.send(publishPacket("a", "x".repeat(100)));
  await panel.send(publishPacket("a/#", "x"));
  const lines = await shorts(shell, asker);
  assert.ok(lines.includes("refused panel secret notAuthorized"), lines.join("\n"));
  assert.ok(lines.includes("dropped panel a tooLargeForClient"));
  assert.ok(lines.includes("disconnected panel malformedPacket"), lines.join("\n"));
}, {
  access: new AccessList([
    { permission: "deny", topics: "secret", name: "secrets" },
    { permission: "allow" },
  ]),
});

/** Everything of a trace as one text. */
async function text(shell: Shell, asker: Asker): Promise<string> {
  return JSON.stringify(await told(shell, asker.caller));
}

test("trace shows no password and no payload when it was not asked for payloads", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  await begin(asker, { clientId: "panel" });
  const password = new TextEncoder().encode("hunter2");
  const properties = { authenticationMethod: "none", authenticationData: password };
  const panel = await desk.connect("panel", { username: "ada", password });
  await panel.send(subscribePacket(1, ["a", 1]));
  await panel.send(publishPacket("a", "sesame-open", { packetId: 1 }));
  await desk.connect("panel", { username: "ada", properties });
  const all = await text(shell, asker);
  assert.match(all, /"password":true/);
  for (const secret of ["hunter2", "sesame", btoa("hunter2"), btoa("sesame-open")]) {
    assert.ok(!all.includes(secret), secret);
  }
});

test("trace shows the beginning of payloads when it was asked for, but none of requests to services", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  await begin(asker, { topic: "#", payload: 6 });
  await begin(asker, { clientId: "panel", payload: 6 });
  const panel = await desk.connect("panel", { username: "admin" });
  await panel.send(publishPacket("a", "sesame-open"));
  await panel.send(publishPacket("b", Uint8Array.of(0xff, 0xfe)));
  await panel.send(publishPacket(`${PREFIX}/health`, '{"secret":1}'));
  const lines = await told(shell, asker.caller);
  const published = lines.filter(({ packet }) => packet === "publish");
  assert.deepEqual(published.filter(({ topic }) => topic === "a").map(({ payload }) => payload), [
    "sesame",
    "sesame",
  ]);
  assert.equal(published.find(({ topic }) => topic === "b").payloadBase64, "//4=");
  const request = published.find(({ topic }) => topic.startsWith("$CONTROL"));
  assert.equal(request.payloadBytes, 12);
  assert.equal(request.payload, undefined);
});

const support: readonly AccessRule[] = [
  { permission: "allow", who: { user: "support" }, topics: "$CONTROL/dunlin/v1/trace" },
  { permission: "allow", who: { user: "chief" }, topics: "$CONTROL/dunlin/v1/trace/#" },
  { permission: "allow", topics: "#" },
];

test(
  "trace is a matter of the rules of access, and payloads are one of their own",
  async ({ desk }) => {
    const helper = await Asker.connect(desk, "support");
    assert.equal((await helper.ask("trace", { clientId: "panel" })).ok, true);
    assert.equal(await helper.refused("trace", { clientId: "panel", payload: 1 }), "notPermitted");
    const chief = await Asker.connect(desk, "chief");
    assert.equal((await chief.ask("trace", { clientId: "panel", payload: 1 })).ok, true);
    const other = await desk.connect("other", { username: "other" });
    await other.send(publishPacket(`${PREFIX}/trace`, '{"topic":"#"}', { packetId: 1 }));
    const puback = other.packets.find((packet) => packet.type === "puback");
    assert.equal(puback?.type === "puback" && puback.reasonCode, 0x87);
  },
  { access: new AccessList(support) },
);

test("trace tells nothing more when its asker may not ask for it any more", async (shell) => {
  const { desk } = shell;
  const helper = await Asker.connect(desk, "support");
  await begin(helper, { topic: "#" });
  const pump = await desk.connect("pump");
  await pump.send(publishPacket("a", "x"));
  assert.equal((await told(shell, helper.caller)).length, 1);
  await pump.send(publishPacket("a", "y"));
  desk.control!.reconfigure({ ...desk.rules, access: new AccessList(support.slice(1)) });
  const [, last, ...more] = await told(shell, helper.caller);
  assert.equal(`${last.type} ${last.reason}`, "end notPermitted");
  assert.deepEqual(more, []);
  assert.deepEqual(shell.traces.running, []);
}, { access: new AccessList(support) });

test("trace is told at its own topic when there is no Response Topic, to who subscribes to that", async (shell) => {
  const { desk } = shell;
  const admin = await desk.connect("a", { username: "admin", protocolVersion: 4 });
  const other = await desk.connect("b", { username: "admin" });
  for (const caller of [admin, other]) await caller.send(subscribePacket(1, [`${PREFIX}/#`, 0]));
  await admin.send(publishPacket(`${PREFIX}/trace`, '{"clientId":"panel"}'));
  await desk.connect("panel");
  const lines = await told(shell, admin, `${PREFIX}/trace/1`);
  assert.equal(short(lines[0]), "in connect panel");
  assert.equal((await told(shell, other, `${PREFIX}/trace/1`)).length, 0);
});

test("trace tells nothing of what traces tell when askers are followed", async (shell) => {
  const { desk } = shell;
  const one = await Asker.connect(desk);
  const two = await Asker.connect(desk, "admin2");
  await begin(one, { clientId: "~asker of admin2" });
  await begin(two, { clientId: "~asker of admin" });
  await begin(one, { topic: "#" });
  for (let i = 0; i < 5; i++) await told(shell, one.caller);
  const before = one.caller.packets.length + two.caller.packets.length;
  for (let i = 0; i < 5; i++) await told(shell, one.caller);
  assert.equal(one.caller.packets.length + two.caller.packets.length, before);
}, { administrators: [{ user: "admin*" }] });

test("trace ends when it has told as many events as it was to, and says so", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  await begin(asker, { topic: "a", most: 3 });
  const pump = await desk.connect("pump");
  for (let i = 0; i < 5; i++) await pump.send(publishPacket("a", "x"));
  const lines = await told(shell, asker.caller);
  assert.equal(lines.length, 4);
  assert.equal(lines[3].type, "end");
  assert.equal(lines[3].reason, "events");
  assert.equal(lines[3].events, 3);
  assert.deepEqual((await asker.get("trace/list")).traces, []);
});

test("trace counts what is above its rate, and tells how many", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  const id = await begin(asker, { topic: "a" });
  for (let i = 0; i < 4; i++) {
    const caller = await desk.connect(`c${i}`);
    await caller.send(subscribePacket(1, ["a", 0]));
  }
  const pump = await desk.connect("pump");
  for (let i = 0; i < 5; i++) await pump.send(publishPacket("a", "x"));
  const lines = await told(shell, asker.caller);
  const packets = lines.filter(({ type }) => type === "packet");
  const omitted = lines.filter(({ type }) => type === "omitted");
  assert.equal(packets.length, 7);
  assert.equal(omitted.reduce((sum, { count }) => sum + count, 0), 18); // 5 in, 20 out
  await desk.pass(1);
  await pump.send(publishPacket("a", "x"));
  const more = await told(shell, asker.caller);
  assert.equal(more.filter(({ type }) => type === "packet").length, 12);
  const stopped = await asker.get("trace/stop", { id });
  assert.deepEqual(stopped, { id, events: 12, omitted: 18 });
}, { limits: { traceEventsPerSecond: 7 } });

test("trace counts what its asker does not take, and holds nothing for it", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  const { caller } = asker;
  await caller.send(subscribePacket(1, ["fill", 0]));
  await begin(asker, { topic: "a" });
  const pump = await desk.connect("pump");
  await caller.stall(true);
  for (let i = 0; i < 3; i++) await pump.send(publishPacket("fill", "x".repeat(1_500)));
  await pump.send(publishPacket("a", "x"));
  shell.traces.flush();
  await caller.stall(false);
  await pump.send(publishPacket("a", "x"));
  const lines = await told(shell, caller);
  assert.deepEqual(lines.map(({ type, count }) => [type, count]), [["packet", undefined], [
    "omitted",
    1,
  ]]);
}, { limits: { outboxCongested: 2_000, outboxDrained: 500, outboxMaximum: 50_000 } });

test("trace/stop ends a trace and tells its asker; trace/list has it until then", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  const other = await Asker.connect(desk, "admin2");
  const id = await begin(asker, { clientId: "panel", seconds: 7 });
  const [listed] = (await other.get("trace/list")).traces;
  assert.equal(listed.id, id);
  assert.equal(listed.clientId, "panel");
  assert.equal(listed.by, "~asker of admin");
  assert.equal(listed.until - listed.begun, 7_000);
  assert.equal((await other.ask("trace/stop", { id, dryRun: true })).ok, true);
  assert.equal((await other.get("trace/list")).traces.length, 1);
  await other.get("trace/stop", { id });
  assert.equal((await told(shell, asker.caller)).at(-1).reason, "stopped");
  assert.equal(await other.refused("trace/stop", { id }), "notFound");
}, { administrators: [{ user: "admin*" }] });

test("trace ends when its asker disconnects, and nothing stands in front of the broker then", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  await begin(asker, { clientId: "panel" });
  await asker.caller.send(disconnectPacket());
  shell.traces.flush();
  assert.deepEqual(shell.traces.running, []);
  const again = await Asker.connect(desk);
  assert.deepEqual((await again.get("trace/list")).traces, []);
  assert.equal(await begin(again, { clientId: "panel" }), 2);
});

const refused: readonly (readonly [unknown, string])[] = [
  [{}, "badRequest"],
  [{ clientId: "a", topic: "b" }, "badRequest"],
  [{ topic: "a/#/b" }, "badRequest"],
  [{ topic: "$share/g/a" }, "badRequest"],
  [{ address: "10.0.0.0/40" }, "badRequest"],
  [{ clientId: "a", seconds: 4_000 }, "limit"],
  [{ clientId: "a", most: 1_000_000 }, "limit"],
  [{ clientId: "a", payload: 2_000 }, "limit"],
];
for (const [input, reason] of refused) {
  test(`trace is refused with ${reason} when it is asked ${JSON.stringify(input)}`, async ({ desk }) => {
    const asker = await Asker.connect(desk);
    assert.equal(await asker.refused("trace", input), reason);
    assert.deepEqual((await asker.get("trace/list")).traces, []);
  });
}

test(
  "trace is refused with limit when as many run as may, and nothing begins with dryRun",
  async ({ desk }) => {
    const asker = await Asker.connect(desk);
    const dry = await asker.ask("trace", { clientId: "a", dryRun: true });
    assert.equal(dry.data.id, null);
    await begin(asker, { clientId: "a" });
    await begin(asker, { clientId: "b" });
    assert.equal(await asker.refused("trace", { clientId: "c" }), "limit");
  },
  { limits: { traces: 2 } },
);

const START: TraceStart = {
  id: 1,
  followed: { topic: "#" },
  seconds: 60,
  most: 10,
  payload: 0,
  topic: "t",
  needs: [],
  sender: { connection: 1, responseTopic: undefined, correlationData: undefined },
  by: { user: undefined, clientId: "" },
};

test("trace tells what leaves a queue when a message by itself came between runs", async (shell) => {
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  const panel = await desk.keep("panel");
  await panel.send(subscribePacket(1, ["a", 1]));
  await panel.hangUp();
  const pump = await desk.connect("pump");
  const frames = [1, 2, 3, 4, 5].map((packetId) =>
    encode(publishPacket("a", "x", { packetId }), 5).slice()
  );
  for (const [from, to] of [[0, 2], [2, 3], [3, 5]]) {
    await pump.sendFrames(...frames.slice(from, to));
  }
  await begin(asker, { clientId: "panel" });
  await desk.keep("panel");
  assert.deepEqual(
    (await shorts(shell, asker)).filter((line) => line.startsWith("out publish")),
    [1, 2, 3, 4, 5].map((packetId) => `out publish panel a q1 ${packetId}`),
  );
  assert.equal(shell.traces.running.length, 1);
});

test("Tracing stands in front of the broker only as long as a trace runs", ({ desk }) => {
  const watched: (Steps | undefined)[] = [];
  const tracing = new Tracing({
    broker: desk.broker,
    watch: (steps) => watched.push(steps),
    feed() {},
    endTurn() {},
    now: () => desk.now,
    broken() {},
  });
  tracing.take({ type: "trace", start: START });
  tracing.take({ type: "trace", start: { ...START, id: 2 } });
  assert.equal(watched.length, 1);
  tracing.take({ type: "stopTrace", id: 1 });
  assert.equal(watched.length, 1);
  tracing.take({ type: "stopTrace", id: 2 });
  assert.deepEqual(watched.slice(1), [undefined]);
  tracing.stop();
  return Promise.resolve();
});

test("Tracing ends a trace that has a defect, and the broker goes on", ({ desk }) => {
  const defects: unknown[] = [];
  let steps: Steps | undefined;
  let stepped = 0;
  const tracing = new Tracing({
    broker: {
      snapshot: () => desk.tables,
      step: () => {
        stepped += 1;
        return [{
          type: "deliver",
          to: [1],
          frame: { bytes: Uint8Array.of(0x30), packetIdAt: -1 },
        }];
      },
    },
    watch: (now) => steps = now,
    feed() {},
    endTurn() {},
    now: () => desk.now,
    broken: (error) => defects.push(error),
  });
  tracing.take({ type: "trace", start: START });
  for (let i = 0; i < 3; i++) assert.equal(steps!.step({ type: "tick" }, desk.now).length, 1);
  assert.equal(defects.length, 1);
  assert.equal(stepped, 3);
  tracing.flush();
  assert.equal(steps, undefined);
  tracing.stop();
  return Promise.resolve();
});
