/** The keys of TLS in the configuration: what they become, and what is said where they are wrong. */

import assert from "node:assert/strict";
import { loadConfig } from "../../src/server/config.ts";
import { readTls, tlsFilesOf, tlsOf } from "../../src/server/config_tls.ts";
import { toolTest } from "../end_to_end/tools.ts";
import { withAuthority } from "../transport/certificates.ts";

const outside = {
  env: () => undefined,
  readFile: (path: string) => Deno.readTextFileSync(path),
};

function load(listener: Record<string, unknown>) {
  return loadConfig({ ...outside, text: JSON.stringify({ listeners: [listener] }) });
}

const pair = { certificate: "a.pem", key: "a.key" };

Deno.test("loadConfig() fills in the keys of TLS when they are absent", () => {
  const [listener] = load({ type: "tls", ...pair }).config!.listeners;
  assert.ok(listener?.type === "tls");
  assert.deepEqual([listener.address, listener.port, listener.name], [
    "127.0.0.1",
    8883,
    "127.0.0.1:8883",
  ]);
  assert.deepEqual(tlsFilesOf(tlsOf(listener)!), {
    ...pair,
    more: [],
    ca: undefined,
    crl: undefined,
    required: true,
  });
});

Deno.test("tlsOf() finds TLS where it is below a WebSocket listener", () => {
  const [with_, without] = [{ tls: pair }, {}].map((more) =>
    load({ type: "websocket", ...more }).config!.listeners[0]!
  );
  assert.equal(tlsOf(with_!)?.certificate, "a.pem");
  assert.equal(tlsOf(without!), undefined);
});

const wrong: readonly [listener: Record<string, unknown>, path: string, found: RegExp][] = [
  [{ type: "tls", key: "a" }, "listeners[0].certificate", /nothing/],
  [{ type: "tls", certificate: "a" }, "listeners[0].key", /nothing/],
  [{ type: "tls", ...pair, use: "cn", ca: "ca" }, "listeners[0].use", /"cn"/],
  [{ type: "tls", ...pair, use: "commonName" }, "listeners[0].use", /use without ca/],
  [{ type: "tls", ...pair, crl: "a.crl" }, "listeners[0].crl", /crl without ca/],
  [{ type: "tls", ...pair, requestCert: "optional" }, "listeners[0].requestCert", /without ca/],
  [{ type: "tls", ...pair, requestCert: true, ca: "a" }, "listeners[0].requestCert", /true/],
  [{ type: "tls", ...pair, sni: [{ key: "b" }] }, "listeners[0].sni[0].certificate", /nothing/],
  [{ type: "tls", ...pair, cert: "a" }, "listeners[0].cert", /unknown key/],
  [{ type: "websocket", tls: { ...pair, crl: "c" } }, "listeners[0].tls.crl", /crl without ca/],
];

for (const [listener, path, found] of wrong) {
  Deno.test(`loadConfig() finds ${path} wrong when it is ${JSON.stringify(listener)}`, () => {
    const { problems, config } = load(listener);
    assert.equal(config, undefined);
    assert.deepEqual(problems.map((problem) => problem.path), [path]);
    assert.match(problems[0]!.found, found);
  });
}

Deno.test("loadConfig() finds the port taken when TLS and TCP listen on the same", () => {
  const listeners = [{ type: "tcp", port: 8883 }, { type: "tls", ...pair }];
  const { problems } = loadConfig({ ...outside, text: JSON.stringify({ listeners }) });
  assert.deepEqual(problems.map(({ path }) => path), ["listeners[1].port"]);
});

Deno.test("readTls() says where the keys stand whose files are wrong", () => {
  const text = `{ "listeners": [
    { "type": "tcp" },
    { "type": "tls",
      "certificate": "/no/such.pem",
      "key": "/no/such.key" },
    { "type": "websocket", "tls": { "certificate": "/no/such.pem", "key": "/no/such.key" } } ] }`;
  const { config } = loadConfig({ ...outside, text });
  const problems = readTls(config!, text, outside.readFile);
  assert.deepEqual(problems.map(({ path, line, severity }) => [path, line, severity]), [
    ["listeners[1].certificate", 4, "error"],
    ["listeners[1].key", 5, "error"],
    ["listeners[2].tls.certificate", 6, "error"],
    ["listeners[2].tls.key", 6, "error"],
  ]);
});

toolTest(
  ["openssl"],
  "readTls() finds nothing when all files are in order",
  () =>
    withAuthority(async (authority) => {
      const made = await authority.issue("broker");
      const crl = await authority.revoke([]);
      const listener = { type: "tls", ...made, ca: authority.certificate, crl };
      const text = JSON.stringify({ listeners: [listener] });
      const { config } = loadConfig({ ...outside, text });
      assert.deepEqual(readTls(config!, text, outside.readFile), []);
    }),
);
