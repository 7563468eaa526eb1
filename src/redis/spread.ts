/**
 * How far each living node has taken the log in, and who waits for that. Nodes publish it; where a message of
 * theirs is lost, asking now and then is the net.
 */

import type { NodeId } from "../policy/identity.ts";
import { callOnce, pause } from "./calls.ts";
import { listOf, textOf } from "./client.ts";
import type { Ground } from "./ground.ts";
import type { Link } from "./link.ts";

/** Milliseconds between two looks while somebody waits. */
const LOOK = 200;

/** Number of an entry of a stream. */
export interface EntryId {
  readonly ms: number;
  readonly sequence: number;
}

interface Waiting {
  readonly entry: EntryId;
  readonly nodes: Set<NodeId>;
  readonly resolve: () => void;
}

export class Spread {
  readonly #ground: Ground;
  readonly #link: Link;
  readonly #applied = new Map<NodeId, EntryId>();
  #waiting: Waiting[] = [];
  #looking = false;

  constructor(ground: Ground, link: Link) {
    this.#ground = ground;
    this.#link = link;
  }

  /** Resolves when these nodes have that entry, or are no more; never, when this node's end comes first. */
  everywhere(entry: string, nodes: readonly NodeId[]): Promise<void> {
    const id = entryId(entry);
    const lacking = nodes.filter((node) => !this.#has(node, id));
    if (lacking.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ entry: id, nodes: new Set(lacking), resolve });
      void this.#look();
    });
  }

  /** A node has told how far it is: `{node} {entry}`. */
  heard(text: string): void {
    const at = text.lastIndexOf(" ");
    this.#advance(text.slice(0, at), entryId(text.slice(at + 1)));
    this.#settle();
  }

  #has(node: NodeId, entry: EntryId): boolean {
    const applied = this.#applied.get(node);
    return applied !== undefined && !isBefore(applied, entry);
  }

  #advance(node: NodeId, entry: EntryId): void {
    const before = this.#applied.get(node);
    if (before === undefined || isBefore(before, entry)) this.#applied.set(node, entry);
  }

  #settle(): void {
    if (this.#waiting.length === 0) return;
    this.#waiting = this.#waiting.filter(({ entry, nodes, resolve }) => {
      for (const node of nodes) if (this.#has(node, entry)) nodes.delete(node);
      if (nodes.size > 0) return true;
      resolve();
      return false;
    });
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    while (!this.#ground.ended) {
      await pause(LOOK);
      if (this.#waiting.length === 0 || this.#ground.ended) break;
      try {
        await this.#link.up();
        this.#found(listOf(await callOnce(this.#link, "places", this.#ground.key, [])));
      } catch { // it is asked again
      }
    }
    this.#looking = false;
  }

  /** Nodes and their places; whoever is not among them is no more. */
  #found(flat: readonly unknown[]): void {
    const living = new Set<NodeId>();
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const node = textOf(flat[i] as Buffer);
      living.add(node);
      this.#advance(node, entryId(textOf(flat[i + 1] as Buffer)));
    }
    for (const node of this.#applied.keys()) if (!living.has(node)) this.#applied.delete(node);
    for (const { nodes } of this.#waiting) {
      for (const node of nodes) if (!living.has(node)) nodes.delete(node);
    }
    this.#settle();
  }
}

/** The number that `{ms}-{n}` says. */
export function entryId(text: string): EntryId {
  const at = text.indexOf("-");
  return { ms: Number(text.slice(0, at)), sequence: Number(text.slice(at + 1)) };
}

/** Whether an entry comes before another. */
export function isBefore(a: EntryId, b: EntryId): boolean {
  return a.ms < b.ms || (a.ms === b.ms && a.sequence < b.sequence);
}
