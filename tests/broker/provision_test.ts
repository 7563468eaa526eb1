/** Sessions that are there before their clients: by a rule of auto-subscribe, and by an event. */

import assert from "node:assert/strict";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { AccessList } from "../../src/policy/access_list.ts";
import { compileAutoSubscribe } from "../../src/policy/auto_subscribe.ts";
import type { AutoSubscribeRule, Provision } from "../../src/policy/auto_subscribe_rule.ts";
import { withAutoSubscribe } from "../../src/policy/rules.ts";
import { allSubscriptions, originOf } from "../../src/session/subscription_map.ts";
import type { Caller } from "./caller.ts";
import type { DeskOptions } from "./desk.ts";
import { Desk } from "./desk.ts";
import { connectPacket, publishPacket, subscribePacket } from "./packets.ts";

const PASSWORD = new Uint8Array(1);

function rule(provision: Provision): AutoSubscribeRule {
  return {
    name: "fleet",
    provision,
    filters: [{ filter: "devices/${clientid}/commands", qos: 1 }],
  };
}

function under(provision: Provision): DeskOptions {
  return { autoSubscribe: compileAutoSubscribe([rule(provision)]) };
}

async function publish(desk: Desk, topic: string, payload: string, retain = false): Promise<void> {
  const other = await desk.connect("publisher-of-tests");
  await other.send(publishPacket(topic, payload, { packetId: 1, retain }));
  assert.match(other.lines()[0]!, /^puback #1( 0x10)?$/);
  await other.hangUp();
}

/** A client comes; what is looked at next begins with its CONNACK. */
async function come(desk: Desk, ...who: Parameters<Desk["keep"]>): Promise<Caller> {
  const caller = await desk.keep(...who);
  caller.rewind();
  return caller;
}

function has(desk: Desk, clientId: string): readonly string[] {
  const client = desk.tables.clients.get(clientId);
  if (client === undefined) return ["no session"];
  return allSubscriptions(client.session.subscriptions).map((each) =>
    `${each.full} q${each.options.qos} by ${originOf(each)}`
  ).sort();
}

for (const version of [3, 4, 5] as const satisfies readonly ProtocolVersion[]) {
  for (const restarts of [false, true]) {
    Deno.test(`Broker.step() keeps what comes for a client that was never here, version ${version}, restart ${restarts}`, async () => {
      await Desk.with(under({ clientIds: ["pump", "*"] }), async (desk) => {
        await publish(desk, "devices/pump/commands", "one");
        await publish(desk, "devices/other/commands", "to nobody");
        if (restarts) await desk.restart(60);
        await publish(desk, "devices/pump/commands", "two");
        const pump = await come(desk, "pump", version);
        assert.equal(pump.connack.sessionPresent, false); // [MQTT-3.2.2-4]: the client has no half
        pump.expect(
          "publish devices/pump/commands q1 #1 one",
          "publish devices/pump/commands q1 #2 two",
        );
        await pump.drink();
        await pump.hangUp();
        const again = await come(desk, "pump", version);
        assert.equal(again.connack.sessionPresent, version !== 3);
        assert.equal(desk.disk.dump().sessions.length, 2);
        assert.deepEqual(has(desk, "other"), ["no session"]);
      });
    });
  }
}

Deno.test("Broker.step() gives a session that was made for a user to that user only, and never by a clean start", async () => {
  await Desk.with(under({ clientIds: ["pump"], user: "ann" }), async (desk) => {
    await publish(desk, "devices/pump/commands", "secret");
    for (const username of [undefined, "eve"]) {
      for (const cleanStart of [false, true]) {
        const thief = await desk.dial(5);
        const password = username === undefined ? undefined : PASSWORD;
        await thief.send(connectPacket("pump", { cleanStart, username, password }));
        thief.expect("connack 0x87");
      }
    }
    const pump = await come(desk, "pump", 5, { username: "ann", password: PASSWORD });
    pump.expect("publish devices/pump/commands q1 #1 secret");
  });
});

Deno.test("Broker.step() gives a session that was made for nobody to the first who is let in, for good", async () => {
  const access = new AccessList([
    { permission: "deny", action: "connect", who: { user: "eve" } },
    { permission: "allow", action: "connect" },
    { permission: "allow" },
  ]);
  await Desk.with({ ...under({ clientIds: ["pump"] }), access }, async (desk) => {
    await publish(desk, "devices/pump/commands", "m");
    const eve = await desk.connect("pump", { username: "eve", password: PASSWORD });
    assert.equal(eve.connack.reasonCode, 0x87);
    const ann = await come(desk, "pump", 5, { username: "ann", password: PASSWORD });
    ann.expect("publish devices/pump/commands q1 #1 m");
    await ann.hangUp();
    await desk.restart();
    const bob = await desk.connect("pump", { username: "bob", password: PASSWORD });
    assert.equal(bob.connack.reasonCode, 0x87);
  });
});

Deno.test("Broker.step() asks the access rules when the client has come: for its subscriptions, and for what waits", async () => {
  const access = new AccessList([
    { permission: "allow", action: "publish" },
    { permission: "allow", who: { user: "ann" }, topics: "devices/${clientid}/#" },
  ]);
  for (
    const [username, lines] of [["ann", ["publish devices/pump/commands q1 #1 m"]], [
      "eve",
      [],
    ]] as const
  ) {
    await Desk.with({ ...under({ clientIds: ["pump"] }), access }, async (desk) => {
      await publish(desk, "devices/pump/commands", "m");
      assert.deepEqual(has(desk, "pump"), ["devices/pump/commands q1 by fleet"]);
      const pump = await come(desk, "pump", 5, { username, password: PASSWORD });
      pump.expect(...lines);
      const is = username === "ann" ? ["devices/pump/commands q1 by fleet"] : [];
      assert.deepEqual(has(desk, "pump"), is);
      assert.deepEqual(desk.drops, username === "ann" ? {} : { notPermitted: 1 });
      await publish(desk, "devices/pump/commands", "n");
      assert.equal(pump.lines().length, lines.length);
    });
  }
});

Deno.test("Broker.step() tells how many messages the first connect drops when it asks for a clean start", async () => {
  await Desk.with(under({ clientIds: ["pump"] }), async (desk) => {
    await publish(desk, "devices/pump/commands", "one");
    await publish(desk, "devices/pump/commands", "two");
    const pump = await come(desk, "pump", 5, { cleanStart: true });
    pump.expect();
    assert.deepEqual(desk.facts.filter(({ type }) => type === "sessionEnded").slice(-1), [{
      type: "sessionEnded",
      clientId: "pump",
      why: "cleanStart",
      messagesDropped: 2,
      awaited: true,
    }]);
    await pump.hangUp();
    const again = await come(desk, "pump", 5, { cleanStart: true });
    again.expect();
    const last = desk.facts.findLast(({ type }) => type === "sessionEnded")!;
    assert.equal("awaited" in last, false);
  });
});

Deno.test("Broker.step() lets a session that nobody comes for expire, and makes it again when the rules change", async () => {
  await Desk.with(under({ clientIds: ["pump"], expiryInterval: 60 }), async (desk) => {
    await publish(desk, "devices/pump/commands", "one");
    await desk.pass(30);
    await desk.restart();
    assert.deepEqual(has(desk, "pump"), ["devices/pump/commands q1 by fleet"]);
    await desk.pass(31);
    assert.deepEqual(has(desk, "pump"), ["no session"]);
    await desk.feed({ type: "rules", rules: desk.rules });
    assert.deepEqual(has(desk, "pump"), ["devices/pump/commands q1 by fleet"]);
  });
});

Deno.test("Broker.step() makes no session of a rule twice, nor one for a client that has one", async () => {
  await Desk.with({}, async (desk) => {
    await desk.keep("here");
    const provision = { clientIds: ["here", "never"], user: undefined };
    const rules = withAutoSubscribe(desk.rules, compileAutoSubscribe([rule(provision)]));
    await desk.feed({ type: "rules", rules });
    await desk.feed({ type: "rules", rules });
    const made = desk.facts.flatMap((fact) => fact.type === "provisioned" ? [fact.clientId] : []);
    assert.deepEqual(made, ["never"]);
    assert.deepEqual(has(desk, "here"), ["devices/here/commands q1 by fleet"]);
    // Without the rule there are no subscriptions of it, and what waits is kept until it expires.
    await desk.feed({ type: "rules", rules: withAutoSubscribe(rules, compileAutoSubscribe([])) });
    assert.deepEqual([has(desk, "here"), has(desk, "never")], [[], []]);
  });
});

Deno.test("Broker.step() makes a bounded number of sessions a turn, and no more than maximumSessions", async () => {
  const clientIds = Array.from({ length: 30 }, (_, at) => `c${at}`);
  const limits = { autoSubscribePerTurn: 4, maximumSessions: 25 };
  await Desk.with({ limits }, async (desk) => {
    const rules = withAutoSubscribe(desk.rules, compileAutoSubscribe([rule({ clientIds })]));
    desk.runtime.feed({ type: "rules", rules });
    assert.equal(desk.tables.clients.size, 4);
    desk.runtime.endTurn();
    await desk.turn();
    assert.equal(desk.tables.clients.size, 25);
    assert.equal(desk.facts.filter(({ type }) => type === "notProvisioned").length, 5);
    assert.equal(desk.tables.walk, undefined);
  });
});

Deno.test("Broker.step() sends retained messages to a provisioned client when it comes", async () => {
  await Desk.with(under({ clientIds: ["pump"] }), async (desk) => {
    await publish(desk, "devices/pump/commands", "kept", true);
    await desk.restart();
    const pump = await come(desk, "pump");
    const lines = pump.lines();
    assert.ok(lines.some((line) => / retain kept$/.test(line)), String(lines));
  });
});

Deno.test("Broker.step() makes a session with subscriptions of its own at the event provision", async () => {
  await Desk.with({}, async (desk) => {
    await publish(desk, "jobs/kept", "retained", true);
    await desk.feed({
      type: "provision",
      clientId: "pump",
      owner: { user: "ann", roles: [] },
      expiryInterval: 600,
      subscriptions: [
        ...subscribePacket(1, ["jobs/#", 1], ["$share/g/work", 1]).subscriptions,
        { ...subscribePacket(1, ["x", 1]).subscriptions[0]!, filter: "bad#" },
      ],
    });
    assert.deepEqual(has(desk, "pump"), ["$share/g/work q1 by client", "jobs/# q1 by client"]);
    await publish(desk, "jobs/1", "one");
    await publish(desk, "work", "shared");
    await desk.restart();
    const pump = await come(desk, "pump", 5, { username: "ann", password: PASSWORD });
    const payloads = (await pump.drink()).map(({ payload }) => new TextDecoder().decode(payload));
    assert.deepEqual(payloads.sort(), ["one", "retained", "shared"]);
    await pump.hangUp();
    const again = await come(desk, "pump", 5, { username: "ann", password: PASSWORD });
    again.expect();
  });
});

Deno.test("Broker.step() leaves a session that is there as it is at the event provision", async () => {
  await Desk.with({}, async (desk) => {
    const pump = await desk.keep("pump");
    await desk.feed({
      type: "provision",
      clientId: "pump",
      owner: { user: "eve", roles: [] },
      expiryInterval: 600,
      subscriptions: subscribePacket(1, ["jobs/#", 1]).subscriptions,
    });
    assert.deepEqual(has(desk, "pump"), []);
    assert.equal(desk.tables.clients.get("pump")!.session.owner.user, undefined);
    await pump.hangUp();
  });
});

Deno.test("Broker.step() puts a provisioned session below the mount point of its listener", async () => {
  await Desk.with({}, async (desk) => {
    const provision = { clientIds: ["pump"], listener: "desk" };
    const listeners = new Map([["desk", { ...desk.rules, mountPoint: "site1/" }]]);
    const rules = withAutoSubscribe(
      { ...desk.rules, listeners },
      compileAutoSubscribe([rule(provision)]),
    );
    await desk.feed({ type: "rules", rules });
    assert.deepEqual(has(desk, "pump"), ["site1/devices/pump/commands q1 by fleet"]);
    await publish(desk, "devices/pump/commands", "m");
    const pump = await come(desk, "pump");
    pump.expect("publish devices/pump/commands q1 #1 m");
  });
});
