/**
 * Claims: sessions that clients have connected here for. Many at once go to Redis together. Where another node
 * has the session it is asked for it, and when it lets go, or is no more, the claim is made again.
 *
 * What was claimed too late, when the broker had been told that it was not, is told as adopted: the node has
 * the session, and nobody is connected.
 */

import type { ClusterEvent } from "../broker/cluster_event.ts";
import type { ClientId, ConnectionId } from "../policy/identity.ts";
import { answered, callDurably, pause } from "./calls.ts";
import type { Reply } from "./client.ts";
import { bytesOf, textOf } from "./client.ts";
import type { Ground } from "./ground.ts";
import type { Link } from "./link.ts";
import type { Marked, Reader } from "./reader.ts";
import { readQueue, readStored } from "./stored.ts";
import { meaningOf, wordsOf } from "./trouble.ts";

/** Claims that go to Redis together. */
const TOGETHER = 64;
/** Milliseconds between two tries while another has the session, and until it is asked for it again. */
const LOOK = 300, ASK = 1_500;

interface Claim {
  readonly connection: ConnectionId;
  readonly clientId: ClientId;
  readonly most: number;
  readonly ifFree: boolean;
  /** Its marks begin with this, so that Redis knows it when it is made again. */
  readonly number: string;
  /** How often it was made. */
  tries: number;
  /** It may have been done though its answer was lost: it is made again until that is known. */
  open: boolean;
  /** It has been answered to the broker. */
  told: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Who was asked for the session, and when. */
  asked: string;
  askedAt: number;
  /** Why it was not had so far. */
  why: string;
}

function isWanted({ told, open }: Claim): boolean {
  return !told || open;
}

export class Claims {
  readonly #ground: Ground;
  readonly #link: Link;
  readonly #reader: Reader;
  #queue: Claim[] = [];
  /** Whose session another has. */
  readonly #waiting = new Map<ClientId, Set<Claim>>();
  #busy = false;
  #marks = 0;
  #look: ReturnType<typeof setTimeout> | undefined;
  /** Sessions of dead nodes that were told as adopted: their Wills were told, too. */
  readonly #adopted = new Set<ClientId>();

  constructor(ground: Ground, link: Link, reader: Reader) {
    this.#ground = ground;
    this.#link = link;
    this.#reader = reader;
    ground.onEnd(() => this.#end());
  }

  /** Asks for a session; what comes of it is fed. */
  claim(connection: ConnectionId, clientId: ClientId, most: number, ifFree: boolean): void {
    if (this.#ground.ended) return;
    const claim: Claim = {
      connection,
      clientId,
      most,
      ifFree,
      number: this.mark(),
      tries: 0,
      open: false,
      told: false,
      timer: undefined,
      asked: "",
      askedAt: 0,
      why: "",
    };
    claim.timer = setTimeout(() => this.#late(claim), this.#ground.options.claimTimeoutMs);
    this.#queue.push(claim);
    void this.#pump();
  }

  /** A name for the place in the inbox at which the answer to a call is told. */
  mark(): string {
    return `${++this.#marks}`;
  }

  /** The session was told as adopted; `undone` when the node that had it is buried. */
  adopted(clientId: ClientId): void {
    this.#ground.mine.add(clientId);
    this.#adopted.add(clientId);
  }

  buried(clientIds: Iterable<ClientId>): void {
    for (const clientId of clientIds) this.#adopted.delete(clientId);
  }

  /** Somebody has let go of it. */
  released(clientId: ClientId): void {
    const waiting = this.#waiting.get(clientId);
    if (waiting === undefined) return;
    this.#waiting.delete(clientId);
    this.#again(waiting);
  }

  /** Whoever had what is waited for may be no more. */
  nodesChanged(): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiting of all) this.#again(waiting);
  }

  #again(claims: Iterable<Claim>): void {
    for (const claim of claims) if (isWanted(claim)) this.#queue.push(claim);
    void this.#pump();
  }

  async #pump(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#queue.length > 0 && !this.#ground.ended) {
      try {
        await this.#link.up();
      } catch {
        break;
      }
      const claims = this.#queue.splice(0, TOGETHER).filter(isWanted);
      if (claims.length > 0) await this.#ask(claims);
    }
    this.#busy = false;
  }

  async #ask(claims: readonly Claim[]): Promise<void> {
    const { key, node, durability } = this.#ground;
    const now = performance.now();
    const calls = claims.map((claim) => {
      const { clientId, most, asked, askedAt } = claim;
      const whose = claim.told ? "own" : claim.ifFree ? "free" : ""; // told: is it this node's already?
      const mark = `${claim.number}.${++claim.tries}`;
      claim.open = true;
      const { promise, resolve } = Promise.withResolvers<Marked | undefined>();
      this.#reader.expect(mark, promise);
      // Whoever has it is asked again now and then: what was asked may have come before it knew.
      const before = now - askedAt < ASK ? asked : "";
      const args = [node, clientId, String(most), whose, before, mark];
      return { claim, args, resolve };
    });
    let answers: PromiseSettledResult<Reply>[];
    try {
      const named = calls.map(({ args }) => ({ name: "claim" as const, args }));
      answers = await callDurably(this.#link, key, named, durability, (detail) => {
        this.#ground.reached("claim", detail);
      });
      this.#ground.reached("claim", undefined);
    } catch (error) {
      this.#ground.reached("claim", undefined); // the lease tells that Redis is away
      for (const { claim, resolve } of calls) {
        resolve(undefined);
        claim.why = `Redis does not answer: ${wordsOf(error)}`;
        this.#queue.push(claim);
      }
      return;
    }
    for (const [at, { claim, resolve }] of calls.entries()) {
      const answer = answers[at]!;
      try {
        if (answer.status === "rejected") throw answer.reason;
        claim.open = false;
        resolve(await this.#answered(claim, answer.value, now));
      } catch (error) {
        resolve(undefined);
        claim.why = wordsOf(error);
        if (meaningOf(error) === "later") await pause(LOOK);
        if (meaningOf(error) === "later" || meaningOf(error) === "away") this.#again([claim]);
        else this.#refuse(claim, claim.why);
      }
    }
  }

  /** What is to be told at the mark; undefined: the session was not had. */
  async #answered(claim: Claim, reply: Reply, now: number): Promise<Marked | undefined> {
    const [word, rest] = answered(reply, "claim");
    switch (word) {
      case "fenced":
        this.#ground.fenceAsDead(rest);
        return undefined;
      case "taken":
        this.#refuse(claim, `${textOf(rest[1])} has the session`);
        return undefined;
      case "wait": {
        const owner = textOf(rest[1]);
        if (owner !== claim.asked || now - claim.askedAt >= ASK) claim.askedAt = now;
        claim.asked = owner;
        claim.why = `${owner} has the session and does not let go of it`;
        this.#wait(claim);
        return undefined;
      }
    }
    const inherited = Number(rest[1]) === 1;
    const will = inherited ? bytesOf(rest[2]) : undefined;
    const read = readStored(rest[5]!, will);
    const stored = read.more
      ? { ...read.stored, queued: await this.#whole(claim, read.stored.orders) }
      : read.stored;
    const highest = Number(textOf(rest[4]));
    const log = textOf(rest[3]);
    return { log, tell: () => this.#tell(claim, stored, highest, inherited) };
  }

  /** As much of the queue as was asked for, in several answers. */
  async #whole({ clientId, most }: Claim, orders: readonly number[]) {
    const wanted = orders.slice(0, most);
    const { key } = this.#ground;
    const read = await readQueue(this.#link, key, clientId, wanted[0]!, wanted.length);
    return read.filter(({ message }) => message.order <= wanted.at(-1)!);
  }

  #tell(
    claim: Claim,
    stored: (ClusterEvent & { type: "claimed" })["stored"],
    highest: number,
    inherited: boolean,
  ): void {
    const { connection, clientId } = claim;
    const { mine } = this.#ground;
    const told = inherited && this.#adopted.has(clientId);
    const { will: _, ...without } = stored;
    const news = told ? without : stored;
    if (claim.told) {
      if (mine.has(clientId)) return;
      mine.add(clientId);
      return this.#ground.listener!.feed({ type: "adopted", clientId, stored: news });
    }
    mine.add(clientId);
    this.#finish(claim);
    this.#ground.listener!.feed({
      type: "claimed",
      connection,
      clientId,
      stored: news,
      highest,
    });
  }

  #wait(claim: Claim): void {
    if (claim.told) return;
    const waiting = this.#waiting.get(claim.clientId);
    if (waiting === undefined) this.#waiting.set(claim.clientId, new Set([claim]));
    else waiting.add(claim);
    this.#look ??= setTimeout(() => {
      this.#look = undefined;
      this.nodesChanged();
    }, LOOK);
  }

  #late(claim: Claim): void {
    const why = claim.why === "" ? `Redis does not answer: ${this.#link.why}` : claim.why;
    this.#refuse(claim, why);
  }

  #refuse(claim: Claim, detail: string): void {
    if (claim.told) return;
    const { connection, clientId } = claim;
    this.#finish(claim);
    const waiting = this.#waiting.get(clientId);
    waiting?.delete(claim);
    if (waiting?.size === 0) this.#waiting.delete(clientId);
    const { listener } = this.#ground;
    if (listener === undefined || this.#ground.ended) return;
    listener.feed({ type: "notClaimed", connection, clientId, detail });
    listener.endTurn();
  }

  #finish(claim: Claim): void {
    claim.told = true;
    clearTimeout(claim.timer);
  }

  #end(): void {
    clearTimeout(this.#look);
    for (const claim of this.#queue) clearTimeout(claim.timer);
    for (const waiting of this.#waiting.values()) {
      for (const claim of waiting) clearTimeout(claim.timer);
    }
    this.#queue = [];
    this.#waiting.clear();
  }
}
