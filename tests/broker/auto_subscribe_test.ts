/** What rules of auto-subscribe do to clients: none of these subscribes, but where it says so. */

import assert from "node:assert/strict";
import type { Authenticator } from "../../src/authentication/authenticator.ts";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { AccessList } from "../../src/policy/access_list.ts";
import { compileAutoSubscribe } from "../../src/policy/auto_subscribe.ts";
import type { AutoSubscribeRule } from "../../src/policy/auto_subscribe_rule.ts";
import { defaultLimits } from "../../src/policy/limits.ts";
import { withAutoSubscribe } from "../../src/policy/rules.ts";
import { allSubscriptions, originOf } from "../../src/session/subscription_map.ts";
import type { Caller } from "./caller.ts";
import type { DeskOptions } from "./desk.ts";
import { Desk } from "./desk.ts";
import { disconnectPacket, publishPacket, subscribePacket, unsubscribePacket } from "./packets.ts";

const VERSIONS = [3, 4, 5] as const satisfies readonly ProtocolVersion[];

const COMMANDS: AutoSubscribeRule = {
  name: "commands",
  filters: [{ filter: "devices/${clientid}/commands", qos: 1 }],
};

function under(...rules: readonly AutoSubscribeRule[]): DeskOptions {
  return { autoSubscribe: compileAutoSubscribe(rules) };
}

/** The rules are these from now on, at the next start too. */
async function change(desk: Desk, ...rules: readonly AutoSubscribeRule[]): Promise<void> {
  set(desk, ...rules);
  await desk.feed({ type: "rules", rules: desk.rules });
}

/** The rules are these at the next start. */
function set(desk: Desk, ...rules: readonly AutoSubscribeRule[]): void {
  const changed = withAutoSubscribe(desk.rules, compileAutoSubscribe(rules));
  Object.assign(desk, { rules: changed });
}

/** What the session has: full filter, QoS and origin of each. */
function has(desk: Desk, clientId: string): readonly string[] {
  const client = desk.tables.clients.get(clientId);
  if (client === undefined) return ["no session"];
  return allSubscriptions(client.session.subscriptions).map((each) =>
    `${each.full} q${each.options.qos} by ${originOf(each)}`
  ).sort();
}

/** What the disk has of it. */
function kept(desk: Desk, clientId: string): readonly string[] {
  const session = desk.disk.dump().sessions.find((each) => each.clientId === clientId);
  return (session?.subscriptions ?? []).map((each) =>
    `${each.full} q${each.options.qos} by ${originOf(each)}`
  );
}

/** A client comes; what is looked at next begins behind its CONNACK. */
async function back(desk: Desk, ...who: Parameters<Desk["keep"]>): Promise<Caller> {
  const caller = await desk.keep(...who);
  caller.rewind();
  return caller;
}

async function publish(desk: Desk, topic: string, payload: string, retain = false): Promise<void> {
  const other = await desk.connect("publisher-of-tests");
  await other.send(publishPacket(topic, payload, { packetId: 1, retain }));
  assert.match(other.lines()[0]!, /^puback #1( 0x10)?$/);
  await other.hangUp();
}

for (const version of VERSIONS) {
  Deno.test(`Broker.step() has a rule's subscription in force before CONNACK is sent, version ${version}`, async () => {
    await Desk.with(under(COMMANDS), async (desk) => {
      const publisher = await desk.connect("publisher");
      desk.hold(true);
      const device = await desk.keep("pump", version);
      assert.deepEqual(device.lines(), []); // CONNACK waits for session and subscription
      assert.deepEqual(has(desk, "pump"), ["devices/pump/commands q1 by commands"]);
      await publisher.send(publishPacket("devices/pump/commands", "early", { packetId: 1 }));
      await desk.letGo();
      assert.deepEqual(kept(desk, "pump"), ["devices/pump/commands q1 by commands"]);
      await publisher.send(publishPacket("devices/pump/commands", "late"));
      device.expect(
        "connack 0",
        "publish devices/pump/commands q1 #1 early",
        "publish devices/pump/commands q0 late",
      );
    });
  });

  Deno.test(`Broker.step() leaves a rule's subscription with a session that resumes, once, version ${version}`, async () => {
    await Desk.with(under(COMMANDS), async (desk) => {
      const device = await desk.keep("pump", version);
      await device.hangUp();
      await publish(desk, "devices/pump/commands", "while away");
      await desk.restart();
      const again = await back(desk, "pump", version);
      again.expect("publish devices/pump/commands q1 #1 while away");
      await publish(desk, "devices/pump/commands", "now");
      again.expect("publish devices/pump/commands q1 #2 now");
      assert.deepEqual(has(desk, "pump"), ["devices/pump/commands q1 by commands"]);
    });
  });

  /** [Retain Handling, what comes at the first connect, and at the next one] */
  const handlings: readonly (readonly [0 | 1 | 2, string[], string[]])[] = [
    [0, ["publish state q1 #1 retain on"], ["publish state q1 #1 retain on"]],
    [1, ["publish state q1 #1 retain on"], []],
    [2, [], []],
  ];
  for (const [retainHandling, first, next] of handlings) {
    Deno.test(`Broker.step() sends retained messages for a rule with Retain Handling ${retainHandling} after CONNACK, version ${version}`, async () => {
      const rule = {
        name: "state",
        filters: [{ filter: "state", qos: 1 as const, retainHandling }],
      };
      await Desk.with(under(rule), async (desk) => {
        await publish(desk, "state", "on", true);
        const device = await desk.keep("pump", version);
        device.rewind();
        assert.equal((await device.drink()).length, first.length);
        device.rewind();
        assert.deepEqual(device.lines().filter((line) => line.startsWith("publish")), first);
        await device.hangUp();
        const again = await back(desk, "pump", version);
        assert.deepEqual(again.lines(), next);
      });
    });
  }

  Deno.test(`Broker.step() takes a rule's subscription away at an UNSUBSCRIBE until the next clean start, version ${version}`, async () => {
    await Desk.with(under(COMMANDS), async (desk) => {
      const device = await desk.keep("pump", version);
      await device.send(unsubscribePacket(7, "devices/pump/commands"));
      assert.match(device.lines()[0]!, /^unsuback #7( 0)?$/);
      assert.deepEqual(has(desk, "pump"), []);
      await device.hangUp();
      await desk.keep("pump", version).then((again) => again.hangUp());
      assert.deepEqual(has(desk, "pump"), []);
      await change(desk, { ...COMMANDS, filters: ["devices/${clientid}/commands", "all"] });
      assert.deepEqual(has(desk, "pump"), ["all q0 by commands"]);
      await desk.restart();
      await desk.keep("pump", version).then((again) => again.hangUp());
      assert.deepEqual(has(desk, "pump"), ["all q0 by commands"]);
      await desk.keep("pump", version, { cleanStart: true }).then((again) => again.hangUp());
      const fresh = await desk.keep("pump", version, { cleanStart: version === 5 });
      assert.equal(fresh.closed, false);
      assert.deepEqual(has(desk, "pump"), [
        "all q0 by commands",
        "devices/pump/commands q0 by commands",
      ]);
    });
  });

  Deno.test(`Broker.step() leaves the subscription of a pinned rule in force at an UNSUBSCRIBE, version ${version}`, async () => {
    await Desk.with(under({ ...COMMANDS, pinned: true }), async (desk) => {
      const device = await desk.keep("pump", version);
      await device.send(unsubscribePacket(7, "devices/pump/commands"));
      device.expect(version === 5 ? "unsuback #7 0x87" : "unsuback #7");
      assert.deepEqual(has(desk, "pump"), ["devices/pump/commands q1 by commands"]);
      const refusal = desk.facts.find(({ type }) => type === "refused");
      assert.deepEqual(refusal, {
        type: "refused",
        clientId: "pump",
        action: "unsubscribe",
        topic: "devices/pump/commands",
        reasonCode: 0x87,
        detail: 'pinned by autoSubscribe "commands"',
      });
    });
  });

  for (const pinned of [true, false]) {
    Deno.test(`Broker.step() lets the client's own SUBSCRIBE win over a rule and restores the rule's at its UNSUBSCRIBE, version ${version}, pinned ${pinned}`, async () => {
      await Desk.with(under({ ...COMMANDS, pinned }), async (desk) => {
        const device = await desk.keep("pump", version);
        await device.send(subscribePacket(1, ["devices/pump/commands", 2]));
        device.expect("suback #1 2");
        assert.deepEqual(has(desk, "pump"), ["devices/pump/commands q2 by client"]);
        await device.hangUp();
        await desk.restart();
        const again = await desk.keep("pump", version);
        assert.deepEqual(has(desk, "pump"), ["devices/pump/commands q2 by client"]);
        await change(desk, { ...COMMANDS, pinned, filters: ["devices/${clientid}/commands"] });
        assert.deepEqual(has(desk, "pump"), ["devices/pump/commands q2 by client"]);
        await again.send(unsubscribePacket(2, "devices/pump/commands"));
        assert.match(again.lines()[0]!, /^unsuback #2( 0)?$/);
        assert.deepEqual(has(desk, "pump"), ["devices/pump/commands q0 by commands"]);
        assert.deepEqual(kept(desk, "pump"), ["devices/pump/commands q0 by commands"]);
        await publish(desk, "devices/pump/commands", "one");
        again.expect("publish devices/pump/commands q0 one");
      });
    });
  }
}

Deno.test("Broker.step() subscribes a client that unsubscribes from what it had subscribed to again, once it subscribes itself", async () => {
  await Desk.with(under(COMMANDS), async (desk) => {
    const device = await desk.keep("pump");
    await device.send(unsubscribePacket(1, "devices/pump/commands"));
    await device.send(subscribePacket(2, ["devices/pump/commands", 0]));
    await device.send(unsubscribePacket(3, "devices/pump/commands"));
    assert.deepEqual(has(desk, "pump"), ["devices/pump/commands q1 by commands"]);
    await device.send(unsubscribePacket(4, "devices/pump/commands"));
    assert.deepEqual(has(desk, "pump"), []);
    await device.send(unsubscribePacket(5, "devices/pump/commands"));
    device.expect(
      "unsuback #1 0",
      "suback #2 0",
      "unsuback #3 0",
      "unsuback #4 0",
      "unsuback #5 0x11",
    );
    assert.deepEqual(kept(desk, "pump"), ["devices/pump/commands q1 by unsubscribed"]);
  });
});

Deno.test("Broker.step() leaves nothing behind when one UNSUBSCRIBE names twice what a rule gives as well", async () => {
  for (const filter of ["devices/${clientid}/commands", "$share/g/devices/${clientid}/commands"]) {
    const name = filter.replace("${clientid}", "pump");
    await Desk.with(under({ ...COMMANDS, filters: [{ filter, qos: 1 }] }), async (desk) => {
      const device = await desk.keep("pump");
      await device.send(subscribePacket(1, [name, 2]), unsubscribePacket(2, name, name));
      device.expect("suback #1 2", "unsuback #2 0 0");
      assert.deepEqual(has(desk, "pump"), []);
      assert.deepEqual(kept(desk, "pump"), [`${name} q1 by unsubscribed`]);
      await publish(desk, "devices/pump/commands", "one");
      device.expect();
      assert.equal(desk.tables.tree.match("devices/pump/commands").targets.length, 0);
      assert.equal(desk.tables.groups.size, 0);
    });
  }
});

Deno.test("Broker.step() skips a filter that the client may not subscribe to, and tells why", async () => {
  const access = new AccessList([
    { permission: "deny", action: "subscribe", topics: "secret/#" },
    { permission: "allow" },
  ]);
  const rule = { name: "both", filters: ["secret/${clientid}", "open/${clientid}"] };
  await Desk.with({ ...under(rule), access }, async (desk) => {
    await desk.connect("pump");
    assert.deepEqual(has(desk, "pump"), ["open/pump q0 by both"]);
    assert.deepEqual(desk.facts.filter(({ type }) => type === "autoSubscribeSkipped"), [{
      type: "autoSubscribeSkipped",
      clientId: "pump",
      rule: "both",
      filter: "secret/${clientid}",
      why: "notPermitted",
      detail: "access[0]",
    }]);
    // Rights that come later are used at once, and those that go are lost at once.
    Object.assign(desk, { rules: { ...desk.rules, access: new AccessList([]) } });
    await desk.feed({ type: "rules", rules: desk.rules });
    assert.deepEqual(has(desk, "pump"), ["open/pump q0 by both", "secret/pump q0 by both"]);
    await desk.feed({ type: "rules", rules: { ...desk.rules, access } });
    assert.deepEqual(has(desk, "pump"), ["open/pump q0 by both"]);
  });
});

Deno.test("Broker.step() skips a filter whose placeholder has no value, or one that would widen it", async () => {
  const rule = { name: "r", filters: ["users/${username}", "clients/${clientid}/x", "all"] };
  await Desk.with(under(rule), async (desk) => {
    await desk.connect("#");
    assert.deepEqual(has(desk, "#"), ["all q0 by r"]);
    const skipped = desk.facts.flatMap((fact) =>
      fact.type === "autoSubscribeSkipped" ? [`${fact.filter}: ${fact.why}`] : []
    );
    assert.deepEqual(skipped, [
      "users/${username}: noValue",
      "clients/${clientid}/x: unusableValue",
    ]);
    await desk.connect("pump", { username: "ann", password: new Uint8Array(1) });
    assert.deepEqual(has(desk, "pump"), [
      "all q0 by r",
      "clients/pump/x q0 by r",
      "users/ann q0 by r",
    ]);
  });
});

Deno.test("Broker.step() gives options, identifiers and shares of a rule as a SUBSCRIBE does", async () => {
  const rule: AutoSubscribeRule = {
    name: "r",
    filters: [
      { filter: "a/#", qos: 1, noLocal: true, retainAsPublished: true, subscriptionIdentifier: 9 },
      { filter: "$share/g/jobs", qos: 1 },
    ],
  };
  await Desk.with(under(rule), async (desk) => {
    const one = await desk.connect("one");
    const two = await desk.connect("two");
    await one.send(publishPacket("a/b", "own", { packetId: 1, retain: true }));
    assert.deepEqual(one.lines(), ["puback #1"]);
    const [packet] = two.publishes();
    assert.deepEqual([packet?.retain, packet?.properties?.subscriptionIdentifiers], [true, [9]]);
    for (const job of ["1", "2", "3", "4"]) await publish(desk, "jobs", job);
    const [mine, others] = [one.publishes().length, two.publishes().length];
    assert.deepEqual([mine + others, mine > 0, others > 0], [4, true, true]);
  });
});

Deno.test("Broker.step() follows a rule that is added, changed and removed, connected and stored alike", async () => {
  await Desk.with({}, async (desk) => {
    const here = await desk.keep("here");
    const away = await desk.keep("away");
    await away.hangUp();
    await change(desk, { name: "a", filters: [{ filter: "t/${clientid}", qos: 1 }, "gone"] });
    for (const id of ["here", "away"]) {
      assert.deepEqual(has(desk, id), ["gone q0 by a", `t/${id} q1 by a`]);
      assert.deepEqual(kept(desk, id), ["gone q0 by a", `t/${id} q1 by a`]);
      await publish(desk, `t/${id}`, "m");
    }
    here.expect("publish t/here q1 #1 m");
    await change(desk, { name: "b", filters: [{ filter: "t/${clientid}", qos: 2 }] });
    for (const id of ["here", "away"]) {
      assert.deepEqual(has(desk, id), [`t/${id} q2 by b`]);
      assert.deepEqual(kept(desk, id), [`t/${id} q2 by b`]);
    }
    await change(desk);
    for (const id of ["here", "away"]) {
      assert.deepEqual([has(desk, id), kept(desk, id)], [[], []]);
      await publish(desk, `t/${id}`, "to nobody");
    }
    here.expect();
    (await back(desk, "away")).expect("publish t/away q1 #1 m");
  });
});

Deno.test("Broker.step() goes along all sessions a bounded number a turn when the rules change, and again when they change meanwhile", async () => {
  const limits = { autoSubscribePerTurn: 3 };
  await Desk.with({ limits }, async (desk) => {
    const ids = Array.from({ length: 20 }, (_, at) => `c${at}`);
    for (const id of ids) await (await desk.keep(id)).hangUp();
    const done = () => ids.filter((id) => has(desk, id).length > 0).length;
    desk.hold(true);
    set(desk, { name: "a", filters: ["t/a"] });
    desk.runtime.feed({ type: "rules", rules: desk.rules });
    assert.equal(done(), 3);
    desk.runtime.feed({ type: "tick" });
    assert.equal(done(), 6);
    set(desk, { name: "b", filters: ["t/b"] });
    desk.runtime.feed({ type: "rules", rules: desk.rules });
    assert.deepEqual(has(desk, "c6"), ["t/b q0 by b"]); // it goes on from where it was
    await desk.letGo();
    desk.runtime.endTurn();
    await desk.turn();
    for (const id of ids) assert.deepEqual(has(desk, id), ["t/b q0 by b"]);
    for (const id of ids) assert.deepEqual(kept(desk, id), ["t/b q0 by b"]);
    assert.equal(desk.tables.walk, undefined);
  });
});

Deno.test("Broker.step() waits for the store before it goes on along the sessions", async () => {
  const limits = { autoSubscribePerTurn: 100, pendingWrites: 4 };
  await Desk.with({ limits }, async (desk) => {
    const ids = Array.from({ length: 20 }, (_, at) => `c${at}`);
    for (const id of ids) await (await desk.keep(id)).hangUp();
    desk.hold(true);
    await change(desk, COMMANDS);
    assert.equal(ids.filter((id) => has(desk, id).length > 0).length, 4);
    assert.equal(desk.nextIn !== 0, true); // nor does it ask to be woken at once
    await desk.letGo();
    assert.equal(ids.filter((id) => has(desk, id).length > 0).length, 20);
  });
});

Deno.test("Broker.step() follows rules that are others after a start", async () => {
  await Desk.with(under(COMMANDS), async (desk) => {
    for (const id of ["a", "b"]) await (await desk.keep(id)).hangUp();
    set(desk, { name: "new", filters: [{ filter: "new/${clientid}", qos: 1 }] });
    await desk.restart();
    assert.deepEqual([has(desk, "a"), kept(desk, "b")], [["new/a q1 by new"], ["new/b q1 by new"]]);
    set(desk);
    await desk.restart();
    assert.deepEqual([has(desk, "a"), kept(desk, "b")], [[], []]);
    assert.equal(desk.tables.walk, undefined);
  });
});

Deno.test("Broker.step() sends retained messages of a rule that came while the client was away at its next connect", async () => {
  await Desk.with({}, async (desk) => {
    await publish(desk, "state", "on", true);
    await (await desk.keep("pump")).hangUp();
    await change(desk, { name: "s", filters: [{ filter: "state", qos: 1 }] });
    await desk.restart();
    const pump = await back(desk, "pump");
    pump.expect("publish state q1 #1 retain on");
    await pump.hangUp();
    const again = await back(desk, "pump");
    again.expect("publish state q1 #1 dup retain on"); // sent again, and no second time
  });
});

Deno.test("Broker.step() sends retained messages at once to a client that is here when a rule comes", async () => {
  for (const version of VERSIONS) {
    await Desk.with({}, async (desk) => {
      await publish(desk, "state", "on", true);
      const pump = await desk.keep("pump", version);
      await change(desk, { name: "s", filters: ["state"] });
      pump.expect("publish state q0 retain on");
      await change(desk, { name: "another", filters: ["state"] });
      pump.expect(); // the same subscription of another name
    });
  }
});

/** Lets everybody in with the roles that its user name lists. */
const byRoles: Authenticator = {
  verify: ({ username = "" }) => {
    return { type: "accepted", identity: { user: "u", roles: username.split(" ") } };
  },
};

Deno.test("Broker.step() follows the roles that a client has when it comes back", async () => {
  const rule = {
    name: "lines",
    who: { role: "line-{line}" },
    filters: [{ filter: "lines/${line}", qos: 1 as const }],
  };
  await Desk.with({ ...under(rule), authenticator: byRoles }, async (desk) => {
    const password = new Uint8Array(1);
    await (await desk.keep("pump", 5, { username: "line-1 line-2 x", password })).hangUp();
    assert.deepEqual(has(desk, "pump"), ["lines/1 q1 by lines", "lines/2 q1 by lines"]);
    await (await desk.keep("pump", 5, { username: "line-2 line-3", password })).hangUp();
    assert.deepEqual(has(desk, "pump"), ["lines/2 q1 by lines", "lines/3 q1 by lines"]);
    await (await desk.keep("pump", 5, { username: "x", password })).hangUp();
    assert.deepEqual(has(desk, "pump"), []);
  });
});

Deno.test("Broker.step() subscribes below the mount point of the client's listener", async () => {
  await Desk.with(under(COMMANDS), async (desk) => {
    const listeners = new Map([["desk", { ...desk.rules, mountPoint: "site1/" }]]);
    Object.assign(desk, { rules: { ...desk.rules, listeners } });
    await desk.feed({ type: "rules", rules: desk.rules });
    const pump = await desk.keep("pump");
    assert.deepEqual(has(desk, "pump"), ["site1/devices/pump/commands q1 by commands"]);
    await pump.send(publishPacket("devices/pump/commands", "m"));
    pump.expect("publish devices/pump/commands q0 m");
    await pump.send(unsubscribePacket(1, "devices/pump/commands"));
    assert.deepEqual(has(desk, "pump"), []);
  });
});

Deno.test("Broker.step() counts a rule's subscriptions among those of a session, and makes them all the same", async () => {
  const limits = { subscriptionsPerSession: 1 };
  await Desk.with({ ...under({ name: "r", filters: ["a", "b"] }), limits }, async (desk) => {
    const pump = await desk.connect("pump");
    assert.deepEqual(has(desk, "pump"), ["a q0 by r", "b q0 by r"]);
    await pump.send(subscribePacket(1, ["c", 0], ["a", 1]));
    pump.expect("suback #1 0x97 1");
  });
});

Deno.test("Broker.step() remembers no more filters that a client has unsubscribed from than rules may give", async () => {
  const limits = { autoSubscribeFilters: 2 };
  await Desk.with({ limits }, async (desk) => {
    const pump = await desk.keep("pump");
    for (const name of ["a", "b", "c", "d"]) {
      await change(desk, { name, filters: [name] });
      await pump.send(unsubscribePacket(1, name));
    }
    const session = desk.disk.dump().sessions.find(({ clientId }) => clientId === "pump")!;
    assert.deepEqual(session.subscriptions.map(({ full }) => full), ["c", "d"]);
    assert.deepEqual([...desk.tables.clients.get("pump")!.session.subscriptions.unsubscribed], [
      "c",
      "d",
    ]);
  });
});

Deno.test("Broker.step() tells of subscriptions that rules make and take as of those of a client", async () => {
  await Desk.with(under(COMMANDS), async (desk) => {
    const pump = await desk.keep("pump");
    await change(desk);
    await pump.send(disconnectPacket());
    await desk.keep("pump");
    const told = desk.facts.flatMap((fact) =>
      fact.type === "subscribed" || fact.type === "unsubscribed"
        ? [`${fact.type} ${fact.subscriptions.map(originOf)}`]
        : []
    );
    assert.deepEqual(told, ["subscribed commands", "unsubscribed commands"]);
  });
});

Deno.test("Broker.step() asks for nothing more at a connect when there are no rules", async () => {
  await Desk.with({ limits: defaultLimits }, async (desk) => {
    await desk.keep("pump");
    const { session } = desk.tables.clients.get("pump")!;
    assert.equal(session.subscriptions.made, 0);
    assert.deepEqual(kept(desk, "pump"), []);
    assert.equal(desk.tables.walk, undefined);
  });
});
