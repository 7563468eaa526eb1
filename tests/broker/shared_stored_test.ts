/** Shared messages in flight to members whose sessions are not stored: the group's queue keeps them. Section 4.8.2. */

import assert from "node:assert/strict";
import type { Caller } from "./caller.ts";
import { Desk } from "./desk.ts";
import { deliveryFrom, messageFrom, NodeDesk } from "./node_desk.ts";
import { acknowledgement, publishPacket, subscribePacket, unsubscribePacket } from "./packets.ts";

const FILTER = "$share/g/t";
/** What the queue of that group is stored by on the node `a`, as lines have it. */
const PART = "0a0$share/g/t";

/** A group with a stored member that is away, and one with a session that ends with its connection. */
async function passing(desk: Desk, receiveMaximum = 100): Promise<Caller> {
  const away = await desk.keep("away");
  await away.send(subscribePacket(1, [FILTER, 1]));
  await away.hangUp();
  const properties = { receiveMaximum };
  const caller = await desk.connect("passing", { properties });
  await caller.send(subscribePacket(1, [FILTER, 1]));
  return caller;
}

function texts(caller: Caller): string {
  return caller.publishes().map((publish) => new TextDecoder().decode(publish.payload)).join("");
}

/** What the store keeps for the group. */
function kept(desk: Desk): string {
  const { queued } = desk.disk.load(`\0${FILTER}`, Infinity);
  return queued.map(({ message }) => new TextDecoder().decode(message.payload)).join("");
}

async function publish(desk: Desk, text: string): Promise<void> {
  const pump = await desk.connect("pump");
  for (let i = 0; i < text.length; i++) {
    await pump.send(publishPacket("t", text[i]!, { packetId: i + 1 }));
  }
}

Deno.test("holdUntilAcknowledged() has the message for other members when the broker went down before its PUBACK", async () => {
  await Desk.with({}, async (desk) => {
    const member = await passing(desk);
    await publish(desk, "123");
    assert.equal(texts(member), "123");
    await member.send(acknowledgement("puback", 2));
    assert.equal(kept(desk), "13");
    await desk.restart();
    const back = await desk.keep("away");
    back.rewind();
    assert.equal(texts(back), "13");
    assert.equal(kept(desk), "");
  });
});

Deno.test("holdUntilAcknowledged() gives nothing twice when the queue is read on behind what is in flight", async () => {
  await Desk.with({ limits: { queueHead: 4 } }, async (desk) => {
    const away = await desk.keep("away");
    await away.send(subscribePacket(1, [FILTER, 1]));
    await away.hangUp();
    const all = "abcdefghijklmnopqrstuvwxyz";
    await publish(desk, all);
    const member = await passing(desk, 3);
    let got = texts(member);
    assert.equal(got, "abc");
    assert.equal(kept(desk), all);
    for (let packetId = 1; packetId <= all.length; packetId++) {
      await member.send(acknowledgement("puback", packetId));
      got += texts(member);
      assert.equal(kept(desk), all.slice(packetId));
    }
    assert.equal(got, all);
    assert.equal(desk.tables.queuedMessages, 0);
  });
});

Deno.test("letGoAcknowledged() takes a run of PUBACKs out of the queue, and one that refuses", async () => {
  await Desk.with({}, async (desk) => {
    const member = await passing(desk);
    await publish(desk, "12345");
    texts(member);
    await member.send(
      acknowledgement("puback", 1),
      acknowledgement("puback", 2),
      acknowledgement("puback", 3),
    );
    await member.send(acknowledgement("puback", 4, 0x83)); // [MQTT-4.8.2-6]
    assert.equal(kept(desk), "5");
  });
});

Deno.test("giveBack() has in the queue what was in flight when a member goes, once and in order", async () => {
  await Desk.with({}, async (desk) => {
    const member = await passing(desk);
    await publish(desk, "123");
    await member.send(acknowledgement("puback", 1));
    await member.hangUp();
    assert.equal(kept(desk), "23");
    assert.equal(desk.tables.queuedMessages, 2);
    const back = await desk.keep("away");
    back.rewind();
    assert.equal(texts(back), "23");
  });
});

Deno.test("leave() leaves to the member alone what is in flight to it when it unsubscribes [MQTT-3.10.4-3]", async () => {
  await Desk.with({}, async (desk) => {
    const member = await passing(desk);
    await publish(desk, "12");
    await member.send(unsubscribePacket(2, FILTER));
    assert.equal(kept(desk), "");
    await member.send(acknowledgement("puback", 1));
    await member.hangUp();
    const back = await desk.keep("away");
    back.rewind();
    assert.equal(texts(back), "");
  });
});

Deno.test("join() has the queue keep again what is in flight to a member that was away from the group", async () => {
  await Desk.with({}, async (desk) => {
    const member = await passing(desk);
    await publish(desk, "12");
    await member.send(unsubscribePacket(2, FILTER));
    await member.send(subscribePacket(3, [FILTER, 1]));
    assert.equal(kept(desk), "12");
    await member.send(acknowledgement("puback", 1));
    assert.equal(kept(desk), "2");
    await desk.restart();
    const back = await desk.keep("away");
    back.rewind();
    assert.equal(texts(back), "2");
  });
});

Deno.test("join() keeps what is in flight already when the first stored member comes", async () => {
  await Desk.with({}, async (desk) => {
    const member = await desk.connect("passing");
    await member.send(subscribePacket(1, [FILTER, 1]));
    await publish(desk, "12");
    assert.equal(texts(member), "12");
    await (await desk.keep("away")).send(subscribePacket(1, [FILTER, 1]));
    assert.equal(kept(desk), "12");
    await member.send(acknowledgement("puback", 1));
    assert.equal(kept(desk), "2");
  });
});

Deno.test("giveBack() drops what has expired in flight, from the store too [MQTT-3.3.2-5]", async () => {
  await Desk.with({}, async (desk) => {
    const member = await passing(desk);
    const pump = await desk.connect("pump");
    const properties = { messageExpiryInterval: 1 };
    await pump.send(publishPacket("t", "1", { packetId: 1, properties }));
    assert.equal(kept(desk), "1");
    await desk.pass(2);
    await member.hangUp();
    const back = await desk.keep("away");
    back.rewind();
    assert.equal(texts(back), "");
    assert.equal(kept(desk), "");
    assert.deepEqual(desk.drops, { expired: 1 });
  });
});

Deno.test("send() writes nothing for the group when no session of its members is stored and no other node has any", async () => {
  const desk = new NodeDesk();
  desk.connect(1, "one");
  desk.subscribe(1, FILTER);
  desk.connect(9, "pump");
  desk.lines();
  desk.packet(9, publishPacket("t", "x", { packetId: 1 }));
  desk.packet(1, acknowledgement("puback", 1));
  assert.deepEqual(desk.lines(), ["9 < puback #1", "1 < publish t q1 #1 x"]);
  await Desk.with({}, async (alone) => {
    const member = await alone.connect("passing");
    await member.send(subscribePacket(1, [FILTER, 1]));
    await publish(alone, "1");
    assert.equal(texts(member), "1");
    assert.deepEqual(alone.disk.dump().sessions, []);
  });
});

/** A node with a member whose session is not stored; another node has one, too, and this one's come first. */
function node(qos: 0 | 1 | 2 = 1): NodeDesk {
  const desk = new NodeDesk({ localFirst: true });
  desk.connect(1, "one");
  desk.subscribe(1, FILTER, qos);
  announce(desk, 1);
  desk.connect(9, "pump");
  desk.lines();
  return desk;
}

function announce(desk: NodeDesk, interest: number): void {
  desk.feed({
    type: "replicated",
    from: "b",
    writes: [{ type: "announce", full: FILTER, interest }],
  });
}

Deno.test("holdUntilAcknowledged() keeps the message in this node's part until PUBACK when other nodes have members", () => {
  const desk = node();
  desk.packet(9, publishPacket("t", "x", { packetId: 1 }));
  assert.deepEqual(desk.lines(), [
    `putSession ${PART}`,
    `putQueued ${PART} t`,
    "9 < puback #1",
    "1 < publish t q1 #1 x",
  ]);
  desk.packet(9, publishPacket("t", "x", { packetId: 2 }));
  assert.deepEqual(desk.lines(), [
    `putQueued ${PART} t`,
    "9 < puback #2",
    "1 < publish t q1 #2 x",
  ]);
  desk.packet(1, acknowledgement("puback", 2));
  const [line] = desk.lines();
  assert.match(line!, /^deleteQueued 0a0\$share\/g\/t \d+$/);
});

Deno.test("holdUntilAcknowledged() leaves QoS 2 to the session that has it [MQTT-4.8.2-4]", () => {
  const desk = node(2);
  desk.packet(9, publishPacket("t", "x", { packetId: 1, qos: 2 }));
  assert.deepEqual(desk.lines(), ["9 < pubrec #1", "1 < publish t q2 #1 x"]);
});

Deno.test("holdUntilAcknowledged() writes it in one batch with the end of the entry that another node shared", () => {
  const desk = node();
  const taken = { type: "taken", node: "a", entry: "7-1" } as const;
  desk.feed({ type: "shared", group: FILTER, message: messageFrom("t"), taken });
  assert.deepEqual(desk.lines(), [
    `putSession ${PART}`,
    "taken a 7-1",
    `putQueued ${PART} t`,
    "1 < publish t q1 #1 x",
  ]);
});

Deno.test("giveBack() sends on to other nodes what was in flight when the last member here goes", () => {
  const desk = node();
  desk.packet(9, publishPacket("t", "x", { packetId: 1 }));
  desk.lines();
  desk.feed({ type: "closed", connection: 1, reason: "linkLost" });
  const lines = desk.lines().map((line) => line.replace(/ \d+$/, ""));
  assert.deepEqual(lines.slice(0, 3), [
    `putQueued ${PART} t`,
    `deleteQueued ${PART}`,
    `share b ${FILTER} t`,
  ]);
});

Deno.test("setElsewhere() keeps what is in flight already when another node has its first member", () => {
  const desk = new NodeDesk();
  desk.connect(1, "one");
  desk.subscribe(1, FILTER);
  desk.connect(9, "pump");
  desk.packet(9, publishPacket("t", "x", { packetId: 1 }));
  desk.lines();
  announce(desk, 1);
  assert.deepEqual(desk.lines(), [`putSession ${PART}`, `putQueued ${PART} t`]);
  desk.packet(1, acknowledgement("puback", 1));
  assert.match(desk.lines()[0]!, /^deleteQueued/);
});

Deno.test("onShared() has it again from the queue of a dead node, which keeps it until then", () => {
  const desk = node();
  const { message } = deliveryFrom("t");
  const taken = { type: "deleteQueued", clientId: `\0b\0${FILTER}`, order: message.order } as const;
  desk.feed({ type: "shared", group: FILTER, message, taken });
  assert.deepEqual(desk.lines().slice(1), [
    `deleteQueued 0b0${FILTER} ${message.order}`,
    `putQueued ${PART} t`,
    "1 < publish t q1 #1 x",
  ]);
});
