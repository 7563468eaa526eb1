import assert from "node:assert/strict";
import type { AdminOptions, AdminServer } from "../../src/admin/http.ts";
import { serveAdmin } from "../../src/admin/http.ts";
import { appOf } from "../../src/admin/app.ts";
import { within } from "../end_to_end/within.ts";

const options: AdminOptions = {
  address: "127.0.0.1",
  port: 0,
  connections: 3,
  timeout: 60_000,
  requestSize: 100,
  fetch: async (request) => {
    const { method, url, headers } = request;
    const body = await request.text();
    return Response.json({ method, path: new URL(url).pathname, x: headers.get("x"), body });
  },
  failed: (error) => {
    throw error;
  },
};

async function serving(
  more: Partial<AdminOptions>,
  test: (server: AdminServer) => Promise<void>,
): Promise<void> {
  const server = await serveAdmin({ ...options, ...more });
  try {
    await test(server);
  } finally {
    await within(server.close(), "the server to close");
  }
}

function open({ address }: AdminServer): Promise<Deno.TcpConn> {
  const [hostname, port] = address.split(":");
  return Deno.connect({ hostname: hostname!, port: Number(port) });
}

/** All that comes until the end. */
async function rest(conn: Deno.TcpConn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(4_096);
  for (;;) {
    const count = await within(conn.read(buffer).catch(() => null), "bytes or the end");
    if (count === null) break;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  conn.close();
  return text;
}

const say = (conn: Deno.TcpConn, text: string) => conn.write(new TextEncoder().encode(text));

Deno.test("serveAdmin() hands method, path, headers and body to the app when a request comes", async () => {
  await serving({}, async ({ address }) => {
    const got = await fetch(`http://${address}/a//b?c`, {
      method: "POST",
      headers: { x: "y" },
      body: "text",
    });
    assert.deepEqual(await got.json(), { method: "POST", path: "/a//b", x: "y", body: "text" });
    const head = await fetch(`http://${address}/a`, { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
  });
});

Deno.test("serveAdmin() takes the path alone when a request names another host", async () => {
  await serving({}, async (server) => {
    const conn = await open(server);
    await say(
      conn,
      "GET http://evil.example/x HTTP/1.1\r\nhost: evil\r\nconnection: close\r\n\r\n",
    );
    assert.match(await rest(conn), /"path":"\/"/);
  });
});

Deno.test("serveAdmin() answers 413 and closes when a body is larger than it may be", async () => {
  await serving({}, async ({ address }) => {
    const got = await fetch(`http://${address}/`, { method: "POST", body: "x".repeat(101) });
    assert.equal(got.status, 413);
    await got.body?.cancel();
    const fits = await fetch(`http://${address}/`, { method: "POST", body: "x".repeat(100) });
    assert.equal((await fits.json()).body.length, 100);
  });
});

Deno.test("serveAdmin() refuses headers that are larger than they may be", async () => {
  await serving({}, async (server) => {
    const conn = await open(server);
    await say(conn, `GET / HTTP/1.1\r\nhost: x\r\nlong: ${"x".repeat(20_000)}\r\n\r\n`).catch(
      () => {},
    );
    assert.doesNotMatch(await rest(conn), /^HTTP\/1.1 200/);
  });
});

Deno.test("serveAdmin() closes one connection more than it may have, and takes others when there is room", async () => {
  await serving({}, async (server) => {
    const held = [await open(server), await open(server), await open(server)];
    for (const conn of held) {
      await say(conn, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
      await within(conn.read(new Uint8Array(4_096)), "an answer");
    }
    assert.equal(await rest(await open(server)), "");
    held[0]!.close();
    for (let at = 0;; at++) { // as soon as the server has noticed
      const next = await open(server);
      await say(next, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").catch(() => {});
      if ((await rest(next)).startsWith("HTTP/1.1 200")) break;
      assert.ok(at < 100, "there is no room again");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const conn of held.slice(1)) conn.close();
  });
});

Deno.test("serveAdmin() ends a connection when its request does not come within the time", async () => {
  await serving({ timeout: 300 }, async (server) => {
    const silent = await open(server);
    const slow = await open(server);
    await say(slow, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc");
    assert.doesNotMatch(await rest(silent), /^HTTP\/1.1 200/);
    assert.doesNotMatch(await rest(slow), /^HTTP\/1.1 200/);
  });
});

Deno.test("serveAdmin() ends a connection when its answer is not taken within the time", async () => {
  const large = new Uint8Array(64 * 1024 * 1024);
  const fetch = (request: Request) =>
    new Response(new URL(request.url).pathname === "/large" ? large : "small");
  await serving({ timeout: 300, connections: 1, fetch }, async (server) => {
    const deaf = await open(server);
    await say(deaf, "GET /large HTTP/1.1\r\nhost: x\r\n\r\n");
    for (let at = 0;; at++) { // as soon as there is room for another
      const next = await open(server);
      await say(next, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").catch(() => {});
      if ((await rest(next)).startsWith("HTTP/1.1 200")) break;
      assert.ok(at < 200, "who does not read holds the server");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    deaf.close();
  });
});

Deno.test("serveAdmin() has no more requests under way than connections when one sends many at once", async () => {
  let now = 0, most = 0, all = 0;
  const fetch = async () => {
    most = Math.max(most, ++now);
    all += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    now -= 1;
    return new Response("done");
  };
  await serving({ fetch }, async (server) => {
    const conn = await open(server);
    const last = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    await say(conn, "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(50) + last).catch(() => {});
    await rest(conn);
    assert.ok(all > 0 && most <= options.connections, `${most} of ${all} at once`);
  });
});

Deno.test("serveAdmin() says where a request came from", async () => {
  const fetch = (_: Request, address: string) => new Response(address);
  await serving({ fetch }, async (server) => {
    const conn = await open(server);
    await say(conn, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    const { port } = conn.localAddr as Deno.NetAddr;
    assert.ok((await rest(conn)).endsWith(`127.0.0.1:${port}`));
  });
});

Deno.test("serveAdmin() ends open connections and listens no more when it is closed", async () => {
  const server = await serveAdmin(options);
  const idle = await open(server);
  await say(idle, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  await within(idle.read(new Uint8Array(4_096)), "an answer");
  await within(server.close(), "the server to close");
  assert.equal(await rest(idle), "");
  await assert.rejects(open(server), Deno.errors.ConnectionRefused);
});

Deno.test("serveAdmin() rejects when somebody else listens there", async () => {
  await serving({}, async ({ address }) => {
    const port = Number(address.split(":")[1]);
    await assert.rejects(serveAdmin({ ...options, port }), /EADDRINUSE|in use/i);
  });
});

Deno.test("appOf() answers 404 and 500 without details, and tells of the defect, when parts do not", async () => {
  const told: unknown[] = [];
  const app = appOf([
    (app) => {
      app.get("/bad", () => {
        throw new Error("a secret");
      });
    },
  ], (error) => told.push(String(error)));
  assert.equal((await app.fetch(new Request("http://x/none"))).status, 404);
  const bad = await app.fetch(new Request("http://x/bad"));
  assert.equal(bad.status, 500);
  assert.doesNotMatch(await bad.text(), /secret/);
  assert.deepEqual(told, ["Error: a secret"]);
});

Deno.test("serveAdmin() tells of it when an answer fails, and closes the connection", async () => {
  const told: [unknown, string][] = [];
  const failed = (error: unknown, address: string) => told.push([error, address]);
  const defect = new Error("a defect");
  const broken = new ReadableStream({ pull: (to) => to.error(defect) });
  for (const fetch of [() => Promise.reject(defect), () => new Response(broken)]) {
    await serving({ fetch, failed }, async (server) => {
      const conn = await open(server);
      const { hostname, port } = conn.localAddr as Deno.NetAddr;
      await say(conn, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
      assert.equal(await rest(conn), "");
      assert.deepEqual(told.splice(0), [[defect, `${hostname}:${port}`]]);
    });
  }
});

Deno.test("serveAdmin() tells of nothing when a client goes in the midst of its request", async () => {
  const told: unknown[] = [];
  await serving({ connections: 1, failed: (error) => told.push(error) }, async (server) => {
    const gone = await open(server);
    await say(gone, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc");
    gone.close();
    for (let at = 0;; at++) { // as soon as the server has noticed
      const next = await open(server);
      await say(next, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").catch(() => {});
      if ((await rest(next)).startsWith("HTTP/1.1 200")) break;
      assert.ok(at < 100, "there is no room again");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  assert.deepEqual(told, []);
});

Deno.test("serveAdmin() answers 501 when a request has a method that no app can be asked with", async () => {
  await serving({}, async (server) => {
    const conn = await open(server);
    await say(conn, "TRACE / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert.match(await rest(conn), /^HTTP\/1.1 501 /);
  });
});
