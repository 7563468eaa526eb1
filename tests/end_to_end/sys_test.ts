/** `$SYS` of the real program: its names against those of the real Mosquitto, who may read it, events, alarms. */

import assert from "node:assert/strict";
import { freePort } from "../free_port.ts";
import { startBroker } from "./broker_process.ts";
import { scrape, scrapeUntil } from "./administration.ts";
import { RawClient, text } from "./raw.ts";
import { tool, toolTest } from "./tools.ts";
import { within } from "./within.ts";

/** What Mosquitto 2.1 has besides, by its manual; Debian's is 2.0. */
const OF_2_1 = ["packet/out/count", "packet/out/bytes", "connections/socket/count"]
  .map((name) => `$SYS/broker/${name}`);

/** Waits for topics, whatever else comes. */
async function topicsOf(port: number, wanted: (seen: Map<string, string>) => boolean) {
  const client = await RawClient.connect({ port }, 4, "topics");
  await client.subscribe("$SYS/#", 0);
  const seen = new Map<string, string>();
  while (!wanted(seen)) {
    const { topic, payload } = await client.expect("publish");
    seen.set(topic, text(payload));
  }
  client.close();
  return seen;
}

/** The names that a Mosquitto publishes, one for each. */
async function namesOfMosquitto(): Promise<readonly string[]> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-mosquitto-" });
  const port = freePort();
  await Deno.writeTextFile(
    `${directory}/m.conf`,
    `listener ${port} 127.0.0.1\nallow_anonymous true\nsys_interval 1\n`,
  );
  const child = new Deno.Command(tool("mosquitto")!, {
    args: ["-c", `${directory}/m.conf`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await within(opened(port), "mosquitto to listen");
    // All are retained from the start but what is not 0; the uptime comes anew with each round.
    let rounds = 0, uptime = "";
    const seen = await topicsOf(port, (seen) => {
      const now = seen.get("$SYS/broker/uptime") ?? "";
      if (now !== uptime) rounds += 1;
      uptime = now;
      return rounds >= 3;
    });
    return [...seen.keys()];
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await Deno.remove(directory, { recursive: true });
  }
}

async function opened(port: number): Promise<void> {
  for (;;) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

toolTest(
  ["mosquitto"],
  "$SYS has every topic of the real Mosquitto, and those of 2.1",
  async () => {
    const names = await namesOfMosquitto();
    assert.ok(names.length >= 50, `mosquitto has ${names.length} topics`);
    assert.ok(names.includes("$SYS/broker/load/publish/dropped/15min"));
    const wanted = [...names, ...OF_2_1];
    const broker = await startBroker({ store: "memory", sysInterval: 1 });
    const seen = await within(
      topicsOf(broker.port, (seen) => wanted.every((name) => seen.has(name))),
      "all topics of Mosquitto",
    );
    assert.match(seen.get("$SYS/broker/uptime")!, /^\d+ seconds$/);
    assert.match(seen.get("$SYS/broker/load/bytes/sent/1min")!, /^\d+\.\d\d$/);
    assert.match(seen.get("$SYS/broker/heap/current")!, /^\d+$/);
    await broker.stop();
  },
);

Deno.test("$SYS is read only by those whom a rule allows it, and written by nobody", async () => {
  const broker = await startBroker({
    store: "memory",
    sysInterval: 1,
    clientEvents: true,
    access: [
      { permission: "allow", who: { clientId: "board" }, topics: ["$SYS/#"] },
      { permission: "allow", topics: ["#"] },
    ],
  });
  const other = await RawClient.connect(broker, 5, "other");
  for (const filter of ["$SYS/#", "$SYS/broker/uptime", "$share/g/$SYS/broker/#"]) {
    assert.deepEqual(await other.subscribe(filter, 0), [0x87], filter);
  }
  const board = await RawClient.connect(broker, 5, "board");
  assert.deepEqual(await board.subscribe("$SYS/broker/version", 0), [0]);
  assert.match(text((await board.expect("publish")).payload), /^dunlin version /);
  for (const client of [other, board]) {
    for (const topic of ["$SYS/broker/version", "$SYS/broker/alarms/memory", "$SYS/x"]) {
      await client.publish(topic, "forged", { qos: 1, retain: true });
      assert.equal((await client.expect("puback")).reasonCode, 0x87, topic);
    }
  }
  assert.deepEqual(await board.subscribe("$SYS/x", 0), [0]);
  await board.ping(); // nothing was retained
  // `#` asks for no topic that begins with a dollar sign, and gets none.
  assert.deepEqual(await other.subscribe("#", 0), [0]);
  await board.publish("plain", "m");
  assert.equal((await other.expect("publish")).topic, "plain");
  for (const client of [other, board]) await client.disconnect();
  await broker.stop();
});

Deno.test("client events tell who comes, subscribes, goes and why, when they are asked for", async () => {
  const broker = await startBroker({ store: "memory", sysInterval: 0, clientEvents: true });
  const board = await RawClient.connect(broker, 5, "board");
  await board.subscribe("$SYS/broker/clients/pump%2F1/+", 0);
  const event = async (name: string) => {
    const { topic, payload, retain } = await board.expect("publish");
    assert.deepEqual([topic, retain], [`$SYS/broker/clients/pump%2F1/${name}`, false]);
    return JSON.parse(text(payload));
  };
  const pump = await RawClient.connect(broker, 5, "pump/1");
  const { clientid, proto_ver, ipaddress } = await event("connected");
  assert.deepEqual([clientid, proto_ver, ipaddress], ["pump/1", 5, "127.0.0.1"]);
  await pump.subscribe("a/#", 1);
  assert.deepEqual((await event("subscribed")).subopts, { qos: 1, nl: 0, rap: 0, rh: 0 });
  await pump.send({
    type: "unsubscribe",
    packetId: 9,
    filters: ["a/#"],
    userProperties: undefined,
  });
  await pump.expect("unsuback");
  assert.equal((await event("unsubscribed")).topic, "a/#");
  const other = await RawClient.connect(broker, 5, "pump/1");
  assert.equal((await event("disconnected")).reason, "takenOver");
  await event("connected");
  other.close();
  assert.equal((await event("disconnected")).reason, "linkLost");
  // They are not retained: who comes later is told nothing of it.
  await board.subscribe("$SYS/broker/clients/+/disconnected", 0);
  await board.ping();
  pump.close();
  await board.disconnect();
  await broker.stop();
});

Deno.test("client events are told to nobody when they are not asked for", async () => {
  const broker = await startBroker({ store: "memory", sysInterval: 0 });
  const board = await RawClient.connect(broker, 5, "board");
  await board.subscribe("$SYS/broker/clients/#", 0);
  await (await RawClient.connect(broker, 5, "pump")).disconnect();
  await broker.logged((line) => line.clientId === "pump" && line.message === "disconnected", "it");
  await board.ping();
  await board.disconnect();
  await broker.stop();
});

Deno.test("an alarm is raised and cleared below $SYS, in the log and in the metrics", async () => {
  const broker = await startBroker({
    store: "memory",
    admin: { port: 0 },
    limits: { maximumConnections: 2 },
  });
  const board = await RawClient.connect(broker, 5, "board");
  await board.subscribe("$SYS/broker/alarms/+", 0);
  const alarm = async (active: boolean) => {
    const { topic, payload } = await board.expect("publish");
    assert.equal(topic, "$SYS/broker/alarms/connectionsAtLimit");
    const told = JSON.parse(text(payload));
    assert.deepEqual([told.name, told.active], ["connectionsAtLimit", active]);
    return told.reason;
  };
  const second = await RawClient.connect(broker, 5, "second");
  assert.match(await alarm(true), /^2 of maximumConnections/);
  const raised = await broker.logged(({ message }) => message === "alarm", "the alarm");
  assert.deepEqual([raised.alarm, raised.level], ["connectionsAtLimit", "warn"]);
  assert.equal((await scrape(broker))("alarm", { name: "connectionsAtLimit" }), 1);
  await second.disconnect();
  await alarm(false);
  await broker.logged(({ message }) => message === "alarm cleared", "its end");
  await scrapeUntil(broker, (series) => {
    assert.equal(series("alarm", { name: "connectionsAtLimit" }), 0);
  });
  await board.disconnect();
  await broker.stop();
});
