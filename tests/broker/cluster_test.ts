import assert from "node:assert/strict";
import { checksumOf } from "../../src/broker/checksum.ts";
import { compileAutoSubscribe } from "../../src/policy/auto_subscribe.ts";
import { tiersOf } from "../../src/policy/client_limits.ts";
import type { ClaimedSession } from "../../src/broker/cluster_event.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import type { AnyWrite } from "../../src/session/cluster_write.ts";
import { queueOrders, tailStart } from "../../src/session/queue.ts";
import type { Subscription } from "../../src/session/subscription_map.ts";
import { deliveryFrom, EMPTY, messageFrom, NodeDesk } from "./node_desk.ts";
import { acknowledgement, publishPacket, unsubscribePacket, willOf } from "./packets.ts";

const ORDER = messageFrom("x").order;

function subscription(full: string, qos: 0 | 1 | 2 = 1): Subscription {
  const shareName = full.startsWith("$share/") ? full.split("/")[1] : undefined;
  return {
    full,
    filter: shareName === undefined ? full : full.slice(`$share/${shareName}/`.length),
    shareName,
    options: {
      qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
      subscriptionIdentifier: undefined,
    },
  };
}

/** A session that another node has made, with one subscription. */
function storedElsewhere(clientId: string, full: string, qos: 0 | 1 | 2 = 1): AnyWrite[] {
  const owner = { user: undefined, roles: [] };
  return [
    { type: "putSession", clientId, owner, expiryInterval: 3_600, expiresAt: Infinity },
    { type: "putSubscription", clientId, subscription: subscription(full, qos) },
  ];
}

Deno.test("beginClaim() holds CONNECT back until the session is this node's", () => {
  const desk = new NodeDesk();
  desk.begin(1, "panel", { cleanStart: false, properties: { sessionExpiryInterval: 60 } });
  assert.deepEqual(desk.lines(), ["claim panel for 1"]);
  desk.claimed(1, "panel");
  assert.deepEqual(desk.lines(), ["putSession panel", "1 < connack 0"]);
});

Deno.test("onClaim() refuses with Server unavailable when the session is not to be had [MQTT-3.1.4-1]", () => {
  const desk = new NodeDesk();
  desk.begin(1, "panel");
  desk.feed({ type: "notClaimed", connection: 1, clientId: "panel", detail: "no answer" });
  assert.deepEqual(desk.lines().slice(1), ["1 < connack 0x88", "1 closed"]);
});

Deno.test("onClaim() resumes with queue and Packet Identifiers when another node had the session [MQTT-4.4.0-1]", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
  desk.begin(1, "panel", { cleanStart: false, properties: { sessionExpiryInterval: 60 } });
  const delivery = deliveryFrom("plant/1");
  const inflight = { awaiting: "puback", delivery, sequence: 4, sentAt: 0 } as const;
  const queued = deliveryFrom("plant/2", { order: ORDER + 1024 });
  desk.claimed(1, "panel", {
    inflight: [[7, inflight]],
    queued: [queued],
    orders: [queued.message.order],
    sizes: [10],
  });
  assert.deepEqual(desk.lines(), [
    "claim panel for 1",
    "putSession panel",
    "announce plant/# 1",
    "1 < connack 0 present",
    `deleteQueued panel ${queued.message.order}`,
    "putInflight panel 8",
    "1 < publish plant/1 q1 #7 dup x",
    "1 < publish plant/2 q1 #8 x",
  ]);
});

Deno.test("onClaim() lets go again when the connection ended while it waited", () => {
  const desk = new NodeDesk();
  desk.begin(1, "panel");
  desk.feed({ type: "closed", connection: 1, reason: "linkLost" });
  desk.claimed(1, "panel");
  assert.deepEqual(desk.lines(), ["claim panel for 1", "release panel"]);
});

Deno.test("onClaim() has a session of a dead node end in time when the connection ended while it waited", () => {
  const desk = new NodeDesk();
  const writes = storedElsewhere("panel", "plant/#"); // its client was connected there
  desk.feed({ type: "replicated", from: "b", writes });
  desk.begin(1, "panel", { cleanStart: false, properties: { sessionExpiryInterval: 60 } });
  desk.feed({ type: "closed", connection: 1, reason: "linkLost" });
  desk.lines();
  desk.claimed(1, "panel");
  assert.deepEqual(desk.lines(), ["putSession panel", "release panel"]);
  desk.tick(3_600_000);
  assert.deepEqual(desk.lines(), ["claim panel for 0 if free"]);
});

Deno.test("onClaim() answers the later of two connections when both wait for one session [MQTT-3.1.4-3]", () => {
  const desk = new NodeDesk();
  desk.begin(1, "panel");
  desk.begin(2, "panel");
  desk.claimed(1, "panel");
  desk.claimed(2, "panel");
  assert.deepEqual(desk.lines(), [
    "claim panel for 1",
    "1 closed",
    "claim panel for 2",
    "2 < connack 0",
  ]);
});

Deno.test("beginClaim() leaves who has a session, or waits for it, alone when somebody else comes with its client id", () => {
  const desk = new NodeDesk();
  const ada = { username: "ada" };
  const eve = { username: "eve" };
  for (const expiry of [0, 60]) {
    const clientId = `panel${expiry}`;
    desk.begin(1 + expiry, clientId, ada);
    desk.lines();
    desk.begin(2 + expiry, clientId, eve);
    assert.deepEqual(desk.lines(), [`${2 + expiry} < connack 0x87`, `${2 + expiry} closed`]);
    desk.claimed(1 + expiry, clientId);
    assert.deepEqual(desk.lines(), [`${1 + expiry} < connack 0`]);
    desk.begin(3 + expiry, clientId, eve);
    assert.deepEqual(desk.lines(), [`${3 + expiry} < connack 0x87`, `${3 + expiry} closed`]);
    desk.begin(4 + expiry, clientId, ada);
    assert.deepEqual(desk.lines()[0], `${1 + expiry} < disconnect 0x8e`);
  }
});

Deno.test("beginClaim() asks for no session that another node has and that is known to be somebody else's", () => {
  const rules = { ...defaultRules, takeover: "any" } as const;
  for (const desk of [new NodeDesk(), new NodeDesk({ rules })]) {
    desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
    desk.begin(1, "panel", { username: "eve" });
    const { takeover } = desk.tables.rules;
    const expected = takeover === "any" ? ["claim panel for 1"] : ["1 < connack 0x87", "1 closed"];
    assert.deepEqual(desk.lines(), expected);
  }
});

Deno.test("underNewRules() leaves a client its own limits when the rules change while its session is claimed", () => {
  const rulesWith = (messageRate: number) => {
    const tiers = tiersOf([{ limits: { subscriptionsPerSession: 1, messageRate } }]);
    return { ...defaultRules, tiers };
  };
  const desk = new NodeDesk({ rules: rulesWith(5) });
  desk.begin(1, "pump");
  desk.feed({ type: "rules", rules: rulesWith(0) });
  desk.claimed(1, "pump");
  const { live, rules } = desk.tables.clients.get("pump")!;
  assert.equal(rules.limits.subscriptionsPerSession, 1);
  assert.equal(live!.rules, rules);
  assert.equal(live!.meter, undefined);
});

Deno.test("onClaim() closes with Session taken over and lets go when another node wants the session", () => {
  const desk = new NodeDesk();
  desk.connect(1, "panel", 60);
  desk.subscribe(1, "plant/#");
  desk.lines();
  desk.feed({ type: "wanted", clientId: "panel" });
  assert.deepEqual(desk.lines(), [
    "1 < disconnect 0x8e",
    "1 closed",
    "putSession panel",
    "release panel",
    "announce plant/# 0",
  ]);
});

Deno.test("fanOut() posts to a session that is elsewhere, and casts where the node wants it too", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
  desk.feed({
    type: "replicated",
    from: "b",
    writes: [{ type: "announce", full: "plant/#", interest: 1 }],
  });
  desk.connect(1, "pump");
  desk.lines();
  desk.packet(1, publishPacket("plant/1", "x", { packetId: 5 }));
  assert.deepEqual(desk.lines(), [
    "cast b plant/1",
    "post panel plant/1 qos 1",
    "1 < puback #5",
  ]);
  desk.packet(1, publishPacket("plant/1", "x"));
  assert.deepEqual(desk.lines(), ["cast b plant/1"]);
});

Deno.test("noRoomFor() refuses for a full queue of a session that is here, and of no other", () => {
  const limits = { ...defaultRules.limits, queuedMessagesPerSession: 1 };
  const desk = new NodeDesk({ rules: { ...defaultRules, queuePolicy: "reject", limits } });
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "far/#") });
  desk.connect(1, "pump");
  desk.connect(2, "screen", 60, {
    properties: { sessionExpiryInterval: 60, receiveMaximum: 1 },
  });
  desk.subscribe(2, "near/#");
  desk.lines();
  for (let packetId = 5; packetId < 8; packetId++) {
    desk.packet(1, publishPacket("far/1", "x", { packetId }));
    const post = "post panel far/1 qos 1"; // what does not fit is dropped where the queue is
    assert.deepEqual(desk.lines(), [post, `1 < puback #${packetId}`]);
  }
  const told: string[] = [];
  for (let packetId = 8; packetId < 11; packetId++) {
    desk.packet(1, publishPacket("near/1", "x", { packetId }));
    told.push(...desk.lines().filter((line) => line.startsWith("1 < ")));
  }
  assert.deepEqual(told, ["1 < puback #8", "1 < puback #9", "1 < puback #10 0x97"]);
});

Deno.test("fanOut() forwards durably when another node has clients whose sessions are not stored", () => {
  const desk = new NodeDesk();
  desk.feed({
    type: "replicated",
    from: "c",
    writes: [{ type: "announce", full: "plant/+", interest: 2 }],
  });
  desk.connect(1, "pump");
  desk.lines();
  desk.packet(1, publishPacket("plant/1", "x", { packetId: 5 }));
  assert.deepEqual(desk.lines(), ["forward c plant/1", "1 < puback #5"]);
  desk.feed({ type: "nodes", nodes: ["a", "b"] });
  desk.packet(1, publishPacket("plant/1", "x", { packetId: 6 }));
  assert.deepEqual(desk.lines(), ["1 < puback #6 0x10"]);
});

Deno.test("announceChanges() tells the most that clients with one filter want, before SUBACK", () => {
  const desk = new NodeDesk();
  desk.connect(1, "panel", 60);
  desk.connect(2, "phone");
  desk.lines();
  desk.subscribe(1, "plant/#");
  assert.deepEqual(desk.lines(), [
    "announce plant/# 1",
    "putSubscription panel plant/#",
    "1 < suback #1 1",
  ]);
  desk.subscribe(2, "plant/#");
  assert.deepEqual(desk.lines(), ["announce plant/# 2", "2 < suback #1 1"]);
  desk.connect(3, "clock");
  desk.lines();
  desk.hold = true;
  desk.subscribe(3, "plant/#"); // what phone wants may not have come to all nodes yet
  assert.deepEqual(desk.lines(), ["announce plant/# 2"]);
  desk.hold = false;
  desk.feed({ type: "closed", connection: 3, reason: "linkLost" });
  desk.lines();
  desk.subscribe(2, "plant/#", 0);
  assert.deepEqual(desk.lines(), ["announce plant/# 1", "2 < suback #1 0"]);
  desk.packet(2, unsubscribePacket(3, "plant/#"));
  assert.deepEqual(desk.lines(), ["2 < unsuback #3 0"]);
  desk.feed({ type: "closed", connection: 1, reason: "linkLost" });
  assert.deepEqual(desk.lines(), ["putSession panel", "release panel", "announce plant/# 0"]);
});

Deno.test("onForwarded() gives a message to who has no queue in the store for it, and to no other", () => {
  const desk = new NodeDesk();
  desk.connect(1, "panel", 60);
  desk.subscribe(1, "plant/#");
  desk.connect(2, "phone");
  desk.subscribe(2, "plant/#");
  desk.connect(3, "screen", 60);
  desk.subscribe(3, "plant/#", 0);
  desk.lines();
  desk.feed({ type: "forwarded", message: messageFrom("plant/1"), group: undefined });
  assert.deepEqual(
    desk.lines(),
    ["3 < publish qos 0", "2 < publish 1"],
  );
  desk.feed({ type: "forwarded", message: messageFrom("plant/1", { qos: 0 }), group: undefined });
  assert.equal(desk.lines().length, 3);
});

Deno.test("onForwarded() gives what was cast to nobody with more than QoS 0 when it was published with more", () => {
  const desk = new NodeDesk();
  desk.connect(1, "phone");
  desk.subscribe(1, "plant/#");
  desk.connect(2, "screen");
  desk.subscribe(2, "plant/#", 0);
  desk.lines();
  desk.feed({ type: "forwarded", message: messageFrom("plant/1"), group: undefined, cast: true });
  assert.deepEqual(desk.lines(), ["2 < publish qos 0"]);
  const message = messageFrom("plant/1", { qos: 0 });
  desk.feed({ type: "forwarded", message, group: undefined, cast: true });
  assert.equal(desk.lines().length, 2);
});

Deno.test("onMail() sends what is in the queue of a session that is here, and takes it out", () => {
  const desk = new NodeDesk();
  desk.connect(1, "panel", 60);
  desk.subscribe(1, "plant/#");
  desk.lines();
  desk.feed({ type: "mail", clientId: "panel", delivery: deliveryFrom("plant/1") });
  assert.deepEqual(desk.lines(), [
    "putInflight panel 1",
    `deleteQueued panel ${ORDER}`,
    "1 < publish plant/1 q1 #1 x",
  ]);
  desk.feed({ type: "mail", clientId: "gone", delivery: deliveryFrom("plant/1") });
  assert.deepEqual(desk.lines(), []);
});

Deno.test("onMail() keeps the order of the store when older mail comes later and the quota is used up", () => {
  const desk = new NodeDesk();
  desk.connect(1, "panel", 60, { properties: { sessionExpiryInterval: 60, receiveMaximum: 1 } });
  desk.subscribe(1, "plant/#");
  desk.lines();
  for (const order of [10, 12, 11]) {
    const delivery = deliveryFrom(`plant/${order}`, { order: order * 1024 });
    desk.feed({ type: "mail", clientId: "panel", delivery });
  }
  assert.equal(desk.tables.clients.get("panel")!.session.queue.bytes > 0, true);
  desk.lines();
  desk.packet(1, acknowledgement("puback", 1));
  assert.match(desk.lines().join(), /1 < publish plant\/1[12] q1 #2/);
});

Deno.test("onMail() keeps what comes amid a read that has passed it over", () => {
  const limits = { ...defaultRules.limits, queueHead: 2 };
  const desk = new NodeDesk({ rules: { ...defaultRules, limits } });
  desk.connect(1, "panel", 60, { properties: { sessionExpiryInterval: 60, receiveMaximum: 1 } });
  desk.subscribe(1, "plant/#");
  const mail = (number: number) => {
    const delivery = deliveryFrom(`plant/${number}`, { order: ORDER + number * 1024 });
    desk.feed({ type: "mail", clientId: "panel", delivery });
    return delivery;
  };
  const all = [1, 2, 3, 4, 6].map(mail); // one is inflight, two in the head, two in the tail
  desk.lines();
  const acknowledge = (packetId: number) => desk.packet(1, acknowledgement("puback", packetId));
  acknowledge(1); // the tail is being read
  mail(5); // and the read does not see it
  const from = ORDER + 4 * 1024;
  desk.feed({ type: "read", clientId: "panel", from, queued: [all[3]!, all[4]!] });
  for (const packetId of [2, 3, 4, 5]) acknowledge(packetId);
  const { queue } = desk.tables.clients.get("panel")!.session;
  assert.equal(tailStart(queue), ORDER + 5 * 1024);
});

Deno.test("fanOut() keeps what it queues when that has the queue read, and the read is asked for first", () => {
  const limits = { ...defaultRules.limits, queueHead: 4, queuedBytesPerSession: 1_500 };
  const desk = new NodeDesk({ rules: { ...defaultRules, limits, queuePolicy: "dropOldest" } });
  desk.connect(9, "pump");
  desk.connect(1, "panel", 60, { properties: { sessionExpiryInterval: 60, receiveMaximum: 1 } });
  desk.subscribe(1, "plant/#");
  const orders = () => queueOrders(desk.tables.clients.get("panel")!.session.queue);
  for (let packetId = 1; packetId <= 6; packetId++) { // one is inflight, four in the head, one in the tail
    desk.packet(9, publishPacket("plant/1", "x", { packetId }));
  }
  desk.packet(9, publishPacket("plant/1", "x".repeat(700), { packetId: 7 })); // in the place of three
  const [, from, own] = orders();
  assert.equal(desk.tables.clients.get("panel")!.reading, true);
  const mail = deliveryFrom("plant/2", { order: ORDER + 100 * 1024 });
  desk.feed({ type: "mail", clientId: "panel", delivery: mail });
  const queued = [deliveryFrom("plant/1", { order: from! }), mail];
  desk.feed({ type: "read", clientId: "panel", from: from!, queued });
  assert.deepEqual(orders(), [from, own, mail.message.order]);
});

Deno.test("shareOut() gives each message to one of the nodes and members in turn", () => {
  const desk = new NodeDesk();
  desk.connect(1, "one");
  desk.subscribe(1, "$share/g/plant/#");
  desk.feed({
    type: "replicated",
    from: "b",
    writes: [{ type: "announce", full: "$share/g/plant/#", interest: 2 }],
  });
  desk.connect(9, "pump");
  desk.lines();
  const all: string[] = [];
  for (let packetId = 1; packetId <= 6; packetId++) {
    desk.packet(9, publishPacket("plant/1", "x", { packetId }));
    const line = desk.lines().find((line) => line.startsWith("share") || line.startsWith("1 <"))!;
    all.push(line.split(" ")[0]!);
  }
  assert.deepEqual(all.toSorted(), ["1", "1", "share", "share", "share", "share"]);
});

Deno.test("shareOut() chooses members that are here when they come first", () => {
  const desk = new NodeDesk({ localFirst: true });
  desk.connect(1, "one");
  desk.subscribe(1, "$share/g/plant/#");
  desk.feed({
    type: "replicated",
    from: "b",
    writes: [{ type: "announce", full: "$share/g/plant/#", interest: 200 }],
  });
  desk.connect(9, "pump");
  for (let packetId = 1; packetId <= 5; packetId++) {
    desk.lines();
    desk.packet(9, publishPacket("plant/1", "x", { packetId }));
    assert.ok(desk.lines().some((line) => line.startsWith("1 < publish")));
  }
});

Deno.test("pump() moves this node's part of a queue on when members come to another node", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("one", "$share/g/plant/#") });
  desk.connect(9, "pump");
  desk.lines();
  desk.packet(9, publishPacket("plant/1", "x", { packetId: 1 }));
  const part = "0a0$share/g/plant/#";
  assert.deepEqual(desk.lines(), [
    `putSession ${part}`,
    `putQueued ${part} plant/1`,
    "9 < puback #1",
  ]);
  const group = [...desk.tables.groups.values()][0]!;
  const order = tailStart(group.session.queue)!;
  desk.feed({
    type: "replicated",
    from: "b",
    writes: [{ type: "announce", full: "$share/g/plant/#", interest: 1 }],
  });
  const { clientId } = group.session;
  desk.feed({
    type: "read",
    clientId,
    from: order,
    queued: [deliveryFrom("plant/1", { order })],
  });
  assert.deepEqual(desk.lines(), [
    `deleteQueued ${part} ${order}`,
    "share b $share/g/plant/# plant/1",
  ]);
});

Deno.test("onShared() takes the message out of the inbox with what becomes of it", () => {
  const desk = new NodeDesk();
  desk.connect(1, "one");
  desk.subscribe(1, "$share/g/plant/#");
  desk.lines();
  const taken = { type: "taken", node: "a", entry: "7-1" } as const;
  const group = "$share/g/plant/#";
  desk.feed({ type: "shared", group, message: messageFrom("plant/1"), taken });
  assert.deepEqual(desk.lines(), ["taken a 7-1", "1 < publish plant/1 q1 #1 x"]);
  desk.feed({ type: "shared", group: "$share/h/x", message: messageFrom("x"), taken });
  assert.deepEqual(desk.lines(), ["dropped 0$share/h/x nobodyInGroup", "taken a 7-1"]);
});

Deno.test("adopt() publishes the Will of who was connected to a node that is no more, and lets go", () => {
  const desk = new NodeDesk();
  desk.connect(1, "watch");
  desk.subscribe(1, "will/#");
  desk.lines();
  const owner = { user: undefined, roles: [] };
  const will = {
    clientId: "pump",
    owner,
    packet: willOf("will/pump", "x", { qos: 1 }),
    publishAt: Infinity,
  };
  desk.feed({ type: "adopted", clientId: "pump", stored: { ...EMPTY, will } });
  assert.deepEqual(desk.lines(), [
    "deleteWill pump",
    "release pump",
    "1 < publish will/pump q1 #1 x",
  ]);
  assert.equal(desk.tables.clients.has("pump"), false);
});

Deno.test("adopt() publishes a Will that waited when its session has ended before the node did [MQTT-3.1.3-9]", () => {
  const desk = new NodeDesk();
  desk.connect(1, "watch");
  desk.subscribe(1, "will/#");
  const owner = { user: undefined, roles: [] };
  const packet = willOf("will/pump", "x", { qos: 1, willDelayInterval: 60 });
  const will = { clientId: "pump", owner, packet, publishAt: desk.now + 60_000 };
  desk.feed({ type: "replicated", from: "b", writes: [{ type: "putWill", will }] });
  desk.lines();
  desk.feed({ type: "adopted", clientId: "pump", stored: { ...EMPTY, will } });
  assert.deepEqual(desk.lines(), [
    "deleteWill pump",
    "release pump",
    "1 < publish will/pump q1 #1 x",
  ]);
  assert.equal(desk.tables.clients.has("pump"), false);
});

Deno.test("adopt() leaves a stored session to its client, from now on absent", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
  desk.feed({ type: "adopted", clientId: "panel", stored: EMPTY });
  assert.deepEqual(desk.lines(), ["putSession panel", "release panel"]);
  const row = desk.tables.clients.get("panel")!;
  assert.deepEqual([row.here, row.at], [false, undefined]);
});

Deno.test("onDeadline() ends a session that nobody has when it is this node's turn, and claims it for that", () => {
  const desk = new NodeDesk();
  const [put, subscribed] = storedElsewhere("panel", "plant/#");
  const expiresAt = desk.now + 1_000;
  const writes = [
    { ...put, expiresAt } as AnyWrite,
    subscribed!,
    {
      type: "release",
      clientId: "panel",
    } as const,
  ];
  desk.feed({ type: "replicated", from: "b", writes });
  desk.tick(999);
  assert.deepEqual(desk.lines(), []);
  desk.tick(1);
  assert.deepEqual(desk.lines(), ["claim panel for 0 if free"]);
  desk.claimed(0, "panel");
  assert.deepEqual(desk.lines(), ["deleteSession panel", "release panel"]);
  assert.equal(desk.tables.clients.has("panel"), false);
});

Deno.test("onDeadline() does nothing when the client has come back to another node before the claim", () => {
  const desk = new NodeDesk();
  const [put] = storedElsewhere("panel", "plant/#");
  const expiresAt = desk.now + 1_000;
  desk.feed({ type: "replicated", from: "b", writes: [{ ...put, expiresAt } as AnyWrite] });
  desk.tick(1_000);
  desk.feed({ type: "replicated", from: "c", writes: [put!] });
  const gone = { ...put, expiresAt: desk.now + 2_000 } as AnyWrite;
  desk.feed({ type: "replicated", from: "c", writes: [gone] });
  desk.lines();
  desk.claimed(0, "panel");
  assert.deepEqual(desk.lines(), ["release panel"]);
  assert.equal(desk.tables.clients.has("panel"), true);
});

Deno.test("onReplicated() comes to the later of two retained messages, whichever node wrote it", () => {
  const desk = new NodeDesk();
  desk.connect(1, "pump");
  desk.packet(1, publishPacket("state", "mine", { packetId: 1, retain: true }));
  const mine = desk.tables.retained.get("state")!;
  const theirs = messageFrom("state", { retain: true });
  desk.feed({ type: "replicated", from: "b", writes: [{ type: "putRetained", message: theirs }] });
  assert.deepEqual(desk.tables.retained.get("state"), mine); // it comes behind theirs
  desk.feed({ type: "replicated", from: "a", writes: [{ type: "putRetained", message: mine }] });
  assert.deepEqual(desk.tables.retained.get("state"), mine);
  desk.feed({ type: "replicated", from: "b", writes: [{ type: "putRetained", message: theirs }] });
  assert.deepEqual(desk.tables.retained.get("state"), theirs);
});

Deno.test("onReplicated() takes back nothing that was retained here since, when the log tells of what was before", () => {
  const desk = new NodeDesk();
  desk.connect(1, "pump");
  const retained = () => desk.tables.retained.get("state");
  const publish = (packetId: number, payload: string) => {
    desk.packet(1, publishPacket("state", payload, { packetId, retain: true }));
    return retained();
  };
  const log = (from: string, write: AnyWrite) =>
    desk.feed({ type: "replicated", from, writes: [write] });
  const first = publish(1, "first")!;
  const second = publish(2, "second")!;
  log("a", { type: "putRetained", message: first });
  assert.deepEqual(retained(), second);
  log("b", { type: "deleteRetained", topic: "state" });
  assert.deepEqual(retained(), second);
  publish(3, ""); // there is something to be cleared
  assert.ok(desk.lines().includes("deleteRetained state"));
  log("a", { type: "putRetained", message: second });
  assert.equal(retained(), undefined);
  log("b", { type: "putRetained", message: messageFrom("state", { retain: true }) });
  assert.equal(retained(), undefined);
  log("a", { type: "deleteRetained", topic: "state" });
  assert.equal(retained(), undefined);
  assert.equal(desk.tables.cluster!.retaining.size, 0);
});

Deno.test("onDeadline() ends no retained message but the one that has expired", () => {
  const desk = new NodeDesk();
  const order = ORDER + 1_024;
  const old = messageFrom("state", { order, retain: true, expiresAt: desk.now + 1_000 });
  const late = messageFrom("state", { order: order + 1_024, retain: true });
  const put = (message: typeof old) => ({ type: "putRetained", message }) as const;
  desk.feed({ type: "replicated", from: "b", writes: [put(old)] });
  desk.tick(1_000);
  assert.deepEqual(desk.lines(), [`deleteRetained state ${order}`]);
  desk.feed({ type: "replicated", from: "b", writes: [put(late)] });
  const end = { type: "deleteRetained", topic: "state", order } as const;
  desk.feed({ type: "replicated", from: "c", writes: [end] });
  assert.deepEqual(desk.tables.retained.get("state"), late);
});

Deno.test("takeOrder() gives orders of its slot, above all that it has heard of", () => {
  const desk = new NodeDesk({ slot: 3 });
  assert.equal(desk.tables.nextOrder % 1024, 3);
  const message = messageFrom("state", { order: 77 * 1024 + 5, retain: true });
  desk.feed({ type: "replicated", from: "b", writes: [{ type: "putRetained", message }] });
  assert.equal(desk.tables.nextOrder % 1024, 3);
  assert.ok(desk.tables.nextOrder > message.order);
});

Deno.test("onReplicated() forgets a session with what it subscribed to when another node ended it", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
  desk.feed({
    type: "replicated",
    from: "b",
    writes: [{ type: "deleteSession", clientId: "panel" }],
  });
  assert.equal(desk.tables.tree.size, 0);
  assert.equal(desk.tables.clients.size, 0);
});

Deno.test("onReplicated() comes to what a start reads when a client unsubscribes elsewhere from what a rule gives, and subscribes", () => {
  const put = (origin?: string): AnyWrite => ({
    type: "putSubscription",
    clientId: "pump",
    subscription: { ...subscription("all"), ...(origin === undefined ? {} : { origin }) },
  });
  for (const last of [put("unsubscribed"), put(), put("rule")]) {
    const [session] = storedElsewhere("pump", "all");
    const told = new NodeDesk();
    const writes = [session!, put("rule"), put("unsubscribed"), last];
    told.feed({ type: "replicated", from: "b", writes });
    const started = new NodeDesk();
    started.feed({ type: "replicated", from: "b", writes: [session!, last] });
    assert.equal(checksumOf(told.tables), checksumOf(started.tables));
  }
});

Deno.test("onClaim() goes on without what the client has unsubscribed from on another node", () => {
  const autoSubscribe = compileAutoSubscribe([{ name: "rule", filters: ["all"] }]);
  const desk = new NodeDesk({ rules: { ...defaultRules, autoSubscribe } });
  const [session] = storedElsewhere("pump", "all");
  const made = { ...subscription("all", 0), origin: "rule" };
  const origin = "unsubscribed";
  desk.feed({
    type: "replicated",
    from: "b",
    writes: [
      session!,
      { type: "putSubscription", clientId: "pump", subscription: made },
      { type: "putSubscription", clientId: "pump", subscription: { ...made, origin } },
    ],
  });
  desk.connect(1, "pump", 60, { cleanStart: false });
  assert.deepEqual(desk.lines(), ["claim pump for 1", "putSession pump", "1 < connack 0 present"]);
  const changed = compileAutoSubscribe([{ name: "rule", filters: [{ filter: "all", qos: 1 }] }]);
  desk.feed({ type: "rules", rules: { ...defaultRules, autoSubscribe: changed } });
  assert.deepEqual(desk.lines(), []);
  assert.equal(desk.tables.tree.size, 0);
});

Deno.test("manage() fetches a session that is elsewhere before it deletes it", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
  desk.feed({ type: "deleteSession", clientId: "panel" });
  assert.deepEqual(desk.lines(), ["claim panel for 0"]);
  desk.claimed(0, "panel");
  assert.deepEqual(desk.lines(), ["deleteSession panel", "release panel"]);
});

const RESUMES = { cleanStart: false, properties: { sessionExpiryInterval: 60 } };

/** A session that is nobody's, and something to ask about it. */
function deskWithPanel(): NodeDesk {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
  return desk;
}

Deno.test("manage() waits for the claim of a CONNECT when there is one, and asks for nothing itself", () => {
  const desk = deskWithPanel();
  desk.begin(1, "panel", RESUMES);
  desk.feed({ type: "fetch", clientId: "panel", ticket: 7 });
  assert.deepEqual(desk.lines(), ["claim panel for 1"]);
  desk.claimed(1, "panel", { orders: [ORDER], sizes: [9] });
  const lines = desk.lines();
  assert.ok(lines.includes("1 < connack 0 present"), lines.join());
  assert.ok(lines.includes("fetched 7 with 1"), lines.join());
  assert.ok(!lines.includes("release panel"), lines.join());
});

Deno.test("manage() deletes a session that a CONNECT waits for when it has come, and sends its client off", () => {
  const desk = deskWithPanel();
  desk.begin(1, "panel", RESUMES);
  desk.feed({ type: "deleteSession", clientId: "panel" });
  desk.lines();
  desk.claimed(1, "panel");
  const lines = desk.lines();
  for (const line of ["deleteSession panel", "release panel", "1 closed"]) {
    assert.equal(lines.filter((each) => each === line).length, 1, lines.join());
  }
  assert.equal(desk.tables.clients.size, 0);
});

Deno.test("manage() deletes a session before it lets go of it when its client is connected", () => {
  const desk = new NodeDesk();
  desk.connect(1, "panel", 60);
  desk.lines();
  desk.feed({ type: "deleteSession", clientId: "panel" });
  const lines = desk.lines().filter((line) =>
    line.endsWith("Session panel") || line.startsWith("rel")
  );
  assert.deepEqual(lines, ["deleteSession panel", "release panel"]);
});

Deno.test("manage() has a session fetched when the CONNECT that it has waited for is refused", () => {
  const desk = deskWithPanel();
  desk.begin(1, "panel", RESUMES);
  desk.feed({ type: "deleteSession", clientId: "panel" });
  desk.feed({ type: "notClaimed", connection: 1, clientId: "panel", detail: "no answer" });
  assert.deepEqual(desk.lines().at(-1), "claim panel for 0");
  desk.claimed(0, "panel");
  assert.deepEqual(desk.lines(), ["deleteSession panel", "release panel"]);
});

Deno.test("onClaim() has an errand wait when its answer comes amid the claim of a CONNECT, which says more", () => {
  const desk = deskWithPanel();
  desk.feed({ type: "fetch", clientId: "panel", ticket: 7 });
  desk.begin(1, "panel", RESUMES);
  desk.lines();
  desk.claimed(0, "panel");
  assert.deepEqual(desk.lines(), []);
  assert.equal(desk.tables.clients.get("panel")!.here, false);
  // Posted between the two: it does not come by mail any more.
  desk.claimed(1, "panel", { orders: [ORDER], sizes: [9] });
  assert.ok(desk.lines().includes("fetched 7 with 1"));
});

Deno.test("onClaim() lets go when an errand has had the session and the CONNECT behind it has not", () => {
  const desk = deskWithPanel();
  desk.feed({ type: "fetch", clientId: "panel", ticket: 7 });
  desk.begin(1, "panel", RESUMES);
  desk.claimed(0, "panel");
  desk.lines();
  desk.feed({ type: "notClaimed", connection: 1, clientId: "panel", detail: "no answer" });
  assert.deepEqual(desk.lines().at(-1), "claim panel for 0");
  desk.claimed(0, "panel");
  assert.deepEqual(desk.lines(), ["fetched 7 with 0", "putSession panel", "release panel"]);
});

Deno.test("manage() asks again, in any case, when a session was asked for only if it is free", () => {
  const desk = deskWithPanel();
  const [put] = storedElsewhere("panel", "plant/#");
  const writes = [{ ...put, expiresAt: desk.now + 1_000 } as AnyWrite];
  desk.feed({ type: "replicated", from: "b", writes });
  desk.tick(1_000);
  desk.feed({ type: "deleteSession", clientId: "panel" });
  assert.deepEqual(desk.lines(), ["claim panel for 0 if free"]);
  desk.feed({ type: "notClaimed", connection: 0, clientId: "panel", detail: "b has it" });
  assert.deepEqual(desk.lines(), ["claim panel for 0"]);
  desk.claimed(0, "panel");
  assert.deepEqual(desk.lines(), ["deleteSession panel", "release panel"]);
});

Deno.test("postTo() goes on until all that was posted since the claim has come back as mail", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
  desk.connect(9, "pump");
  desk.begin(1, "panel", { cleanStart: false, properties: { sessionExpiryInterval: 60 } });
  desk.lines();
  desk.packet(9, publishPacket("plant/1", "first", { packetId: 1 }));
  const posted = [...desk.tables.cluster!.posted.get("panel")!][0]!;
  desk.claimed(1, "panel");
  desk.lines();
  desk.packet(9, publishPacket("plant/1", "second", { packetId: 2 }));
  const [second] = [...desk.tables.cluster!.posted.get("panel")!].filter((order) =>
    order !== posted
  );
  assert.deepEqual(desk.lines(), ["post panel plant/1 qos 1", "9 < puback #2"]);
  for (const order of [posted, second!]) {
    desk.feed({ type: "mail", clientId: "panel", delivery: deliveryFrom("plant/1", { order }) });
  }
  desk.lines();
  desk.packet(9, publishPacket("plant/1", "third", { packetId: 3 }));
  assert.deepEqual(desk.lines(), [
    "putInflight panel 3",
    "9 < puback #3",
    "1 < publish plant/1 q1 #3 third",
  ]);
});

/** A node whose client "panel", with a session elsewhere, has connected twice: neither claim is answered yet. */
function claimingTwice(): NodeDesk {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
  desk.connect(9, "pump");
  const rest = { cleanStart: false, properties: { sessionExpiryInterval: 60 } };
  desk.begin(1, "panel", rest);
  desk.begin(2, "panel", rest);
  return desk;
}

Deno.test("postTo() goes on when an earlier connection's claim is answered first", () => {
  const desk = claimingTwice();
  desk.claimed(1, "panel");
  desk.packet(9, publishPacket("plant/1", "first", { packetId: 1 }));
  desk.claimed(2, "panel");
  desk.lines();
  desk.packet(9, publishPacket("plant/1", "second", { packetId: 2 }));
  assert.deepEqual(desk.lines(), ["post panel plant/1 qos 1", "9 < puback #2"]);
});

Deno.test("postTo() goes on when an earlier connection's claim is given up after the session has come", () => {
  const desk = claimingTwice();
  desk.packet(9, publishPacket("plant/1", "first", { packetId: 1 }));
  desk.claimed(2, "panel");
  desk.feed({ type: "notClaimed", connection: 1, clientId: "panel", detail: "no answer" });
  desk.lines();
  desk.packet(9, publishPacket("plant/1", "second", { packetId: 2 }));
  assert.deepEqual(desk.lines(), ["post panel plant/1 qos 1", "9 < puback #2"]);
});

Deno.test("postTo() goes on when all mail so far has come before the session", () => {
  const desk = claimingTwice(); // the first claim is done, and told next
  desk.packet(9, publishPacket("plant/1", "first", { packetId: 1 }));
  const [order] = [...desk.tables.cluster!.posted.get("panel")!];
  const first = deliveryFrom("plant/1", { order: order! });
  desk.claimed(1, "panel");
  desk.feed({ type: "mail", clientId: "panel", delivery: first });
  desk.packet(9, publishPacket("plant/1", "second", { packetId: 2 }));
  desk.claimed(2, "panel", { queued: [first], orders: [order!], sizes: [10] });
  desk.lines();
  desk.packet(9, publishPacket("plant/1", "third", { packetId: 3 }));
  assert.deepEqual(desk.lines(), ["post panel plant/1 qos 1", "9 < puback #3"]);
});

Deno.test("postTo() is over when what was posted is read with the session", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
  desk.connect(9, "pump");
  desk.begin(1, "panel", { cleanStart: false, properties: { sessionExpiryInterval: 60 } });
  desk.packet(9, publishPacket("plant/1", "first", { packetId: 1 }));
  const [order] = [...desk.tables.cluster!.posted.get("panel")!];
  const queued = deliveryFrom("plant/1", { order: order! });
  desk.claimed(1, "panel", { queued: [queued], orders: [order!], sizes: [10] });
  assert.equal(desk.tables.cluster!.posted.size, 0);
});

Deno.test("postTo() is over with the next mail when there was no room for what was posted before", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
  desk.connect(9, "pump");
  desk.begin(1, "panel", { cleanStart: false, properties: { sessionExpiryInterval: 60 } });
  desk.packet(9, publishPacket("plant/1", "first", { packetId: 1 }));
  desk.claimed(1, "panel"); // its queue was full before
  desk.packet(9, publishPacket("plant/1", "second", { packetId: 2 }));
  const [, order] = [...desk.tables.cluster!.posted.get("panel")!];
  const delivery = deliveryFrom("plant/1", { order: order! });
  desk.feed({ type: "mail", clientId: "panel", delivery });
  assert.equal(desk.tables.cluster!.posted.size, 0);
});

Deno.test("postTo() is over when another node has ended the session that something was posted to", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
  desk.connect(9, "pump");
  desk.begin(1, "panel");
  desk.packet(9, publishPacket("plant/1", "first", { packetId: 1 })); // the shared state has no such session
  const writes: AnyWrite[] = [
    { type: "deleteSession", clientId: "panel" },
    { type: "release", clientId: "panel" },
  ];
  desk.feed({ type: "replicated", from: "b", writes });
  desk.claimed(1, "panel");
  desk.subscribe(1, "plant/#"); // of a session that is not stored: what is posted to it is lost
  desk.lines();
  desk.packet(9, publishPacket("plant/1", "second", { packetId: 2 }));
  assert.deepEqual(desk.lines(), ["9 < puback #2", "1 < publish plant/1 q1 #1 second"]);
});

Deno.test("postTo() is over at once when nothing was posted while a new client was waiting", () => {
  const desk = new NodeDesk();
  desk.connect(1, "panel", 60);
  assert.equal(desk.tables.cluster!.posted.size, 0);
});

Deno.test("onMail() sends nothing of what was for a session that a Clean Start has ended", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
  desk.hold = true;
  desk.begin(1, "panel", { cleanStart: true, properties: { sessionExpiryInterval: 60 } });
  desk.claimed(1, "panel");
  desk.lines();
  desk.feed({ type: "mail", clientId: "panel", delivery: deliveryFrom("plant/1") });
  assert.deepEqual(desk.lines(), [`deleteQueued panel ${ORDER}`]);
});

Deno.test("onClaim() publishes the Will of a dead node's client first when the client is back before it is adopted", () => {
  const desk = new NodeDesk();
  desk.connect(1, "watch");
  desk.subscribe(1, "will/#");
  desk.begin(2, "pump");
  desk.lines();
  const owner = { user: undefined, roles: [] };
  const packet = willOf("will/pump", "x", { qos: 1 });
  desk.claimed(2, "pump", { will: { clientId: "pump", owner, packet, publishAt: Infinity } });
  assert.deepEqual(desk.lines(), [
    "deleteWill pump",
    "1 < publish will/pump q1 #1 x",
    "2 < connack 0",
  ]);
});

Deno.test("onClaim() lets go of nothing when a session is adopted that a CONNECT waits for, and publishes its Will", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", "plant/#") });
  desk.connect(2, "heir");
  desk.subscribe(2, "wills");
  desk.begin(1, "panel", { cleanStart: false, properties: { sessionExpiryInterval: 60 } });
  desk.lines();
  const owner = { user: undefined, roles: [] };
  const will = { clientId: "panel", owner, packet: willOf("wills", "w"), publishAt: Infinity };
  desk.feed({ type: "adopted", clientId: "panel", stored: { ...EMPTY, will } });
  assert.deepEqual(desk.lines().filter((line) => /release|putSession/.test(line)), []);
  desk.claimed(1, "panel");
  const lines = desk.lines();
  assert.ok(lines.includes("1 < connack 0 present"), lines.join("\n"));
  assert.deepEqual(lines.filter((line) => line.startsWith("release")), []);
});

/** A node whose client "one" is in a group with "panel", which was connected to a node that is no more. */
function deskWithHeir(): readonly [desk: NodeDesk, stored: Partial<ClaimedSession>] {
  const desk = new NodeDesk();
  const full = "$share/g/plant/#";
  desk.feed({ type: "replicated", from: "b", writes: storedElsewhere("panel", full) });
  desk.connect(1, "one", 60);
  desk.subscribe(1, full);
  const delivery = { ...deliveryFrom("plant/1"), group: `\u0000${full}` };
  const inflight = { awaiting: "puback", delivery, sequence: 1, sentAt: 0 } as const;
  return [desk, { inflight: [[7, inflight]] }];
}

Deno.test("onClaim() gives a group what was under way to a client of a dead node, when that makes a Clean Start", () => {
  const [desk, stored] = deskWithHeir();
  desk.begin(2, "panel", { cleanStart: true, properties: { sessionExpiryInterval: 60 } });
  desk.lines();
  desk.claimed(2, "panel", stored);
  const lines = desk.lines();
  assert.ok(lines.includes("1 < publish plant/1 q1 #1 x"), lines.join("\n"));
});

Deno.test("onClaim() gives a group what was under way to a client of a dead node, when its session is deleted", () => {
  const [desk, stored] = deskWithHeir();
  desk.feed({ type: "deleteSession", clientId: "panel" });
  desk.lines();
  desk.claimed(0, "panel", stored);
  const lines = desk.lines();
  assert.ok(lines.includes("1 < publish plant/1 q1 #1 x"), lines.join("\n"));
});

Deno.test("onClaim() leaves what was under way to a client of a dead node to it, when its session goes on", () => {
  const [desk, stored] = deskWithHeir();
  desk.begin(2, "panel", { cleanStart: false, properties: { sessionExpiryInterval: 60 } });
  desk.claimed(2, "panel", stored);
  const lines = desk.lines().filter((line) => line.includes("publish plant/1"));
  assert.deepEqual(lines, ["2 < publish plant/1 q1 #7 dup x"]);
});
