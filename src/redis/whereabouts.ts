/**
 * Who is asked now: the one server, the master that the Sentinels name, or the master of the one slot of a
 * Redis Cluster. As all keys of an installation are in one slot, one plain connection to whoever has it serves
 * all three: so WAIT is asked where the batch was written, and no client moves a command elsewhere.
 */

import type { Argument, Credentials, Reply } from "./client.ts";
import { addressName, connect, listOf, textOf } from "./client.ts";
import type { RedisAddress, RedisOptions } from "./redis_options.ts";
import { redisTrouble, wordsOf } from "./trouble.ts";
import { within } from "./within.ts";

/** Nodes of a Redis Cluster that are remembered beside those that the configuration names. */
const MOST_NODES = 64;

export class Whereabouts {
  readonly #options: RedisOptions;
  readonly #credentials: Credentials;
  /** Of Sentinels and nodes of a cluster: who answered last is asked first. */
  #askable: readonly RedisAddress[];
  #master: RedisAddress | undefined;
  readonly #moved = new Set<(master: RedisAddress) => void>();

  constructor(options: RedisOptions) {
    const { place, username, password } = options;
    this.#options = options;
    this.#credentials = {
      username,
      password,
      database: place.type === "cluster" ? 0 : place.database,
    };
    this.#askable = place.type === "single" ? [] : place.nodes;
  }

  /** How the master is asked. */
  get credentials(): Credentials {
    return this.#credentials;
  }

  /** Tells whenever another server has become the master; call what it returns to be told no more. */
  onMoved(moved: (master: RedisAddress) => void): () => void {
    this.#moved.add(moved);
    return () => this.#moved.delete(moved);
  }

  /** A server said that it is the master: connections to another are to end. */
  settle(master: RedisAddress): void {
    const before = this.#master;
    this.#master = master;
    if (before === undefined || same(before, master)) return;
    for (const moved of this.#moved) moved(master);
  }

  /**
   * Who the master is now, as far as is known; `settle` when it says so itself.
   *
   * @throws `away` where nobody knows, with what each of them said
   */
  async find(): Promise<RedisAddress> {
    const { place } = this.#options;
    if (place.type === "single") return place.address;
    const answers: string[] = [];
    for (const node of this.#askable) {
      try {
        const master = place.type === "sentinel"
          ? await this.#askSentinel(node, place.name, place)
          : await this.#askNode(node);
        this.#askable = [node, ...this.#askable.filter((other) => !same(other, node))];
        return master;
      } catch (error) {
        answers.push(`${addressName(node)}: ${wordsOf(error)}`);
      }
    }
    const who = place.type === "sentinel"
      ? `no Sentinel names a master "${place.name}"`
      : "no node of the Redis Cluster tells who has the slot";
    throw redisTrouble("away", `${who}: ${answers.join("; ")}`);
  }

  async #askSentinel(
    node: RedisAddress,
    name: string,
    { username, password }: Omit<Credentials, "database">,
  ): Promise<RedisAddress> {
    const reply = await this.#ask(node, { username, password, database: 0 }, [
      "SENTINEL",
      "GET-MASTER-ADDR-BY-NAME",
      name,
    ]);
    if (reply === null) throw redisTrouble("away", `it knows no master "${name}"`);
    const [host, port] = listOf(reply);
    return { host: textOf(host), port: Number(textOf(port)) };
  }

  async #askNode(node: RedisAddress): Promise<RedisAddress> {
    const slot = slotOf(this.#options.prefix);
    const reply = await this.#ask(node, this.#credentials, ["CLUSTER", "SLOTS"]);
    const known: RedisAddress[] = [];
    let master: RedisAddress | undefined;
    for (const range of listOf(reply)) {
      const [from, to, ...servers] = listOf(range);
      for (const [at, server] of servers.entries()) {
        const [host, port] = listOf(server);
        const given = host === null || host === undefined ? "" : textOf(host);
        // Without a name of its own it is where it was asked.
        const address = { host: given === "" ? node.host : given, port: Number(port) };
        known.push(address);
        if (at === 0 && Number(from) <= slot && slot <= Number(to)) master = address;
      }
    }
    if (master === undefined) throw redisTrouble("away", `nobody has slot ${slot}`);
    this.#remember(known);
    return master;
  }

  #remember(known: readonly RedisAddress[]): void {
    const { place } = this.#options;
    if (place.type === "single") return;
    const all = [...this.#askable];
    for (const address of [...known, ...place.nodes]) {
      if (all.length < MOST_NODES && !all.some((other) => same(other, address))) all.push(address);
    }
    this.#askable = all;
  }

  /** One question on a connection of its own. */
  async #ask(
    node: RedisAddress,
    credentials: Credentials,
    command: readonly Argument[],
  ): Promise<Reply> {
    const client = await connect(node, this.#options, credentials, () => {});
    try {
      return await within(this.#options.commandTimeoutMs, client.send(command));
    } finally {
      client.end();
    }
  }
}

/** Whether they are the same server, as far as names tell. */
export function same(a: RedisAddress, b: RedisAddress): boolean {
  return a.host === b.host && a.port === b.port;
}

/** The name that all keys of an installation begin with, its braces the hash tag. */
export function keyPrefix(prefix: string): string {
  return `{${prefix}}:`;
}

/** The slot of a hash tag, 0 to 16,383: CRC-16 of its bytes (XMODEM), as the Redis Cluster specification has it. */
export function slotOf(tag: string): number {
  let crc = 0;
  for (const byte of new TextEncoder().encode(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 0x8000) === 0 ? (crc << 1) & 0xffff : ((crc << 1) ^ 0x1021) & 0xffff;
    }
  }
  return crc % 16_384;
}
