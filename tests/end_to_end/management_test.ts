/** The services of the broker in the real program: asked by stock clients, kept over restarts, drained. */

import assert from "node:assert/strict";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import type { JsClient } from "./mqttjs_client.ts";
import { connectJs, once } from "./mqttjs_client.ts";
import { tool, toolTest } from "./tools.ts";
import { within } from "./within.ts";

const ADMIN = { administrators: [{ clientId: "boss*" }] };
const PREFIX = "$CONTROL/dunlin/v1";

// deno-lint-ignore no-explicit-any
type Json = any;

/** Asks as a client that subscribes to …/response would: any version may. */
async function ask(boss: JsClient, command: string, input: unknown = {}): Promise<Json> {
  const before = boss.messages.length;
  await boss.client.subscribeAsync(`${PREFIX}/${command}/response`, { qos: 1 });
  await boss.client.publishAsync(`${PREFIX}/${command}`, JSON.stringify(input), { qos: 1 });
  const reply = (await boss.receive(before + 1))[before]!;
  assert.equal(reply.topic, `${PREFIX}/${command}/response`);
  return JSON.parse(reply.payload);
}

async function withBroker(
  config: { readonly [key: string]: unknown },
  work: (broker: BrokerProcess) => Promise<void>,
): Promise<void> {
  const broker = await startBroker(config);
  try {
    await work(broker);
  } finally {
    await broker.stop();
  }
}

Deno.test("commands are answered in every version, and only to administrators", async () => {
  await withBroker(ADMIN, async ({ port, logged }) => {
    for (const protocolVersion of [3, 4, 5] as const) {
      const protocolId = protocolVersion === 3 ? "MQIsdp" : "MQTT";
      const boss = await connectJs(port, `boss${protocolVersion}`, { protocolVersion, protocolId });
      const reply = await ask(boss, "health");
      assert.equal(reply.data.ready, true);
      assert.equal(reply.data.promise, "fsynced");
      const { data } = await ask(boss, "listeners/list");
      assert.equal(data.listeners[0].address, `127.0.0.1:${port}`);
      assert.equal(data.listeners[0].connections, 1);
      await boss.end();
    }
    const other = await connectJs(port, "other");
    const refused = await other.client.publishAsync(`${PREFIX}/health`, "", { qos: 1 })
      .then(() => "taken", (error) => error.message);
    assert.match(refused, /Not authorized/i);
    await other.end();
    const line = await logged(({ category }) => category === "audit", "a line of audit");
    assert.equal(line.message, "health");
    assert.equal(line["clientId"], "boss3");
    assert.match(String(line["address"]), /^127\.0\.0\.1:/);
  });
});

Deno.test("bans, rules and limits are in force at once, and after a restart and a reload", async () => {
  const data = await Deno.makeTempDir({ prefix: "dunlin-management-" });
  const config = { ...ADMIN, data, watchConfig: false };
  try {
    await withBroker(config, async ({ port }) => {
      const boss = await connectJs(port, "boss");
      const eve = await connectJs(port, "eve");
      const gone = once(eve.client, "close");
      assert.equal((await ask(boss, "bans/add", { kind: "clientId", value: "eve" })).ok, true);
      await gone;
      await ask(boss, "auto-subscribe/put", {
        name: "commands",
        rule: { name: "commands", who: { clientId: "pump-*" }, filters: ["cmd/${clientid}/#"] },
      });
      await ask(boss, "limits/set", { name: "retainedMessages", value: 1_234 });
      await ask(boss, "access/put", {
        name: "no secrets",
        rule: { permission: "deny", topics: "secret/#" },
      });
      await ask(boss, "access/put", {
        name: "the rest",
        rule: { permission: "allow", topics: "#" },
      });
      await boss.end();
    });
    await withBroker(config, async ({ port, file }) => {
      const boss = await connectJs(port, "boss");
      await assert.rejects(connectJs(port, "eve"), /banned/i);
      const pump = await connectJs(port, "pump-1");
      await boss.client.publishAsync("cmd/pump-1/go", "now", { qos: 1 });
      assert.equal((await pump.receive(1))[0]!.payload, "now");
      await Deno.writeTextFile(
        file,
        JSON.stringify({
          ...config,
          log: { format: "json", level: "debug" },
          limits: { topicLevels: 100 },
          listeners: [{ type: "tcp", port: 0 }],
        }),
      );
      const tried = await ask(boss, "reload", { dryRun: true });
      assert.equal(tried.ok, true, JSON.stringify(tried));
      const keys = tried.data.changes.map(({ key }: { key: string }) => key);
      assert.ok(keys.includes("limits.topicLevels"), keys.join());
      const limit = async (name: string) =>
        (await ask(boss, "limits/get", { name })).data.limits[0];
      assert.equal((await limit("topicLevels")).value, 128);
      assert.equal((await ask(boss, "reload")).ok, true);
      assert.equal((await limit("topicLevels")).value, 100);
      const kept = await limit("retainedMessages");
      assert.deepEqual([kept.value, kept.origin], [1_234, "management"]);
      const { data: { rules } } = await ask(boss, "access/list");
      assert.deepEqual(
        rules.map(({ name, origin }: Json) => [name, origin]),
        [["no secrets", "management"], ["the rest", "management"]],
      );
      const refused = await pump.client.publishAsync("secret/x", "", { qos: 1 })
        .then(() => "taken", (error) => error.message);
      assert.match(refused, /Not authorized/i);
      assert.equal((await ask(boss, "log-level/get")).data.level, "debug");
      await Promise.all([boss.end(), pump.end()]);
    });
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("drain sends clients off to another server and ends the program with status 0", async () => {
  const broker = await startBroker(ADMIN);
  const boss = await connectJs(broker.port, "boss");
  const clients: JsClient[] = [];
  for (let i = 0; i < 20; i++) clients.push(await connectJs(broker.port, `c${i}`));
  const farewells = [boss, ...clients].map(({ client }) => once(client, "disconnect"));
  const input = { serverReference: "other.example:1883", seconds: 1 };
  assert.equal((await ask(boss, "drain", input)).data.connections, 21);
  for (const farewell of farewells) {
    const [packet] = await farewell as [{ reasonCode: number; properties: Json }];
    assert.equal(packet.reasonCode, 0x9c);
    assert.equal(packet.properties.serverReference, "other.example:1883");
  }
  assert.equal(await broker.ended(), "exit status 0, signal null");
});

toolTest(
  ["mosquitto_rr"],
  "mosquitto_rr gets listListeners and listPlugins as from Mosquitto",
  async () => {
    await withBroker(ADMIN, async ({ port }) => {
      const commands = [
        { command: "listListeners", correlationData: "one" },
        { command: "listPlugins" },
        { command: "fly" },
      ];
      const { stdout, stderr } = await within(
        new Deno.Command(tool("mosquitto_rr")!, {
          args: [
            ...["-p", String(port), "-V", "mqttv5", "-i", "boss", "-e", "answer/boss"],
            ...["-t", "$CONTROL/broker/v1", "-m", JSON.stringify({ commands }), "-W", "20"],
          ],
        }).output(),
        "mosquitto_rr",
      );
      const text = new TextDecoder().decode(stdout);
      assert.ok(text.startsWith("{"), text + new TextDecoder().decode(stderr));
      const { responses } = JSON.parse(text);
      const [listeners, plugins, unknown] = responses;
      assert.deepEqual(listeners, {
        command: "listListeners",
        data: {
          listeners: [{ port, protocol: "mqtt", "bind-address": "127.0.0.1", tls: false }],
        },
        correlationData: "one",
      });
      const [first] = plugins.data.plugins;
      assert.equal(first.name, "dunlin");
      assert.deepEqual(first["control-endpoints"], ["$CONTROL/dunlin/v1"]);
      assert.deepEqual(unknown, { command: "fly", error: "Unknown command" });
    });
  },
);
