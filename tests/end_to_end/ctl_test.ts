/** `dunlin ctl` as a program of its own, with the permissions that dunlin has, over a Unix socket and TLS. */

import assert from "node:assert/strict";
import { startBroker } from "./broker_process.ts";
import { startTls } from "./tls_rig.ts";
import { toolTest } from "./tools.ts";
import { within } from "./within.ts";
import { runDunlin } from "../run_program.ts";

async function ctl(...args: string[]) {
  const permissions = ["--allow-net", "--allow-read", "--allow-write", "--allow-env"];
  const command = runDunlin(permissions, ["ctl", ...args]);
  const { status: code, out, err } = await within(command, "dunlin ctl", 60_000);
  return { code, out, err };
}

Deno.test("dunlin ctl asks over the Unix socket that the configuration names", async () => {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-ctl-" });
  const path = `${directory}/socket`;
  const broker = await startBroker({
    store: "memory",
    listeners: [{ type: "tcp", port: 0 }, { type: "unix", path, name: "local" }],
    administrators: [{ listener: "local" }],
  });
  try {
    const { code, out, err } = await ctl(
      ...["--config", broker.file, "--output", "json", "listeners", "list"],
    );
    assert.deepEqual([code, err], [0, ""]);
    const { data } = JSON.parse(out);
    assert.equal(data.listeners[1].connections, 1);
    const overTcp = await ctl("--port", String(broker.port), "health");
    assert.equal(overTcp.code, 1);
    assert.match(overTcp.err, /^dunlin ctl: notPermitted: /);
  } finally {
    await broker.stop();
    await Deno.remove(directory, { recursive: true });
  }
});

toolTest(
  ["openssl"],
  "dunlin ctl asks over TLS with a client certificate, and trusts no other authority",
  async () => {
    const rig = await startTls(
      (pair, { certificate }) =>
        Promise.resolve({ mutual: { ...pair, ca: certificate, use: "commonName" } }),
      { administrators: [{ user: "boss" }] },
    );
    try {
      const boss = await rig.authority.issue("boss");
      const place = ["--host", "localhost", "--port", String(rig.port("mutual"))];
      const mine = ["--cert", boss.certificate, "--key", boss.key];
      const { code, out, err } = await ctl(
        ...[...place, "--ca", rig.authority.certificate, ...mine, "sessions", "list"],
      );
      assert.deepEqual([code, err], [0, ""]);
      assert.match(out, / boss +true /);
      const untrusted = await ctl(...place, "--tls", ...mine, "health");
      assert.equal(untrusted.code, 3);
      assert.match(untrusted.err, /certificate/i);
    } finally {
      await rig.stop();
    }
  },
);
