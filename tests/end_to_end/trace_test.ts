/** `trace` and `why` in the real program, asked by stock clients of every version. */

import assert from "node:assert/strict";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import type { JsClient } from "./mqttjs_client.ts";
import { connectJs, once } from "./mqttjs_client.ts";
import { within } from "./within.ts";

const PREFIX = "$CONTROL/dunlin/v1";

// deno-lint-ignore no-explicit-any
type Json = any;

async function withBroker(work: (broker: BrokerProcess) => Promise<void>): Promise<void> {
  const broker = await startBroker({ administrators: [{ clientId: "boss*" }] });
  try {
    await work(broker);
  } finally {
    await broker.stop();
  }
}

/** The lines of a trace as they come, until one is as wanted. */
async function linesUntil(
  boss: JsClient,
  topic: string,
  wanted: (line: Json) => boolean,
): Promise<readonly Json[]> {
  const linesNow = (): readonly Json[] =>
    boss.messages.filter((message) => message.topic === topic)
      .flatMap(({ payload }) => payload.trimEnd().split("\n").map((line) => JSON.parse(line)));
  const found = new Promise<void>((resolve) => {
    const look = () => linesNow().some(wanted) && resolve();
    boss.client.on("message", look);
    look();
  });
  await within(found, () => `a line of the trace; there were ${JSON.stringify(linesNow())}`);
  return linesNow();
}

/** The reply, which goes to …/response. */
async function ask(boss: JsClient, command: string, input: unknown): Promise<Json> {
  const topic = `${PREFIX}/${command}/response`;
  const before = boss.messages.filter((message) => message.topic === topic).length;
  const replied = new Promise<string>((resolve) => {
    const look = () => {
      const found = boss.messages.filter((message) => message.topic === topic)[before];
      if (found !== undefined) resolve(found.payload);
    };
    boss.client.on("message", look);
  });
  await boss.client.publishAsync(`${PREFIX}/${command}`, JSON.stringify(input), { qos: 1 });
  return JSON.parse(await within(replied, `the reply to ${command}`));
}

for (const protocolVersion of [3, 4, 5] as const) {
  const protocolId = protocolVersion === 3 ? "MQIsdp" : "MQTT";

  Deno.test(`a trace is told live to a client of version ${protocolVersion}`, async () => {
    await withBroker(async ({ port }) => {
      const boss = await connectJs(port, "boss", { protocolVersion, protocolId });
      await boss.client.subscribeAsync([`${PREFIX}/#`], { qos: 1 });
      const begun = await ask(boss, "trace", { clientId: "pump" });
      assert.equal(begun.ok, true, JSON.stringify(begun));
      const { to: topic } = begun.data;
      assert.equal(topic, `${PREFIX}/trace/${begun.data.id}`);
      const pump = await connectJs(port, "pump", { username: "ada", password: "hunter2" });
      await pump.client.publishAsync("a/b", "sesame", { qos: 2 });
      await pump.end();
      const isEnd = ({ fact }: Json) => fact === "disconnected";
      const lines = await linesUntil(boss, topic, isEnd);
      const packets = lines.filter(({ type }) => type === "packet")
        .map(({ direction, packet }) => `${direction} ${packet}`);
      assert.deepEqual(packets, [
        "in connect",
        "out connack",
        "in publish",
        "out pubrec",
        "in pubrel",
        "out pubcomp",
        "in disconnect",
      ]);
      const all = JSON.stringify(lines);
      assert.ok(!all.includes("hunter2") && !all.includes("sesame"));
      assert.equal(lines.find(isEnd).reason, "clientDisconnected");
      await boss.end();
    });
  });
}

Deno.test("a trace goes to the Response Topic and ends by itself when its time is over", async () => {
  await withBroker(async ({ port }) => {
    const boss = await connectJs(port, "boss");
    await boss.client.publishAsync(`${PREFIX}/trace`, '{"topic":"a/#","seconds":1}', {
      qos: 1,
      properties: { responseTopic: "for/boss", correlationData: Buffer.from("c1") },
    });
    const pump = await connectJs(port, "pump");
    await pump.client.publishAsync("a/b", "x");
    const lines = await linesUntil(boss, "for/boss", ({ type }) => type === "end");
    assert.equal(lines[0].ok, true);
    assert.equal(lines.at(-1).reason, "time");
    assert.ok(boss.messages.every(({ properties }) => String(properties.correlationData) === "c1"));
    await Promise.all([boss.end(), pump.end()]);
  });
});

Deno.test("why says what a client has missed of late, and what it would get now", async () => {
  await withBroker(async ({ port }) => {
    const boss = await connectJs(port, "boss");
    await boss.client.subscribeAsync(`${PREFIX}/#`, { qos: 1 });
    const properties = { sessionExpiryInterval: 60 };
    const panel = await connectJs(port, "panel", { clean: false, properties });
    await panel.client.subscribeAsync("a/#", { qos: 1 });
    await panel.end();
    const pump = await connectJs(port, "pump");
    await pump.client.publishAsync("a/b", "lost");
    await pump.client.publishAsync("a/b", "kept", { qos: 1 });
    const input = { clientId: "panel", topic: "a/b", publisher: "pump" };
    const zero = (await ask(boss, "why", input)).data;
    assert.equal(`${zero.outcome} ${zero.reason}`, "dropped absentQoS0");
    assert.deepEqual(
      zero.drops.map(({ topic, reason, count }: Json) => [topic, reason, count]),
      [["a/b", "absentQoS0", 1]],
    );
    const one = (await ask(boss, "why", { ...input, qos: 1 })).data;
    assert.equal(`${one.outcome} ${one.reason}`, "waits clientAbsent");
    const again = await connectJs(port, "panel", { clean: false, properties });
    assert.equal((await again.receive(1))[0]!.payload, "kept");
    const there = (await ask(boss, "why", input)).data;
    assert.equal(`${there.outcome} ${there.reason}`, "sent sent");
    const gone = once(again.client, "close");
    await again.end();
    await gone;
    await Promise.all([boss.end(), pump.end()]);
  });
});
