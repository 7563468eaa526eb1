/** Listeners of type quic in the configuration: the switch, the runtime, ports of UDP beside those of TCP. */

import assert from "node:assert/strict";
import { loadConfig } from "../../src/server/config.ts";
import { brokenQuic } from "../../src/server/config_quic.ts";
import { planListeners } from "../../src/server/listener_plan.ts";
import { quicAvailable } from "../../src/transport/quic.ts";

const quic = { type: "quic", certificate: "c.pem", key: "k.pem", allowAnonymous: true };
const none = () => false;

function load(file: unknown) {
  const { config, problems } = loadConfig({
    text: JSON.stringify(file),
    env: () => undefined,
    readFile: () => assert.fail("no file is to be read"),
  });
  return { config, problems: problems.map(({ path, found }) => `${path}: ${found}`) };
}

Deno.test("brokenQuic() asks for the switch in unstable", () => {
  const [breach, ...more] = brokenQuic({}, [{ type: "tcp" }, quic], none, () => true);
  assert.deepEqual(more, []);
  assert.equal(breach?.path, "listeners[1].type");
  assert.match(breach.expected, /"unstable": \["quic"\]/);
  assert.deepEqual(brokenQuic({ unstable: ["quic"] }, [quic], none, () => true), []);
  assert.deepEqual(brokenQuic({}, [{ type: "tcp" }], none, () => false), []);
});

Deno.test("brokenQuic() names the flag when the runtime has no QUIC", () => {
  const [breach, ...more] = brokenQuic({ unstable: ["quic"] }, [quic], none, () => false);
  assert.deepEqual(more, []);
  assert.equal(breach?.severity, "error");
  assert.match(breach.expected, /--unstable-net/);
});

Deno.test("loadConfig() takes a listener of type quic only when it is switched on", () => {
  const off = load({ listeners: [quic] });
  assert.equal(off.config, undefined);
  assert.deepEqual(off.problems, ['listeners[0].type: "quic" without "unstable"']);
  const { config, problems } = load({ unstable: ["quic"], listeners: [quic] });
  if (!quicAvailable()) {
    return assert.match(problems.join(), /which this Deno cannot serve/);
  }
  assert.deepEqual(problems, []);
  assert.equal(config?.listeners[0]?.name, "127.0.0.1:8883/udp");
});

Deno.test("loadConfig() lets TCP and UDP have the same port, and none have it twice", () => {
  const listeners = [{ type: "tcp", port: 8883 }, quic, { ...quic, address: "0.0.0.0" }];
  const { problems } = load({ unstable: ["quic"], listeners });
  assert.deepEqual(problems.filter((text) => text.includes("port")), [
    "listeners[2].port: 8883 on 0.0.0.0",
  ]);
});

Deno.test("planListeners() takes no socket of TCP for a listener of QUIC", () => {
  const of = (listener: object) =>
    ({ name: "x", address: "127.0.0.1", port: 8883, ...listener }) as unknown as Parameters<
      typeof planListeners
    >[0][number];
  const plan = planListeners([of({ type: "tls" })], [of({ type: "quic" })]);
  assert.deepEqual(plan.placements.map(({ from }) => from), [undefined]);
  assert.deepEqual(plan.closed, [0]);
});
