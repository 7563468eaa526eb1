/** MQTT over WebSocket with the real program: stock clients, and a client that breaks the rules. */

import assert from "node:assert/strict";
import { connectPacket } from "../broker/packets.ts";
import type { Frame } from "../transport/client_frames.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { sharedBroker, startBroker } from "./broker_process.ts";
import { connectJs } from "./mqttjs_client.ts";
import { RawClient, text } from "./raw.ts";
import { RawWebSocket, upgradeRequest } from "./raw_websocket.ts";

const broker = sharedBroker({
  store: "memory",
  listeners: [
    { type: "tcp" },
    {
      type: "websocket",
      port: 0,
      name: "web",
      trustedProxies: ["127.0.0.1"],
      allowAnonymous: true,
    },
  ],
  limits: { handshakeTimeout: 2, maximumPacketSize: 4_194_304 },
});

function webPort({ addresses }: BrokerProcess): number {
  return Number(addresses[1]!.split(":").at(-1));
}

for (const version of [3, 4, 5] as const) {
  Deno.test(`MQTT.js publishes and subscribes over WebSocket with version ${version}`, async () => {
    const options = version === 3
      ? { protocolId: "MQIsdp", protocolVersion: 3, wsOptions: { protocol: "mqttv3.1" } } as const
      : { protocolVersion: version };
    const port = webPort(broker());
    const client = await connectJs(port, `js${version}`, {
      ...options,
      protocol: "ws",
      path: "/mqtt",
    });
    await client.client.subscribeAsync("t/+", { qos: 2 });
    const large = "x".repeat(300_000);
    for (const qos of [0, 1, 2] as const) {
      await client.client.publishAsync(`t/${qos}`, `${qos}${large}`, { qos });
    }
    const received = await client.receive(3);
    assert.deepEqual(received.map(({ qos, payload }) => [qos, payload === qos + large]), [
      [0, true],
      [1, true],
      [2, true],
    ]);
    await client.end();
  });
}

Deno.test("a message goes from TCP to WebSocket and back", async () => {
  const tcp = await RawClient.connect(broker(), 5, "tcp");
  await tcp.subscribe("from/web", 0);
  const web = await connectJs(webPort(broker()), "web", { protocol: "ws", path: "/mqtt" });
  await web.client.subscribeAsync("from/tcp", { qos: 1 });
  await tcp.publish("from/tcp", "hello", { qos: 1 });
  assert.equal((await web.receive(1))[0]!.payload, "hello");
  await tcp.expect("puback");
  web.client.publish("from/web", "back");
  assert.equal(text((await tcp.expect("publish")).payload), "back");
  await web.end();
  tcp.close();
});

Deno.test("the runtime's own WebSocket client is let in, and its text closes the connection", async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${webPort(broker())}/mqtt`, ["mqtt"]);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  assert.equal(socket.protocol, "mqtt");
  assert.equal(socket.extensions, "");
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  socket.send("text");
  const { code, wasClean } = await closed;
  assert.deepEqual([code, wasClean], [1003, true]);
});

const VIOLATIONS: readonly (readonly [what: string, code: number, frames: readonly Frame[]])[] = [
  ["a text frame", 1003, [{ opcode: 1, payload: "text" }]],
  ["a frame without a mask", 1002, [{ opcode: 2, payload: "a", mask: "none" }]],
  ["a frame that claims to be compressed", 1002, [{ opcode: 2, payload: "a", reserved: 4 }]],
  ["a frame that is too large", 1009, [{ opcode: 2, length: 1n << 40n }]],
  ["a continuation of nothing", 1002, [{ opcode: 0, payload: "a" }]],
  ["a Close frame", 4000, [{ opcode: 8, payload: Uint8Array.of(0x0f, 0xa0) }]],
  ["a Close frame without a code", 1000, [{ opcode: 8 }]],
];

for (const [what, code, frames] of VIOLATIONS) {
  Deno.test(`a client is closed with ${code} when it sends ${what}, before CONNECT and after`, async () => {
    const early = await RawWebSocket.connect(webPort(broker()));
    for (const frame of frames) await early.sendFrame(frame);
    assert.equal(await early.closed(), code);
    const late = await RawWebSocket.connect(webPort(broker()));
    await late.sendPacket(connectPacket("late"), 5);
    assert.equal((await late.packet(5))?.type, "connack");
    for (const frame of frames) await late.sendFrame(frame);
    const { address } = late;
    assert.equal(await late.closed(), code);
    if (code < 1002 || code > 1999) return;
    const line = await broker().logged(
      (line) => line.clientId === "late" && /WebSocket/.test(JSON.stringify(line)),
      `why ${address} was closed`,
    );
    assert.equal(line.category, "client");
  });
}

Deno.test("a Will is published when its client breaks the rules of WebSocket", async () => {
  const watcher = await RawClient.connect(broker(), 5, "watcher");
  await watcher.subscribe("will/web", 0);
  const client = await RawWebSocket.connect(webPort(broker()));
  const will = {
    topic: "will/web",
    payload: new TextEncoder().encode("gone"),
    qos: 0,
    retain: false,
    willDelayInterval: 0,
    properties: undefined,
  } as const;
  await client.sendPacket(connectPacket("mortal", { will }), 5);
  await client.packet(5);
  await client.sendFrame({ opcode: 1, payload: "text" });
  assert.equal(text((await watcher.expect("publish")).payload), "gone");
  const disconnect = await client.packet(5);
  assert.equal(disconnect?.type === "disconnect" && disconnect.reasonCode, 0x81);
  assert.equal(await client.closed(), 1003);
  watcher.close();
});

Deno.test("a link is closed in time when its upgrade comes a byte at a time, and others work", async () => {
  const slow = await Deno.connect({ hostname: "127.0.0.1", port: webPort(broker()) });
  const { hostname, port } = slow.localAddr as Deno.NetAddr;
  const before = performance.now();
  let sending = true;
  const drip = (async () => {
    for (const letter of upgradeRequest(["X-Slow: " + "x".repeat(4_000)])) {
      if (!sending) return;
      await slow.write(Uint8Array.of(letter.charCodeAt(0)));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })().catch(() => {});
  const other = await connectJs(webPort(broker()), "quick", { protocol: "ws", path: "/mqtt" });
  await other.end();
  const end = await slow.read(new Uint8Array(1_000)).catch(() => null);
  sending = false;
  assert.equal(end, null);
  const seconds = (performance.now() - before) / 1000;
  assert.ok(seconds > 1.5 && seconds < 30, `${seconds} s`);
  await drip;
  slow.close();
  const line = await broker().logged(({ address }) => address === `${hostname}:${port}`, "why");
  assert.match(String(line.detail), /handshakeTimeout/);
});

Deno.test("a Ping is answered with what it carried", async () => {
  const client = await RawWebSocket.connect(webPort(broker()));
  await client.sendPacket(connectPacket("pinger", { protocolVersion: 4 }), 4);
  await client.packet(4);
  await client.sendFrame({ opcode: 9, payload: "are you there" });
  const pong = await client.frame();
  assert.equal(pong?.opcode, 10);
  assert.equal(text(pong!.payload), "are you there");
  client.close();
});

Deno.test("a refused upgrade is logged with address and reason, and is answered", async () => {
  const client = await RawWebSocket.open(
    webPort(broker()),
    upgradeRequest(["Origin: https://evil.example.com"]),
  );
  assert.equal(client.status, 403);
  const { address } = client;
  client.close();
  const line = await broker().logged((line) => line.address === address, "the refusal");
  assert.deepEqual([line.message, line.listener], ["link refused", "web"]);
  assert.match(String(line.detail), /evil\.example\.com/);
});

Deno.test("the log has the client's address when a trusted proxy forwards it", async () => {
  const client = await RawWebSocket.connect(webPort(broker()), ["X-Forwarded-For: 203.0.113.7"]);
  await client.sendPacket(connectPacket("forwarded"), 5);
  await client.packet(5);
  const line = await broker().logged(({ clientId }) => clientId === "forwarded", "its CONNECT");
  assert.equal(line.address, "203.0.113.7");
  client.close();
});

Deno.test("a subscriber that does not read costs no memory beyond its outbox", async () => {
  const small = await startBroker({
    store: "memory",
    listeners: [{ type: "tcp" }, { type: "websocket", port: 0 }],
    limits: { outboxMaximum: 4_194_304, maximumPacketSize: 1_048_576 },
  });
  const deaf = await RawWebSocket.connect(webPort(small));
  await deaf.sendPacket(connectPacket("deaf", { protocolVersion: 4 }), 4);
  await deaf.packet(4);
  await deaf.sendPacket({
    type: "subscribe",
    packetId: 1,
    subscriptions: [{
      filter: "x",
      options: {
        qos: 0,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
        subscriptionIdentifier: undefined,
      },
    }],
    userProperties: undefined,
  }, 4);
  assert.equal((await deaf.packet(4))?.type, "suback");
  const pump = await RawClient.connect(small, 5, "pump");
  await pump.ping();
  const before = small.memory();
  for (let count = 0; count < 500; count++) await pump.publish("x", new Uint8Array(1_000_000));
  await pump.ping();
  assert.ok(small.memory() - before < 250_000_000, `${small.memory() - before} bytes more`);
  // What it did get is whole.
  const first = await deaf.packet(4);
  assert.equal(first?.type === "publish" && first.payload.length, 1_000_000);
  deaf.close();
  pump.close();
  await small.stop();
});

Deno.test("connections that wait for their upgrade count as connections of the listener", async () => {
  const small = await startBroker({
    store: "memory",
    listeners: [{ type: "tcp" }, { type: "websocket", port: 0, maximumConnections: 2 }],
  });
  const silent = [];
  for (let count = 0; count < 2; count++) {
    silent.push(await Deno.connect({ hostname: "127.0.0.1", port: webPort(small) }));
  }
  await small.logged(({ message }) => message === "started", "start");
  const third = await RawWebSocket.open(webPort(small));
  assert.equal(third.status, 0);
  for (const conn of silent) conn.close();
  third.close();
  // Those that go away make room, though they never were clients. When the broker has seen them
  // go is its affair: until then a link is closed without an answer, as the third was.
  let next = await RawWebSocket.open(webPort(small));
  for (let attempt = 1; next.status === 0 && attempt < 1_000; attempt++) {
    next = await RawWebSocket.open(webPort(small));
  }
  assert.equal(next.status, 101);
  next.close();
  await small.stop();
});
