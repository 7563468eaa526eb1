/** The gate before the links: bans, and so many of one address in a second. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Bans } from "../../src/policy/bans.ts";
import { Gate, gateOf } from "../../src/server/gate.ts";
import { loadConfig } from "../../src/server/config.ts";
import { stillClock } from "../authentication/asking.ts";

function gate(more: object = {}) {
  const clock = stillClock();
  const bans = new Bans(10);
  const limits = {
    connectRate: 10,
    connectBurst: 20,
    rememberedAddresses: 3,
    connectionsPerAddress: 0,
    ...more,
  };
  return { clock, bans, gate: new Gate(bans, limits, clock.now) };
}

/** How many of so many links at once are let in. */
function let_in(at: Gate, address: string, count: number): number {
  return Array.from({ length: count }, () => at.admit(address)).filter((why) => why === undefined)
    .length;
}

Deno.test("Gate lets in a burst, then as many a second as it may, and others meanwhile", () => {
  const { gate: at, clock } = gate();
  assert.equal(let_in(at, "192.0.2.1:1", 10_000), 20);
  assert.equal(at.admit("192.0.2.1:2"), "connectRate");
  assert.equal(at.admit("192.0.2.2:1"), undefined);
  clock.at += 1_000;
  assert.equal(let_in(at, "192.0.2.1:1", 10_000), 10);
  clock.at += 60_000;
  assert.equal(let_in(at, "192.0.2.1:1", 10_000), 20);
  assert.equal(let_in(at, "/run/dunlin.sock", 10_000), 10_000);
});

Deno.test("Gate lets everybody in when connectRate is 0, but who is banned", () => {
  const { gate: at, bans, clock } = gate({ connectRate: 0 });
  assert.equal(let_in(at, "192.0.2.1:1", 10_000), 10_000);
  bans.add(
    { kind: "address", value: "192.0.2.1", until: clock.at + 1_000, reason: "" },
    clock.now(),
  );
  assert.equal(at.admit("192.0.2.1:2"), "banned");
  clock.at += 1_000;
  assert.equal(at.admit("192.0.2.1:2"), undefined);
});

Deno.test("Gate never lets in more than burst and rate allow, whatever comes when", () => {
  const step = fc.record({ wait: fc.nat(3_000), links: fc.nat(60) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const { gate: at, clock } = gate();
      const start = clock.at;
      let admitted = 0;
      for (const { wait, links } of steps) {
        clock.at += wait;
        admitted += let_in(at, "[2001:db8::1]:1", links);
        assert.ok(admitted <= 20 + (clock.at - start) / 100 + 1e-6);
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("Gate remembers those that came last when there are more than it may remember", () => {
  const { gate: at } = gate();
  assert.equal(let_in(at, "192.0.2.1:1", 30), 20);
  for (const address of ["192.0.2.2:1", "192.0.2.1:1", "192.0.2.3:1", "192.0.2.4:1"]) {
    at.admit(address);
  }
  assert.equal(at.admit("192.0.2.1:1"), "connectRate"); // the one that has gone is 192.0.2.2
  assert.equal(let_in(at, "192.0.2.2:1", 30), 20);
});

Deno.test("gateOf() does not count proxies, whose connections are others'", () => {
  const text = JSON.stringify({
    listeners: [
      { type: "tcp", proxyProtocol: { trusted: ["192.0.2.0/24"] } },
      { type: "websocket", trustedProxies: ["192.0.2.0/24"] },
      { type: "unix", path: "/tmp/x" },
    ],
  });
  const { config } = loadConfig({ text, env: () => undefined, readFile: () => "" });
  const [proxied, forwarded] = config!.listeners.map((listener) => {
    const { gate: at } = gate();
    return gateOf(at, listener);
  });
  for (let count = 0; count < 50; count++) {
    assert.equal(proxied!("192.0.2.1:1"), undefined);
    assert.equal(forwarded!("192.0.2.1:1"), undefined);
    assert.equal(forwarded!("203.0.113.1:1"), count < 20 ? undefined : "connectRate");
  }
});

Deno.test("Gate.change() has other limits hold, and remembers what addresses have used up", () => {
  const { gate: at, clock } = gate();
  assert.equal(let_in(at, "192.0.2.1:1", 15), 15);
  const limits = { connectRate: 5, connectBurst: 10, connectionsPerAddress: 0 };
  at.change({ ...limits, rememberedAddresses: 3 });
  assert.equal(let_in(at, "192.0.2.1:1", 100), 5);
  clock.at += 1_000;
  assert.equal(let_in(at, "192.0.2.1:1", 100), 5);
  clock.at += 60_000;
  assert.equal(let_in(at, "192.0.2.1:1", 100), 10);
  // Fewer addresses are remembered: who came last is.
  for (const host of [2, 3]) let_in(at, `192.0.2.${host}:1`, 100);
  at.change({ ...limits, rememberedAddresses: 1 });
  let_in(at, "192.0.2.4:1", 1);
  assert.equal(let_in(at, "192.0.2.3:1", 100), 10);
});
