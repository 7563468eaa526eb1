/**
 * What one client can cost the others and the machine, of the real program: bounds that hold however busy the
 * machine is. Those in milliseconds are measured by `deno task bench --fairness`.
 */

import assert from "node:assert/strict";
import { encode } from "../../src/packet/encode.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import { RawClient, text } from "./raw.ts";
import { plainPublish } from "../packets.ts";

const config = {
  store: "memory",
  listeners: [{ type: "tcp", port: 0 }],
};
const MIB = 1 << 20;

/** PUBLISH packets of 1 KiB with numbers from `from` on, as one write. */
function batch(topic: string, from: number, count: number): Uint8Array {
  const frames = Array.from({ length: count }, (_, at) => {
    const payload = new Uint8Array(1_024);
    new DataView(payload.buffer).setUint32(0, from + at);
    return encode(plainPublish(topic, payload), 4).slice();
  });
  return new Uint8Array(frames.flatMap((frame) => [...frame]));
}

/** `count` messages to one client that reads them: all must come, in order. */
async function flow(pump: RawClient, panel: RawClient, count: number): Promise<void> {
  for (let from = 0; from < count; from += 128) {
    const sent = pump.send(batch("plant/1", from, 128));
    for (let at = from; at < from + 128; at++) {
      const { payload } = await panel.expect("publish");
      const number = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
      assert.equal(number, at, "the number of the message");
    }
    await sent;
  }
}

async function withBroker(
  limits: Record<string, number>,
  body: (broker: BrokerProcess) => Promise<void>,
): Promise<void> {
  const broker = await startBroker({ ...config, limits });
  try {
    await body(broker);
  } finally {
    await broker.stop();
  }
}

Deno.test("a subscriber that never reads costs its outbox limit and nothing else", async () => {
  const stuck = 12;
  await withBroker({ outboxMaximum: MIB, sendWindowBytes: MIB / 2 }, async (broker) => {
    const pump = await RawClient.connect(broker, 4, "pump");
    const panel = await RawClient.connect(broker, 4, "panel");
    await panel.subscribe("plant/1", 0);
    const messages = 24 * 1_024; // 24 MiB: the kernel's buffers of a link take no more than about 10
    await flow(pump, panel, messages);
    const before = broker.memory();
    const silent: RawClient[] = [];
    for (let at = 0; at < stuck; at++) {
      const client = await RawClient.connect(broker, 4, `stuck-${at}`);
      await client.subscribe("plant/1", 0);
      silent.push(client);
    }
    await flow(pump, panel, messages);
    const grown = broker.memory() - before;
    // Twice, as a buffer that grows is there in its old size and in its new one until it is collected.
    const allowed = 2 * stuck * MIB + 48 * MIB;
    assert.ok(
      grown < allowed,
      `${stuck} clients that do not read cost ${grown >> 20} MiB, at most ${allowed >> 20}`,
    );
    await panel.ping();
    for (const client of [pump, panel, ...silent]) client.close();
  });
});

Deno.test("a flood does not starve another client", async () => {
  await withBroker({}, async (broker) => {
    const steady = await RawClient.connect(broker, 4, "steady");
    await steady.subscribe("steady", 0);
    const alone = await roundTrip(steady);
    let stopped = false;
    const bytes = batch("plant/1", 0, 256);
    const keepSending = async (client: RawClient) => {
      while (!stopped) {
        await client.send(bytes);
        await new Promise((resolve) => setTimeout(resolve)); // a write that need not wait yields to nobody
      }
      await client.disconnect();
    };
    const floods = Promise.all(Array.from({ length: 8 }, async (_, at) => {
      await keepSending(await RawClient.connect(broker, 4, `flood-${at}`));
    }));
    try {
      const beside = await roundTrip(steady);
      assert.ok(
        beside < 2_000 + 20 * alone,
        `a round trip took ${beside.toFixed(0)} ms beside a flood, ${alone.toFixed(0)} ms alone`,
      );
    } finally {
      stopped = true;
      await floods;
    }
    await steady.disconnect();
  });
});

/** The middle one of some round trips, in milliseconds. */
async function roundTrip(client: RawClient): Promise<number> {
  const took: number[] = [];
  for (let at = 0; at < 15; at++) {
    const from = performance.now();
    await client.publish("steady", `${at}`);
    const { payload } = await client.expect("publish");
    took.push(performance.now() - from);
    assert.equal(text(payload), `${at}`);
  }
  return took.sort((a, b) => a - b)[took.length >> 1]!;
}

Deno.test("memory does not grow from one storm to the next", async () => {
  await withBroker({}, async (broker) => {
    const after: number[] = [];
    for (let storm = 0; storm < 4; storm++) {
      const clients = await Promise.all(Array.from({ length: 200 }, async (_, at) => {
        const client = await RawClient.connect(broker, 4, `storm-${at}`);
        await client.subscribe("plant/1", 0);
        return client;
      }));
      const bytes = batch("plant/1", 0, 128);
      const [first, ...others] = clients as [RawClient, ...RawClient[]];
      await first.send(bytes);
      await Promise.all(clients.map(async (client) => {
        for (let at = 0; at < 128; at++) await client.expect("publish");
      }));
      await Promise.all([first, ...others].map((client) => client.disconnect()));
      after.push(broker.memory());
    }
    // The first fills what is kept for use: caches, pools of buffers, the heap's room.
    const [first, last] = [after[1]!, after.at(-1)!];
    assert.ok(last < first * 1.2, `after the storms: ${after.map((bytes) => bytes >> 20)} MiB`);
  });
});
