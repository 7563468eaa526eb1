/**
 * A whole broker in this process, with sockets, for the contract of management over HTTP and `dunlin ctl`; and
 * the three ways to ask it.
 */

import assert from "node:assert/strict";
import type mqtt from "mqtt";
import { formatPasswordHash, hashPassword } from "../../src/authentication/password_hash.ts";
import type { CtlIo } from "../../src/command/ctl.ts";
import { ctl } from "../../src/command/ctl.ts";
import { readConfig } from "../../src/server/config_reading.ts";
import { system } from "../../src/server/config_system.ts";
import { setLogLevel } from "../../src/server/log.ts";
import type { Server } from "../../src/server/start.ts";
import { start } from "../../src/server/start.ts";
import { connectJs } from "../end_to_end/mqttjs_client.ts";
import type { JsClient } from "../end_to_end/mqttjs_client.ts";
import { within } from "../end_to_end/within.ts";
import { freePort } from "../free_port.ts";

export type Input = Readonly<Record<string, unknown>>;

/** What came of a `dunlin ctl`. */
export interface CtlOutcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface ManagedServer {
  readonly port: number;
  readonly directory: string;
  /** `http://127.0.0.1:…` */
  readonly http: string;
  /** Every user's. */
  readonly password: string;
  /** POST as `admin`. */
  overHttp(command: string, input: Input): Promise<unknown>;
  /** As `admin`, by its name with `--json`. */
  overCtl(command: string, input: Input): Promise<unknown>;
  /** As `admin`, with these words. */
  ctl(...args: string[]): Promise<CtlOutcome>;
  overMqtt(command: string, input: Input): Promise<unknown>;
  connect(clientId: string, username: string): Promise<void>;
  close(): Promise<void>;
}

const PASSWORD = "pencil";
const USERS = ["admin", "anna", "pumps", "eve"];
/** How those who ask are called, so that they can be left out. */
export const ASKER = "~asker";

let passwords: Promise<string> | undefined;

/** A file of users with few iterations, made once. */
function passwordFile(): Promise<string> {
  return passwords ??= Promise.all(USERS.map(async (user) => {
    const hash = await hashPassword(new TextEncoder().encode(PASSWORD), 100);
    return `${user}:${formatPasswordHash(hash)}\n`;
  })).then((lines) => lines.join(""));
}

/** Starts one; whoever does closes it. */
export async function openManagedServer(more: object = {}): Promise<ManagedServer> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-managed-" });
  await Deno.writeTextFile(`${directory}/passwords`, await passwordFile());
  const { server, adminPort } = await started(directory, more);
  const port = Number(server.addresses[0]!.split(":").at(-1));
  const http = `http://127.0.0.1:${adminPort}`;
  const clients: JsClient[] = [];
  const runCtl = async (...args: string[]) => {
    let out = "", err = "";
    const io: CtlIo = {
      out: (text) => void (out += text),
      err: (text) => void (err += text),
      env: (name) => name === "DUNLIN_PASSWORD" ? PASSWORD : undefined,
      readFile: (path) => Deno.readTextFileSync(path),
    };
    const login = ["--port", String(port), "--username", "admin", "--as", ASKER];
    const status = await within(ctl([...login, ...args], io), "dunlin ctl");
    return { status, out, err };
  };
  return {
    port,
    directory,
    http,
    password: PASSWORD,
    ctl: runCtl,
    async overCtl(command, input) {
      const json = JSON.stringify(input);
      const { status, out, err } = await runCtl(
        ...["request", command, "--json", json, "-o", "json"],
      );
      assert.ok(out !== "", err);
      const reply = JSON.parse(out);
      assert.equal(status, reply.ok ? 0 : 1);
      return reply;
    },
    async overHttp(command, input) {
      const response = await fetch(`${http}/api/v1/${command}`, {
        method: "POST",
        headers: { ...basic("admin", PASSWORD), "content-type": "application/json" },
        body: JSON.stringify(input),
      });
      const reply = await response.json();
      assert.equal(response.status === 200, reply.ok, `${response.status}`);
      return reply;
    },
    async overMqtt(command, input) {
      const boss = await connectJs(port, ASKER, { username: "admin", password: PASSWORD });
      try {
        await boss.client.publishAsync(`$CONTROL/dunlin/v1/${command}`, JSON.stringify(input), {
          qos: 1,
          properties: { responseTopic: `$CONTROL/dunlin/v1/${command}/response` },
        });
        return JSON.parse((await boss.receive(1))[0]!.payload);
      } finally {
        await boss.end();
      }
    },
    async connect(clientId, username) {
      const options: Partial<mqtt.IClientOptions> = { username, password: PASSWORD };
      const properties = { sessionExpiryInterval: 1_000 };
      clients.push(await connectJs(port, clientId, { ...options, properties }));
    },
    async close() {
      for (const { client } of clients) client.end(true);
      await within(server.stop(), "the broker to stop");
      setLogLevel("error");
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Starts the broker; again where somebody else has taken its port for HTTP. */
async function started(
  directory: string,
  more: object,
  tries = 5,
): Promise<{ readonly server: Server; readonly adminPort: number }> {
  const adminPort = freePort();
  const file = `${directory}/dunlin.json`;
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      store: "memory",
      watchConfig: false,
      sysInterval: 0,
      log: { level: "error" },
      listeners: [{ type: "tcp", port: 0, name: "desk", allowAnonymous: false }],
      admin: { port: adminPort },
      administrators: [{ user: "admin" }],
      authentication: { passwordFile: { file: `${directory}/passwords` } },
      ...more,
    }),
  );
  const read = () => readConfig({ config: file }, system);
  const { config, problems, files } = read();
  assert.ok(config !== undefined, JSON.stringify(problems));
  setLogLevel(config.log.level);
  try {
    const server = await start(config, file, [], "test", { read, files });
    return { server, adminPort };
  } catch (error) {
    if (tries === 1 || !/^Error: admin cannot listen/.test(String(error))) throw error;
    return await started(directory, more, tries - 1);
  }
}

/** The header of RFC 7617. */
export function basic(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${btoa(`${user}:${password}`)}` };
}

/** The reply as if nobody had asked: whoever asks over MQTT has a session of its own. */
export function withoutAsker(reply: unknown): unknown {
  return JSON.parse(JSON.stringify(reply), function (key, value) {
    if (key === "sessions" && Array.isArray(value)) {
      return value.filter(({ clientId }) => !String(clientId).startsWith(ASKER));
    }
    return key === "sessions" && typeof value === "number" ? value - 1 : value;
  });
}
