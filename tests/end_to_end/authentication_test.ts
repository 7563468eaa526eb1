/**
 * SCRAM-SHA-256 over TCP against the real program, with a user that `dunlin scram` made: a bare client and
 * MQTT.js, the exchange and re-authentication. MQTT 5.0 section 4.12.
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import mqtt from "mqtt";
import type { AuthProperties } from "../../src/packet/packet.ts";
import type { ScramClient } from "../authentication/scram_client.ts";
import { scramClient } from "../authentication/scram_client.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import { RawClient, text } from "./raw.ts";
import { within } from "./within.ts";
import { connectOf } from "../packets.ts";
import { runDunlin } from "../run_program.ts";

const METHOD = "SCRAM-SHA-256";
const USER = { user: "zoë, the 1st", password: "pencil" };

let shared: BrokerProcess | undefined;
let directory: string;

Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "dunlin-users-" });
  const file = `${directory}/users.json`;
  await Deno.writeTextFile(file, `[${await entry(USER.user)}, ${await entry("bob")}]`);
  shared = await startBroker({
    listeners: [{ type: "tcp", allowAnonymous: false }],
    authentication: { scram: { file } },
    limits: { connectTimeout: 2 },
  });
});

Deno.test.afterAll(async () => {
  await shared?.stop();
  await Deno.remove(directory, { recursive: true });
});

function broker(): BrokerProcess {
  assert.ok(shared !== undefined, "the broker has not been started");
  return shared;
}

/** What `dunlin scram` prints for a user whose password is that of `USER`. */
async function entry(user: string): Promise<string> {
  const command = runDunlin(
    ["--allow-read", "--allow-env"],
    ["scram", user, "--iterations", "4096"],
    { input: USER.password },
  );
  const { status, out } = await within(command, "dunlin scram");
  assert.equal(status, 0);
  return out;
}

function properties(authenticationData?: Uint8Array): AuthProperties {
  return {
    authenticationMethod: METHOD,
    ...(authenticationData === undefined ? {} : { authenticationData }),
  };
}

/** Sends an AUTH. */
function auth(client: RawClient, reasonCode: number, data?: Uint8Array): Promise<void> {
  return client.send({ type: "auth", reasonCode, properties: properties(data) });
}

/** Answers the server's challenge with the final message. */
async function answer(client: RawClient, scram: ScramClient): Promise<void> {
  const challenge = await client.expect("auth");
  assert.equal(challenge.reasonCode, 0x18);
  assert.equal(challenge.properties?.authenticationMethod, METHOD);
  await auth(client, 0x18, await scram.final(challenge.properties?.authenticationData));
}

/** A bare client that is through with its exchange; its CONNACK is the next packet. */
async function knock(
  clientId: string,
  who: { user: string; password: string } = USER,
): Promise<[RawClient, ScramClient]> {
  const client = await RawClient.open(broker(), 5);
  const scram = scramClient(who);
  await client.send(connectOf(5, clientId, { properties: properties(scram.first) }));
  await answer(client, scram);
  return [client, scram];
}

Deno.test("dunlin lets a client in by SCRAM-SHA-256, proves itself, and re-authenticates it while messages flow", async () => {
  const [client, scram] = await knock("raw");
  const connack = await client.expect("connack");
  assert.equal(connack.reasonCode, 0);
  assert.equal(connack.properties?.authenticationMethod, METHOD);
  scram.check(connack.properties?.authenticationData);
  const line = await broker().logged((each) => each.clientId === "raw", "the log line of raw");
  assert.deepEqual([line.message, line["user"]], ["connected", USER.user]);

  assert.deepEqual(await client.subscribe("raw/#", 1), [1]);
  for (const round of [1, 2]) {
    const again = scramClient(USER);
    await auth(client, 0x19, again.first);
    await client.publish("raw/a", `before ${round}`);
    const challenge = await client.expect("auth");
    assert.equal(text((await client.expect("publish")).payload), `before ${round}`);
    await client.publish("raw/b", `between ${round}`);
    assert.equal(text((await client.expect("publish")).payload), `between ${round}`);
    await auth(client, 0x18, await again.final(challenge.properties?.authenticationData));
    const success = await client.expect("auth");
    assert.equal(success.reasonCode, 0);
    again.check(success.properties?.authenticationData);
  }
  await client.ping();
  await client.disconnect();
});

for (
  const [who, user] of [
    ["the password is wrong", { ...USER, password: "pencils" }],
    ["there is no such user", { ...USER, user: "nobody" }],
  ] as const
) {
  Deno.test(`dunlin sends CONNACK 0x87 and closes when ${who}`, async () => {
    const [client] = await knock("guess", user);
    const connack = await client.expect("connack");
    assert.equal(connack.reasonCode, 0x87);
    assert.equal(connack.properties?.reasonString, "not authorized");
    await client.ended();
  });
}

Deno.test("dunlin sends DISCONNECT 0x87 and closes when a re-authentication proves another user, or nothing", async () => {
  for (const who of [{ ...USER, user: "bob" }, { ...USER, password: "pencils" }]) {
    const [client] = await knock("raw");
    assert.equal((await client.expect("connack")).reasonCode, 0);
    const again = scramClient(who);
    await auth(client, 0x19, again.first);
    await answer(client, again);
    assert.equal((await client.expect("disconnect")).reasonCode, 0x87);
    await client.ended();
  }
});

Deno.test("dunlin turns clients away when they name another method, no method or do not go on", async () => {
  const client = await RawClient.open(broker(), 5);
  const connack = await client.knock("other", { properties: { authenticationMethod: "OTHER" } });
  assert.equal(connack.reasonCode, 0x8c);
  await client.ended();
  const anonymous = await RawClient.open(broker(), 5);
  assert.equal((await anonymous.knock("anonymous")).reasonCode, 0x87);
  await anonymous.ended();
  const silent = await RawClient.open(broker(), 5);
  await silent.send(connectOf(5, "silent", { properties: properties(scramClient(USER).first) }));
  assert.equal((await silent.expect("auth")).reasonCode, 0x18);
  assert.equal((await silent.expect("connack")).reasonCode, 0x87); // after connectTimeout
  await silent.ended();
});

/** MQTT.js with an exchange of its own; resolves with the client and what ended the exchange. */
async function connectByScram(clientId: string, password: string) {
  let scram = scramClient({ ...USER, password });
  const client = mqtt.connect({
    host: "127.0.0.1",
    port: broker().port,
    clientId,
    protocolVersion: 5,
    reconnectPeriod: 0,
    properties: { authenticationMethod: METHOD, authenticationData: Buffer.from(scram.first) },
  });
  let reauthenticated = (_: Uint8Array | undefined) => {};
  client.handleAuth = (packet, callback) => {
    const data = packet.properties?.authenticationData;
    if (packet.reasonCode === 0) {
      callback();
      return reauthenticated(data);
    }
    scram.final(data).then((final) =>
      callback(undefined, {
        cmd: "auth",
        reasonCode: 0x18,
        properties: { authenticationMethod: METHOD, authenticationData: Buffer.from(final) },
      }), (error) => callback(error));
  };
  const outcome = await within(
    new Promise<mqtt.IConnackPacket | Error>((resolve) => {
      client.once("connect", resolve);
      client.once("error", resolve);
    }),
    `the end of the exchange of ${clientId}`,
  );
  client.on("error", () => {});
  return {
    client,
    outcome,
    check: (data: Uint8Array | undefined) => scram.check(data),
    async reauthenticate(): Promise<void> {
      scram = scramClient({ ...USER, password });
      const success = new Promise<Uint8Array | undefined>((resolve) => reauthenticated = resolve);
      // deno-lint-ignore no-explicit-any -- MQTT.js has no public way to begin a re-authentication
      (client as any)._sendPacket({
        cmd: "auth",
        reasonCode: 0x19,
        properties: { authenticationMethod: METHOD, authenticationData: Buffer.from(scram.first) },
      });
      scram.check(await within(success, "AUTH 0x00"));
    },
  };
}

Deno.test("MQTT.js connects by SCRAM-SHA-256, gets messages and re-authenticates when handleAuth does the exchange", async () => {
  const js = await connectByScram("js-scram", USER.password);
  assert.ok(!(js.outcome instanceof Error), String(js.outcome));
  assert.equal(js.outcome.properties?.authenticationMethod, METHOD);
  js.check(js.outcome.properties?.authenticationData);
  await js.client.subscribeAsync("js/scram", { qos: 1 });
  for (const round of [1, 2]) {
    const message = new Promise<string>((resolve) =>
      js.client.once("message", (_topic, payload) => resolve(payload.toString()))
    );
    await js.client.publishAsync("js/scram", `${round}`, { qos: 1 });
    assert.equal(await within(message, "the message"), `${round}`);
    await js.reauthenticate();
  }
  assert.ok(js.client.connected);
  await within(js.client.endAsync(), "the end of js-scram");
});

Deno.test("MQTT.js is turned away with 0x87 when its password is wrong", async () => {
  const js = await connectByScram("js-wrong", "pencils");
  assert.ok(js.outcome instanceof Error);
  assert.equal((js.outcome as Error & { code: number }).code, 0x87);
  await within(js.client.endAsync(true), "the end of js-wrong");
});

Deno.test("dunlin does not start and names file, line and key when the file of users is wrong", async () => {
  const wrong = await Deno.makeTempDir({ prefix: "dunlin-users-" });
  await Deno.writeTextFile(`${wrong}/users.json`, '[\n  { "user": "ada", "iterations": 1 }\n]');
  const config = JSON.stringify({
    listeners: [{ type: "tcp", port: 0 }],
    store: "memory",
    authentication: { scram: { file: `${wrong}/users.json` } },
  });
  await Deno.writeTextFile(`${wrong}/dunlin.json`, config);
  const { status, err } = await within(
    runDunlin(["--allow-all"], ["run", "--config", `${wrong}/dunlin.json`]),
    "the broker to give up",
  );
  assert.equal(status, 1);
  assert.match(err, /users\.json:2:\d+: error: \[0\]\.iterations: found 1/);
  await Deno.remove(wrong, { recursive: true });
});
