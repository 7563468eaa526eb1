/** Listeners that differ: versions, limits and mount points of their own, with the real program. */

import assert from "node:assert/strict";
import { sharedBroker } from "./broker_process.ts";
import { connectJs } from "./mqttjs_client.ts";
import { RawClient } from "./raw.ts";

const broker = sharedBroker({
  store: "memory",
  listeners: [
    { type: "tcp", name: "all" },
    { type: "tcp", port: 0, name: "old", versions: ["3.1", "3.1.1"] },
    {
      type: "tcp",
      port: 0,
      name: "small",
      limits: { maximumPacketSize: 1_000, receiveMaximum: 3 },
    },
    { type: "websocket", port: 0, name: "site", mountPoint: "site1/", maximumConnections: 1 },
  ],
});

function port(at: number): { port: number } {
  return { port: Number(broker().addresses[at]!.split(":").at(-1)) };
}

Deno.test("a listener refuses the versions that it does not speak, with the code of each", async () => {
  const modern = await RawClient.open(port(1), 5);
  const connack = await modern.knock("modern");
  assert.equal(connack.reasonCode, 0x84);
  assert.equal(connack.properties?.reasonString, "MQTT 5.0 is not spoken on this listener");
  await modern.ended();
  for (const version of [3, 4] as const) {
    const client = await RawClient.connect(port(1), version, `v${version}`);
    await client.ping();
    client.close();
  }
});

Deno.test("a listener announces its own limits and closes who goes beyond them", async () => {
  const client = await RawClient.open(port(2), 5);
  const { properties } = await client.knock("small");
  assert.deepEqual([properties?.maximumPacketSize, properties?.receiveMaximum], [1_000, 3]);
  await client.publish("t", "x".repeat(1_000));
  const packet = await client.expect("disconnect");
  assert.equal(packet.reasonCode, 0x95);
  const other = await RawClient.connect(port(0), 5, "other");
  await other.publish("t", "x".repeat(1_000));
  await other.ping();
  other.close();
});

Deno.test("clients of a mount point see what is below it as the whole", async () => {
  const outside = await RawClient.connect(port(0), 5, "outside");
  await outside.subscribe("#", 1);
  const inside = await connectJs(port(3).port, "inside", { protocol: "ws", path: "/mqtt" });
  await inside.client.subscribeAsync("#", { qos: 2 });
  await inside.client.publishAsync("a/b", "from inside", { qos: 1 });
  assert.equal((await outside.expect("publish")).topic, "site1/a/b");
  await outside.publish("site1/c", "from outside");
  await outside.publish("site2/c", "not for it");
  await outside.publish("site1/d", "from outside", { qos: 2 });
  const received = await inside.receive(3);
  assert.deepEqual(received.map(({ topic, payload }) => `${topic} ${payload}`), [
    "a/b from inside",
    "c from outside",
    "d from outside",
  ]);
  // One connection is all that this listener takes.
  const second = await RawClient.open(port(3), 5);
  await second.ended();
  await inside.end();
  outside.close();
});
