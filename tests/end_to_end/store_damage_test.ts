/** A damaged store never keeps the broker from starting: what can be read is carried over. */

import assert from "node:assert/strict";
import { makeFilled } from "../store/store_units.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import { RawClient, text } from "./raw.ts";

const persistent = { cleanStart: false };

async function inDirectory(body: (data: string) => Promise<void>): Promise<void> {
  const data = await Deno.makeTempDir({ prefix: "dunlin-damage-" });
  try {
    await body(data);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

async function change(data: string, body: (kv: Deno.Kv) => Promise<unknown>): Promise<void> {
  const kv = await Deno.openKv(`${data}/state.kv`);
  await body(kv);
  kv.close();
}

const carriedOver = (broker: BrokerProcess) =>
  broker.logged(({ message }) => /set aside/.test(message), "that the store is set aside");

/** A client can publish and subscribe. */
async function assertServes(broker: BrokerProcess): Promise<void> {
  const client = await RawClient.connect(broker, 4, "checker");
  await client.subscribe("check", 1);
  const other = await RawClient.connect(broker, 4, "other");
  await other.publish("check", "well", { qos: 1 });
  await other.expect("puback");
  assert.equal(text((await client.expect("publish")).payload), "well");
  client.close();
  other.close();
}

const DAMAGES: readonly (readonly [what: string, damage: (file: Uint8Array) => Uint8Array])[] = [
  ["its header is garbage", (file) => file.fill(0xa5, 0, 4_096)],
  ["the roots of its trees are", (file) => file.fill(0x55, 3 * 4_096, 9 * 4_096)],
  ["it is cut off", (file) => file.slice(0, file.length - 40_000)],
];

for (const [what, damage] of DAMAGES) {
  Deno.test(`dunlin carries over what can be read of its store when ${what}`, () =>
    inDirectory(async (data) => {
      await makeFilled(`${data}/state.kv`, 12);
      await Deno.writeFile(`${data}/state.kv`, damage(await Deno.readFile(`${data}/state.kv`)));
      const broker = await startBroker({ data });
      const line = await carriedOver(broker);
      assert.equal(line.level, "error");
      assert.match(String(line.message), /what can be read is carried over/);
      assert.match(String(line.carried), /12 sessions, 3\d subscriptions, /);
      assert.match(String(line.path), /state\.kv\.damaged-\d{4}-/);
      assert.match(String(line.reason), /the store is damaged/);
      assert.ok(Deno.statSync(String(line.path)).isFile);
      const client = await RawClient.connect(broker, 4, "late");
      await client.subscribe("plant/4", 0);
      assert.equal((await client.expect("publish")).retain, true);
      await client.subscribe("$SYS/broker/store/damage", 0);
      const told = JSON.parse(text((await client.expect("publish")).payload));
      assert.equal(told.path, line.path);
      assert.equal(told.carried.sessions, 12);
      client.close();
      await assertServes(broker);
      await broker.stop();
      const again = await startBroker({ data });
      assert.ok(!again.log().some(({ message }) => message.includes("set aside")));
      await again.stop();
    }));
}

Deno.test("dunlin carries over the rest when a record that is read at start is wrong", () =>
  inDirectory(async (data) => {
    await makeFilled(`${data}/state.kv`, 12);
    await change(data, (kv) => kv.set(["r", "plant/8"], new Uint8Array([1, 2, 3])));
    const broker = await startBroker({ data });
    const line = await carriedOver(broker);
    assert.equal(line.lost, "1 retained");
    assert.match(String(line.why), /^\["r","plant\/8"\]: /);
    await assertServes(broker);
    await broker.stop();
  }));

Deno.test("dunlin ends and carries over the rest when a message turns out to be lost", () =>
  inDirectory(async (data) => {
    const first = await startBroker({ data });
    const subscriber = await RawClient.connect(first, 4, "panel", persistent);
    await subscriber.subscribe("plant/#", 1);
    await subscriber.disconnect();
    const publisher = await RawClient.connect(first, 4, "pump");
    for (const payload of ["one", "two", "three"]) {
      await publisher.publish("plant/a", payload, { qos: 1 });
      await publisher.expect("puback");
    }
    publisher.close();
    await first.stop();
    await change(data, async (kv) => {
      const blocks = await Array.fromAsync(kv.list({ prefix: ["b"] }));
      assert.equal(blocks.length, 3);
      await kv.delete(blocks[1]!.key);
    });

    const second = await startBroker({ data });
    const client = await RawClient.open(second, 4);
    // The broker ends before it answers.
    const knocked = client.knock("panel", persistent).catch(() => undefined);
    assert.match(await second.ended(), /exit status 3/);
    await knocked;
    client.close();
    assert.match(Deno.readTextFileSync(`${data}/state.kv.damage`), /the store is damaged/);
    await assert.rejects(startBroker({ data, onDamage: "refuse" }), /remove .*state\.kv\.damage/);

    const third = await startBroker({ data });
    const line = await carriedOver(third);
    assert.equal(line.lost, "1 queued");
    const again = await RawClient.open(third, 4);
    assert.equal((await again.knock("panel", persistent)).sessionPresent, true);
    for (const wanted of ["one", "three"]) {
      assert.equal(text((await again.expect("publish")).payload), wanted);
    }
    again.close();
    await third.stop();
  }));
