/** TCP and Unix listeners on real sockets: links both ways, their ends, and names that are taken. */

import assert from "node:assert/strict";
import net from "node:net";
import type { Link, Listener } from "../../src/transport/transport.ts";
import { listenTcp } from "../../src/transport/tcp.ts";
import { listenUnix } from "../../src/transport/unix.ts";

interface Kind {
  readonly name: string;
  readonly listen: (directory: string) => Promise<Listener> | Listener;
  readonly connect: (listener: Listener) => Promise<Deno.Conn>;
  readonly address: RegExp;
  readonly peer: (conn: Deno.Conn, listener: Listener) => string;
}

const kinds: readonly Kind[] = [
  {
    name: "listenTcp()",
    listen: () => listenTcp("127.0.0.1", 0, 128),
    connect: ({ address }) =>
      Deno.connect({ hostname: "127.0.0.1", port: Number(address.split(":")[1]) }),
    address: /^127\.0\.0\.1:[1-9]\d*$/,
    peer(conn) {
      const { hostname, port } = conn.localAddr as Deno.NetAddr;
      return `${hostname}:${port}`;
    },
  },
  {
    name: "listenUnix()",
    listen: (directory) => listenUnix(`${directory}/s.sock`, "0600"),
    connect: ({ address }) => Deno.connect({ transport: "unix", path: address }),
    address: /\/s\.sock$/,
    peer: (_, listener) => listener.address,
  },
];

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-transport-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A listener with one link, for a test; everything is closed afterwards. */
function linked(
  { listen, connect }: Kind,
  test: (link: Link, conn: Deno.Conn, listener: Listener) => Promise<void>,
): Promise<void> {
  return inDirectory(async (directory) => {
    const listener = await listen(directory);
    const conn = await connect(listener);
    const link = await listener.accept();
    assert.ok(link !== undefined);
    try {
      await test(link, conn, listener);
    } finally {
      link.close();
      listener.close();
      try {
        conn.close();
      } catch {
        // The test has closed it.
      }
    }
  });
}

for (const kind of kinds) {
  const { name } = kind;

  Deno.test(`${name} gives a link that reads and writes when a client connects`, () =>
    linked(kind, async (link, conn, listener) => {
      assert.match(listener.address, kind.address);
      assert.equal(link.address, kind.peer(conn, listener));
      await conn.write(Uint8Array.of(1, 2, 3));
      const into = new Uint8Array(10);
      assert.equal(await link.read(into), 3);
      assert.deepEqual([...into.subarray(0, 3)], [1, 2, 3]);
      assert.equal(await link.write(Uint8Array.of(4, 5)), 2);
      assert.equal(await conn.read(into), 2);
      assert.deepEqual([...into.subarray(0, 2)], [4, 5]);
    }));

  Deno.test(`${name} ends the stream with null when the client closes`, () =>
    linked(kind, async (link, conn) => {
      conn.close();
      assert.equal(await link.read(new Uint8Array(10)), null);
    }));

  Deno.test(`${name} ends a read under way when its link is closed, more than once`, () =>
    linked(kind, async (link, conn) => {
      const read = link.read(new Uint8Array(10)).then(() => "ended", () => "ended");
      link.close();
      link.close();
      assert.equal(await read, "ended");
      assert.equal(await conn.read(new Uint8Array(10)), null);
    }));

  Deno.test(`${name} accepts undefined when it is closed, and nobody can connect`, () =>
    inDirectory(async (directory) => {
      const listener = await kind.listen(directory);
      const accepted = listener.accept();
      listener.close();
      listener.close();
      assert.equal(await accepted, undefined);
      await assert.rejects(kind.connect(listener));
    }));
}

Deno.test("listenTcp() accepts the next link when one was reset before it was accepted", async () => {
  const listener = listenTcp("127.0.0.1", 0, 128);
  const port = Number(listener.address.split(":")[1]);
  for (let count = 0; count < 3; count++) {
    const gone = net.connect(port, "127.0.0.1");
    await new Promise((resolve) => gone.once("connect", resolve));
    gone.resetAndDestroy();
    await new Promise((resolve) => gone.once("close", resolve));
  }
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const link = await listener.accept();
  assert.equal(link?.address, `127.0.0.1:${(conn.localAddr as Deno.NetAddr).port}`);
  conn.close();
  link?.close();
  listener.close();
});

Deno.test("listenTcp() throws AddrInUse when the port is taken", () => {
  const listener = listenTcp("127.0.0.1", 0, 128);
  const port = Number(listener.address.split(":")[1]);
  assert.throws(() => listenTcp("127.0.0.1", port, 128), Deno.errors.AddrInUse);
  listener.close();
});

Deno.test("listenTcp() writes an IPv6 address in brackets", () => {
  let listener: Listener;
  try {
    listener = listenTcp("::1", 0, 128);
  } catch (error) {
    // A machine without IPv6 has nothing to show here.
    assert.ok(!(error instanceof TypeError), String(error));
    return;
  }
  assert.match(listener.address, /^\[::1\]:\d+$/);
  listener.close();
});

Deno.test("listenUnix() gives the socket its mode, and removes it when it is closed", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/mode.sock`;
    const listener = await listenUnix(path, "0640");
    assert.equal((await Deno.lstat(path)).mode! & 0o777, 0o640);
    listener.close();
    await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
  }));

Deno.test("listenUnix() closes when its socket has gone and what is in its place cannot be removed", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/s.sock`;
    const listener = await listenUnix(path, "0640");
    await Deno.remove(path);
    await Deno.mkdir(`${path}/x`, { recursive: true });
    listener.close();
    assert.equal(await listener.accept(), undefined);
  }));

Deno.test("listenUnix() replaces a socket when nobody listens on it any more", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/stale.sock`;
    // A process that is killed leaves its socket behind.
    const script = `Deno.listen({ transport: "unix", path: ${JSON.stringify(path)} });` +
      `Deno.kill(Deno.pid, "SIGKILL");`;
    await new Deno.Command(Deno.execPath(), { args: ["eval", script], stderr: "null" }).output();
    assert.equal((await Deno.lstat(path)).isSocket, true);
    const listener = await listenUnix(path, "0660");
    const conn = await Deno.connect({ transport: "unix", path });
    const link = await listener.accept();
    assert.ok(link !== undefined);
    conn.close();
    link.close();
    listener.close();
  }));

Deno.test("listenUnix() throws AddrInUse when another one listens, and leaves it alone", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/live.sock`;
    const listener = await listenUnix(path, "0660");
    await assert.rejects(listenUnix(path, "0660"), Deno.errors.AddrInUse);
    const conn = await Deno.connect({ transport: "unix", path });
    conn.close();
    listener.close();
  }));

Deno.test("listenUnix() throws AlreadyExists when the path is a file, and leaves it alone", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/file`;
    await Deno.writeTextFile(path, "precious");
    await assert.rejects(listenUnix(path, "0660"), Deno.errors.AlreadyExists);
    assert.equal(await Deno.readTextFile(path), "precious");
  }));
