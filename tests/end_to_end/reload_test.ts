/** The real program gets another configuration: by SIGHUP, and by itself when its file changes. */

import assert from "node:assert/strict";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import { RawClient } from "./raw.ts";

const USUAL = { store: "memory", sysInterval: 0 };
const FORMAT = { log: { format: "json" } };

async function withProgram(
  config: { readonly [key: string]: unknown },
  work: (broker: BrokerProcess) => Promise<void>,
): Promise<void> {
  const broker = await startBroker({ ...USUAL, ...config });
  try {
    await work(broker);
  } finally {
    await broker.stop();
  }
}

/** Writes the file as careful programs do. */
async function write({ file }: BrokerProcess, value: object): Promise<void> {
  await Deno.writeTextFile(`${file}.new`, JSON.stringify({ ...FORMAT, ...USUAL, ...value }));
  await Deno.rename(`${file}.new`, file);
}

/** What the log says of the next reload, from line `from` on. */
async function reloaded(broker: BrokerProcess, from: number) {
  const last = await broker.logged(
    ({ category, message }) =>
      category === "configuration" && /^(reloaded|not reloaded: nothing)/.test(message),
    "the end of a reload",
    from,
  );
  const lines = broker.log().slice(from).filter(({ category }) => category === "configuration");
  return { last: last.message, lines };
}

/** Sends SIGHUP; what the log says of the reload. */
function hangUp(broker: BrokerProcess) {
  const from = broker.log().length;
  Deno.kill(broker.pid, "SIGHUP");
  return reloaded(broker, from);
}

const listener = (name: string, more: object = {}) => ({ type: "tcp", port: 0, name, ...more });

Deno.test("dunlin run reloads on SIGHUP: the log says what changes, connections stay", async () => {
  const config = { watchConfig: false, listeners: [listener("a"), listener("b")] };
  await withProgram(config, async (broker) => {
    const stays = await RawClient.connect(broker, 5, "stays");
    const port = Number(broker.addresses[1]!.split(":").at(-1));
    const goes = await RawClient.connect({ port }, 5, "goes");
    await write(broker, {
      watchConfig: false,
      listeners: [listener("a"), listener("c")],
      store: "denoKv",
      log: { format: "json", level: "debug" },
      authentication: { jwt: { secret: "not for the log, but long enough" } },
    });
    const { last, lines } = await hangUp(broker);
    assert.equal(last, "reloaded");
    const told = new Map(lines.map((line) => [line["key"], line]));
    assert.equal(told.get("log.level")?.["before"], "info");
    assert.equal(told.get("log.level")?.["after"], "debug");
    assert.equal(
      told.get("store")?.message,
      "a changed key needs a restart: what held before holds",
    );
    assert.ok(told.has("listeners.b") && told.has("listeners.c"));
    assert.match(String(told.get("authentication.jwt")?.["after"]), /"secret":"\(not shown\)"/);
    assert.equal(JSON.stringify(lines).includes("long enough"), false);
    assert.equal((await goes.expect("disconnect")).reasonCode, 0x98);
    await goes.ended();
    await stays.ping();
    const { address } = await broker.logged(
      ({ message, listener }) => message === "listening" && listener === "c",
      "the new listener",
    );
    const there = { port: Number(String(address).split(":").at(-1)) };
    (await RawClient.connect(there, 5, "there")).close();
    stays.close();
    // One that says nothing is logged for debugging only: the level holds.
    (await RawClient.open(there, 5)).close();
    await broker.logged(({ level }) => level === "debug", "a line of the new level");
  });
});

Deno.test("dunlin run keeps everything on SIGHUP when the file is broken, and says why", async () => {
  await withProgram({ watchConfig: false }, async (broker) => {
    const client = await RawClient.connect(broker, 5, "pump");
    await write(broker, { limits: { receiveMaximum: -1 }, nothing: 1 });
    const { last, lines } = await hangUp(broker);
    assert.equal(last, "not reloaded: nothing has changed");
    const reasons = lines.filter(({ message }) => message === "not reloaded")
      .map(({ reason }) => String(reason));
    assert.equal(reasons.length, 2, reasons.join("\n"));
    assert.match(reasons.join("\n"), /limits\.receiveMaximum: found -1/);
    assert.match(reasons.join("\n"), /unknown key "nothing"/);
    await client.ping();
    const { lines: again } = await hangUp(broker);
    assert.equal(again.length, lines.length);
    client.close();
  });
});

Deno.test("dunlin run reloads by itself when its file changes, and does not when it is broken", async () => {
  await withProgram({}, async (broker) => {
    const client = await RawClient.connect(broker, 5, "pump");
    let from = broker.log().length;
    await write(broker, { access: [{ permission: "deny", action: "publish" }] });
    assert.equal((await reloaded(broker, from)).last, "reloaded");
    await client.publish("t", "m", { qos: 1 });
    assert.equal((await client.expect("puback")).reasonCode, 0x87);
    from = broker.log().length;
    await Deno.writeTextFile(broker.file, "{ what");
    assert.match((await reloaded(broker, from)).last, /^not reloaded/);
    from = broker.log().length;
    await write(broker, { watchConfig: false });
    const { last, lines } = await reloaded(broker, from);
    assert.equal(last, "reloaded");
    assert.deepEqual(lines.flatMap(({ key }) => key ?? []), ["access[0]", "watchConfig"]);
    await client.publish("t", "m", { qos: 1 });
    assert.equal((await client.expect("puback")).reasonCode, 0x10);
    client.close();
  });
});

Deno.test("dunlin run reloads by itself when a file changes that its file takes a value from", async () => {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-e2e-" });
  const secret = `${directory}/prefix`;
  await Deno.writeTextFile(secret, "before");
  const config = { responseInformation: `\${file:${secret}}` };
  await withProgram(config, async (broker) => {
    const from = broker.log().length;
    await Deno.writeTextFile(secret, "after");
    const { lines } = await reloaded(broker, from);
    const line = lines.find(({ key }) => key === "responseInformation");
    assert.deepEqual([line?.["before"], line?.["after"]], ["before", "after"]);
  });
  await Deno.remove(directory, { recursive: true });
});
