/** What strangers may do to a listener with TLS: nothing that others notice. */

import assert from "node:assert/strict";
import { RawClient } from "./raw.ts";
import type { Listeners, TlsRig } from "./tls_rig.ts";
import { alarms, refusedBecause, sClient, startTls } from "./tls_rig.ts";
import { tool, toolTest } from "./tools.ts";
import { within } from "./within.ts";

/** Seconds, and handshakes under way at once. */
const TIMEOUT = 3;
const MOST = 20;

/** With few handshakes, and with as many as usual. */
let small: TlsRig;
let usual: TlsRig;

const listeners: Listeners = (pair, authority) =>
  Promise.resolve({
    plain: pair,
    asking: { ...pair, ca: authority.certificate, requestCert: "optional" },
  });

Deno.test.beforeAll(async () => {
  if (tool("openssl") === undefined) return;
  const limits = { handshakes: MOST, handshakeTimeout: TIMEOUT, connectRate: 0 };
  small = await startTls(listeners, { limits });
  usual = await startTls(listeners, { limits: { connectRate: 0, handshakeTimeout: 2 } });
});

Deno.test.afterAll(async () => {
  for (const rig of [small, usual]) {
    if (rig === undefined) continue;
    assert.deepEqual(alarms(rig), []);
    await rig.stop();
  }
});

/** Gets in, and is served. */
async function servesOthers(rig: TlsRig, listener: string, clientId: string): Promise<void> {
  const client = await RawClient.connect({ port: rig.port(listener), tls: rig.tls() }, 5, clientId);
  await client.ping();
  await client.disconnect();
}

function connect(rig: TlsRig, listener: string): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port: rig.port(listener) });
}

/** Reads to the end, which may be a reset; how many bytes came. */
async function untilClosed(conn: Deno.Conn): Promise<number> {
  const buffer = new Uint8Array(4096);
  let count = 0;
  try {
    for (;;) {
      const read = await conn.read(buffer);
      if (read === null) return count;
      count += read;
    }
  } catch {
    return count;
  } finally {
    conn.close();
  }
}

/** Descriptors that the broker holds; 0 where that cannot be seen. */
function openFiles(rig: TlsRig): number {
  if (Deno.build.os !== "linux") return 0;
  return [...Deno.readDirSync(`/proc/${rig.broker.pid}/fd`)].length;
}

/** The beginning of a ClientHello: a record that says it has more than comes. */
const HELLO = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

/** Bytes that are no handshake, another kind for each number; the same ones each time. */
function garbage(number: number): Uint8Array {
  let state = number * 2_654_435_761 >>> 0;
  const random = () => (state = state * 1_664_525 + 1_013_904_223 >>> 0) >>> 24;
  const noise = Array.from({ length: 1 + random() * 4 }, random);
  const text = (words: string) => [...new TextEncoder().encode(words)];
  const kinds = [
    noise,
    [0x10, 16, 0, 4, ...text("MQTT"), 4, 2, 0, 60, 0, 4, ...text("evil")],
    text("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    [...HELLO, ...noise],
    [0x16, 3, 1, 0, 4, 1, 0, 0, 0],
    [0x16, 3, 1, 0xff, 0xff, ...noise],
    [0x80, 0x2e, 1, 3, 1, ...noise],
    [0x15, 3, 3, 0, 2, 2, 0x28],
    [0x17, 3, 3, 0, 8, ...noise],
    [],
  ];
  return new Uint8Array(kinds[number % kinds.length]!);
}

for (const listener of ["plain", "asking"]) {
  toolTest(
    ["openssl"],
    `${listener} serves others when 1,000 connections send garbage`,
    async () => {
      const rig = usual;
      let next = 0;
      const worker = async () => {
        while (next < 1_000) {
          const number = next++;
          const conn = await connect(rig, listener);
          try {
            await conn.write(garbage(number));
            if (number % 3 === 0) await conn.closeWrite();
          } catch {
            // It has been closed already, which is all that it deserves.
          }
          if (number % 2 === 0) conn.close(); // with a reset, where an answer was not read
          else await within(untilClosed(conn), `garbage ${number} to be closed`);
        }
      };
      await Promise.all([
        ...Array.from({ length: 30 }, worker),
        ...[1, 2, 3].map((n) => servesOthers(rig, listener, `beside-${n}-${listener}`)),
      ]);
      await servesOthers(rig, listener, `after-${listener}`);
      const from = rig.broker.log().findIndex((line) => line["listener"] === listener);
      await refusedBecause(rig, listener, /the client does not speak TLS/, Math.max(0, from));
      assert.ok(!rig.broker.log().some((line) => line["clientId"] === "evil"));
    },
  );

  toolTest(
    ["openssl"],
    `${listener} serves others when slow ones hold on to handshakes`,
    async () => {
      const rig = small;
      const from = rig.broker.log().length;
      const before = openFiles(rig);
      const gaveWay = () =>
        rig.broker.log().slice(from).filter((line) =>
          line["listener"] === listener && /gave way to others/.test(String(line["detail"]))
        ).length;
      const slow = await Promise.all(
        Array.from({ length: 3 * MOST }, () => connect(rig, listener)),
      );
      const closed = Promise.all(slow.map(untilClosed));
      await rig.broker.logged(() => gaveWay() >= 2 * MOST, "most of them to give way", from);
      // Those that are left send a byte now and then.
      let over = false;
      const dripping = (async () => {
        for (let at = 0; !over; at = (at + 1) % HELLO.length) {
          const drop = new Uint8Array([HELLO[at]!]);
          await Promise.allSettled(slow.slice(-MOST).map((conn) => conn.write(drop)));
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      })();
      for (let n = 0; n < 5; n++) await servesOthers(rig, listener, `quick-${n}-${listener}`);
      await within(closed, "the slow ones to be closed");
      over = true;
      await dripping;
      await servesOthers(rig, listener, `late-${listener}`);
      assert.ok(openFiles(rig) <= before + 5, `${openFiles(rig)} files are open, ${before} were`);
    },
  );

  toolTest(["openssl"], `${listener} closes a handshake when it takes too long`, async () => {
    const rig = small;
    const from = rig.broker.log().length;
    const conn = await connect(rig, listener);
    await conn.write(new Uint8Array(HELLO));
    await within(untilClosed(conn), "the handshake to be closed");
    await refusedBecause(rig, listener, /nothing to serve after 3 s \(handshakeTimeout\)/, from);
  });

  toolTest(["openssl"], `${listener} does not renegotiate when a client asks for it`, async () => {
    const rig = small;
    const port = rig.port(listener);
    // A line with R makes s_client ask for another handshake.
    const output = await sClient(port, ["-tls1_2", "-legacy_renegotiation"], "R\nR\nR\nR\n");
    assert.match(output, /RENEGOTIATING/);
    assert.doesNotMatch(output.slice(output.indexOf("RENEGOTIATING")), /verify return|depth=/);
    await servesOthers(rig, listener, `renegotiated-${listener}`);
  });
}
