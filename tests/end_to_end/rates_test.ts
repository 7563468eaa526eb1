/** Rates and limits of addresses and users through the real program: who floods is paused, the others are served. */

import assert from "node:assert/strict";
import { SignJWT } from "jose";
import { encode } from "../../src/packet/encode.ts";
import { startBroker } from "./broker_process.ts";
import { connectOf, plainPublish } from "../packets.ts";
import { RawClient, text } from "./raw.ts";

const SECRET = "a secret of at least 32 characters";
const COUNT = 1_500;

Deno.test("a client that floods is paused, another one is served meanwhile, and nothing is lost", async () => {
  const broker = await startBroker({
    store: "memory",
    sysInterval: 1,
    limits: { messageRate: 500, messageBurst: 100 },
  });
  for (const qos of [0, 1] as const) {
    const panel = await RawClient.connect(broker, 5, `panel-${qos}`);
    await panel.subscribe(`flood/${qos}`, 0);
    const flooder = await RawClient.connect(broker, 4, `flooder-${qos}`, { keepAlive: 1 });
    const quiet = await RawClient.connect(broker, 5, `quiet-${qos}`);
    const started = performance.now();
    const frames: number[] = [];
    for (let n = 0; n < COUNT; n++) {
      const packetId = qos === 0 ? 0 : n + 1;
      const payload = new TextEncoder().encode(`${n}`);
      frames.push(...encode(plainPublish(`flood/${qos}`, payload, { qos, packetId }), 4));
    }
    await flooder.send(Uint8Array.from(frames));
    let seen = 0;
    while (seen < COUNT) {
      if (seen % 300 === 0) await quiet.ping(); // each time in the midst of it
      assert.equal(text((await panel.expect("publish")).payload), `${seen}`);
      seen += 1;
    }
    const seconds = (performance.now() - started) / 1000;
    // It may be late, but not early: (1,500 - 100 - what one turn reads) / 500.
    assert.ok(seconds > 2, `${COUNT} messages in ${seconds.toFixed(2)} s`);
    if (qos === 1) { for (let n = 0; n < COUNT; n++) await flooder.expect("puback"); }
    await flooder.ping();
    const line = await broker.logged(
      (line) => line.message === "rate limited" && line.clientId === `flooder-${qos}`,
      "a line about the rate",
    );
    assert.deepEqual([line.level, line.limit, line.rate], ["info", "messageRate", 500]);
    for (const client of [panel, flooder, quiet]) await client.disconnect();
  }
  const watcher = await RawClient.connect(broker, 5, "watcher");
  await watcher.subscribe("$SYS/broker/rateLimits/messageRate", 0);
  for (;;) {
    const count = Number(text((await watcher.expect("publish")).payload));
    if (count >= 2) break;
  }
  await watcher.disconnect();
  await broker.stop();
});

Deno.test("a client that stays above its rate is told 0x96 and closed when rateGrace says so", async () => {
  const broker = await startBroker({
    store: "memory",
    limitsFor: [{ who: { clientId: "flooder" }, limits: { messageRate: 50, rateGrace: 1 } }],
  });
  const flooder = await RawClient.connect(broker, 5, "flooder");
  const sent = (async () => {
    for (let n = 0; n < 1_000; n++) await flooder.publish("t", `${n}`);
  })().catch(() => {});
  assert.equal((await flooder.expect("disconnect")).reasonCode, 0x96);
  await flooder.ended();
  await sent;
  const line = await broker.logged((line) => line.reason === "rateExceeded", "its end");
  assert.equal(line.clientId, "flooder");
  const other = await RawClient.connect(broker, 5, "other");
  for (let n = 0; n < 1_000; n++) await other.publish("t", `${n}`);
  await other.ping();
  await other.disconnect();
  await broker.stop();
});

Deno.test("the third connection of one address is closed before a byte of it is read, also behind a proxy", async () => {
  const broker = await startBroker({
    store: "memory",
    listeners: [
      { type: "tcp", port: 0 },
      {
        type: "tcp",
        port: 0,
        name: "proxied",
        allowAnonymous: true,
        proxyProtocol: { trusted: ["127.0.0.1"] },
      },
    ],
    limits: { connectionsPerAddress: 2 },
  });
  const first = await RawClient.connect(broker, 5, "first");
  const second = await RawClient.connect(broker, 4, "second");
  const third = await RawClient.open(broker, 5);
  await third.ended();
  const line = await broker.logged(
    (line) => line.reason === "connectionsPerAddress",
    "a line about the third",
  );
  assert.match(line.message, /turned away/);
  const proxied = { port: Number(broker.addresses[1]!.split(":").at(-1)) };
  const through = async (source: string, clientId: string) => {
    const client = await RawClient.open(proxied, 5);
    await client.send(new TextEncoder().encode(`PROXY TCP4 ${source} 127.0.0.1 1111 1883\r\n`));
    await client.send(connectOf(5, clientId)).catch(() => {});
    return client;
  };
  // The proxy is at an address that has two connections: those behind it are others'.
  const behind = [await through("192.0.2.1", "a"), await through("192.0.2.1", "b")];
  for (const client of behind) assert.equal((await client.expect("connack")).reasonCode, 0);
  await (await through("192.0.2.1", "c")).ended();
  const other = await through("192.0.2.2", "d");
  assert.equal((await other.expect("connack")).reasonCode, 0);
  await first.disconnect();
  const fourth = await connected(() => RawClient.open(broker, 5));
  for (const client of [second, fourth, other, ...behind]) client.close();
  await broker.stop();
});

/** A client that is let in as soon as the broker knows that another one has gone. */
async function connected(open: () => Promise<RawClient>): Promise<RawClient> {
  for (;;) {
    const client = await open();
    const packet = await client.send(connectOf(5, "next")).then(
      () => client.nextOrEnd(),
      () => undefined,
    );
    if (packet?.type === "connack") return client;
    client.close();
  }
}

Deno.test("a user with connectionsPerUser is refused with 0x97, or return code 3, and let in when one has gone", async () => {
  const broker = await startBroker({
    store: "memory",
    authentication: { jwt: { secret: SECRET } },
    limits: { connectionsPerUser: 1 },
    limitsFor: [{ who: { user: "gate*" }, limits: { connectionsPerUser: 2 } }],
  });
  const as = async (user: string) => ({
    username: user,
    password: new TextEncoder().encode(
      await new SignJWT({ username: user }).setSubject(user).setProtectedHeader({ alg: "HS256" })
        .setExpirationTime("1h").sign(new TextEncoder().encode(SECRET)),
    ),
  });
  const ada = await RawClient.connect(broker, 5, "ada-1", await as("ada"));
  for (const version of [4, 5] as const) {
    const again = await RawClient.open(broker, version);
    const connack = await again.knock("ada-2", await as("ada"));
    assert.equal(connack.reasonCode, version === 5 ? 0x97 : 0x88); // as return code 3 is read back
    if (version === 4) assert.equal(again.lastFrame.at(-1), 3);
    await again.ended();
  }
  const gates = [];
  for (const clientId of ["gate-1", "gate-2"]) {
    gates.push(await RawClient.connect(broker, 5, clientId, await as("gateway")));
  }
  await ada.disconnect();
  await broker.logged((line) => line.clientId === "ada-1" && line.message === "disconnected", "it");
  const next = await RawClient.connect(broker, 5, "ada-3", await as("ada"));
  for (const client of [next, ...gates]) await client.disconnect();
  await broker.stop();
});
