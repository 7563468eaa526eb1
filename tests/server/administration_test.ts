import assert from "node:assert/strict";
import { defaultLimits } from "../../src/policy/limits.ts";
import type { Seen } from "../../src/service/seen.ts";
import { newStatistics } from "../../src/service/statistics.ts";
import { openAdministration } from "../../src/server/administration.ts";
import { loadConfig } from "../../src/server/config.ts";
import type { Log, LogFields } from "../../src/server/log.ts";
import type { Monitor } from "../../src/server/monitor.ts";
import { parseOpenMetrics } from "../service/open_metrics_parser.ts";
import { clusterSeen, seenOf } from "../service/seen.ts";

function logInto(addresses: string[]): Log {
  const write = (_: string, fields: LogFields = {}) => {
    addresses.push(String(fields["address"]));
  };
  return { debug: write, info: write, warn: write, error: write, enabled: () => true };
}

function monitorOf(seen: () => Seen): Monitor {
  return { seen, alarms: () => new Map(), every() {}, stop() {} };
}

const admin = { address: "127.0.0.1", port: 0, management: false };

Deno.test("openAdministration() is ready from the listeners on, and not with a full store or while it stops", async () => {
  const addresses: string[] = [];
  const administration = await openAdministration(
    { admin, limits: defaultLimits },
    logInto(addresses),
  );
  const get = (path: string) => fetch(`http://${addresses[0]}${path}`);
  const ready = async () => {
    const response = await get("/health/ready");
    return [response.status, (await response.json()).reasons];
  };
  try {
    assert.deepEqual(await ready(), [503, ["starting"]]);
    const early = await get("/metrics");
    assert.equal(early.status, 503);
    await early.text();
    const statistics = newStatistics();
    const seen: { -readonly [K in keyof Seen]: Seen[K] } = seenOf({ statistics });
    administration.ready(monitorOf(() => seen));
    assert.deepEqual(await ready(), [200, []]);
    const scrape = await get("/metrics");
    assert.equal(
      scrape.headers.get("content-type"),
      "application/openmetrics-text; version=1.0.0; charset=utf-8",
    );
    parseOpenMetrics(await scrape.text());
    statistics.storeFull = true;
    assert.deepEqual(await ready(), [503, ["storeFull"]]);
    statistics.storeFull = false;
    seen.cluster = { ...clusterSeen, unreachable: "no answer" };
    assert.deepEqual(await ready(), [503, ["storeUnreachable"]]);
    seen.cluster = clusterSeen;
    assert.deepEqual(await ready(), [200, []]);
    administration.drain("stopping");
    assert.deepEqual(await ready(), [503, ["stopping"]]);
    const live = await get("/health/live");
    assert.deepEqual(await live.json(), { live: true });
  } finally {
    await administration.close();
  }
});

Deno.test("openAdministration() listens nowhere when the configuration does not ask for it", async () => {
  const addresses: string[] = [];
  const limits = defaultLimits;
  const administration = await openAdministration({ limits }, logInto(addresses));
  await administration.close();
  assert.deepEqual(addresses, []);
});

Deno.test("openAdministration() says where it cannot listen when somebody else does", async () => {
  const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr;
  await assert.rejects(
    openAdministration({ admin: { ...admin, port }, limits: defaultLimits }, logInto([])),
    new RegExp(`^Error: admin cannot listen on 127.0.0.1, port ${port}: `),
  );
  other.close();
});

/** [text, path, found, severity] */
const problems = [
  ['{"admin": {"port": 1883}}', "admin.port", "1883", "error"],
  ['{"admin": {"address": "0.0.0.0"}}', "admin.address", "0.0.0.0", "warning"],
  ['{"admin": {"port": 65536}}', "admin.port", "65536", "error"],
  ['{"admin": {"prot": 1}}', "admin.prot", "prot", "error"],
] as const;

for (const [file, path, found, severity] of problems) {
  Deno.test(`loadConfig() names ${path} when the file is ${file}`, () => {
    const readFile = () => file;
    const { problems } = loadConfig(
      { text: withListener(file), readFile, environment: {} } as never,
    );
    const [problem] = problems.filter((each) => each.path === path);
    assert.ok(problem !== undefined, JSON.stringify(problems));
    assert.equal(problem.severity, severity);
    assert.ok(problem.found.includes(found), problem.found);
  });
}

Deno.test("loadConfig() refuses the name of the administration for a listener, and has management on loopback only", () => {
  const load = (value: object) =>
    loadConfig(
      {
        text: JSON.stringify(value),
        readFile: () => JSON.stringify(value),
        environment: {},
      } as never,
    );
  const listeners = [{ type: "tcp", name: "admin" }];
  const { config, problems } = load({ admin: {}, listeners });
  assert.equal(config, undefined);
  assert.deepEqual(problems.map(({ path }) => path), ["listeners[0].name"]);
  assert.ok(load({ listeners }).config !== undefined, "without admin it is a name like another");
  const open = { address: "0.0.0.0" };
  assert.equal(load({ admin: open }).config?.admin?.management, false);
  const asked = load({ admin: { ...open, management: true } });
  assert.equal(asked.config?.admin?.management, true);
  const [warning] = asked.problems.filter(({ path }) => path === "admin.address");
  assert.match(warning!.expected, /passwords come in the clear/);
});

Deno.test("loadConfig() fills in loopback and a port when admin is asked for, and has none by default", () => {
  const load = (text: string) => loadConfig({ text, readFile: () => "", environment: {} } as never);
  const usual = { address: "127.0.0.1", port: 9883, management: true };
  assert.deepEqual(load('{"admin": {}}').config?.admin, usual);
  assert.equal(load("{}").config?.admin, undefined);
});

/** The default listener has no port of its own in the file. */
function withListener(file: string): string {
  const listeners = [{ type: "tcp", port: 1883 }];
  return JSON.stringify({ ...JSON.parse(file), listeners });
}
