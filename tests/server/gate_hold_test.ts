/** Connections of one address at once, also behind proxies: whose a link is decides, and it is counted once. */

import assert from "node:assert/strict";
import { Bans } from "../../src/policy/bans.ts";
import { loadConfig } from "../../src/server/config.ts";
import { Gate, gateOf, throughGate } from "../../src/server/gate.ts";
import type { Log } from "../../src/server/log.ts";
import type { Serve } from "../../src/server/open_link.ts";
import type { Link } from "../../src/transport/transport.ts";
import { stillClock } from "../authentication/asking.ts";

/** The address of a link that does not get so far as to be served. */
const NOBODY = "";

/** A listener that hands links on as somebody else's where `whose` says so. */
function listener(config: object, limits: object, whose: (address: string) => string = (a) => a) {
  const text = JSON.stringify({ listeners: [config] });
  const loaded = loadConfig({ text, env: () => undefined, readFile: () => "" });
  assert.ok(loaded.config !== undefined, JSON.stringify(loaded.problems));
  const [own] = loaded.config.listeners;
  const lines: string[] = [];
  const log = { warn: (_: string, { reason }: { reason: string }) => lines.push(reason) };
  const gate = new Gate(
    new Bans(10),
    {
      connectRate: 100,
      connectBurst: 100,
      rememberedAddresses: 10,
      connectionsPerAddress: 2,
      ...limits,
    },
    stillClock().now,
  );
  const served = new Map<string, (() => void)[]>();
  const serve: Serve = (_link, _id, { address }) =>
    new Promise((resolve) => served.set(address, [...served.get(address) ?? [], resolve]));
  const through = throughGate(
    gate,
    own!,
    log as unknown as Log,
    serve,
    (inner) => async (link, id, peer) => {
      await Promise.resolve();
      const address = whose(link.address);
      if (address !== NOBODY) await inner(link, id, { ...peer, address });
    },
    () => {},
  );
  const turnedAway = gateOf(gate, own!);
  let lastId = 0;
  /** What becomes of a link. */
  async function come(address: string): Promise<string> {
    const turned = turnedAway(address);
    if (turned !== undefined) return turned;
    let closed = false;
    const link = { address, close: () => closed = true } as unknown as Link;
    through(link, ++lastId, { address, listener: "here", anonymousAllowed: true });
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    return closed ? "closed" : "served";
  }
  /** One of that address goes. */
  async function go(address: string) {
    served.get(address)!.pop()!();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
  return { come, go, lines };
}

Deno.test("Gate lets as many of one address in as connectionsPerAddress says, and another when one goes", async () => {
  const { come, go } = listener({ type: "tcp" }, {});
  assert.equal(await come("192.0.2.1:1"), "served");
  assert.equal(await come("192.0.2.1:2"), "served");
  assert.equal(await come("192.0.2.1:3"), "connectionsPerAddress");
  assert.equal(await come("[::ffff:192.0.2.1]:4"), "connectionsPerAddress");
  assert.equal(await come("192.0.2.2:1"), "served");
  await go("192.0.2.1:1");
  assert.equal(await come("192.0.2.1:5"), "served");
  assert.equal(await come("192.0.2.1:6"), "connectionsPerAddress");
  for (let n = 0; n < 5; n++) assert.equal(await come("/run/dunlin.sock"), "served");
  for (let n = 0; n < 2; n++) assert.equal(await come(`[2001:db8::${n}]:1`), "served");
  assert.equal(await come("[2001:db8::9]:1"), "connectionsPerAddress", "one network of 64 bits");
});

Deno.test("Gate has no limit on the connections of an address when connectionsPerAddress is 0", async () => {
  const { come } = listener({ type: "tcp" }, { connectionsPerAddress: 0 });
  for (let n = 0; n < 50; n++) assert.equal(await come(`192.0.2.1:${n}`), "served");
});

const behind = (address: string) => address.startsWith("10.") ? "203.0.113.5" : address;

Deno.test("throughGate() counts a link for whom a proxy says that it is of, and the proxy for nothing", async () => {
  const config = { type: "tcp", proxyProtocol: { trusted: ["10.0.0.0/8"] } };
  const { come, go, lines } = listener(config, {}, behind);
  assert.equal(await come("10.0.0.1:1"), "served");
  assert.equal(await come("10.0.0.1:2"), "served");
  assert.equal(await come("10.0.0.1:3"), "closed");
  assert.deepEqual(lines, ["connectionsPerAddress"]);
  await go("203.0.113.5");
  assert.equal(await come("10.0.0.2:4"), "served");
  assert.equal(await come("10.0.0.2:5"), "closed");
});

Deno.test("throughGate() counts who comes by itself once when others come through proxies", async () => {
  const config = { type: "websocket", trustedProxies: ["10.0.0.0/8"] };
  const { come, go } = listener(config, { connectBurst: 5, connectRate: 1 }, behind);
  assert.equal(await come("192.0.2.1:1"), "served");
  assert.equal(await come("192.0.2.1:2"), "served");
  assert.equal(await come("192.0.2.1:3"), "connectionsPerAddress");
  await go("192.0.2.1:1");
  assert.equal(await come("192.0.2.1:4"), "served");
  await go("192.0.2.1:2");
  assert.equal(
    await come("192.0.2.1:5"),
    "served",
    "five came, and each has cost one of the burst",
  );
  await go("192.0.2.1:4");
  assert.equal(await come("192.0.2.1:6"), "connectRate");
  assert.equal(await come("10.0.0.1:1"), "served");
});

Deno.test("throughGate() forgets a link when what it goes through comes to nothing", async () => {
  const config = { type: "tcp" };
  const { come } = listener(config, { connectionsPerAddress: 1 }, () => NOBODY);
  for (let n = 0; n < 3; n++) {
    assert.notEqual(await come(`192.0.2.1:${n}`), "connectionsPerAddress");
  }
});
