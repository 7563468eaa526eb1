/** `/metrics` and `$SYS` of the real program against what the test's own clients did. */

import assert from "node:assert/strict";
import { encode } from "../../src/packet/encode.ts";
import type { Packet, QoS } from "../../src/packet/packet.ts";
import type { Series } from "./administration.ts";
import { adminUrl, scrape, scrapeUntil } from "./administration.ts";
import { sharedBroker, startBroker } from "./broker_process.ts";
import { connectOf, plainPublish } from "../packets.ts";
import { RawClient, text } from "./raw.ts";

const broker = sharedBroker({ admin: { port: 0 }, sysInterval: 1 });

/** How much more a series is than before. */
function grown(before: Series, after: Series): Series {
  return (name, labels) => after(name, labels) - before(name, labels);
}

for (const version of [4, 5] as const) {
  for (const qos of [0, 1, 2] as const) {
    Deno.test(`messages and payload are counted exactly when QoS is ${qos} and the version ${version}`, async () => {
      const topic = `count/${version}/${qos}`;
      const subscribers: RawClient[] = [];
      for (const name of ["a", "b", "c"]) {
        const subscriber = await RawClient.connect(broker(), version, `${topic}/${name}`);
        await subscriber.subscribe(topic, qos);
        subscribers.push(subscriber);
      }
      const publisher = await RawClient.connect(broker(), version, topic);
      const before = await scrape(broker());
      const COUNT = 20;
      let bytes = 0;
      for (let at = 0; at < COUNT; at++) {
        const payload = new Uint8Array(at * 10);
        bytes += payload.length;
        await publisher.publish(topic, payload, { qos, retain: at % 2 === 0 });
        if (qos > 0) await acknowledged(publisher, qos);
        for (const subscriber of subscribers) await take(subscriber, qos);
      }
      await publisher.ping();
      const own = `{"direction":"received","qos":"${qos}"}`;
      await scrapeUntil(broker(), (after) => {
        const more = grown(before, after);
        const of = (direction: string) => ({ direction, qos: `${qos}` });
        assert.equal(more("messages_total", of("received")), COUNT, own);
        assert.equal(more("message_payload_bytes_total", of("received")), bytes);
        // $SYS goes to nobody here, so all that is sent is the test's.
        assert.equal(more("messages_total", of("sent")), COUNT * 3);
        assert.equal(more("message_payload_bytes_total", of("sent")), bytes * 3);
        for (const other of [0, 1, 2].filter((other) => other !== qos)) {
          const labels = { direction: "sent", qos: `${other}` };
          assert.equal(more("messages_total", labels), 0);
        }
        const sent = (type: string) => more("packets_total", { direction: "sent", type });
        assert.equal(sent("puback"), qos === 1 ? COUNT : 0);
        assert.equal(sent("pubrec"), qos === 2 ? COUNT : 0);
        assert.equal(sent("pubrel"), qos === 2 ? COUNT * 3 : 0);
        assert.equal(sent("pingresp"), 1);
      });
      for (const client of [publisher, ...subscribers]) await client.disconnect();
    });
  }
}

for (const version of [4, 5] as const) {
  Deno.test(`messages and payload are counted exactly when they come in bursts and the version is ${version}`, async () => {
    const topic = `burst/${version}`;
    const subscriber = await RawClient.connect(broker(), version, `${topic}/s`);
    await subscriber.subscribe(topic, 0);
    const publisher = await RawClient.connect(broker(), version, topic);
    const before = await scrape(broker());
    const COUNT = 200;
    const frames: Uint8Array[] = [];
    let payload = 0;
    for (let at = 0; at < COUNT; at++) {
      payload += at % 70;
      frames.push(encode(plainPublish(topic, new Uint8Array(at % 70)), version));
    }
    await publisher.send(
      new Uint8Array(await new Blob(frames as Uint8Array<ArrayBuffer>[]).bytes()),
    );
    for (let at = 0; at < COUNT; at++) await subscriber.expect("publish");
    await scrapeUntil(broker(), (after) => {
      const more = grown(before, after);
      for (const direction of ["received", "sent"]) {
        const labels = { direction, qos: "0" };
        assert.equal(more("messages_total", labels), COUNT, direction);
        assert.equal(more("message_payload_bytes_total", labels), payload, direction);
      }
      assert.equal(after("outbox_packets"), 0);
    });
    for (const client of [publisher, subscriber]) await client.disconnect();
  });
}

/** Ends the exchange of a PUBLISH that was sent. */
async function acknowledged(client: RawClient, qos: QoS): Promise<void> {
  if (qos === 1) {
    await client.expect("puback");
    return;
  }
  const { packetId } = await client.expect("pubrec");
  await client.send({ type: "pubrel", packetId, reasonCode: 0, properties: undefined });
  await client.expect("pubcomp");
}

/** Receives a PUBLISH and ends its exchange. */
async function take(client: RawClient, qos: QoS): Promise<void> {
  const { packetId } = await client.expect("publish");
  if (qos === 0) return;
  const type = qos === 1 ? "puback" : "pubrec";
  await client.send({ type, packetId, reasonCode: 0, properties: undefined });
  if (qos === 1) return;
  await client.expect("pubrel");
  await client.send({ type: "pubcomp", packetId, reasonCode: 0, properties: undefined });
}

Deno.test("bytes, links and packets are counted exactly when a client counts what it sends and gets", async () => {
  const before = await scrape(broker());
  const client = await RawClient.open(broker(), 5);
  let sent = 0, got = 0;
  const send = async (packet: Packet) => {
    sent += encode(packet, 5).length;
    await client.send(packet);
  };
  await send(connectOf(5, "bytes"));
  await client.expect("connack");
  got += client.lastFrame.length;
  for (let at = 0; at < 5; at++) {
    await send({ type: "pingreq" });
    await client.expect("pingresp");
    got += client.lastFrame.length;
  }
  await send({ type: "disconnect", reasonCode: 0, properties: undefined });
  await client.ended();
  await scrapeUntil(broker(), (after) => {
    const more = grown(before, after);
    assert.equal(more("link_bytes_total", { direction: "received" }), sent);
    assert.equal(more("link_bytes_total", { direction: "sent" }), got);
    assert.equal(more("links_total"), 1);
    assert.equal(more("connections_total"), 1);
    assert.equal(more("packets_total", { direction: "received", type: "pingreq" }), 5);
    assert.equal(more("disconnects_total", { reason: "clientDisconnected" }), 1);
    assert.equal(more("sessions_ended_total", { reason: "disconnected" }), 1);
  });
});

Deno.test("drops, refusals and ends are counted by the word that the log has", async () => {
  const before = await scrape(broker());
  const absent = await RawClient.connect(broker(), 5, "absent", {
    properties: { sessionExpiryInterval: 60 },
  });
  await absent.subscribe("why/+", 0);
  await absent.disconnect();
  const client = await RawClient.connect(broker(), 5, "why");
  await client.publish("why/1", "for nobody");
  await client.publish("$SYS/broker/uptime", "forged", { qos: 1 });
  assert.equal((await client.expect("puback")).reasonCode, 0x87);
  const ghost = await RawClient.open(broker(), 5);
  await ghost.send(new Uint8Array([0x10, 0xff, 0xff, 0xff, 0xff, 1]));
  await ghost.ended();
  const { address } = ghost;
  const line = await broker().logged((line) => line.address === address, "the end of the ghost");
  assert.equal(line.reason, "malformedPacket");
  await scrapeUntil(broker(), (after) => {
    const more = grown(before, after);
    assert.equal(more("drops_total", { reason: "absentQoS0" }), 1);
    assert.equal(after("refusals_total", { action: "publish", reason: "notAuthorized" }), 1);
    assert.equal(more("disconnects_total", { reason: "malformedPacket" }), 1);
  });
  // The same words stand below $SYS.
  await client.subscribe("$SYS/#", 0);
  const seen = new Map<string, string>();
  while (
    seen.get("drops/absentQoS0") !== "1" || seen.get("refusals/publish/notAuthorized") !== "1"
  ) {
    const { topic, payload } = await client.expect("publish");
    seen.set(topic.slice("$SYS/broker/".length), text(payload));
  }
  await client.disconnect();
});

Deno.test("commits and messages in them are measured when the store is on the disk", async () => {
  const before = await scrape(broker());
  const client = await RawClient.connect(broker(), 5, "commits", {
    properties: { sessionExpiryInterval: 60 },
  });
  await client.subscribe("commits", 1);
  for (let at = 0; at < 10; at++) {
    await client.publish("commits", "m", { qos: 1 });
    const packets = [await client.next(), await client.next()];
    const publish = packets.find((packet) => packet.type === "publish")!;
    const { packetId } = publish;
    await client.send({ type: "puback", packetId, reasonCode: 0, properties: undefined });
  }
  const after = await scrape(broker());
  const commits = after("commit_latency_seconds_count") - before("commit_latency_seconds_count");
  assert.ok(commits >= 10, `${commits} commits`);
  assert.ok(after("commit_messages_sum") - before("commit_messages_sum") >= 10);
  assert.ok(after("commit_latency_seconds_sum") > before("commit_latency_seconds_sum"));
  await client.disconnect();
});

Deno.test("route latency is measured of one turn in 64 when messages come turn by turn", async () => {
  const client = await RawClient.connect(broker(), 5, "turns");
  const before = await scrape(broker());
  for (let at = 0; at < 70; at++) {
    await client.publish("turns", "m");
    await client.ping();
  }
  const after = await scrape(broker());
  const more = after("route_latency_seconds_count") - before("route_latency_seconds_count");
  assert.ok(more >= 1 && more <= 20, `${more}`);
  await client.disconnect();
});

Deno.test("health is live and ready when clients are served, and gone when the broker has stopped", async () => {
  const own = await startBroker({ store: "memory", admin: { port: 0 } });
  const live = await fetch(adminUrl(own, "/health/live"));
  assert.deepEqual([live.status, await live.json()], [200, { live: true }]);
  const ready = await fetch(adminUrl(own, "/health/ready"));
  assert.deepEqual([ready.status, await ready.json()], [200, { ready: true, reasons: [] }]);
  const url = adminUrl(own, "/health/live");
  await own.stop(); // with a connection that is kept alive
  await assert.rejects(fetch(url));
});

Deno.test("turned away links are counted by reason when there are too many", async () => {
  const small = await startBroker({
    store: "memory",
    admin: { port: 0 },
    limits: { maximumConnections: 1 },
  });
  const first = await RawClient.connect(small, 5, "first");
  const second = await RawClient.open(small, 5);
  const { address } = second;
  await second.ended();
  const line = await small.logged((line) => line.address === address, "a line about the second");
  assert.equal(line.reason, "connectionLimit");
  assert.equal((await scrape(small))("turned_away_total", { reason: "connectionLimit" }), 1);
  await first.disconnect();
  await small.stop();
});

Deno.test("no file descriptor is lost when requests end well, early and not at all", async () => {
  if (Deno.build.os !== "linux") return;
  const own = await startBroker({ store: "memory", admin: { port: 0 } });
  const descriptors = () => [...Deno.readDirSync(`/proc/${own.pid}/fd`)].length;
  await (await fetch(adminUrl(own, "/health/live"), { headers: { connection: "close" } })).text();
  const { hostname, port } = new URL(adminUrl(own, "/"));
  const before = descriptors();
  for (let at = 0; at < 10; at++) {
    await (await fetch(adminUrl(own, "/metrics"), { headers: { connection: "close" } })).text();
    const conn = await Deno.connect({ hostname, port: Number(port) });
    await conn.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\nhost: x\r\n"));
    conn.close();
  }
  const until = performance.now() + 15_000;
  while (descriptors() > before && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(descriptors() <= before, `${descriptors()} now, ${before} before`);
  await own.stop();
});
