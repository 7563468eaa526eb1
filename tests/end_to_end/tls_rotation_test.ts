/** Files of TLS that change while the broker runs: served within 5 s, no connection lost, broken ones not used. */

import assert from "node:assert/strict";
import type { Pair } from "../transport/certificates.ts";
import { RawClient, text } from "./raw.ts";
import type { TlsRig } from "./tls_rig.ts";
import { refusedBecause, sClient, startTls } from "./tls_rig.ts";
import { tool, toolTest } from "./tools.ts";
import { PATIENCE } from "./within.ts";

/** Milliseconds within which a change is served: what is promised. */
const PROMISED = 5_000;

let rig: TlsRig;
let revocable: Pair;

Deno.test.beforeAll(async () => {
  if (tool("openssl") === undefined) return;
  rig = await startTls(async (pair, authority) => {
    revocable = await authority.issue("revocable");
    await Deno.copyFile(await authority.revoke([]), list(pair));
    return {
      plain: await copied(pair, "plain"),
      sni: { ...await copied(pair, "sni"), sni: [await authority.issue("b")] },
      mutual: { ...pair, ca: authority.certificate, crl: list(pair), use: "commonName" },
    };
  });
});

Deno.test.afterAll(() => rig?.stop());

const list = ({ certificate }: Pair) => certificate.replace(/[^/]*$/, "current.crl");

/** The same in files of its own, which a test changes. */
async function copied({ certificate, key }: Pair, name: string): Promise<Pair> {
  const directory = certificate.replace(/[^/]*$/, "");
  const copy = { certificate: `${directory}${name}-live.pem`, key: `${directory}${name}-live.key` };
  await Deno.copyFile(certificate, copy.certificate);
  await Deno.copyFile(key, copy.key);
  return copy;
}

const liveOf = (listener: string): Pair => {
  const directory = rig.pair.certificate.replace(/[^/]*$/, "");
  const base = `${directory}${listener}-live`;
  return { certificate: `${base}.pem`, key: `${base}.key` };
};

/** Puts a certificate where the listener's is, as tools do: by renaming. */
async function replace(listener: string, by: Pair): Promise<void> {
  const live = liveOf(listener);
  for (const name of ["key", "certificate"] as const) {
    await Deno.copyFile(by[name], `${live[name]}.new`);
    await Deno.rename(`${live[name]}.new`, live[name]);
  }
}

async function subject(listener: string): Promise<string> {
  const output = await sClient(rig.port(listener), ["-servername", "localhost"]);
  return /subject=CN = (\S+)/.exec(output)?.[1] ?? output;
}

/** Milliseconds until the listener shows that certificate. */
async function shows(listener: string, name: string): Promise<number> {
  const start = performance.now();
  for (;;) {
    const seen = await subject(listener).catch(String);
    const passed = performance.now() - start;
    if (seen === name) return passed;
    assert.ok(passed < PATIENCE, `${listener} still shows ${seen} after ${passed} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

for (const listener of ["plain", "sni"]) {
  toolTest(
    ["openssl"],
    `${listener} serves a new certificate within 5 s when its files change, and keeps links`,
    async () => {
      const where = { port: rig.port(listener), tls: rig.tls() };
      const old = await RawClient.connect(where, 5, `open-${listener}`);
      await old.subscribe(`rotate/${listener}`, 0);
      assert.equal(await subject(listener), "broker");
      const name = `renewed-${listener}`;
      await replace(listener, await rig.authority.issue(name, { names: "DNS:localhost" }));
      const passed = await shows(listener, name);
      assert.ok(passed < PROMISED, `${passed} ms`);
      const young = await RawClient.connect(where, 5, `young-${listener}`);
      await young.publish(`rotate/${listener}`, "after");
      assert.equal(text((await old.expect("publish")).payload), "after");
      await old.ping();
      await young.disconnect();
      await old.disconnect();
    },
  );

  toolTest(
    ["openssl"],
    `${listener} keeps its certificate and says why when the new file is broken`,
    async () => {
      const before = await subject(listener);
      let from = rig.broker.log().length;
      const told = (reason: RegExp) =>
        rig.broker.logged(
          (line) =>
            line.level === "error" && line["listener"] === listener &&
            line.message === "TLS files are not used, the old ones stay" &&
            reason.test(String(line["reason"])),
          `${reason}`,
          from,
        );
      const { certificate, key } = liveOf(listener);
      await Deno.writeTextFile(certificate, "garbage");
      await told(
        /^certificate: found 0 certificates in .*-live\.pem; expected certificates in PEM/,
      );
      assert.equal(await subject(listener), before);
      from = rig.broker.log().length;
      const other = await rig.authority.issue(`mended-${listener}`, { names: "DNS:localhost" });
      await Deno.copyFile(other.certificate, certificate);
      await told(/^key: found a key in .*-live\.key that does not match/);
      assert.equal(await subject(listener), before);
      from = rig.broker.log().length;
      await Deno.remove(key);
      await told(/^key: found .*-live\.key: No such file/);
      assert.equal(await subject(listener), before);
      await Deno.copyFile(other.key, key);
      assert.ok(await shows(listener, `mended-${listener}`) < PROMISED);
    },
  );

  toolTest(
    ["openssl"],
    `${listener} loses no connection when its certificate changes under many`,
    async () => {
      const where = { port: rig.port(listener), tls: rig.tls() };
      let over = false;
      let through = 0;
      const worker = async (id: number) => {
        for (let n = 0; !over; n++) {
          const client = await RawClient.connect(where, 5, `many-${listener}-${id}-${n}`);
          await client.disconnect();
          through += 1;
        }
      };
      const workers = [1, 2, 3, 4].map(worker);
      for (let n = 0; n < 3; n++) {
        const name = `under-${listener}-${n}`;
        await replace(listener, await rig.authority.issue(name, { names: "DNS:localhost" }));
        assert.ok(await shows(listener, name) < PROMISED);
      }
      over = true;
      await Promise.all(workers);
      assert.ok(through > 20, `${through} got through`);
    },
  );
}

toolTest(["openssl"], "a client is refused within 5 s when a new list revokes it", async () => {
  const where = { port: rig.port("mutual"), tls: rig.tls(revocable) };
  const open = await RawClient.connect(where, 5, "was-here-before");
  const from = rig.broker.log().length;
  const start = performance.now();
  await Deno.copyFile(await rig.authority.revoke([revocable]), list(rig.pair));
  for (;;) {
    const client = await RawClient.open(where, 5);
    const isIn = await client.knock("comes-again").then(() => true, () => false);
    client.close();
    if (!isIn) break;
    assert.ok(performance.now() - start < PROMISED, "it still gets in");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await refusedBecause(rig, "mutual", /CN=revocable, serial .* is revoked/, from);
  await open.ping(); // who is in stays in
  await open.disconnect();
});
