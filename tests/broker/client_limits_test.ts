/** Limits that are others for some clients: connections of a user, sizes, queues, what is retained. */

import assert from "node:assert/strict";
import { encode } from "../../src/packet/encode.ts";
import type { Connect } from "../../src/packet/packet.ts";
import type { LimitsFor } from "../../src/policy/client_limits.ts";
import { tiersOf } from "../../src/policy/client_limits.ts";
import type { Limits } from "../../src/policy/limits.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { Desk } from "./desk.ts";
import { countedClients, recountClients } from "./recount.ts";
import { connectPacket, publishPacket, subscribePacket } from "./packets.ts";

/** A desk at which the user `small` has other limits than all others. */
function withSmall(
  small: LimitsFor["limits"],
  limits: Partial<Limits>,
  work: (desk: Desk) => Promise<void>,
): Promise<void> {
  return Desk.with({ limits, tiers: tiersOf([{ who: { user: "small" }, limits: small }]) }, work);
}

const SMALL: Partial<Connect> = { username: "small" };

for (const version of [3, 4, 5] as const) {
  Deno.test(`Broker.step() refuses a ${version} client with Quota exceeded when its user has connectionsPerUser already`, async () => {
    await Desk.with({ limits: { connectionsPerUser: 2 } }, async (desk) => {
      const user = { protocolVersion: version, username: "ada" };
      const first = await desk.connect("first", user);
      await desk.connect("second", user);
      const third = await desk.connect("third", user);
      assert.equal(third.connack.reasonCode, version === 5 ? 0x97 : 0x88); // return code 3, read back
      assert.equal(third.closed, true);
      assert.equal(desk.endOf("third"), "refused");
      const other = await desk.connect("other", { protocolVersion: version, username: "eve" });
      assert.equal(other.connack.reasonCode, 0);
      for (const clientId of ["a", "b", "c"]) {
        const anonymous = await desk.connect(clientId, { protocolVersion: version });
        assert.equal(anonymous.connack.reasonCode, 0);
      }
      await first.hangUp();
      const fourth = await desk.connect("fourth", user);
      assert.equal(fourth.connack.reasonCode, 0);
    });
  });
}

Deno.test("Broker.step() lets a client of the user take its own session over when connectionsPerUser is reached", async () => {
  await Desk.with({ limits: { connectionsPerUser: 2 } }, async (desk) => {
    const user = { username: "ada" };
    const first = await desk.keep("first", 5, user);
    await desk.keep("second", 5, user);
    for (let round = 0; round < 3; round++) {
      const again = await desk.keep("first", 5, user);
      assert.equal(again.connack.reasonCode, 0);
    }
    assert.equal(first.closed, true);
    assert.equal(desk.tables.connectedBy.get("ada"), 2);
    assert.equal((await desk.connect("third", user)).connack.reasonCode, 0x97);
  });
});

Deno.test("Broker.step() counts no connection of a user twice or for ever when it ends in any way", async () => {
  await Desk.with({ limits: { connectionsPerUser: 3, maximumSessions: 2 } }, async (desk) => {
    const user = { username: "ada" };
    const first = await desk.connect("first", user);
    const second = await desk.connect("second", user);
    assert.equal((await desk.connect("third", user)).connack.reasonCode, 0x97); // maximumSessions
    assert.equal(desk.tables.connectedBy.get("ada"), 2);
    await desk.feed({ type: "kick", clientId: "first", reason: 0x98 });
    assert.equal(first.closed, true);
    await second.sendBytes(0xff, 0x00);
    assert.equal(desk.tables.connectedBy.size, 0);
    await desk.connect("fourth", user);
    await desk.feed({ type: "shutdown" });
    assert.equal(desk.tables.connectedBy.size, 0);
  });
});

Deno.test("Broker.step() announces and grants each client what its own limits are, lower and higher ones", async () => {
  const own = {
    receiveMaximum: 1_000,
    maximumPacketSize: 2_000_000,
    topicAliasMaximum: 3,
    maximumKeepAlive: 30,
    sendWindow: 4,
    outgoingTopicAliases: 2,
  };
  const limits = { sendWindow: 2, maximumKeepAlive: 60 };
  await withSmall(own, limits, async (desk) => {
    const asks: Partial<Connect> = {
      keepAlive: 600,
      properties: { receiveMaximum: 100, topicAliasMaximum: 10 },
    };
    const small = await desk.connect("one", { ...SMALL, ...asks });
    const { properties } = small.connack;
    assert.deepEqual(
      [properties?.receiveMaximum, properties?.maximumPacketSize, properties?.topicAliasMaximum],
      [1_000, 2_000_000, 3],
    );
    assert.equal(properties?.serverKeepAlive, 30);
    const other = await desk.connect("two", { ...asks });
    assert.equal(other.connack.properties?.serverKeepAlive, 60);
    assert.equal(other.connack.properties?.receiveMaximum, 256);
    for (const client of [small, other]) {
      await client.send(subscribePacket(1, ["t", 1]));
      client.take();
    }
    const pump = await desk.connect("pump");
    for (let n = 1; n < 9; n++) await pump.send(publishPacket("t", `${n}`, { packetId: n }));
    assert.equal(small.publishes().length, 4);
    assert.equal(other.publishes().length, 2);
  });
});

Deno.test("Broker.step() turns a client away when its own limits make CONNACK larger than it takes [MQTT-3.1.2-24]", async () => {
  await withSmall({ maximumKeepAlive: 30 }, {}, async (desk) => {
    const asks = { keepAlive: 60 };
    const other = await desk.connect("other", asks);
    const maximumPacketSize = encode(other.connack, 5).length;
    const small = await desk.connect("one", {
      ...SMALL,
      ...asks,
      properties: { maximumPacketSize },
    });
    assert.deepEqual([small.connack.reasonCode, small.connack.properties], [0x95, undefined]);
    assert.equal(small.closed, true);
    const properties = { maximumPacketSize: maximumPacketSize + 3 };
    const again = await desk.connect("two", { ...SMALL, ...asks, properties });
    assert.equal(again.connack.properties?.serverKeepAlive, 30);
  });
});

Deno.test("Broker.step() takes packets up to the size that the client was told, from CONNACK on", async () => {
  const sizes = { maximumPacketSize: 500 };
  await withSmall({ maximumPacketSize: 5_000 }, sizes, async (desk) => {
    const small = await desk.connect("one", SMALL);
    await small.send(publishPacket("t", "x".repeat(4_900)), publishPacket("t", "x".repeat(5_000)));
    assert.equal(desk.endOf("one"), "malformedPacket");
    small.expect("disconnect 0x95");
    const other = await desk.connect("two");
    await other.send(publishPacket("t", "x".repeat(501)));
    other.expect("disconnect 0x95");
    const tooEarly = await desk.dial(4);
    await tooEarly.send(
      connectPacket("x".repeat(600), { protocolVersion: 4, username: "small" }),
    );
    assert.equal(tooEarly.closed, true, "before it is known who it is, its listener's limit holds");
  });
  await withSmall({ maximumPacketSize: 500 }, {}, async (desk) => {
    const small = await desk.dial(4);
    const connect = connectPacket("one", { protocolVersion: 4, username: "small" });
    small.link.push(encode(connect, 4)); // and what is too large, without waiting for CONNACK
    await small.send(publishPacket("t", "x".repeat(600)));
    assert.equal(desk.endOf("one"), "malformedPacket");
    assert.equal((await desk.connect("two")).connack.properties?.maximumPacketSize, 1_048_576);
  });
});

Deno.test("Broker.step() bounds names, filters and subscriptions by the client's own limits", async () => {
  await withSmall(
    { topicLength: 10, subscriptionsPerSession: 1, topicLevels: 3 },
    {},
    async (desk) => {
      const small = await desk.connect("one", SMALL);
      await small.send(subscribePacket(1, ["äääää", 0], ["b", 0], ["ääääää", 0], ["a/b/c/d", 0]));
      assert.deepEqual(
        small.take().map((packet) => packet.type === "suback" && [...packet.reasonCodes]),
        [[0, 0x97, 0x8f, 0x8f]],
      );
      await small.send(publishPacket("äääää", "fits"));
      assert.equal(small.publishes().length, 1);
      await small.send(publishPacket("ääääää", "12 bytes"));
      small.expect("disconnect 0x90");
      const other = await desk.connect("two");
      await other.send(publishPacket("a/b/c/d/".repeat(9), "fits"));
      assert.equal(other.closed, false);
    },
  );
});

Deno.test("Broker.step() bounds the queue of an absent client by its own limits, after a restart too", async () => {
  await withSmall({ queuedMessagesPerSession: 3 }, {}, async (desk) => {
    for (const [clientId, more] of [["one", SMALL], ["two", {}]] as const) {
      const client = await desk.keep(clientId, 5, more);
      await client.send(subscribePacket(1, ["t", 1]));
      await client.hangUp();
    }
    const publish = async () => {
      const pump = await desk.connect("pump");
      for (let n = 1; n <= 5; n++) await pump.send(publishPacket("t", `${n}`, { packetId: n }));
    };
    await publish();
    assert.equal(desk.tables.queuedMessages, 8);
    assert.deepEqual(desk.drops, { queueFull: 2 });
    await desk.restart();
    await publish();
    assert.equal(desk.tables.queuedMessages, 13);
    const back = await desk.keep("one", 5, SMALL);
    back.rewind();
    assert.equal((await back.drink()).length, 3);
    // Rules that come later hold for who is away.
    await desk.feed({
      type: "rules",
      rules: { ...desk.rules, limits: { ...desk.rules.limits, queuedMessagesPerSession: 11 } },
    });
    await publish();
    assert.equal((await desk.keep("two")).packets.length > 0, true);
    assert.deepEqual(desk.drops, { queueFull: 2 + 5 + 4 });
  });
});

Deno.test("Broker.step() tells a 5.0 client Quota exceeded when it retains as much as it may, and delivers to others", async () => {
  await withSmall({ retainedMessagesPerClient: 2 }, {}, async (desk) => {
    const panel = await desk.connect("panel");
    await panel.send(subscribePacket(1, ["#", 0]));
    const small = await desk.connect("one", SMALL);
    const other = await desk.connect("two");
    const retain = { retain: true, packetId: 1 };
    for (const topic of ["a", "b"]) await small.send(publishPacket(topic, "x", retain));
    small.expect("puback #1", "puback #1");
    await small.send(publishPacket("c", "x", retain));
    small.expect("puback #1 0x97");
    await small.send(publishPacket("a", "in the place of its own", retain));
    small.expect("puback #1");
    await small.send(publishPacket("a", "", retain), publishPacket("c", "x", retain));
    small.expect("puback #1", "puback #1");
    assert.equal(desk.tables.retained.size, 2);
    // QoS 0 cannot be refused: it is delivered, and not kept.
    panel.take();
    await small.send(publishPacket("d", "y", { retain: true }));
    assert.equal(panel.publishes().length, 1);
    assert.deepEqual(desk.drops, { clientRetainedFull: 2 });
    // What another one writes over is not its any more.
    await other.send(publishPacket("b", "z", retain), publishPacket("e", "z", retain));
    await small.send(publishPacket("f", "x", retain));
    small.expect("puback #1");
    assert.deepEqual(recountClients(desk.tables), countedClients(desk.tables));
    await desk.restart();
    assert.deepEqual(recountClients(desk.tables), countedClients(desk.tables));
    assert.equal(desk.tables.retainedBy.get("one")?.messages, 2);
  });
});

Deno.test("Broker.step() counts the bytes that a client retains when they are limited", async () => {
  await Desk.with({ limits: { retainedBytesPerClient: 2_000 } }, async (desk) => {
    const pump = await desk.connect("pump");
    const retain = { retain: true, packetId: 1 };
    await pump.send(publishPacket("a", "x".repeat(1_000), retain));
    await pump.send(publishPacket("b", "x".repeat(1_000), retain));
    pump.expect("puback #1 0x10", "puback #1 0x97");
    await pump.send(publishPacket("a", "x".repeat(1_700), retain));
    pump.expect("puback #1 0x10");
    assert.deepEqual(recountClients(desk.tables), countedClients(desk.tables));
  });
});

Deno.test("rulesForClient() derives one value for all clients of an entry and listener", async () => {
  await withSmall({ receiveMaximum: 7 }, {}, async (desk) => {
    for (const clientId of ["a", "b"]) await desk.connect(clientId, SMALL);
    const [one, two] = [...desk.tables.connections.values()];
    assert.equal(one!.rules, two!.rules);
    assert.equal(desk.tables.clients.get("a")!.rules, one!.rules);
    await desk.connect("c");
    const other = [...desk.tables.connections.values()][2]!;
    assert.equal(other.rules, desk.rules);
    assert.notEqual(desk.rules, defaultRules);
  });
});
