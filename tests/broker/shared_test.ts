/** Shared subscriptions. Section 4.8.2. */

import assert from "node:assert/strict";
import { AccessList } from "../../src/policy/access_list.ts";
import { NO_GROUPS } from "../../src/broker/tables.ts";
import { LONGEST_HASHED } from "../../src/topic/map_key.ts";
import { Desk } from "./desk.ts";
import type { Caller } from "./caller.ts";
import {
  acknowledgement,
  disconnectPacket,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
} from "./packets.ts";

const FILTER = "$share/g/t";

async function member(desk: Desk, clientId: string, qos: 0 | 1 | 2 = 1): Promise<Caller> {
  const caller = await desk.keep(clientId);
  caller.take();
  await caller.send(subscribePacket(1, [FILTER, qos]));
  assert.equal(caller.lines()[0], `suback #1 ${qos}`);
  return caller;
}

/** `connect` has taken what came with the CONNACK, and `member` what came with the SUBACK: once more. */
function seen(caller: Caller): Caller {
  caller.rewind();
  return caller;
}

function texts(caller: Caller): string {
  return caller.publishes().map((publish) => new TextDecoder().decode(publish.payload)).join("");
}

for (const protocolVersion of [3, 4, 5] as const) {
  Deno.test(`Broker.step() gives each message to one member in turn when ${protocolVersion} clients share a subscription`, async () => {
    await Desk.with({}, async (desk) => {
      const members: Caller[] = [];
      for (const clientId of ["a", "b", "c"]) {
        const each = await desk.connect(clientId, { protocolVersion });
        await each.send(subscribePacket(1, [FILTER, 2]));
        each.take();
        members.push(each);
      }
      const pump = await desk.connect("pump");
      for (const qos of [0, 1, 2] as const) {
        for (const text of ["1", "2", "3", "4", "5", "6"]) {
          await pump.send(
            publishPacket("t", text, { qos, packetId: qos === 0 ? 0 : Number(text) }),
          );
          if (qos === 2) await pump.send(acknowledgement("pubrel", Number(text)));
        }
        const got = members.map(texts).sort();
        assert.deepEqual(got, ["14", "25", "36"], `QoS ${qos}`);
      }
    });
  });
}

Deno.test("Broker.step() delivers by the group and by the client's own subscription when both match", async () => {
  await Desk.with({}, async (desk) => {
    const a = await member(desk, "a");
    await a.send(subscribePacket(2, ["t", { qos: 0, subscriptionIdentifier: 5 }]));
    await a.send(subscribePacket(3, ["$share/h/+", { qos: 1, subscriptionIdentifier: 6 }]));
    a.take();
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("t", "m", { packetId: 1, qos: 2 }));
    const got = a.publishes();
    assert.deepEqual(got.map((each) => each.qos).sort(), [0, 1, 1]); // [MQTT-4.8.2-3]
    const identifiers = got.map((each) => each.properties?.subscriptionIdentifiers?.join() ?? "");
    assert.deepEqual(identifiers.sort(), ["", "5", "6"]);
  });
});

Deno.test("Broker.step() gives QoS 1 to another member when one leaves before acknowledging it", async () => {
  await Desk.with({}, async (desk) => {
    const a = await member(desk, "a");
    const b = await member(desk, "b");
    const pump = await desk.connect("pump");
    for (let i = 1; i <= 4; i++) await pump.send(publishPacket("t", `${i}`, { packetId: i }));
    assert.deepEqual([texts(a), texts(b)], ["13", "24"]);
    await a.send(acknowledgement("puback", 1));
    await a.hangUp();
    assert.equal(texts(b), "3");
    const again = await desk.keep("a");
    assert.equal(again.packets.length, 1, "what was given away does not come twice");
  });
});

Deno.test("Broker.step() completes QoS 2 with the same member when it returns, and with no other [MQTT-4.8.2-4] [MQTT-4.8.2-5]", async () => {
  await Desk.with({}, async (desk) => {
    const a = await member(desk, "a", 2);
    const b = await member(desk, "b", 2);
    const pump = await desk.connect("pump");
    for (let i = 1; i <= 4; i++) {
      await pump.send(publishPacket("t", `${i}`, { packetId: i, qos: 2 }));
    }
    assert.deepEqual([texts(a), texts(b)], ["13", "24"]);
    await a.send(acknowledgement("pubrec", 1));
    await a.hangUp();
    assert.equal(texts(b), "");
    const again = await desk.keep("a");
    assert.deepEqual(again.packets.slice(1).map((each) => each.type), ["publish", "pubrel"]);
    await again.send(disconnectPacket(0, 0)); // the session ends
    assert.equal(texts(b), "");
  });
});

Deno.test("Broker.step() drops the message when a member refuses it [MQTT-4.8.2-6]", async () => {
  await Desk.with({}, async (desk) => {
    const a = await member(desk, "a", 2);
    const b = await member(desk, "b", 2);
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("t", "1", { packetId: 1 }));
    await pump.send(publishPacket("t", "2", { packetId: 2, qos: 2 }));
    assert.deepEqual([texts(a), texts(b)], ["1", "2"]);
    await a.send(acknowledgement("puback", 1, 0x83));
    await b.send(acknowledgement("pubrec", 1, 0x83));
    await a.hangUp();
    await b.hangUp();
    assert.equal((await desk.keep("a")).packets.length, 1);
    assert.equal((await desk.keep("b")).packets.length, 1);
  });
});

Deno.test("Broker.step() sends nothing to an absent member while one is present", async () => {
  await Desk.with({}, async (desk) => {
    await (await member(desk, "a")).hangUp();
    const b = await member(desk, "b");
    const pump = await desk.connect("pump");
    for (let i = 1; i <= 3; i++) await pump.send(publishPacket("t", `${i}`, { packetId: i }));
    await pump.send(publishPacket("t", "0"));
    assert.equal(texts(b), "1230");
  });
});

Deno.test("Broker.step() keeps messages for the group when no member is present, and gives them to the first that comes", async () => {
  await Desk.with({}, async (desk) => {
    const a = await member(desk, "a");
    await (await member(desk, "b")).hangUp();
    await a.hangUp();
    const pump = await desk.connect("pump");
    for (let i = 1; i <= 3; i++) await pump.send(publishPacket("t", `${i}`, { packetId: i }));
    pump.expect("puback #1", "puback #2", "puback #3");
    const b = await desk.keep("b");
    assert.equal(texts(seen(b)), "123");
    await b.hangUp();
    const a2 = await desk.keep("a");
    assert.equal(texts(seen(a2)), "123", "given back, in order");
  });
});

Deno.test("Broker.step() spreads the group's queue by quota when members are slow", async () => {
  await Desk.with({}, async (desk) => {
    const slow = { properties: { sessionExpiryInterval: 60, receiveMaximum: 1 } };
    const a = await desk.keep("a", 5, slow);
    const b = await desk.keep("b", 5, slow);
    for (const each of [a, b]) {
      await each.send(subscribePacket(1, [FILTER, 1]));
      each.take();
    }
    const pump = await desk.connect("pump");
    for (let i = 1; i <= 6; i++) await pump.send(publishPacket("t", `${i}`, { packetId: i }));
    assert.deepEqual([texts(a), texts(b)], ["1", "2"]);
    await b.send(acknowledgement("puback", 1));
    await b.send(acknowledgement("puback", 2));
    assert.deepEqual([texts(a), texts(b)], ["", "34"]);
    await a.hangUp(); // 1 goes back in front
    await b.send(acknowledgement("puback", 3));
    await b.send(acknowledgement("puback", 4));
    assert.equal(texts(b), "15");
  });
});

Deno.test("Broker.step() keeps the group and its queue when the broker starts again", async () => {
  await Desk.with({}, async (desk) => {
    await (await member(desk, "a")).hangUp();
    const pump = await desk.connect("pump");
    for (let i = 1; i <= 3; i++) await pump.send(publishPacket("t", `${i}`, { packetId: i }));
    await desk.restart();
    assert.equal(desk.tables.groups.size, 1);
    const b = await member(desk, "b");
    assert.equal(texts(b), "", "taken with the SUBACK");
    assert.equal(texts(seen(b)), "123");
  });
});

Deno.test("Broker.step() gives to a present member what an absent one had inflight when the broker went down", async () => {
  await Desk.with({}, async (desk) => {
    const a = await member(desk, "a");
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("t", "1", { packetId: 1 }));
    assert.equal(texts(a), "1");
    await desk.restart();
    const b = await desk.keep("b");
    await b.send(subscribePacket(1, [FILTER, 1]));
    assert.equal(texts(b), "1");
    assert.equal((await desk.keep("a")).packets.length, 1);
  });
});

Deno.test("Broker.step() gives the queue up when the last member leaves the group", async () => {
  await Desk.with({}, async (desk) => {
    const a = await member(desk, "a");
    await a.hangUp();
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("t", "1", { packetId: 1 }));
    const back = await desk.keep("a", 5, { properties: { sessionExpiryInterval: 60 } });
    back.take();
    await back.send(unsubscribePacket(2, FILTER));
    back.expect("unsuback #2 0");
    assert.equal(desk.tables.groups.size, 0);
    assert.equal(desk.disk.dump().sessions.filter((each) => each.clientId !== "a").length, 0);
    await pump.send(publishPacket("t", "2", { packetId: 2 }));
    pump.expect("puback #1", "puback #2 0x10");
  });
});

Deno.test("Broker.step() sends no retained messages when a shared subscription is made", async () => {
  await Desk.with({}, async (desk) => {
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("t", "r", { retain: true }));
    const a = await member(desk, "a");
    a.expect();
  });
});

Deno.test("Broker.step() refuses shared subscriptions with 0x9E when they are off, and says so in CONNACK", async () => {
  await Desk.with({ sharedSubscriptions: false }, async (desk) => {
    const a = await desk.connect("a");
    assert.equal(a.connack.properties?.sharedSubscriptionAvailable, 0);
    await a.send(subscribePacket(1, [FILTER, 1], ["t", 1]));
    a.expect("suback #1 0x9e 1");
  });
});

Deno.test("Broker.step() closes the connection when a shared subscription has No Local [MQTT-3.8.3-4]", async () => {
  await Desk.with({}, async (desk) => {
    const a = await desk.connect("a");
    await a.send(subscribePacket(1, [FILTER, { qos: 1, noLocal: true }]));
    a.expect("disconnect 0x82");
    assert.equal(a.closed, true);
  });
});

Deno.test("Broker.step() passes a congested member by and comes back to it when it has drained", async () => {
  await Desk.with({ limits: { outboxCongested: 1024, outboxDrained: 100 } }, async (desk) => {
    const a = await member(desk, "a");
    const b = await member(desk, "b");
    await a.send(subscribePacket(2, ["big", 0]));
    a.take();
    await a.stall(true);
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("big", "x".repeat(3000)));
    for (let i = 1; i <= 4; i++) await pump.send(publishPacket("t", `${i}`, { packetId: i }));
    assert.equal(texts(b), "1234");
    await b.hangUp(); // 1 to 4 wait in the group
    await a.stall(false);
    assert.equal(texts(a).slice(-4), "1234");
  });
});

/** A member that takes no packet above so many bytes. */
async function smallMember(desk: Desk, clientId: string, qos: 0 | 1 | 2 = 1): Promise<Caller> {
  const properties = { sessionExpiryInterval: 3600, maximumPacketSize: 60 };
  const caller = await desk.keep(clientId, 5, { properties });
  await caller.send(subscribePacket(1, [FILTER, qos]));
  caller.take();
  return caller;
}

const LARGE = "x".repeat(100);

for (const qos of [0, 1, 2] as const) {
  Deno.test(`Broker.step() gives a message with QoS ${qos} to another member when it is too large for one [MQTT-3.1.2-25]`, async () => {
    await Desk.with({}, async (desk) => {
      const small = await smallMember(desk, "small", qos);
      const large = await member(desk, "large", qos);
      const pump = await desk.connect("pump");
      for (const [at, text] of ["1", LARGE, LARGE, "4", "5"].entries()) {
        await pump.send(publishPacket("t", text, { qos, packetId: qos && at + 1 }));
      }
      const got = [texts(small), texts(large)];
      assert.equal(got[0]!.includes("x"), false);
      assert.equal(got[1]!.replaceAll(/[^x]/g, ""), LARGE + LARGE);
      assert.equal([...got.join("").replaceAll("x", "")].sort().join(""), "145");
      assert.notEqual(got[0], ""); // what it takes it is given in its turn
      assert.deepEqual(desk.drops, {});
    });
  });
}

Deno.test("Broker.step() drops a shared message when it is too large for every member", async () => {
  await Desk.with({}, async (desk) => {
    const members = [await smallMember(desk, "a"), await smallMember(desk, "b", 0)];
    const pump = await desk.connect("pump");
    for (const qos of [0, 1, 2] as const) {
      await pump.send(publishPacket("t", LARGE, { qos, packetId: qos }));
    }
    await pump.send(publishPacket("t", "1", { packetId: 3 }));
    assert.equal(members.map(texts).join(""), "1");
    assert.deepEqual(desk.drops, { tooLargeForClient: 3 });
  });
});

Deno.test("Broker.step() keeps what is too large for those that are here when a member is away, and goes on", async () => {
  await Desk.with({}, async (desk) => {
    const small = await smallMember(desk, "small");
    const away = await member(desk, "away");
    await away.hangUp();
    const pump = await desk.connect("pump");
    for (const [at, text] of [LARGE, "2", "3"].entries()) {
      await pump.send(publishPacket("t", text, { packetId: at + 1 }));
    }
    assert.equal(texts(small), "23");
    const back = await desk.keep("away");
    assert.equal(texts(seen(back)), LARGE);
    assert.deepEqual(desk.drops, {});
  });
});

Deno.test("Broker.step() drops what waits for a group when the member that it waited for takes no packet of its size either", async () => {
  await Desk.with({}, async (desk) => {
    await smallMember(desk, "small");
    const away = await member(desk, "away");
    await away.hangUp();
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("t", LARGE, { packetId: 1 }));
    const properties = { sessionExpiryInterval: 3600, maximumPacketSize: 60 };
    const back = await desk.keep("away", 5, { properties });
    assert.equal(texts(seen(back)), "");
    assert.deepEqual(desk.drops, { tooLargeForClient: 1 });
  });
});

Deno.test("Broker.step() goes on with others when what waits for a group may go to a member alone that is away", async () => {
  const access = new AccessList([
    { permission: "deny", action: "receive", who: { user: "some" }, topics: "t/secret" },
    { permission: "allow" },
  ]);
  await Desk.with({ access }, async (desk) => {
    const here = await desk.keep("here", 5, { username: "some" });
    const away = await desk.keep("away", 5, { username: "all" });
    for (const each of [here, away]) await each.send(subscribePacket(1, ["$share/g/t/+", 1]));
    here.take();
    await away.hangUp();
    const pump = await desk.connect("pump", { username: "all" });
    await pump.send(publishPacket("t/secret", "1", { packetId: 1 }));
    await pump.send(publishPacket("t/plain", "2", { packetId: 2 }));
    assert.equal(texts(here), "2");
  });
});

Deno.test("join() and leave() cost the same when a client is in many groups, and their names are long", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.keep("panel");
    const long = "x".repeat(LONGEST_HASHED);
    const filters = [1, 2, 3].flatMap((n) => [`$share/${long}${n}/t`, `$share/g/${long}${n}`]);
    await panel.send(subscribePacket(1, ...filters.map((filter) => [filter, 1] as const)));
    const { clients, groups } = desk.tables;
    const own = clients.get("panel")!.groups;
    assert.equal(own.size, 6);
    assert.deepEqual([...groups.keys()].filter((key) => key.length > LONGEST_HASHED), []);
    await panel.send(subscribePacket(2, ["$share/g/t", 1]), unsubscribePacket(3, filters[0]!));
    assert.equal(clients.get("panel")!.groups, own); // no copy of it
    const pump = await desk.connect("pump");
    for (const [at, topic] of ["t", `${long}3`].entries()) {
      await pump.send(publishPacket(topic, "x", { packetId: at + 1 }));
    }
    assert.deepEqual((await panel.drink()).map(({ topic }) => topic.length), [1, 1, 1, 16_384]);
    await panel.hangUp();
    await desk.restart();
    assert.equal(desk.tables.groups.size, 6);
    const again = await desk.keep("panel");
    await again.send(unsubscribePacket(1, "$share/g/t", ...filters.slice(1)));
    assert.equal(desk.tables.groups.size, 0);
    assert.equal(desk.tables.tree.size, 0);
    assert.equal(desk.tables.clients.get("panel")!.groups, NO_GROUPS);
  });
});
