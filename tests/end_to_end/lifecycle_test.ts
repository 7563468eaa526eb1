/** From CONNECT to the end of a connection: who is let in, how long silence may last, how the program ends. */

import assert from "node:assert/strict";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import { sharedBroker, startBroker } from "./broker_process.ts";
import { RawClient } from "./raw.ts";

const versions: readonly ProtocolVersion[] = [3, 4, 5];
const listener = { type: "tcp", address: "127.0.0.1", port: 0 };

const broker = sharedBroker({ limits: { connectTimeout: 2 } });

/** The last byte that 3.x clients get, and the Reason Code of 5.0. */
const refusals: readonly [version: ProtocolVersion, code: number][] = [
  [3, 5],
  [4, 5],
  [5, Reason.notAuthorized],
];

Deno.test("a client without credentials is refused when its listener does not allow anonymous ones", async () => {
  const strict = await startBroker({ listeners: [{ ...listener, allowAnonymous: false }] });
  for (const [version, code] of refusals) {
    const client = await RawClient.open(strict, version);
    await client.knock(`nobody-${version}`);
    assert.deepEqual([...client.lastFrame.subarray(2, 4)], [0, code]);
    await client.ended();
    const line = await strict.logged(
      (line) => line.clientId === `nobody-${version}` && line.category === "client",
      "a log line about the refused client",
    );
    assert.equal(line.level, "warn");
    assert.equal(line.message, "refused");
    assert.equal(line.reasonCode, "notAuthorized");
    assert.match(String(line.address), /^127\.0\.0\.1:\d+$/);
    assert.match(String(line.detail), /allowAnonymous/);
  }
  await strict.stop();
});

for (const version of versions) {
  Deno.test(`a client is closed when it is silent for 1.5 Keep Alives and speaks version ${version}`, async () => {
    const name = `silent-${version}`;
    const start = performance.now();
    const client = await RawClient.connect(broker(), version, name, { keepAlive: 1 });
    if (version === 5) {
      const { reasonCode } = await client.expect("disconnect");
      assert.equal(reasonCode, Reason.keepAliveTimeout);
    }
    await client.ended();
    const waited = performance.now() - start;
    assert.ok(waited > 1_400, `closed after ${waited} ms`);
    await broker().logged(
      (line) => line.clientId === name && line.reason === "keepAliveTimeout",
      "a log line about the time-out",
    );
  });
}

Deno.test("a client is not closed when it sends PINGREQ within its Keep Alive", async () => {
  const client = await RawClient.connect(broker(), 5, "pinging", { keepAlive: 3 });
  for (let beat = 0; beat < 3; beat++) {
    await new Promise((resolve) => setTimeout(resolve, 2_000)); // what is tested is time itself
    await client.ping();
  }
  await client.disconnect();
});

Deno.test("a link is closed when it sends no whole CONNECT within connectTimeout", async () => {
  const start = performance.now();
  const silent = await RawClient.open(broker(), 5);
  const slow = await RawClient.open(broker(), 5);
  await slow.send(Uint8Array.of(0x10, 0x20, 0x00, 0x04));
  const address = silent.address;
  await Promise.all([silent.ended(), slow.ended()]);
  assert.ok(performance.now() - start > 1_900);
  const line = await broker().logged(
    (line) => line.address === address,
    "a log line with the address of the silent link",
  );
  assert.deepEqual([line.level, line.reason], ["warn", "connectTimeout"]);
});

for (const version of versions) {
  Deno.test(`a connected client is taken over when its client id comes again and speaks version ${version}`, async () => {
    const first = await RawClient.connect(broker(), version, `twin-${version}`);
    const second = await RawClient.connect(broker(), version, `twin-${version}`);
    if (version === 5) {
      assert.equal((await first.expect("disconnect")).reasonCode, Reason.sessionTakenOver);
    }
    await first.ended();
    await second.ping();
    await second.disconnect();
  });
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`the program sends DISCONNECT 0x8B to 5.0 clients and exits 0 when it gets ${signal}`, async () => {
    const ending = await startBroker();
    const clients = await Promise.all(
      versions.map((version) => RawClient.connect(ending, version, `last-${version}`)),
    );
    const knocking = await RawClient.open(ending, 5); // never says a word
    const stopped = ending.stop(signal); // checks the exit status
    for (const client of clients) {
      if (client.version === 5) {
        assert.equal((await client.expect("disconnect")).reasonCode, Reason.serverShuttingDown);
      }
      await client.ended();
    }
    await knocking.ended();
    await stopped;
    const end = ending.log().slice(-2).map(({ message }) => message);
    assert.ok(end.includes("stopped"), end.join(", "));
  });
}

Deno.test("the program ends within shutdownTimeout when a client reads nothing", async () => {
  const ending = await startBroker({ limits: { shutdownTimeout: 1 } });
  const deaf = await RawClient.connect(ending, 5, "deaf");
  await deaf.subscribe("flood", 0);
  const talker = await RawClient.connect(ending, 5, "talker");
  for (let count = 0; count < 30; count++) await talker.publish("flood", new Uint8Array(500_000));
  await talker.ping(); // all of it has been taken in
  const start = performance.now();
  await ending.stop();
  assert.ok(performance.now() - start < 8_000);
  deaf.close();
  talker.close();
});
