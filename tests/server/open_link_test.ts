/** What links go through before MQTT: bounded in time, logged where it fails, ended with the broker. */

import assert from "node:assert/strict";
import { loadConfig } from "../../src/server/config.ts";
import type { Log, LogFields } from "../../src/server/log.ts";
import { whenOpen } from "../../src/server/open_link.ts";
import { start } from "../../src/server/start.ts";
import type { Link, Listener } from "../../src/transport/transport.ts";
import { Refused } from "../../src/transport/transport.ts";
import { within } from "../end_to_end/within.ts";
import { FakeLink } from "../transport/fake_link.ts";
import { ScriptedLink } from "../transport/scripted_link.ts";

/** Opens one link by that step; what was served, logged and left. */
async function opened(step: Listener["open"], timeout = 10) {
  const lines: string[] = [];
  const write = (level: string) => (message: string, fields: LogFields = {}) => {
    lines.push(
      `${level} ${message}: ${fields["listener"]} ${fields["address"]} ${fields["detail"]}`,
    );
  };
  const log: Log = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    enabled: () => true,
  };
  const served: string[] = [];
  const underWay = new Set<Link>();
  const listener: Listener = {
    address: "x",
    accept: () => Promise.resolve(undefined),
    ...(step === undefined ? {} : { open: step }),
    close: () => {},
  };
  const serve = whenOpen(
    listener,
    (link, id, peer) => {
      served.push(`${id} ${link.address} ${peer.address} ${underWay.size}`);
      return Promise.resolve();
    },
    { timeout, underWay, log },
  );
  const link = new FakeLink();
  await serve(link, 7, { address: link.address, listener: "web", anonymousAllowed: true });
  return { lines, served, closed: link.closed, underWay: underWay.size };
}

Deno.test("whenOpen() serves a link as it is when there is nothing before MQTT", async () => {
  const { served, lines, closed } = await opened(undefined);
  assert.deepEqual([served, lines, closed], [["7 fake fake 0"], [], 0]);
});

Deno.test("whenOpen() serves what the steps give, with its address", async () => {
  const behind = new ScriptedLink([], "203.0.113.7:1");
  const { served, lines, closed } = await opened(() => Promise.resolve(behind));
  assert.deepEqual([served, lines, closed], [["7 203.0.113.7:1 203.0.113.7:1 0"], [], 0]);
});

Deno.test("whenOpen() closes the link and logs why when a step refuses it", async () => {
  const { served, lines, closed, underWay } = await opened(() =>
    Promise.reject(new Refused("no header"))
  );
  assert.deepEqual(lines, ["info link refused: web fake no header"]);
  assert.deepEqual([served, closed, underWay], [[], 1, 0]);
});

Deno.test("whenOpen() makes no more than a debug line of a link that breaks", async () => {
  const { lines, closed } = await opened(() => Promise.reject(new Error("reset")));
  assert.deepEqual([lines, closed], [["debug link refused: web fake Error: reset"], 1]);
});

Deno.test("whenOpen() closes the link when its steps take longer than the timeout", async () => {
  const { lines, served, closed } = await opened(
    (link) =>
      new Promise((_, reject) => {
        (link as FakeLink).onClose = () => reject(new Error("closed"));
      }),
    0.05,
  );
  assert.deepEqual(served, []);
  assert.ok(closed > 0);
  assert.match(lines.join(), /^info link refused: web fake .*handshakeTimeout/);
});

Deno.test("start() ends links that wait for their upgrade when the broker stops", async () => {
  const readFile = () => {
    throw new Error("nothing is to be read");
  };
  const text = '{ "store": "memory", "listeners": [{ "type": "websocket", "port": 0 }] }';
  const { config } = loadConfig({ text, env: () => undefined, readFile });
  assert.ok(config !== undefined);
  const server = await start(config, new URL(import.meta.url).pathname);
  const port = Number(server.addresses[0]!.split(":").at(-1));
  const silent = await Deno.connect({ hostname: "127.0.0.1", port });
  await silent.write(new TextEncoder().encode("GET /mqtt HTTP/1.1\r\n"));
  // The next one is let in, so the silent one has been accepted.
  const other = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, ["mqtt"]);
  await new Promise((resolve) => other.onopen = resolve);
  const closed = new Promise((resolve) => other.onclose = resolve);
  await within(server.stop(), "the stop", 5_000);
  const end = await within(silent.read(new Uint8Array(1)).catch(() => null), "its end", 2_000);
  assert.equal(end, null);
  silent.close();
  await within(closed, "the other's end");
});
