/**
 * Reads the log, this node's inbox and its shares, and tells the listener, in order. A position moves only when
 * what comes before it was told, so after any loss of the connection reading goes on where it was: nothing is
 * told twice.
 *
 * What a claim or an adoption has read is told at its *mark*, an entry that the same call put into the inbox:
 * before it stands what the call has seen, behind it what it has not.
 */

import type { NodeId } from "../policy/identity.ts";
import type { AnyWrite } from "../session/cluster_write.ts";
import { callWhenUp, met, pause } from "./calls.ts";
import type { Reply } from "./client.ts";
import { bytesOf, listOf, textOf } from "./client.ts";
import type { Ground } from "./ground.ts";
import type { Link } from "./link.ts";
import { readInboxEntry, readLogEntry } from "./note.ts";
import type { EntryId } from "./spread.ts";
import { entryId, isBefore } from "./spread.ts";
import { meaningOf, wordsOf } from "./trouble.ts";

/** Milliseconds that Redis is asked to wait for something new. */
const BLOCK = 1_000;
/** Entries of a stream in one reading: adapted to how large they are. */
const FEWEST = 16, MOST = 1_024;
/** Bytes of one reading that are little, and much. */
const LITTLE = 262_144, MUCH = 2_097_152;

/** What a call has read, to be told when the log has come to that place. */
export interface Marked {
  readonly log: string;
  readonly tell: () => void;
}

interface Entry {
  readonly id: string;
  readonly fields: readonly Reply[];
}

export class Reader {
  readonly #ground: Ground;
  readonly #link: Link;
  /** Tells how far it has come. */
  readonly #teller: Link;
  #log: EntryId = { ms: 0, sequence: 0 };
  #logText = "0-0";
  /** Read up to there. */
  #inbox = "0-0";
  /** Told up to there. */
  #inboxTold = "0-0";
  #shares = "0-0";
  #nodes: readonly NodeId[] = [];
  #count = FEWEST;
  /** Entries of the inbox that wait for the log. */
  #pending: Entry[] = [];
  readonly #marks = new Map<string, Promise<Marked | undefined>>();
  #fed = false;
  #telling = false;
  #told = "";
  #caughtUp: { readonly to: EntryId; readonly resolve: () => void } | undefined;
  /** Who waits for the inbox to be told up to a place. */
  #waiting: { readonly to: EntryId; readonly resolve: () => void }[] = [];
  /** Told of each session that was let go of, and when who is there has changed. */
  onRelease: (clientId: string) => void = () => {};
  onNodes: () => void = () => {};

  constructor(ground: Ground, link: Link, teller: Link) {
    this.#ground = ground;
    this.#link = link;
    this.#teller = teller;
    ground.onEnd(() => this.#settle());
  }

  /** Of log and inbox: all before it was told. */
  get positions(): readonly [log: string, inbox: string] {
    return [this.#logText, this.#inboxTold];
  }

  /** Tells from that place in the log on; resolves when it has come to `to`. */
  begin(from: string, nodes: readonly NodeId[], to: string): Promise<void> {
    this.#moveLog(from);
    this.#told = from;
    this.#feedNodes(nodes);
    this.#endTurn();
    const caughtUp = new Promise<void>((resolve) => {
      this.#caughtUp = { to: entryId(to), resolve };
    });
    this.#catchUp();
    void this.#run();
    return caughtUp;
  }

  /** Resolves when the inbox was told up to there, or nothing is told any more, or yet. */
  inboxTold(to: string): Promise<void> {
    if (this.#ground.listener === undefined || this.#ground.ended) return Promise.resolve();
    const entry = entryId(to);
    if (!isBefore(entryId(this.#inboxTold), entry)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ to: entry, resolve }));
  }

  /** What comes of the call with that mark; it must be said in the end, undefined where it failed. */
  expect(mark: string, marked: Promise<Marked | undefined>): void {
    this.#marks.set(mark, marked);
    void marked.then((what) => {
      if (what === undefined) this.#marks.delete(mark);
    });
  }

  async #run(): Promise<void> {
    while (!this.#ground.ended) {
      try {
        await this.#link.up();
        await this.#read();
      } catch (error) {
        const meaning = meaningOf(error);
        if (this.#ground.ended || meaning === "closed") return;
        if (meaning === "away") continue;
        this.#ground.reached("reading", wordsOf(error));
        await pause(BLOCK);
      }
    }
  }

  async #read(): Promise<void> {
    const { key, node, options } = this.#ground;
    // What waits for the log holds up the inbox, so that it does not gather here.
    const only = this.#pending.length > 0;
    const names = only ? [`${key}log`] : [`${key}log`, `${key}in:${node}`, `${key}sh:${node}`];
    const from = only ? [this.#logText] : [this.#logText, this.#inbox, this.#shares];
    const count = String(this.#count);
    const reply = await this.#link.send(
      ["XREAD", "COUNT", count, "BLOCK", String(BLOCK), "STREAMS", ...names, ...from],
      BLOCK + options.commandTimeoutMs,
    );
    this.#ground.reached("reading", undefined);
    if (reply === null) return;
    const found = new Map(
      listOf(reply).map((each) => {
        const [name, entries] = listOf(each);
        return [textOf(name), listOf(entries).map(entryOf)] as const;
      }),
    );
    await this.#confirm();
    const [log = [], inbox = [], shares = []] = names.map((name) => found.get(name) ?? []);
    this.#adapt([log, inbox, shares]);
    for (const entry of log) this.#feedLog(entry);
    this.#catchUp();
    if (inbox.length > 0) this.#inbox = inbox.at(-1)!.id;
    this.#pending = this.#pending.length === 0 ? inbox : [...this.#pending, ...inbox];
    await this.#feedPending();
    for (const entry of shares) this.#feedShare(entry);
    this.#endTurn();
    this.#tell();
    if (this.#waiting.length > 0) this.#settle();
  }

  #settle(): void {
    const told = entryId(this.#inboxTold);
    this.#waiting = this.#waiting.filter(({ to, resolve }) => {
      if (isBefore(told, to) && !this.#ground.ended) return true;
      resolve();
      return false;
    });
  }

  /** Nothing is told that a failover could take back: what was read is on the replicas first. */
  async #confirm(): Promise<void> {
    const { durability, key } = this.#ground;
    if (durability.wait === undefined) return;
    // WAIT is about what this connection has written, and all before that.
    const written = this.#link.send(["INCR", `${key}pulse`]);
    written.catch(() => {});
    const reply = await this.#link.send(durability.wait);
    await written;
    await met(this.#link, durability, reply, (detail) => this.#ground.reached("reading", detail));
    this.#ground.reached("reading", undefined);
  }

  #adapt(streams: readonly (readonly Entry[])[]): void {
    let bytes = 0;
    let most = 0;
    for (const entries of streams) {
      most = Math.max(most, entries.length);
      for (const { fields } of entries) bytes += bytesOf(fields.at(-1)).length;
    }
    if (bytes > MUCH) this.#count = Math.max(FEWEST, this.#count >> 1);
    else if (bytes < LITTLE && most === this.#count) this.#count = Math.min(MOST, this.#count * 2);
  }

  #moveLog(id: string): void {
    this.#logText = id;
    this.#log = entryId(id);
  }

  #feedLog({ id, fields }: Entry): void {
    const from = textOf(fields[1]);
    const own = from === this.#ground.node;
    const { items, skipped } = readLogEntry(bytesOf(fields[3]));
    this.#ground.skipped(skipped);
    const writes: AnyWrite[] = [];
    const { listener } = this.#ground;
    for (const item of items) {
      switch (item.type) {
        case "nodes":
          this.#feedNodes(item.nodes);
          break;
        case "putSetting": // this node's own too: whoever holds them has to know which came last
          this.#fed = true;
          listener!.setting(item.name, item.value);
          break;
        case "deleteSetting":
          this.#fed = true;
          listener!.setting(item.name, undefined);
          break;
        case "putRetained":
        case "deleteRetained":
          writes.push(item);
          break;
        default:
          if (item.type === "release") this.onRelease(item.clientId);
          if (!own) writes.push(item);
      }
    }
    if (writes.length > 0) {
      this.#fed = true;
      listener!.feed({ type: "replicated", from, writes });
    }
    this.#moveLog(id);
  }

  #feedNodes(nodes: readonly NodeId[]): void {
    const before = this.#nodes;
    const same = nodes.length === before.length && nodes.every((node, at) => node === before[at]);
    if (same || !nodes.includes(this.#ground.node)) return;
    this.#nodes = nodes;
    this.#ground.departed.replace(nodes);
    this.#fed = true;
    this.#ground.listener!.feed({ type: "nodes", nodes });
    this.onNodes();
  }

  /** Up to a mark for which the log has not come far enough. */
  async #feedPending(): Promise<void> {
    const pending = this.#pending;
    for (let at = 0; at < pending.length; at++) {
      const { id, fields } = pending[at]!;
      const { items, skipped } = readInboxEntry(bytesOf(fields[1]));
      this.#ground.skipped(skipped);
      const [first] = items;
      if (first?.type === "mark") {
        if (!await this.#feedMarked(first.name)) {
          this.#pending = pending.slice(at);
          return;
        }
        if (this.#ground.ended) return;
      } else {
        for (const item of items) {
          if (item.type === "instruction") this.#ground.listener!.instruction(item.text);
          else if (item.type === "forwarded") this.#feed({ ...item, group: undefined });
          else if (item.type === "mail" || item.type === "wanted") this.#feed(item);
        }
      }
      this.#inboxTold = id;
    }
    this.#pending = [];
  }

  #feed(event: Parameters<NonNullable<Ground["listener"]>["feed"]>[0]): void {
    this.#fed = true;
    this.#ground.listener!.feed(event);
  }

  /** False where the log has to come further first. */
  async #feedMarked(name: string): Promise<boolean> {
    const expected = this.#marks.get(name);
    if (expected === undefined) return true; // of a call whose answer was lost: it was made again
    this.#endTurn();
    const marked = await expected;
    if (marked !== undefined) {
      if (isBefore(this.#log, entryId(marked.log))) return false;
      this.#fed = true;
      marked.tell();
    }
    this.#marks.delete(name);
    return true;
  }

  #feedShare({ id, fields }: Entry): void {
    const { items, skipped } = readInboxEntry(bytesOf(fields[1]));
    this.#ground.skipped(skipped);
    for (const item of items) {
      if (item.type !== "shared") continue;
      this.#feed({ ...item, taken: { type: "taken", node: this.#ground.node, entry: id } });
    }
    this.#shares = id;
  }

  #endTurn(): void {
    if (!this.#fed) return;
    this.#fed = false;
    this.#ground.listener!.endTurn();
  }

  #catchUp(): void {
    if (this.#caughtUp === undefined || isBefore(this.#log, this.#caughtUp.to)) return;
    this.#endTurn();
    this.#tell();
    this.#caughtUp.resolve();
    this.#caughtUp = undefined;
  }

  /** Says how far it has come, one saying at a time. */
  async #tell(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    const { key, node } = this.#ground;
    try {
      for (;;) {
        const now = `${this.#logText} ${this.#inboxTold}`;
        if (now === this.#told || this.#ground.ended) break;
        const above = behind(this.#inboxTold);
        await callWhenUp(this.#teller, "applied", key, [node, this.#logText, above]);
        this.#told = now;
      }
    } catch { // it ends, or the next beat says what is wrong
    } finally {
      this.#telling = false;
    }
  }
}

/** An entry of an answer: its id, names and values. */
function entryOf(reply: Reply): Entry {
  const [id, fields] = listOf(reply);
  return { id: textOf(id), fields: fields === null || fields === undefined ? [] : listOf(fields) };
}

/** The least id behind one. */
function behind(id: string): string {
  const { ms, sequence } = entryId(id);
  return `${ms}-${sequence + 1}`;
}
