/** What tests of reloading share: a broker in this process with its configuration in a real file. */

import assert from "node:assert/strict";
import { readConfig } from "../../src/server/config_reading.ts";
import { system } from "../../src/server/config_system.ts";
import type { ReloadResult } from "../../src/server/reload.ts";
import type { Server } from "../../src/server/start.ts";
import { start } from "../../src/server/start.ts";
import type { RawClient } from "../end_to_end/raw.ts";

/** What is in every configuration, unless a test says otherwise. */
export const USUAL = { store: "memory", watchConfig: false, sysInterval: 0 };

export interface Rig {
  readonly server: Server;
  readonly directory: string;
  /** Writes another configuration, with what is usual. */
  write(value: object): void;
  /** Writes it and reloads it. */
  reload(value: object): Promise<ReloadResult>;
  /** The port of a listener, by its place in the configuration. */
  port(at: number): { readonly port: number };
}

/** A broker of that configuration, for as long as `work` takes. */
export async function withBroker(value: object, work: (rig: Rig) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-reload-" });
  const file = `${directory}/dunlin.json`;
  const write = (value: object) =>
    Deno.writeTextFileSync(file, JSON.stringify({ ...USUAL, ...value }, undefined, 2));
  write(value);
  const read = () => readConfig({ config: file }, system);
  const first = read();
  assert.ok(first.config !== undefined, JSON.stringify(first.problems));
  const server = await start(first.config, file, [], "test", { read, files: first.files });
  try {
    await work({
      server,
      directory,
      write,
      async reload(value) {
        write(value);
        return await server.reload();
      },
      port: (at) => ({ port: Number(server.addresses[at]!.split(":").at(-1)) }),
    });
  } finally {
    await server.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

/** A listener on any free port. */
export const tcp = (name: string, more: object = {}) => ({ type: "tcp", port: 0, name, ...more });

/** The keys that have changed; fails unless the reload was applied. */
export function applied(result: ReloadResult): readonly string[] {
  assert.deepEqual([result.applied, result.problems], [true, []]);
  return result.changes.map(({ key }) => key);
}

/** What the other end said before it closed: the Reason Code and String of DISCONNECT. */
export async function farewell(client: RawClient): Promise<string> {
  const { reasonCode, properties } = await client.expect("disconnect");
  await client.ended();
  return `0x${reasonCode.toString(16)} ${properties?.reasonString}`;
}
