/**
 * The whole broker on a TCP socket of 127.0.0.1, for the few rows in which the transport matters.
 * MQTT 5.0 section 4.2.
 */

import { hex } from "../../packet/bytes_of.ts";
import { loadConfig } from "../../../src/server/config.ts";
import { start } from "../../../src/server/start.ts";

/** The client's end of a link; what comes is handed out by its number of bytes. */
export interface Dialled {
  sends(text: string): Promise<void>;
  /** The next bytes in hexadecimal; fewer where the link ends before. */
  bytes(count: number): Promise<string>;
  close(): void;
}

const CONFIG = JSON.stringify({
  store: "memory",
  listeners: [{ type: "tcp", address: "127.0.0.1", port: 0, allowAnonymous: true }],
  limits: { maximumConnections: 8, shutdownTimeout: 1 },
});

/** Starts a broker, does the work with links to it, and stops it. */
export async function overSockets(
  work: (dial: () => Promise<Dialled>) => Promise<void>,
): Promise<void> {
  const nothing = () => {
    throw new Error("nothing is to be read");
  };
  const loaded = loadConfig({ text: CONFIG, env: () => undefined, readFile: nothing });
  const { config } = loaded;
  if (config === undefined) throw new Error(JSON.stringify(loaded.problems));
  const server = await start(config, new URL(import.meta.url).pathname);
  const port = Number(server.addresses[0]!.split(":")[1]);
  const open: Dialled[] = [];
  try {
    await work(async () => {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port });
      conn.setNoDelay(true);
      const link = dialled(conn);
      open.push(link);
      return link;
    });
  } finally {
    for (const link of open) link.close();
    await server.stop();
  }
}

/** Milliseconds after which a link is cut, so that a broker that says nothing fails its row. */
const PATIENCE = 10_000;

function dialled(conn: Deno.Conn): Dialled {
  const timer = setTimeout(() => close(conn), PATIENCE);
  return {
    async sends(text) {
      const bytes = hex(text);
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
      await new Promise((resolve) => setTimeout(resolve, 1)); // the broker reads them by themselves
    },
    async bytes(count) {
      const found = new Uint8Array(count);
      let at = 0;
      while (at < count) {
        const more = await conn.read(found.subarray(at)).catch(() => null);
        if (more === null) break;
        at += more;
      }
      const read = found.subarray(0, at);
      return Array.from(read, (byte) => byte.toString(16).padStart(2, "0")).join("");
    },
    close() {
      clearTimeout(timer);
      close(conn);
    },
  };
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch { /* it is closed already */ }
}
