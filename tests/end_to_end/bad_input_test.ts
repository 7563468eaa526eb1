/**
 * Bytes that no client should send: the connection that sent them is answered as the standard says and
 * closed, the log has one line about it, another client is untouched.
 */

import assert from "node:assert/strict";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import { hex, s } from "../packet/bytes_of.ts";
import { sharedBroker } from "./broker_process.ts";
import { RawClient, text } from "./raw.ts";

const broker = sharedBroker({ limits: { maximumPacketSize: 2_048 } });

/** What comes back before the link is closed: a packet with a Reason Code (3.x: return code), or nothing. */
type Answer = readonly ["connack" | "disconnect", number] | "end";

interface Row {
  readonly name: string;
  readonly version: ProtocolVersion;
  /** Sent after CONNACK; else it is the first that is sent. */
  readonly connected: boolean;
  readonly bytes: Uint8Array;
  readonly answer: Answer;
  /** What stands in the log. */
  readonly reason: string;
}

const noise = Uint8Array.from({ length: 1_500 }, (_, at) => (at * 7919 + 13) % 251);
const http = new TextEncoder().encode(
  "GET / HTTP/1.1\r\nHost: 127.0.0.1:1883\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n",
);
const tlsHello = hex("16 03 01 02 00 01 00 01 fc 03 03 aa bb cc dd");
const disconnect = (code: number): Answer => ["disconnect", code];

/** [what, the bytes, Reason Code for 5.0, reason in the log], sent by a connected client. */
const connected: readonly (readonly [string, Uint8Array, number, string])[] = [
  ["a reserved packet type", hex("00 00"), Reason.malformedPacket, "malformedPacket"],
  [
    "an over-long Remaining Length",
    hex("30 ff ff ff ff 01"),
    Reason.malformedPacket,
    "malformedPacket",
  ],
  [
    "wrong flags in SUBSCRIBE",
    hex(`80 06 00 01 ${s("a")} 00`),
    Reason.malformedPacket,
    "malformedPacket",
  ],
  ["a PUBLISH with QoS 3", hex(`36 05 ${s("a")} 00 01`), Reason.malformedPacket, "malformedPacket"],
  [
    "a second CONNECT",
    hex(`10 0d ${s("MQTT")} 04 02 00 00 ${s("x")}`),
    Reason.protocolError,
    "protocolError",
  ],
  ["a PINGRESP", hex("d0 00"), Reason.protocolError, "protocolError"],
  ["a packet that is too large", hex("30 81 10"), Reason.packetTooLarge, "malformedPacket"],
  ["a packet that claims 256 MiB", hex("30 ff ff ff 7f"), Reason.packetTooLarge, "malformedPacket"],
];

const rows: Row[] = [
  ...connected.flatMap(([name, bytes, code, reason]) =>
    ([4, 5] as const).map((version): Row => ({
      name,
      version,
      connected: true,
      bytes,
      answer: version === 5 ? disconnect(code) : "end",
      reason,
    }))
  ),
  ...([["noise", noise], ["HTTP", http], ["a TLS hello", tlsHello]] as const).map((
    [name, bytes],
  ): Row => ({
    name,
    version: 5,
    connected: false,
    bytes,
    answer: "end",
    reason: "malformedPacket",
  })),
  {
    name: "a PUBLISH before CONNECT",
    version: 5,
    connected: false,
    bytes: hex(`30 04 ${s("a")} 00`),
    answer: "end",
    reason: "protocolError",
  },
  {
    name: "a CONNECT of version 6",
    version: 5,
    connected: false,
    bytes: hex(`10 0e ${s("MQTT")} 06 02 00 00 00 ${s("x")}`),
    answer: ["connack", Reason.unsupportedProtocolVersion],
    reason: "refused",
  },
  {
    name: "a CONNECT of version 2",
    version: 4,
    connected: false,
    bytes: hex(`10 0d ${s("MQTT")} 02 02 00 00 ${s("x")}`),
    answer: ["connack", 1],
    reason: "refused",
  },
  {
    name: "a CONNECT with the reserved flag",
    version: 5,
    connected: false,
    bytes: hex(`10 0e ${s("MQTT")} 05 03 00 00 00 ${s("x")}`),
    answer: ["connack", Reason.malformedPacket],
    reason: "refused",
  },
  {
    name: "a CONNECT with the reserved flag",
    version: 4,
    connected: false,
    bytes: hex(`10 0d ${s("MQTT")} 04 03 00 00 ${s("x")}`),
    answer: "end",
    reason: "malformedPacket",
  },
  {
    name: "an empty client id with Clean Session 0",
    version: 4,
    connected: false,
    bytes: hex(`10 0c ${s("MQTT")} 04 00 00 00 00 00`),
    answer: ["connack", 2],
    reason: "refused",
  },
];

for (const { name, version, connected, bytes, answer, reason } of rows) {
  const when = connected ? "after CONNACK" : "first";
  Deno.test(`the broker answers ${JSON.stringify(answer)} when ${name} is sent ${when} in version ${version}`, async () => {
    const watcher = await RawClient.connect(broker(), 5, "watcher");
    await watcher.subscribe("calm", 1);
    const culprit = connected
      ? await RawClient.connect(broker(), version, "culprit")
      : await RawClient.open(broker(), version);
    const { address } = culprit;
    await culprit.send(bytes);
    if (answer !== "end") {
      const packet = await culprit.next();
      assert.equal(packet.type, answer[0]);
      const code = culprit.lastFrame[packet.type === "connack" ? 3 : 2];
      assert.equal(code, answer[1], JSON.stringify(packet));
    }
    await culprit.ended();
    const isAbout = (line: { readonly [field: string]: unknown }) =>
      line.address === address && line.message !== "connected";
    const line = await broker().logged(isAbout, "a log line with the culprit's address");
    assert.deepEqual([line.level, line.reason], ["warn", reason]);
    if (connected) assert.equal(line.clientId, "culprit");
    await watcher.publish("calm", "still here", { qos: 1 });
    const [a, b] = [await watcher.next(), await watcher.next()];
    assert.deepEqual([a.type, b.type].sort(), ["puback", "publish"]);
    await watcher.disconnect();
    assert.equal(broker().log().filter(isAbout).length, 1, "more than one line");
  });
}

Deno.test("the broker reads no more than the header when a packet is too large and keeps coming", async () => {
  const culprit = await RawClient.connect(broker(), 5, "bulky");
  const before = broker().memory();
  await culprit.send(hex("30 ff ff ff 7f"));
  const chunk = new Uint8Array(65_536);
  // The link breaks in the midst of it, as nobody reads it any more.
  await assert.rejects(async () => {
    for (let sent = 0; sent < 64 << 20; sent += chunk.length) await culprit.send(chunk);
  });
  culprit.close();
  assert.ok(broker().memory() - before < 16 << 20, "memory has grown by more than 16 MiB");
});

Deno.test("a client that sends garbage while it writes on still reads why", async () => {
  const culprit = await RawClient.connect(broker(), 5, "eager");
  const garbage = new Uint8Array(100_000).fill(0xff);
  await culprit.send(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f));
  await culprit.send(garbage).catch(() => {});
  assert.equal((await culprit.expect("disconnect")).reasonCode, Reason.packetTooLarge);
  culprit.close();
});

Deno.test("the broker survives many links that send noise at once, and others are served", async () => {
  const watcher = await RawClient.connect(broker(), 4, "calm-watcher");
  await watcher.subscribe("calm", 0);
  const culprits = await Promise.all(
    Array.from({ length: 50 }, () => RawClient.open(broker(), 5)),
  );
  await Promise.all(culprits.map((culprit) => culprit.send(noise)));
  await Promise.all(culprits.map((culprit) => culprit.ended()));
  await watcher.publish("calm", "fine");
  assert.equal(text((await watcher.expect("publish")).payload), "fine");
  await watcher.disconnect();
});
