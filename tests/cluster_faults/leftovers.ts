/**
 * What is in Redis when all has been drained: only told beside violations, so that who looks for their cause
 * sees whether a message is gone, or waits where nobody fetches it. Keys as src/redis/lua_shared.ts names them.
 */

import type { RedisProcess } from "./redis_process.ts";

/** One line for each queue, stream and hash that would be empty if nothing was owed. */
export async function leftovers(redis: RedisProcess, prefix: string): Promise<readonly string[]> {
  const lines: string[] = [];
  const key = (name: string) => `{${prefix}}:${name}`;
  const keys = (await redis.ask("KEYS", key("*"))).split("\n");
  for (const name of keys.sort()) {
    const what = name.slice(key("").length);
    if (what.startsWith("q:")) {
      const first = await redis.ask("ZRANGE", name, "0", "2");
      const owner = await redis.ask("HGET", key("claims"), what.slice(2));
      lines.push(`${await redis.ask("ZCARD", name)} in ${what}, of ${owner}: ${first}`);
    } else if (what.startsWith("sh:") || what.startsWith("in:")) {
      lines.push(`${await redis.ask("XLEN", name)} in ${what}`);
    } else if (what.startsWith("i:")) {
      lines.push(`${what}: ${(await redis.ask("HKEYS", name)).replaceAll("\n", " ")}`);
    }
  }
  for (const name of ["nodes", "dead", "wait", "wills", "applied"]) {
    const text = await redis.ask("HGETALL", key(name));
    lines.push(`${name}: ${text.replaceAll("\n", " ").slice(0, 500)}`);
  }
  return lines.map((line) => line.replaceAll("\n", " "));
}
