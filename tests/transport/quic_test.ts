/**
 * QUIC on a real UDP port, with Deno's own client: links both ways and their ends, handshakes that come to
 * nothing, datagrams that are none, new certificates, a port that is given up and taken again.
 *
 * A bound port stays with the process (see quic.ts), which the sanitizers of `Deno.test` do not like.
 */

import assert from "node:assert/strict";
import deno from "../../deno.json" with { type: "json" };
import { Handshakes } from "../../src/transport/handshakes.ts";
import { bindQuic, quicAvailable, quicOver } from "../../src/transport/quic.ts";
import type { TlsListener } from "../../src/transport/tls.ts";
import type { TlsMaterial } from "../../src/transport/tls_material.ts";
import type { Link } from "../../src/transport/transport.ts";
import { Refused } from "../../src/transport/transport.ts";
import { within } from "../end_to_end/within.ts";
import type { Authority } from "./certificates.ts";
import { withAuthority } from "./certificates.ts";

interface Rig {
  readonly listener: TlsListener;
  readonly port: number;
  readonly material: (name: string) => Promise<TlsMaterial>;
  readonly dial: (more?: Partial<Deno.ConnectQuicOptions<false>>) => Promise<Deno.QuicConn>;
  /** A link that is open, and the client's side of it; its first bytes are `hi`. */
  readonly linked: () => Promise<{ link: Link; conn: Deno.QuicConn; near: Near }>;
}

/** The client's side of its stream. */
interface Near {
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
}

const options = { handshakes: new Handshakes(3) };
const HI = new TextEncoder().encode("hi");

function quicTest(name: string, test: (rig: Rig) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !quicAvailable(),
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () =>
      withAuthority(async (authority) => {
        const material = (name: string) => materialOf(authority, name);
        const socket = bindQuic("127.0.0.1", 0);
        const listener = quicOver(socket, await material("broker"), options);
        const port = Number(listener.address.split(":")[1]);
        const dialled: Promise<Deno.QuicConn>[] = [];
        const dial: Rig["dial"] = (more = {}) => {
          const conn = Deno.connectQuic<false>({
            hostname: "127.0.0.1",
            port,
            serverName: "localhost",
            alpnProtocols: ["mqtt"],
            caCerts: [Deno.readTextFileSync(authority.certificate)],
            ...more,
          }) as Promise<Deno.QuicConn>;
          conn.then((conn) => conn.closed.catch(() => {}), () => {});
          dialled.push(conn);
          return conn;
        };
        const linked: Rig["linked"] = async () => {
          const conn = await both(accepted(listener), dial());
          const near = await stream(conn[1]);
          await near.writer.write(HI);
          return { link: await within(listener.open!(conn[0]), "the link"), conn: conn[1], near };
        };
        try {
          await test({ listener, port, material, dial, linked });
        } finally {
          for (const conn of dialled) await conn.then((conn) => conn.close(), () => {});
          listener.close();
          socket.close();
        }
      }),
  });
}

async function materialOf(authority: Authority, name: string): Promise<TlsMaterial> {
  const { certificate, key } = await authority.issue(name, { names: "DNS:localhost" });
  const read = Deno.readTextFileSync;
  const pair = { certificate: read(certificate), key: read(key), names: ["localhost"] };
  return { pairs: [pair], clients: undefined };
}

const both = <A, B>(a: Promise<A>, b: Promise<B>) => within(Promise.all([a, b]), "both sides");

async function accepted(listener: TlsListener): Promise<Link> {
  const link = await within(listener.accept(), "a link");
  assert.ok(link !== undefined);
  return link;
}

async function stream(conn: Deno.QuicConn): Promise<Near> {
  const { readable, writable } = await conn.createBidirectionalStream();
  const near = { writer: writable.getWriter(), reader: readable.getReader() };
  near.writer.closed.catch(() => {});
  near.reader.closed.catch(() => {});
  return near;
}

/** All that comes until the end of the stream. */
async function rest({ reader }: Near): Promise<number> {
  for (let count = 0;;) {
    const { value, done } = await within(reader.read(), "the end of the stream");
    if (done) return count;
    count += value.length;
  }
}

async function texts(link: Link, length: number): Promise<string> {
  let text = "";
  while (text.length < length) {
    const into = new Uint8Array(5);
    const count = await within(link.read(into), "bytes");
    assert.ok(count !== null, `the end, after ${JSON.stringify(text)}`);
    text += new TextDecoder().decode(into.subarray(0, count));
  }
  return text;
}

Deno.test("quicAvailable() is what deno.json says of the API", () => {
  assert.equal(quicAvailable(), (deno.unstable as string[]).includes("net"));
});

quicTest("quicOver() carries bytes both ways and tells the client's address", async (rig) => {
  const { link, near } = await rig.linked();
  assert.match(link.address, /^127\.0\.0\.1:[1-9]\d*$/);
  assert.equal(await texts(link, 2), "hi");
  await near.writer.write(new TextEncoder().encode("0123456789abc"));
  assert.equal(await texts(link, 13), "0123456789abc"); // reads that are shorter than what came
  assert.equal(await link.write(HI), 2);
  assert.deepEqual([...(await within(near.reader.read(), "the answer")).value!], [...HI]);
});

quicTest("QuicLink.read() gives null when the client ends its stream", async (rig) => {
  const { link, near } = await rig.linked();
  await texts(link, 2);
  await near.writer.close();
  assert.equal(await within(link.read(new Uint8Array(5)), "the end"), null);
});

quicTest("QuicLink.read() rejects when the client closes the connection", async (rig) => {
  const { link, conn } = await rig.linked();
  await texts(link, 2);
  const reading = link.read(new Uint8Array(5));
  conn.close({ closeCode: 3, reason: "x" });
  await within(assert.rejects(reading), "the end");
  await assert.rejects(link.write(HI));
});

quicTest("QuicLink.close() lets the last bytes through and ends a read under way", async (rig) => {
  const { link, near } = await rig.linked();
  await texts(link, 2);
  const reading = link.read(new Uint8Array(5));
  const bytes = new Uint8Array(300_000);
  for (let at = 0; at < bytes.length;) at += await link.write(bytes.subarray(at));
  link.close();
  link.close();
  await within(assert.rejects(reading), "the read to end");
  assert.equal(await rest(near), bytes.length);
  await assert.rejects(link.write(HI));
});

quicTest("QuicLink.write() waits for a client that does not read", async (rig) => {
  const { link, conn } = await rig.linked();
  const bytes = new Uint8Array(65_536);
  let written = 0;
  const writing = (async () => {
    for (;;) written += await link.write(bytes);
  })();
  writing.catch(() => {});
  // Until nothing moves any more: what flow control lets through is between 1 and 16 MiB.
  for (let before = -1; written === 0 || before !== written;) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  assert.ok(written > 0 && written < 16 * 1_048_576, `${written} bytes`);
  link.close(); // ends the write under way, and so the connection
  await within(assert.rejects(writing), "the write to end");
  await within(conn.closed, "the connection to end");
});

quicTest("quicOver() refuses a client without the protocol mqtt", async (rig) => {
  await assert.rejects(within(rig.dial({ alpnProtocols: ["h3"] }), "a refusal"), /protocol/);
  assert.equal(await texts((await rig.linked()).link, 2), "hi");
});

quicTest("quicOver() tells why a client ends the handshake", async (rig) => {
  const dialling = rig.dial({ serverName: "another.example.com" });
  const link = await accepted(rig.listener);
  await assert.rejects(within(rig.listener.open!(link), "a refusal"), (error) => {
    return error instanceof Refused && /QUIC: .*certificate/.test(error.reason);
  });
  await assert.rejects(dialling);
});

quicTest("quicOver() lets a client have one stream and no other", async (rig) => {
  const { conn } = await rig.linked();
  await assert.rejects(conn.createBidirectionalStream());
  await assert.rejects(conn.createUnidirectionalStream());
});

quicTest("QuicLink.close() ends the wait for a stream that never comes", async (rig) => {
  const [link, conn] = await both(accepted(rig.listener), rig.dial());
  const opening = rig.listener.open!(link);
  link.close();
  await within(assert.rejects(opening), "the wait to end");
  await within(conn.closed.catch(() => {}), "the connection to end");
});

quicTest("Handshakes that are never finished give way to others", async (rig) => {
  // The first datagrams of clients that do not hear the answers, as those with a false address.
  const deaf = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const port = (deaf.addr as Deno.NetAddr).port;
  const to = { transport: "udp", hostname: "127.0.0.1", port: rig.port } as const;
  const refused: Promise<string>[] = [];
  const known = new Set([rig.port]); // its answers are lost
  for (let at = 0; at < 5; at++) {
    const lost = Deno.connectQuic<false>({ hostname: "127.0.0.1", port, alpnProtocols: ["mqtt"] });
    (lost as Promise<Deno.QuicConn>).catch(() => {});
    const forward = (async () => {
      for (;;) {
        const [datagram, from] = await deaf.receive();
        if (known.has((from as Deno.NetAddr).port)) continue; // said once more
        known.add((from as Deno.NetAddr).port);
        return await deaf.send(datagram, to);
      }
    })();
    const [link] = await both(accepted(rig.listener), forward);
    refused.push(rig.listener.open!(link).then(() => "open", String));
  }
  deaf.close();
  const words = await within(Promise.all(refused.slice(0, 2)), "two to give way");
  for (const text of words) assert.match(text, /gave way/);
  const { link } = await rig.linked();
  assert.equal(await texts(link, 2), "hi");
});

quicTest("quicOver() goes on after datagrams that are no QUIC", async (rig) => {
  const { link, near } = await rig.linked();
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const to = { transport: "udp", hostname: "127.0.0.1", port: rig.port } as const;
  for (let at = 0; at < 4_000; at++) {
    const bytes = crypto.getRandomValues(new Uint8Array(20 + at % 1_300));
    if (at % 2 === 0) bytes.set([0xc0 | bytes[0]! & 0x3f, 0, 0, 0, 1, 8]); // a long header
    await socket.send(bytes, to);
  }
  socket.close();
  assert.equal(await texts(link, 2), "hi");
  await near.writer.write(HI);
  assert.equal(await texts(link, 2), "hi");
  assert.equal(await texts((await rig.linked()).link, 2), "hi");
});

quicTest("renew() serves new links with another certificate and leaves open ones", async (rig) => {
  const { link, near } = await rig.linked();
  await texts(link, 2);
  await withAuthority(async (other) => {
    rig.listener.renew(await materialOf(other, "broker"));
    await assert.rejects(within(rig.dial(), "a refusal"), /certificate/);
    (await accepted(rig.listener)).close();
    const caCerts = [Deno.readTextFileSync(other.certificate)];
    await both(accepted(rig.listener), rig.dial({ caCerts }));
  });
  await near.writer.write(HI);
  assert.equal(await texts(link, 2), "hi");
});

quicTest(
  "close() leaves open links and refuses new ones until the port is taken again",
  async (rig) => {
    const free = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const { port } = free.addr as Deno.NetAddr;
    free.close();
    const material = await rig.material("another");
    const first = bindQuic("127.0.0.1", port);
    assert.throws(() => bindQuic("127.0.0.1", port), Deno.errors.AddrInUse);
    const over = quicOver(first, material, options);
    const [link, conn] = await both(accepted(over), rig.dial({ port }));
    const near = await stream(conn);
    await near.writer.write(HI);
    await over.open!(link);
    const waiting = first.accept();
    first.close();
    first.close();
    over.close();
    assert.equal(await within(waiting, "accept"), undefined);
    assert.equal(await first.accept(), undefined);
    await assert.rejects(within(rig.dial({ port }), "a refusal"), /refused/);
    assert.equal(await texts(link, 2), "hi");
    const second = quicOver(bindQuic("127.0.0.1", port), material, options);
    await both(accepted(second), rig.dial({ port }));
  },
);

quicTest("close() of what is over a port lets what was served before hold again", async (rig) => {
  await withAuthority(async (other) => {
    const socket = bindQuic("127.0.0.1", 0);
    const port = Number(socket.address.split(":")[1]);
    const caCerts = [Deno.readTextFileSync(other.certificate)];
    const before = quicOver(socket, await rig.material("before"), options);
    const then = quicOver(socket, await materialOf(other, "then"), options);
    await both(accepted(then), rig.dial({ port, caCerts }));
    then.close();
    await both(accepted(before), rig.dial({ port }));
    socket.close();
  });
});
