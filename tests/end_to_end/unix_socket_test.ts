/** A listener on a Unix domain socket: stock and bare clients, its mode, and its file at the end. */

import assert from "node:assert/strict";
import { startBroker } from "./broker_process.ts";
import { startClient } from "./client_process.ts";
import { RawClient, text } from "./raw.ts";
import { tool, toolTest } from "./tools.ts";

async function withSocket(test: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-unix-" });
  const path = `${directory}/mqtt.sock`;
  const broker = await startBroker({
    listeners: [
      { type: "tcp", address: "127.0.0.1", port: 0 },
      { type: "unix", path, mode: "0600" },
    ],
  });
  try {
    assert.deepEqual(broker.addresses, [`127.0.0.1:${broker.port}`, path]);
    assert.equal((await Deno.lstat(path)).mode! & 0o777, 0o600);
    // Who comes by TCP hears who comes by the socket.
    const onTcp = await RawClient.connect(broker, 5, "tcp");
    await onTcp.subscribe("unix/#", 1);
    await test(path);
    assert.equal(text((await onTcp.expect("publish")).payload), "by socket");
    onTcp.close();
  } finally {
    await broker.stop();
  }
  await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
  await Deno.remove(directory, { recursive: true });
}

Deno.test("a client is served when it connects by a Unix socket", () =>
  withSocket(async (path) => {
    const client = await RawClient.connect({ path }, 4, "unix");
    await client.publish("unix/a", "by socket");
    await client.ping();
    await client.disconnect();
  }));

toolTest(
  ["mosquitto_pub"],
  "mosquitto_pub is served when it connects by a Unix socket",
  () =>
    withSocket(async (path) => {
      const args = ["--unix", path, "-q", "1", "-t", "unix/b", "-m", "by socket"];
      await startClient(tool("mosquitto_pub")!, args).done();
    }),
);
