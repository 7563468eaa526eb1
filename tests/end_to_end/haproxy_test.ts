/** HAProxy before the broker: PROXY protocol v1 and v2, and `X-Forwarded-For` at the upgrade to WebSocket. */

import assert from "node:assert/strict";
import { freePort } from "../free_port.ts";
import type { BrokerProcess, LogLine } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import { connectJs } from "./mqttjs_client.ts";
import { connectPacket } from "../broker/packets.ts";
import { RawClient } from "./raw.ts";
import { RawWebSocket } from "./raw_websocket.ts";
import { tool, toolTest } from "./tools.ts";
import { PATIENCE } from "./within.ts";

/** Who comes through a proxy is anonymous only where the configuration says that anyone may be. */
const anyone = { allowAnonymous: true };

interface Proxy {
  /** By the name of the front end. */
  readonly ports: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

/** Runs HAProxy with a front end for each of these lines, `name: server options, mode`. */
async function startProxy(
  servers: readonly { name: string; mode: string; to: number; options: string; more?: string }[],
): Promise<Proxy> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-haproxy-" });
  const ports: Record<string, number> = {};
  const parts = servers.map(({ name, mode, to, options, more = "" }) => {
    const port = ports[name] = freePort();
    return `listen ${name}\n  mode ${mode}\n  bind 127.0.0.1:${port}\n  ${more}\n` +
      `  server broker 127.0.0.1:${to} ${options}\n`;
  });
  const config = `defaults\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\n${
    parts.join("\n")
  }`;
  await Deno.writeTextFile(`${directory}/haproxy.cfg`, config);
  const child = new Deno.Command(tool("haproxy")!, {
    args: ["-db", "-f", `${directory}/haproxy.cfg`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const stop = async () => {
    child.kill("SIGKILL");
    await child.status;
    await Deno.remove(directory, { recursive: true });
  };
  try {
    for (const port of Object.values(ports)) await listens(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ports, stop };
}

/** Waits until somebody listens there. */
async function listens(port: number): Promise<void> {
  const end = performance.now() + PATIENCE;
  for (;;) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function addressOf(broker: BrokerProcess, clientId: string): Promise<unknown> {
  const wanted = (line: { clientId?: unknown; message: string }) => line.clientId === clientId;
  return (await broker.logged(wanted, `a line about ${clientId}`)).address;
}

toolTest(
  ["haproxy"],
  "HAProxy tells whose connection it is with send-proxy and send-proxy-v2",
  async () => {
    const broker = await startBroker({
      store: "memory",
      listeners: [
        { type: "tcp", name: "proxied", proxyProtocol: { trusted: ["127.0.0.0/8"] }, ...anyone },
        {
          type: "websocket",
          port: 0,
          name: "web",
          proxyProtocol: { trusted: ["127.0.0.1"] },
          ...anyone,
        },
        { type: "websocket", port: 0, name: "forwarded", trustedProxies: ["127.0.0.1"], ...anyone },
        {
          type: "tcp",
          port: 0,
          name: "elsewhere",
          proxyProtocol: { trusted: ["10.0.0.0/8"] },
          ...anyone,
        },
      ],
    });
    const [plain, web, forwarded, elsewhere] = broker.addresses.map((each) =>
      Number(each.split(":").at(-1))
    );
    const proxy = await startProxy([
      { name: "v1", mode: "tcp", to: plain!, options: "send-proxy" },
      // With a check HAProxy opens connections of its own, which it calls LOCAL.
      { name: "v2", mode: "tcp", to: plain!, options: "send-proxy-v2 check inter 100ms" },
      {
        name: "v2_more",
        mode: "tcp",
        to: plain!,
        options: "send-proxy-v2 proxy-v2-options unique-id,crc32c",
        more: "unique-id-format %[uuid()]",
      },
      { name: "web", mode: "tcp", to: web!, options: "send-proxy-v2" },
      { name: "forwarded", mode: "http", to: forwarded!, options: "", more: "option forwardfor" },
      { name: "elsewhere", mode: "tcp", to: elsewhere!, options: "send-proxy" },
      { name: "silent", mode: "tcp", to: plain!, options: "" },
    ]);
    try {
      for (const name of ["v1", "v2", "v2_more"]) {
        const client = await RawClient.connect({ port: proxy.ports[name]! }, 5, name);
        assert.equal(await addressOf(broker, name), client.address);
        await client.ping();
        client.close();
      }
      for (const name of ["web", "forwarded"]) {
        const client = await RawWebSocket.connect(proxy.ports[name]!);
        await client.sendPacket(connectPacket(name), 5);
        assert.equal((await client.packet(5))?.type, "connack");
        // X-Forwarded-For has no port.
        const expected = name === "web" ? client.address : "127.0.0.1";
        assert.equal(await addressOf(broker, name), expected);
        client.close();
        const js = await connectJs(proxy.ports[name]!, `js ${name}`, {
          protocol: "ws",
          path: "/mqtt",
        });
        await js.end();
      }
      // Who is no trusted proxy, and who sends no header, cannot connect.
      for (const name of ["elsewhere", "silent"]) {
        const from = broker.log().length;
        const client = await RawClient.open({ port: proxy.ports[name]! }, 5);
        await client.send(new Uint8Array(20).fill(0x10));
        await client.ended();
        const line = await broker.logged(
          ({ message }) => message === "link refused",
          `the refusal of ${name}`,
          from,
        );
        assert.match(String(line.detail), /^PROXY: /);
      }
    } finally {
      await proxy.stop();
    }
    await broker.stop();
  },
);

toolTest(["haproxy"], "HAProxy's checks are no errors in the log", async () => {
  const broker = await startBroker({
    store: "memory",
    listeners: [{ type: "tcp", proxyProtocol: { trusted: ["127.0.0.1"] }, ...anyone }, {
      type: "tcp",
      port: 0,
    }],
    log: { format: "json", level: "debug" },
  });
  const options = "send-proxy-v2 check inter 50ms";
  const proxy = await startProxy([{ name: "v2", mode: "tcp", to: broker.port, options }]);
  try {
    const seen = ({ address }: LogLine) => String(address).startsWith("127.0.0.1:");
    await broker.logged(seen, "a check");
    const lines = broker.log().filter(({ level }) => level === "warn" || level === "error");
    assert.deepEqual(lines, []);
  } finally {
    await proxy.stop();
  }
  await broker.stop();
});
