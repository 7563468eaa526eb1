/**
 * The real program on a disk that has no room left, and on one that fails: nothing is acknowledged that
 * is not kept, QoS 0 flows on, and it goes on by itself when there is room.
 */

import assert from "node:assert/strict";
import { Reason } from "../../src/packet/reason_code.ts";
import type { Publish, Pubrel } from "../../src/packet/packet.ts";
import { startBroker } from "./broker_process.ts";
import { RawClient, text } from "./raw.ts";
import type { SmallDisk } from "./small_disk.ts";
import { smallDisk } from "./small_disk.ts";

const MIB = 1 << 20;

/** All messages before one of that name, which nothing overtakes; each is acknowledged. */
async function drink(client: RawClient, last: string): Promise<readonly string[]> {
  const got: string[] = [];
  for (;;) {
    const packet = await client.next();
    if (packet.type === "publish") {
      const name = text(packet.payload).trim();
      if (name === last) return got;
      got.push(name);
      const { packetId, qos } = packet;
      const type = qos === 1 ? "puback" : "pubrec";
      await client.send({ type, packetId, reasonCode: 0, properties: undefined });
    } else {
      assert.equal(packet.type, "pubrel");
      const { packetId } = packet as Pubrel;
      await client.send({ type: "pubcomp", packetId, reasonCode: 0, properties: undefined });
    }
  }
}

/** A message of 20 KB that is told by its name. */
const payload = (name: string) => name.padEnd(20_000);
const stored = { cleanStart: false, properties: { sessionExpiryInterval: 3600 } };

async function diskFull(disk: SmallDisk): Promise<void> {
  const broker = await startBroker({ data: `${disk.path}/data` }, disk.under);
  const panel = await RawClient.connect(broker, 5, "panel", stored);
  await panel.subscribe("t/#", 2);
  await panel.disconnect();
  const watcher = await RawClient.connect(broker, 5, "watcher");
  await watcher.subscribe("t/#", 0);
  const acknowledged: string[] = [];

  /** Publishes with QoS 1 or 2 to the end of the hand-shake; the Reason Code. */
  async function publish(client: RawClient, name: string, qos: 1 | 2): Promise<number> {
    await client.publish("t/a", payload(name), { qos });
    const { reasonCode, packetId } = await client.expect(qos === 1 ? "puback" : "pubrec");
    if (reasonCode >= 0x80) return reasonCode;
    acknowledged.push(name);
    if (qos === 1) return reasonCode;
    await client.send({ type: "pubrel", packetId, reasonCode: 0, properties: undefined });
    return (await client.expect("pubcomp")).reasonCode;
  }

  const clients = {
    v5: await RawClient.connect(broker, 5, "v5"),
    v4: await RawClient.connect(broker, 4, "v4"),
    v4qos2: await RawClient.connect(broker, 4, "v4qos2"),
    glutton: await RawClient.connect(broker, 5, "glutton"),
  };
  for (const qos of [1, 2] as const) {
    for (const name of ["v5", "v4"] as const) {
      assert.equal(await publish(clients[name], `early ${name} ${qos}`, qos), 0);
    }
  }

  await disk.fill();
  const isFull = () => broker.log().some(({ message }) => message.includes("has no room:"));
  const sent: string[] = [];
  while (!isFull() && sent.length < 400) { // what the log of the database has room for goes through
    sent.push(`glutton ${sent.length}`);
    await clients.glutton.publish("t/a", payload(sent.at(-1)!), { qos: 1 });
    await clients.v5.ping();
  }
  const line = await broker.logged(({ message }) => message.includes("has no room:"), "the log");
  assert.deepEqual([line.level, /disk is full/.test(String(line.reason))], ["error", true]);

  // 5.0 is told, 3.1.1 is held back.
  assert.equal(await publish(clients.v5, "refused 1", 1), Reason.quotaExceeded);
  assert.equal(await publish(clients.v5, "refused 2", 2), Reason.quotaExceeded);
  let answers = 0;
  const held = [publish(clients.v4, "held 1", 1), publish(clients.v4qos2, "held 2", 2)];
  for (const each of held) each.then(() => answers += 1);
  // QoS 0 flows from both, to who is here and to who comes now.
  const late = await RawClient.connect(broker, 4, "late");
  await late.subscribe("now", 0);
  await clients.v5.publish("now", "5.0");
  const other = await RawClient.connect(broker, 4, "other");
  await other.publish("now", "3.1.1");
  const now = [await late.expect("publish"), await late.expect("publish")];
  assert.deepEqual(now.map((each) => text(each.payload)), ["5.0", "3.1.1"]);
  assert.equal(answers, 0, "acknowledged without room");

  await disk.makeRoom();
  assert.deepEqual(await Promise.all(held), [0, 0]);
  await broker.logged(({ message }) => message.includes("has room again"), "the log");
  for (const name of sent) { // in their order; after the one that filled it they were refused
    const { reasonCode } = await clients.glutton.expect("puback");
    if (reasonCode === 0) acknowledged.push(name);
    else assert.equal(reasonCode, Reason.quotaExceeded);
  }
  assert.equal(await publish(clients.v5, "after", 2), 0);
  const live = new Set<string>();
  await watcher.send({ type: "pingreq" });
  for (
    let packet = await watcher.next();
    packet.type !== "pingresp";
    packet = await watcher.next()
  ) {
    live.add(text((packet as Publish).payload).trim());
  }
  assert.ok(!live.has("refused 1") && !live.has("refused 2"), "refused, and yet delivered");
  for (const client of [watcher, late, other, ...Object.values(clients)]) client.close();
  Deno.kill(broker.pid, "SIGKILL");
  assert.match(await broker.ended(), /SIGKILL/);

  const again = await startBroker({ data: `${disk.path}/data` }, disk.under);
  const back = await RawClient.connect(again, 5, "panel", stored);
  const pump = await RawClient.connect(again, 5, "pump");
  await pump.publish("t/a", "the last", { qos: 2 });
  await pump.expect("pubrec");
  const got = await drink(back, "the last");
  assert.deepEqual([...got].sort(), acknowledged.sort());
  for (const client of [back, pump]) client.close();
  await again.stop();
}

/** Killed while there is no room, and started again while there is none. */
async function fullAtStart(disk: SmallDisk): Promise<void> {
  const first = await startBroker({ data: `${disk.path}/data` }, disk.under);
  const panel = await RawClient.connect(first, 4, "panel", { cleanStart: false });
  await panel.subscribe("t/#", 1);
  await panel.disconnect();
  const pump = await RawClient.connect(first, 4, "pump");
  await pump.publish("t/a", payload("kept"), { qos: 1 });
  await pump.expect("puback");
  await disk.fill();
  Deno.kill(first.pid, "SIGKILL");
  await first.ended();
  pump.close();

  const second = await startBroker({ data: `${disk.path}/data` }, disk.under);
  const watcher = await RawClient.connect(second, 5, "watcher");
  await watcher.subscribe("now", 0);
  const back = await RawClient.open(second, 4);
  const knocking = back.knock("panel", { cleanStart: false }); // is told that it is there once it is kept
  const other = await RawClient.connect(second, 5, "other");
  for (let n = 0; !second.log().some(({ message }) => message.includes("has no room:")); n++) {
    assert.ok(n < 400, "it has room");
    await other.publish("t/a", payload(`more ${n}`), { qos: 1 });
    await watcher.ping();
  }
  await other.publish("now", "QoS 0");
  assert.equal(text((await watcher.expect("publish")).payload), "QoS 0");
  await disk.makeRoom();
  assert.equal((await knocking).sessionPresent, true);
  assert.equal(text((await back.expect("publish")).payload).trim(), "kept");
  for (const client of [watcher, back, other]) client.close();
  await second.stop();
}

/** Whether a small disk can be mounted here; if not, why not. */
async function noSmallDisk(): Promise<string | undefined> {
  try {
    await (await smallDisk(MIB)).end();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

const why = await noSmallDisk();

const cases: readonly (readonly [name: string, work: (disk: SmallDisk) => Promise<void>])[] = [
  [
    "refuses or holds back QoS 1 and 2 when the disk is full, and goes on when there is room",
    diskFull,
  ],
  ["starts when the disk is full, and goes on when there is room", fullAtStart],
];

for (const [name, work] of cases) {
  Deno.test({
    name: `dunlin ${name}${why === undefined ? "" : `: skipped, ${why}`}`,
    ignore: why !== undefined,
    async fn() {
      const disk = await smallDisk(8 * MIB);
      try {
        await work(disk);
      } finally {
        await disk.end();
      }
    },
  });
}

/** Starts a program with files of 1 MB at most, where a write beyond that is an error and no signal. */
const SMALL_FILES = ["sh", "-c", "trap '' XFSZ && ulimit -f 2048 && exec \"$@\"", "sh"];

Deno.test("dunlin ends with status 3 and says why when nobody can tell what reached the disk, and has kept what it acknowledged", async () => {
  const data = await Deno.makeTempDir({ prefix: "dunlin-e2e-" });
  const broker = await startBroker({ data }, SMALL_FILES);
  const panel = await RawClient.connect(broker, 5, "panel", stored);
  await panel.subscribe("t", 1);
  await panel.disconnect();
  const pump = await RawClient.connect(broker, 4, "pump");
  const acknowledged: string[] = [];
  for (;;) {
    await pump.publish("t", payload(String(acknowledged.length)), { qos: 1 });
    const packet = await pump.nextOrEnd();
    if (packet === undefined) break;
    assert.equal(packet.type, "puback");
    acknowledged.push(String(acknowledged.length));
    assert.ok(acknowledged.length < 900, "no write has failed");
  }
  assert.equal(await broker.ended(), "exit status 3, signal null");
  const line = broker.log().at(-1)!;
  assert.equal(line.level, "error");
  assert.match(line.message, /the store failed/);
  assert.match(String(line.reason), /disk I\/O error/);

  const again = await startBroker({ data });
  const back = await RawClient.connect(again, 5, "panel", stored);
  const other = await RawClient.connect(again, 4, "pump");
  await other.publish("t", "the last", { qos: 1 });
  await other.expect("puback");
  const got = await drink(back, "the last");
  assert.ok(acknowledged.length > 3, `${acknowledged.length} were acknowledged`);
  // One more may have been kept: the one that was not acknowledged.
  assert.deepEqual(got.slice(0, acknowledged.length), acknowledged);
  assert.ok(got.length <= acknowledged.length + 1);
  for (const client of [pump, back, other]) client.close();
  await again.stop();
  await Deno.remove(data, { recursive: true });
});
