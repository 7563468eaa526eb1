/**
 * A connection to the master that comes back by itself: it looks for the master, connects, makes sure that it
 * is one, and ends when it is not any more, when an answer is late, or when another server has become it. What
 * is asked while it is away, and what waits for an answer when it goes, is rejected as `away`: who asked
 * decides what to do again.
 */

import type { Argument, Client, Reply } from "./client.ts";
import { addressName, connect, listOf, textOf } from "./client.ts";
import type { RedisAddress, RedisOptions } from "./redis_options.ts";
import { meaningOf, redisTrouble, wordsOf } from "./trouble.ts";
import type { Whereabouts } from "./whereabouts.ts";
import { same } from "./whereabouts.ts";
import { within } from "./within.ts";

/** Milliseconds between two tries to connect: the first, and the longest. */
const FIRST_DELAY = 20, LONGEST_DELAY = 1_000;

export interface LinkOptions {
  readonly redis: RedisOptions;
  readonly whereabouts: Whereabouts;
  /** What is done on each new connection before others use it. */
  readonly prepare?: (client: Client) => Promise<void>;
  /** It is there, or has gone. */
  readonly changed?: (up: boolean, detail: string) => void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #forget: () => void;
  #client: Client | undefined;
  #address: RedisAddress | undefined;
  #closed = false;
  /** Who waits for it to be there. */
  #waiting: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wake: (() => void) | undefined;
  /** Why it is away. */
  #why = "it has not connected yet";
  #refused = false;
  #generation = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#forget = options.whereabouts.onMoved((master) => {
      if (this.#address !== undefined && !same(this.#address, master)) {
        this.drop(`${addressName(master)} is the master now`);
      }
    });
    this.#keepConnecting();
  }

  get isUp(): boolean {
    return this.#client !== undefined;
  }

  get why(): string {
    return this.#why;
  }

  /** Grows with every connection. */
  get generation(): number {
    return this.#generation;
  }

  /** The server is there, and takes neither name nor password, or lacks a permission. */
  get isRefused(): boolean {
    return this.#refused;
  }

  /** Resolves when it is there; rejects as `closed` when it is closed. */
  up(): Promise<void> {
    if (this.#closed) return Promise.reject(closed());
    if (this.#client !== undefined) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /**
   * Asks.
   *
   * @param timeout milliseconds until the connection is given up
   * @throws as `trouble.ts` says; `away` at once while it is not there
   */
  send(
    args: readonly Argument[],
    timeout = this.#options.redis.commandTimeoutMs,
  ): Promise<Reply> {
    const client = this.#client;
    if (client === undefined) {
      return Promise.reject(this.#closed ? closed() : redisTrouble("away", this.#why));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#dropped(client, `no answer to ${String(args[0])} within ${timeout} ms`),
        timeout,
      );
      client.send(args).then((reply) => {
        clearTimeout(timer);
        resolve(reply);
      }, (error) => {
        clearTimeout(timer);
        const meaning = meaningOf(error);
        if (meaning === "away") this.#dropped(client, wordsOf(error));
        reject(redisTrouble(this.#closed ? "closed" : meaning, wordsOf(error), error));
      });
    });
  }

  /** Ends this connection: the next one is made at once. */
  drop(why: string): void {
    if (this.#client !== undefined) this.#dropped(this.#client, why);
  }

  /** Ends it for good. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget();
    const client = this.#client;
    this.#client = undefined;
    client?.end();
    clearTimeout(this.#timer);
    this.#wake?.();
    for (const { reject } of this.#waiting.splice(0)) reject(closed());
  }

  #dropped(client: Client, why: string): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#why = why;
    client.end();
    this.#options.changed?.(false, why);
    if (!this.#closed) this.#keepConnecting();
  }

  async #keepConnecting(): Promise<void> {
    let delay = FIRST_DELAY;
    while (!this.#closed) {
      try {
        await this.#connect();
        return;
      } catch (error) {
        if (this.#closed) return;
        this.#why = wordsOf(error);
        this.#refused = meaningOf(error) === "refused";
        this.#options.changed?.(false, this.#why);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#timer = setTimeout(resolve, delay);
      });
      delay = Math.min(delay * 2, LONGEST_DELAY);
    }
  }

  async #connect(): Promise<void> {
    const { redis, whereabouts, prepare } = this.#options;
    const address = await whereabouts.find();
    let gone: string | undefined;
    const made: { client: Client | undefined } = { client: undefined };
    const client = await connect(address, redis, whereabouts.credentials, (why) => {
      gone = why;
      if (made.client !== undefined) this.#dropped(made.client, why);
    }).catch((error) => {
      throw redisTrouble(meaningOf(error), `${addressName(address)}: ${wordsOf(error)}`, error);
    });
    made.client = client;
    try {
      await within(redis.connectTimeoutMs, this.#introduce(client, address, prepare));
      if (gone !== undefined) throw redisTrouble("away", gone);
      if (this.#closed) throw closed();
    } catch (error) {
      client.end();
      throw redisTrouble(meaningOf(error), `${addressName(address)}: ${wordsOf(error)}`, error);
    }
    this.#client = client;
    this.#address = address;
    this.#generation += 1;
    whereabouts.settle(address);
    if (this.#client !== client) return;
    this.#options.changed?.(true, addressName(address));
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  async #introduce(
    client: Client,
    address: RedisAddress,
    prepare: ((client: Client) => Promise<void>) | undefined,
  ): Promise<void> {
    const role = await roleOf(client);
    if (role !== "master") {
      throw redisTrouble("away", `it is a ${role}; expected the master at ${addressName(address)}`);
    }
    await prepare?.(client);
  }
}

/** Whether it is a master; who may not ask believes that it is. */
async function roleOf(client: Client): Promise<string> {
  try {
    const [role] = listOf(await client.send(["ROLE"]));
    return textOf(role);
  } catch (error) {
    if (meaningOf(error) === "refused" && wordsOf(error).startsWith("NOPERM")) return "master";
    if (/unknown command/iu.test(wordsOf(error))) return "master";
    throw error;
  }
}

function closed(): Error {
  return redisTrouble("closed", "the connection to Redis is closed");
}
