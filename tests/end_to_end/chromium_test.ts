/** A web page in Chromium as an MQTT client: let in where its origin is allowed, and only there. */

import assert from "node:assert/strict";
import { startBroker } from "./broker_process.ts";
import { isFile, tool, toolTest } from "./tools.ts";
import { within } from "./within.ts";

/** What Debian's command of that name starts without becoming it: killing the command leaves it running. */
const PROGRAM = "/usr/lib/chromium/chromium-headless-shell";

/** What the page does: CONNECT, SUBSCRIBE, PUBLISH by hand, each in frames cut anywhere; what it saw is reported. */
function page(good: number, bad: number): string {
  return `<!doctype html><script type="module">
const text = (words) => [0, words.length, ...new TextEncoder().encode(words)];
const packet = (type, ...body) => [type, body.length, ...body];
function talk(port) {
  return new Promise((resolve) => {
    const socket = new WebSocket("ws://127.0.0.1:" + port + "/mqtt", ["mqtt"]);
    socket.binaryType = "arraybuffer";
    const seen = [];
    const send = (bytes) => {
      for (let at = 0; at < bytes.length; at += 3) socket.send(Uint8Array.from(bytes.slice(at, at + 3)));
    };
    const end = (how) => resolve({ how, seen, protocol: socket.protocol, extensions: socket.extensions });
    socket.onopen = () => send(packet(0x10, ...text("MQTT"), 4, 2, 0, 0, ...text("page")));
    socket.onclose = ({ code, wasClean }) => end("closed " + code + (wasClean ? " clean" : ""));
    socket.onmessage = ({ data }) => {
      seen.push(...new Uint8Array(data));
      const all = seen.join();
      if (all === "32,2,0,0") send(packet(0x82, 0, 1, ...text("a/b"), 0));
      if (all === "32,2,0,0,144,3,0,1,0") send(packet(0x30, ...text("a/b"), 33));
      if (all.endsWith(",33")) send(packet(0xe0));
    };
  });
}
const report = { good: await talk(${good}), bad: await talk(${bad}) };
await fetch("/report", { method: "POST", body: JSON.stringify(report) });
</script>`;
}

toolTest(
  ["chromium-headless-shell"],
  "a page in Chromium is a client where its origin is allowed",
  async () => {
    const { promise: reported, resolve } = Promise.withResolvers<string>();
    let html = "";
    const pages = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        if (request.method === "POST") resolve(await request.text());
        return new Response(html, { headers: { "content-type": "text/html" } });
      },
    );
    const origin = `http://127.0.0.1:${pages.addr.port}`;
    const broker = await startBroker({
      store: "memory",
      listeners: [
        { type: "tcp" },
        { type: "websocket", port: 0, origins: [origin] },
        { type: "websocket", port: 0, origins: ["https://app.example.com"] },
      ],
    });
    const [, good, bad] = broker.addresses.map((address) => Number(address.split(":").at(-1)));
    html = page(good!, bad!);
    const profile = await Deno.makeTempDir({ prefix: "dunlin-chromium-" });
    const chromium = new Deno.Command(
      isFile(PROGRAM) ? PROGRAM : tool("chromium-headless-shell")!,
      {
        args: [
          "--no-sandbox",
          "--disable-gpu",
          "--disable-dev-shm-usage",
          "--disable-background-networking",
          "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
          "--remote-debugging-port=0",
          `--user-data-dir=${profile}`,
          origin,
        ],
        stdin: "null",
        stdout: "null",
        stderr: "null",
      },
    ).spawn();
    try {
      const report = JSON.parse(await within(reported, "the page's report", 60_000));
      const connack = [32, 2, 0, 0], suback = [144, 3, 0, 1, 0];
      assert.deepEqual(report.good, {
        how: "closed 1000 clean",
        seen: [...connack, ...suback, 0x30, 6, 0, 3, 97, 47, 98, 33],
        protocol: "mqtt",
        extensions: "",
      });
      assert.deepEqual(report.bad, { how: "closed 1006", seen: [], protocol: "", extensions: "" });
      const line = await broker.logged(({ message }) => message === "link refused", "the refusal");
      assert.ok(String(line.detail).includes(origin));
    } finally {
      chromium.kill("SIGKILL");
      await chromium.status;
      await pages.shutdown();
      await Deno.remove(profile, { recursive: true }).catch(() => {}); // its children may still write
    }
    await broker.stop();
  },
);
