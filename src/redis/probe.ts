/**
 * Looks at the Redis that was found, before anything is written: its version, whether it throws keys away, how
 * it persists, how many replicas it has. What follows from that is promise.ts's to say.
 */

import type { Client, Reply } from "./client.ts";
import { connect, listOf, textOf } from "./client.ts";
import type { Link } from "./link.ts";
import type { Findings } from "./promise.ts";
import type { RedisAddress, RedisOptions } from "./redis_options.ts";
import { meaningOf } from "./trouble.ts";
import type { Whereabouts } from "./whereabouts.ts";

/** Replicas that are asked how they persist. */
const MOST_ASKED = 16;

/** Asks the master; its replicas only where what they do decides. */
export async function probe(
  link: Link,
  options: RedisOptions,
  whereabouts: Whereabouts,
): Promise<Findings> {
  const server = infoOf(await link.send(["INFO", "server"]));
  const replication = infoOf(await link.send(["INFO", "replication"]));
  const settings = await settingsOf((args) => link.send(args));
  const replicas = replicasIn(replication);
  const memory = settings.get("maxmemory");
  return {
    version: (server.get("redis_version") ?? "0").split(".").map(Number),
    appendonly: yes(settings.get("appendonly")),
    appendfsync: settings.get("appendfsync"),
    maxmemory: memory === undefined ? undefined : Number(memory),
    maxmemoryPolicy: settings.get("maxmemory-policy"),
    replicas: replicas.length,
    replicasFsync: options.wantedPromise === "replicatedAndFsynced"
      ? await allFsync(replicas, options, whereabouts)
      : undefined,
  };
}

async function allFsync(
  replicas: readonly RedisAddress[],
  options: RedisOptions,
  { credentials }: Whereabouts,
): Promise<boolean | undefined> {
  for (const address of replicas.slice(0, MOST_ASKED)) {
    let client: Client | undefined;
    try {
      const asked = await connect(address, options, { ...credentials, database: 0 }, () => {});
      client = asked;
      const settings = await settingsOf((args) => asked.send(args));
      const appendonly = yes(settings.get("appendonly"));
      if (appendonly === undefined) return undefined;
      if (!appendonly || settings.get("appendfsync") !== "always") return false;
    } catch {
      return undefined; // it may be reached by the master only
    } finally {
      client?.end();
    }
  }
  return true;
}

/** What CONFIG GET tells; empty where it is forbidden. */
async function settingsOf(
  send: (args: readonly string[]) => Promise<Reply>,
): Promise<ReadonlyMap<string, string>> {
  const settings = new Map<string, string>();
  for (const name of ["maxmemory", "maxmemory-policy", "appendonly", "appendfsync"]) {
    try {
      const reply = listOf(await send(["CONFIG", "GET", name]));
      if (reply.length > 1) settings.set(textOf(reply[0]), textOf(reply[1]));
    } catch (error) {
      if (meaningOf(error) !== "refused" && !/unknown|not allowed|disabled/iu.test(String(error))) {
        throw error;
      }
    }
  }
  return settings;
}

function yes(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text === "yes";
}

/** `name:value` lines. */
function infoOf(reply: Reply): ReadonlyMap<string, string> {
  const lines = textOf(reply).split("\r\n").filter((line) => line.includes(":"));
  return new Map(lines.map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at), line.slice(at + 1)];
  }));
}

/** Lines like `slave0:ip=127.0.0.1,port=6380,state=online,offset=1,lag=0`. */
function replicasIn(info: ReadonlyMap<string, string>): readonly RedisAddress[] {
  const found: RedisAddress[] = [];
  for (const [name, value] of info) {
    if (!/^slave\d+$/u.test(name)) continue;
    const fields = new Map(
      value.split(",").map((field) => {
        const at = field.indexOf("=");
        return [field.slice(0, at), field.slice(at + 1)] as const;
      }),
    );
    const host = fields.get("ip"), port = Number(fields.get("port"));
    if (fields.get("state") === "online" && host !== undefined) found.push({ host, port });
  }
  return found;
}
