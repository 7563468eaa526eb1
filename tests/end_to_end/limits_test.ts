/** Limits as clients feel them: connections, packet size, a subscriber that does not read, a crowd. */

import assert from "node:assert/strict";
import { Reason } from "../../src/packet/reason_code.ts";
import { sharedBroker, startBroker } from "./broker_process.ts";
import { RawClient, text } from "./raw.ts";

const MIB = 1 << 20;

const broker = sharedBroker();

Deno.test("the third connection is closed and the log says why when maximumConnections is 2", async () => {
  const small = await startBroker({ limits: { maximumConnections: 2 } });
  const first = await RawClient.connect(small, 5, "first");
  const second = await RawClient.connect(small, 4, "second");
  const third = await RawClient.open(small, 5);
  const { address } = third;
  await third.ended();
  const line = await small.logged((line) => line.address === address, "a line about the third");
  assert.equal(line.level, "warn");
  assert.match(String(line.detail), /maximumConnections/);
  await first.ping();
  await second.ping();
  // One that leaves makes room for another.
  await first.disconnect();
  const fourth = await RawClient.connect(small, 5, "fourth");
  await fourth.ping();
  // A crowd at the door is one line in the log, not a line each.
  const crowd = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(small, 5)));
  for (const each of crowd) await each.ended();
  const refusals = small.log().filter(({ message }) => String(message).includes("turned away"));
  assert.ok(refusals.length <= 3, `${refusals.length} lines`);
  second.close();
  fourth.close();
  await small.stop();
});

Deno.test("a link counts as a connection when its client is gone by half and it is still written to", async () => {
  const small = await startBroker({
    limits: {
      maximumConnections: 2,
      shutdownTimeout: 2,
      outboxMaximum: 8 * MIB,
      connectTimeout: 60,
    },
  });
  const deaf = await RawClient.connect(small, 4, "deaf");
  await deaf.subscribe("x", 0);
  const inside = await RawClient.connect(small, 5, "inside");
  // More than the buffers of a socket take: the broker has bytes left that it wants to get rid of.
  for (let count = 0; count < 7; count++) await inside.publish("x", new Uint8Array(MIB - 100));
  await inside.ping();
  await deaf.closeWrite();
  await small.logged((line) => line.clientId === "deaf" && line.reason === "linkLost", "its end");
  const third = await RawClient.open(small, 5);
  const { address } = third;
  await third.ended();
  const line = await small.logged((line) => line.address === address, "a line about the third");
  assert.match(line.message, /turned away/);
  deaf.close();
  await inside.disconnect();
  await small.stop();
});

for (const qos of [0, 1, 2] as const) {
  Deno.test(`a message of nearly 1 MiB arrives intact when its QoS is ${qos}`, async () => {
    const client = await RawClient.connect(broker(), 5, `large-${qos}`);
    await client.subscribe("large/+", 2);
    const topic = `large/${qos}`;
    // Fixed header 4, topic 2 and its length, packet id 2 where there is one, Property Length 1.
    const size = MIB - 4 - 2 - topic.length - (qos > 0 ? 2 : 0) - 1;
    const payload = Uint8Array.from({ length: size }, (_, at) => (at * 31) % 251);
    await client.publish(topic, payload, { qos });
    let found: Uint8Array | undefined;
    while (found === undefined) {
      const packet = await client.next();
      if (packet.type === "publish") found = packet.payload;
      else if (packet.type === "pubrec") {
        const { packetId } = packet;
        await client.send({ type: "pubrel", packetId, reasonCode: 0, properties: undefined });
      }
    }
    assert.equal(found.length, size);
    assert.ok(found.every((byte, at) => byte === (at * 31) % 251));
    client.close();
  });
}

Deno.test("a message of 16 MiB is refused with 0x95 when maximumPacketSize is 1 MiB", async () => {
  const watcher = await RawClient.connect(broker(), 5, "watcher");
  await watcher.subscribe("huge", 0);
  const client = await RawClient.connect(broker(), 5, "huge");
  // The broker stops reading at the header, so writing on may fail before everything is sent.
  const sent = client.publish("huge", new Uint8Array(16 * MIB)).catch(() => {});
  assert.equal((await client.expect("disconnect")).reasonCode, Reason.packetTooLarge);
  await client.ended();
  await sent;
  await watcher.ping(); // it got nothing
  await watcher.disconnect();
});

Deno.test("a subscriber that reads nothing is closed in the end, and costs others nothing", async () => {
  const patient = await startBroker({ limits: { drainTimeout: 1 } });
  const deaf = await RawClient.connect(patient, 5, "deaf");
  await deaf.subscribe("stream/#", 1);
  const reader = await RawClient.connect(patient, 5, "reader");
  await reader.subscribe("stream/#", 0);
  const talker = await RawClient.connect(patient, 5, "talker");
  const before = patient.memory();
  let most = 0;
  const payload = new Uint8Array(100_000);
  const rounds = 400; // 40 MB at QoS 0 and QoS 1: beyond socket buffers, outbox and queue together
  for (let n = 0; n < rounds; n++) {
    payload[0] = n & 0xff;
    const qos = n % 2 === 0 ? 0 : 1;
    await talker.publish("stream/a", payload, { qos });
    if (qos === 1) await talker.expect("puback");
    assert.equal((await reader.expect("publish")).payload[0], n & 0xff);
    most = Math.max(most, patient.memory());
  }
  const line = await patient.logged(
    (line) => line.clientId === "deaf" && line.message === "disconnected",
    "the end of the subscriber that reads nothing",
  );
  assert.equal(line.reason, "stalled");
  const grown = (most - before) / MIB;
  // What may be held for it: an outbox of 4 MiB and a queue of 16 MiB; the rest is garbage not yet collected.
  assert.ok(grown < 120, `memory has grown by ${grown.toFixed()} MiB`);
  await reader.ping();
  await talker.ping();
  for (const client of [deaf, reader, talker]) client.close();
  await patient.stop();
});

Deno.test("a subscriber that reads late gets every QoS 1 message whole and in order", async () => {
  const late = await RawClient.connect(broker(), 5, "late");
  await late.subscribe("late", 1);
  const talker = await RawClient.connect(broker(), 5, "late-talker");
  // 14 MB: beyond socket buffers and outbox, within the queue of 1,000 messages and 16 MiB.
  const [count, size] = [700, 20_000];
  const payload = (n: number) => Uint8Array.from({ length: size }, (_, at) => (at * 7 + n) & 0xff);
  for (let n = 0; n < count; n++) {
    await talker.publish("late", payload(n), { qos: 1 });
    await talker.expect("puback");
  }
  for (let n = 0; n < count; n++) {
    const { packetId, payload: found } = await late.expect("publish");
    assert.deepEqual(found, payload(n), `message ${n}`);
    await late.send({ type: "puback", packetId, reasonCode: 0, properties: undefined });
  }
  await late.ping();
  for (const client of [late, talker]) await client.disconnect();
});

Deno.test("200 clients are served when they connect at once", async () => {
  const count = 200;
  const clients = await Promise.all(
    Array.from(
      { length: count },
      (_, at) => RawClient.connect(broker(), at % 2 === 0 ? 4 : 5, `crowd-${at}`),
    ),
  );
  await Promise.all(clients.map((client, at) => client.subscribe(`crowd/${at}/+`, 1)));
  // Each writes to the next one.
  await Promise.all(
    clients.map((client, at) => client.publish(`crowd/${(at + 1) % count}/x`, `from ${at}`)),
  );
  const got = await Promise.all(
    clients.map(async (client) => text((await client.expect("publish")).payload)),
  );
  got.forEach((words, at) => assert.equal(words, `from ${(at + count - 1) % count}`));
  await Promise.all(clients.map((client) => client.disconnect()));
});
