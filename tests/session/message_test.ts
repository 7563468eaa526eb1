import assert from "node:assert/strict";
import type { PublishProperties } from "../../src/packet/packet.ts";
import {
  forwarded,
  messageOf,
  messageSize,
  owned,
  propertiesToSend,
  publishOf,
} from "../../src/session/message.ts";
import { deepFreeze } from "../deep_freeze.ts";
import { delivery, message, NOW, publish } from "./values.ts";

const all: PublishProperties = deepFreeze({
  payloadFormatIndicator: 1,
  messageExpiryInterval: 30,
  topicAlias: 3,
  responseTopic: "r/t",
  correlationData: Uint8Array.of(5, 6),
  userProperties: [["b", "1"], ["a", "2"], ["b", "1"]] as const,
  subscriptionIdentifiers: [9],
  contentType: "text/plain",
});

const kept: PublishProperties = {
  payloadFormatIndicator: 1,
  responseTopic: "r/t",
  correlationData: Uint8Array.of(5, 6),
  userProperties: [["b", "1"], ["a", "2"], ["b", "1"]],
  contentType: "text/plain",
};

Deno.test("messageOf() keeps what is handed on when the PUBLISH has every property [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]", () => {
  const packet = publish({
    qos: 2,
    packetId: 9,
    dup: true,
    retain: true,
    properties: all,
  });
  assert.deepEqual(messageOf(packet, 4, "p", NOW), {
    order: 4,
    topic: "a/b",
    payload: Uint8Array.of(1, 2, 3),
    qos: 2,
    retain: true,
    properties: kept,
    expiresAt: NOW + 30_000,
    publisher: "p",
  });
});

Deno.test("messageOf() makes a message that never expires when there is no Message Expiry Interval", () => {
  assert.equal(messageOf(publish(), 1, "p", NOW).expiresAt, Infinity);
  assert.equal(messageOf(publish({ properties: {} }), 1, "p", NOW).expiresAt, Infinity);
  const zero = publish({ properties: { messageExpiryInterval: 0 } });
  assert.equal(messageOf(zero, 1, "p", NOW).expiresAt, NOW);
});

Deno.test("forwarded() gives undefined when nothing is left to hand on", () => {
  assert.equal(forwarded({ topicAlias: 1, messageExpiryInterval: 2 }), undefined);
  assert.equal(forwarded({}), undefined);
  assert.deepEqual(forwarded(all), kept);
});

/** [expires in ms, the Message Expiry Interval sent] */
const intervals = [[30_000, 30], [29_999, 30], [29_001, 30], [29_000, 29], [1, 1], [0, 0], [
  -5_000,
  0,
]] as const;
for (const [left, seconds] of intervals) {
  Deno.test(`propertiesToSend() says ${seconds} s when the message expires in ${left} ms [MQTT-3.3.2-6]`, () => {
    const one = delivery(1, 1, { expiresAt: NOW + left });
    assert.deepEqual(propertiesToSend(one, NOW), { messageExpiryInterval: seconds });
  });
}

Deno.test("propertiesToSend() gives the message's own object when this hop adds nothing", () => {
  const properties = deepFreeze({ contentType: "x" });
  assert.equal(propertiesToSend(delivery(1, 1, { properties }), NOW), properties);
  assert.equal(propertiesToSend(delivery(1), NOW), undefined);
});

Deno.test("propertiesToSend() adds all Subscription Identifiers when the delivery has some [MQTT-3.3.4-3] [MQTT-3.3.4-4]", () => {
  const one = deepFreeze({
    ...delivery(1, 1, { properties: { contentType: "x" } }),
    subscriptionIdentifiers: [4, 2],
  });
  assert.deepEqual(propertiesToSend(one, NOW), {
    contentType: "x",
    subscriptionIdentifiers: [4, 2],
  });
});

Deno.test("publishOf() takes QoS and RETAIN from the delivery and DUP from the attempt [MQTT-3.3.1-3]", () => {
  const one = deepFreeze({ ...delivery(1, 1, { retain: true, qos: 2 }), retain: false });
  for (const dup of [true, false]) {
    assert.deepEqual(publishOf(one, 12, dup, NOW), {
      type: "publish",
      topic: "t",
      payload: Uint8Array.of(1),
      qos: 1,
      retain: false,
      dup,
      packetId: 12,
      properties: undefined,
    });
  }
});

Deno.test("owned() copies the payload when it is a view, as with QoS 0 it is", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  const view = message(1, { qos: 0, payload: bytes.subarray(0, 2) });
  const own = owned(view);
  bytes.fill(0);
  assert.deepEqual(own, { ...view, payload: Uint8Array.of(1, 2) });
});

Deno.test("owned() is the message itself when its payload is its own, as with QoS 1 and 2", () => {
  const kept = message(1, { qos: 1 });
  assert.equal(owned(kept), kept);
});

Deno.test("messageSize() grows with each part of a message that is of any length", () => {
  const bare = messageSize(message(1));
  const parts: [string, number][] = [
    ["topic", messageSize(message(1, { topic: "t".repeat(101) }))],
    ["payload", messageSize(message(1, { payload: new Uint8Array(101) }))],
    ["responseTopic", withProperties({ responseTopic: "r".repeat(100) })],
    ["contentType", withProperties({ contentType: "r".repeat(100) })],
    ["correlationData", withProperties({ correlationData: new Uint8Array(100) })],
  ];
  for (const [part, size] of parts) assert.equal(size, bare + 100, part);
  const users = withProperties({ userProperties: [["n".repeat(40), "v".repeat(28)]] });
  assert.equal(users, bare + 100);
});

function withProperties(properties: PublishProperties): number {
  return messageSize(message(1, { properties }));
}
