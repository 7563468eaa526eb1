/** The store of the real program: what a restart keeps, damage, and the lock of the data directory. */

import assert from "node:assert/strict";
import { startBroker } from "./broker_process.ts";
import { RawClient, text } from "./raw.ts";

const persistent = { cleanStart: false };

Deno.test("dunlin keeps sessions, queues and retained messages when it is stopped and started", async () => {
  const data = await Deno.makeTempDir();
  const first = await startBroker({ data });
  const subscriber = await RawClient.connect(first, 4, "panel", persistent);
  await subscriber.subscribe("plant/#", 1);
  await subscriber.disconnect();
  const publisher = await RawClient.connect(first, 4, "pump");
  await publisher.publish("plant/a", "queued", { qos: 1 });
  await publisher.expect("puback");
  await publisher.publish("plant/b", "kept", { qos: 1, retain: true });
  await publisher.expect("puback");
  publisher.close();
  await first.stop();

  const second = await startBroker({ data });
  const again = await RawClient.open(second, 4);
  assert.equal((await again.knock("panel", persistent)).sessionPresent, true);
  for (const wanted of ["queued", "kept"]) {
    assert.equal(text((await again.expect("publish")).payload), wanted);
  }
  again.close();
  const late = await RawClient.connect(second, 4, "late");
  await late.subscribe("plant/b", 0);
  assert.equal(text((await late.expect("publish")).payload), "kept");
  late.close();
  await second.stop();
  await Deno.remove(data, { recursive: true });
});

Deno.test("dunlin sets a damaged store aside, says so and serves when onDamage is not said", async () => {
  const data = await Deno.makeTempDir();
  await Deno.writeFile(`${data}/state.kv`, new Uint8Array(50_000).fill(0xa5));
  const broker = await startBroker({ data });
  await broker.logged(
    ({ message }) => message.includes("set aside"),
    "that the store is set aside",
  );
  const client = await RawClient.connect(broker, 4, "pump");
  await client.ping();
  client.close();
  await broker.stop();
  const names = [...Deno.readDirSync(data)].map(({ name }) => name);
  assert.ok(names.some((name) => name.startsWith("state.kv.damaged-")), names.join());
  await Deno.remove(data, { recursive: true });
});

Deno.test("dunlin does not start when the store is damaged and onDamage is refuse", async () => {
  const data = await Deno.makeTempDir();
  await Deno.writeFile(`${data}/state.kv`, new Uint8Array(50_000).fill(0xa5));
  await assert.rejects(startBroker({ data, onDamage: "refuse" }));
  await Deno.remove(data, { recursive: true });
});

Deno.test("dunlin does not start when another one has the data directory", async () => {
  const data = await Deno.makeTempDir();
  const first = await startBroker({ data });
  await assert.rejects(startBroker({ data }));
  await first.stop();
  await Deno.remove(data, { recursive: true });
});

for (const [config, promise] of [[{}, "fsynced"], [{ store: "memory" }, "memory"]] as const) {
  Deno.test(`dunlin names the promise ${promise} in the log and below $SYS`, async () => {
    const data = await Deno.makeTempDir();
    const broker = await startBroker({ data, ...config });
    const started = broker.log().find(({ message }) => message.endsWith("started"));
    assert.equal(started?.promise, promise);
    const client = await RawClient.connect(broker, 5, "look");
    await client.subscribe("$SYS/broker/store/promise", 0);
    assert.equal(text((await client.expect("publish")).payload), promise);
    client.close();
    await broker.stop();
    await Deno.remove(data, { recursive: true });
  });
}
