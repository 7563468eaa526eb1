/**
 * The contract of management over HTTP and over `dunlin ctl`, against a broker with sockets; and that the three
 * ways to ask give the same replies.
 */

import assert from "node:assert/strict";
import { managementCommands } from "../../src/server/services.ts";
import type { Input, ManagedServer } from "./managed_server.ts";
import { openManagedServer, withoutAsker } from "./managed_server.ts";
import { managementContract, rows } from "./management_contract.ts";

/** HTTP has one answer to a request. */
const TOLD_OVER_MQTT = ["trace"];

managementContract("HTTP", async () => {
  const { overHttp, connect, close } = await openManagedServer();
  return { ask: overHttp, connect, close };
}, TOLD_OVER_MQTT);

managementContract("dunlin ctl", async () => {
  const { overCtl, connect, close } = await openManagedServer();
  return {
    ask: async (command, input) => withoutAsker(await overCtl(command, input)),
    connect,
    close,
  };
});

/** What is another at each moment, whoever asks. */
const VOLATILE = /^(uptime|since.*|now|.*At|until|connections|accepting|.*Delay.*|memory|heap.*)$/;

function steady(reply: unknown): unknown {
  return JSON.parse(
    JSON.stringify(reply),
    (key, value) =>
      VOLATILE.test(key) ? "-" : key === "counted" ? Object.keys(value).sort() : value,
  );
}

/** Asks in all three ways, and compares. */
async function compare(server: ManagedServer, command: string, input: Input): Promise<void> {
  const what = `${command} ${JSON.stringify(input)}`;
  const overMqtt = steady(withoutAsker(await server.overMqtt(command, input)));
  const overCtl = steady(withoutAsker(await server.overCtl(command, input)));
  assert.deepEqual(overCtl, overMqtt, `over dunlin ctl: ${what}`);
  const overHttp = steady(await server.overHttp(command, input));
  if (TOLD_OVER_MQTT.includes(command)) {
    assert.equal((overHttp as { readonly ok: boolean }).ok, false, what);
  } else assert.deepEqual(overHttp, overMqtt, `over HTTP: ${what}`);
}

Deno.test("every command replies the same over MQTT, HTTP and dunlin ctl when it is its example", async () => {
  const server = await openManagedServer();
  try {
    await server.connect("panel", "anna");
    await server.overHttp("sessions/provision", { clientId: "pump-7", user: "pumps" });
    await server.overHttp("publish", { topic: "plant/1", payload: "on", retain: true });
    for (const { name, example, changes } of managementCommands.values()) {
      await compare(server, name, { ...example, ...(changes ? { dryRun: true } : {}) });
    }
  } finally {
    await server.close();
  }
});

Deno.test("every refusal and dry run replies the same over MQTT, HTTP and dunlin ctl", async () => {
  const server = await openManagedServer();
  try {
    for (const { given, command, input = {}, refused } of rows) {
      // What is done would be done three times; what is refused after something is not refused here.
      const isRefused = refused !== undefined && given === undefined;
      if (isRefused || input["dryRun"] === true) await compare(server, command, input);
    }
  } finally {
    await server.close();
  }
});
