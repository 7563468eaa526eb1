/** Reloads of listeners with TLS, and of Unix sockets: new certificates, handshakes under way, modes. */

import assert from "node:assert/strict";
import { connect as connectTls } from "node:tls";
import { RawClient } from "../end_to_end/raw.ts";
import { toolTest } from "../end_to_end/tools.ts";
import { within } from "../end_to_end/within.ts";
import { withAuthority } from "../transport/certificates.ts";
import { applied, tcp, withBroker } from "./reload_rig.ts";

toolTest(
  ["openssl"],
  "reload() has new connections served with another certificate, and keeps open ones",
  async () => {
    await withAuthority(async (authority) => {
      const names = { names: "DNS:localhost" };
      const one = await authority.issue("one", names), two = await authority.issue("two", names);
      const ca = await Deno.readTextFile(authority.certificate);
      const listener = (pair: object) => tcp("tls", { type: "tls", ...pair });
      await withBroker({ listeners: [listener(one)] }, async ({ reload, port }) => {
        const before = await RawClient.connect({ ...port(0), tls: { ca } }, 5, "before");
        assert.equal(await served(port(0)), "one");
        const changes = applied(await reload({ listeners: [listener(two)] }));
        assert.deepEqual(changes, ["listeners.tls.certificate", "listeners.tls.key"]);
        assert.equal(await served(port(0)), "two");
        await before.ping();
        // What is wrong with files is found before anything is changed.
        await Deno.writeTextFile(one.key, "no key");
        assert.equal((await reload({ listeners: [listener(one)] })).applied, false);
        assert.equal(await served(port(0)), "two");
        await before.ping();
        before.close();
      });
    });
  },
);

/** The Common Name of the certificate that is served there. */
function served({ port }: { readonly port: number }): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
    resolve(String(socket.getPeerCertificate().subject.CN));
    socket.destroy();
  });
  socket.on("error", reject);
  return within(promise, "a handshake");
}

toolTest(
  ["openssl"],
  "reload() lets a handshake that is under way come to its end when its listener changes",
  async () => {
    await withAuthority(async (authority) => {
      const pair = await authority.issue("localhost", { names: "DNS:localhost" });
      const ca = await Deno.readTextFile(authority.certificate);
      const listener = (more: object) => tcp("tls", { type: "tls", ...pair, ...more });
      await withBroker({ listeners: [listener({})] }, async ({ reload, port, server }) => {
        const conn = await Deno.connect({ hostname: "127.0.0.1", ...port(0) });
        // Links are accepted in their order: it has been, when one that came later has been served.
        (await RawClient.connect({ ...port(0), tls: { ca } }, 5, "later")).close();
        applied(await reload({ listeners: [listener({ limits: { maximumPacketSize: 999 } })] }));
        const tls = await Deno.startTls(conn, {
          hostname: "localhost",
          caCerts: [ca],
          alpnProtocols: ["mqtt"],
        });
        await within(tls.handshake(), "the end of the handshake");
        tls.close();
        const after = await RawClient.open({ ...port(0), tls: { ca } }, 5);
        assert.equal((await after.knock("after")).properties?.maximumPacketSize, 999);
        after.close();
        assert.equal(server.addresses.length, 1);
      });
    });
  },
);

toolTest(
  ["openssl"],
  "reload() ends a handshake that is under way when its listener is removed",
  async () => {
    await withAuthority(async (authority) => {
      const pair = await authority.issue("localhost", { names: "DNS:localhost" });
      const ca = await Deno.readTextFile(authority.certificate);
      const listeners = [tcp("a"), tcp("tls", { type: "tls", ...pair })];
      await withBroker({ listeners }, async ({ reload, port }) => {
        const conn = await Deno.connect({ hostname: "127.0.0.1", ...port(1) });
        (await RawClient.connect({ ...port(1), tls: { ca } }, 5, "later")).close();
        applied(await reload({ listeners: [tcp("a")] }));
        const count = await within(conn.read(new Uint8Array(9)).catch(() => null), "the end");
        assert.equal(count, null);
        conn.close();
      });
    });
  },
);

Deno.test("reload() gives the socket file of a listener another mode, and keeps its connections", async () => {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-reload-" });
  const path = `${directory}/s`;
  const unix = (mode: string) => ({ type: "unix", path, mode });
  const modeOf = () => Deno.lstatSync(path).mode! & 0o777;
  await withBroker({ listeners: [unix("0660")] }, async ({ reload }) => {
    const client = await RawClient.connect({ path }, 5, "pump");
    assert.equal(modeOf(), 0o660);
    applied(await reload({ listeners: [unix("0600")] }));
    assert.equal(modeOf(), 0o600);
    await client.ping();
    applied(await reload({ listeners: [tcp("a")] }));
    assert.equal((await client.expect("disconnect")).reasonCode, 0x98);
    await client.ended();
    assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
  });
  await Deno.remove(directory, { recursive: true });
});
