/**
 * The children of all branches of a tree in one flat table: by the number of the branch and the level, a node.
 * Part of the island `filter_tree.ts`; it compares levels as strings and knows nothing else of them.
 *
 *     directory ── upper bits of the hash ──► page ── lower bits ──► slot, or one of the next ones
 *                                             keys   branch │ hash    branch │ hash   …
 *                                             nodes  node             node            …
 *
 * A Map for each branch took about six accesses to memory that no cache holds for a level among 250,000, and 45
 * bytes; this takes three, with the node and its string, and 30 bytes.
 *
 * It never moves everything at once: a page that is full is rebuilt at twice its size, or parted in two by the
 * next bit of the hash: among 4 million nodes none took longer than 0.5 ms to put in.
 *
 * Anyone can foretell the hash. Whoever makes levels that meet in one place fills the `REACH` slots there; what
 * finds no room goes into a Map, whose hash nobody can foretell: see `map_key.ts`.
 */

import type { HashPage } from "./hash_pages.ts";
import {
  crowdKey,
  DEEPEST,
  hashOf,
  LARGEST,
  PageDirectory,
  REACH,
  SMALLEST,
} from "./hash_pages.ts";
import { levelEnd } from "./rest_matches.ts";

/** What hangs at a level: the one that begins at `at` in `text` and ends with a `/` or with the text. */
export interface Placed {
  readonly text: string;
  readonly at: number;
}

interface Page<Node> extends HashPage {
  /** Two numbers a slot, branch and hash; branch 0: empty. As many slots as nodes, a power of two. */
  keys: Int32Array;
  nodes: (Node | undefined)[];
  count: number;
}

const SLASH = 0x2f;

/** Nodes by the number of their branch, from 1 to 2³¹ - 1, and their level. */
export class ChildTable<Node extends Placed> {
  private readonly directory = new PageDirectory<Page<Node>>(emptyPage);
  private readonly crowd = new Map<string, Node>();

  /** The node at the level `text[from..to)` of a branch. */
  get(branch: number, text: string, from: number, to: number): Node | undefined {
    const hash = hashOf(branch, text, from, to);
    const page = this.directory.pageOf(hash);
    const slot = slotOf(page, branch, hash, text, from, to);
    if (slot >= 0) return page.nodes[slot];
    if (!page.crowded || this.crowd.size === 0) return undefined;
    return this.crowd.get(crowdKey(branch, text, from, to));
  }

  /** Puts a node at its level of a branch, in the place of the one that is there. */
  put(branch: number, node: Node): void {
    const { text, at } = node;
    const to = levelEnd(text, at);
    const hash = hashOf(branch, text, at, to);
    const page = this.directory.pageOf(hash);
    const slot = slotOf(page, branch, hash, text, at, to);
    if (slot >= 0) page.nodes[slot] = node;
    else if (page.crowded && this.crowd.has(crowdKey(branch, text, at, to))) {
      this.intoCrowd(page, branch, node);
    } else {
      this.place(branch, hash, node);
    }
  }

  /** Takes the node at that level away, which is there. */
  delete(branch: number, { text, at }: Node): void {
    const to = levelEnd(text, at);
    const hash = hashOf(branch, text, at, to);
    const page = this.directory.pageOf(hash);
    const slot = slotOf(page, branch, hash, text, at, to);
    if (slot < 0) {
      this.crowd.delete(crowdKey(branch, text, at, to));
      return;
    }
    empty(page, slot);
    const slots = page.nodes.length;
    if (slots > SMALLEST && page.count < slots / 8) this.resize(page, slots / 2);
  }

  /** Puts a node that is not there where it finds room. */
  private place(branch: number, hash: number, node: Node): void {
    for (;;) {
      const page = this.directory.pageOf(hash);
      const slots = page.nodes.length;
      if (page.count < slots * 3 / 4 && placeIn(page, branch, hash, node)) return;
      const sparse = page.count < slots / 4; // so these are not random hashes
      if (sparse || slots === LARGEST && page.depth === DEEPEST) {
        return this.intoCrowd(page, branch, node);
      }
      if (slots < LARGEST) this.resize(page, slots * 2);
      else this.part(page);
    }
  }

  private resize(page: Page<Node>, slots: number): void {
    const { keys, nodes } = page;
    page.keys = new Int32Array(slots * 2);
    page.nodes = emptySlots(slots);
    page.count = 0;
    this.move(keys, nodes, () => page);
  }

  /** Puts two pages in the place of one. */
  private part(page: Page<Node>): void {
    this.directory.part(page);
    this.move(page.keys, page.nodes, (hash) => this.directory.pageOf(hash));
  }

  /** Puts what was in a page into the pages that `target` says. */
  private move(
    keys: Int32Array,
    nodes: (Node | undefined)[],
    target: (hash: number) => Page<Node>,
  ): void {
    for (let slot = 0; slot < nodes.length; slot++) {
      const node = nodes[slot];
      if (node === undefined) continue;
      const branch = keys[slot * 2]!;
      const hash = keys[slot * 2 + 1]!;
      const page = target(hash);
      if (!placeIn(page, branch, hash, node)) this.intoCrowd(page, branch, node);
    }
  }

  private intoCrowd(page: Page<Node>, branch: number, node: Node): void {
    const { text, at } = node;
    page.crowded = true;
    this.crowd.set(crowdKey(branch, text, at, levelEnd(text, at)), node);
  }
}

function emptyPage<Node>(depth: number, slots: number): Page<Node> {
  return {
    depth,
    keys: new Int32Array(slots * 2),
    nodes: emptySlots(slots),
    count: 0,
    crowded: false,
  };
}

function emptySlots<Node>(slots: number): (Node | undefined)[] {
  return new Array<Node | undefined>(slots).fill(undefined);
}

/** Where the node is in the page; -1: nowhere. */
function slotOf<Node extends Placed>(
  { keys, nodes }: Page<Node>,
  branch: number,
  hash: number,
  text: string,
  from: number,
  to: number,
): number {
  const mask = nodes.length - 1;
  for (let tried = 0, slot = hash & mask; tried < REACH; tried++, slot = slot + 1 & mask) {
    const found = keys[slot * 2];
    if (found === 0) return -1;
    if (found !== branch || keys[slot * 2 + 1] !== hash) continue;
    if (isLevel(nodes[slot]!, text, from, to)) return slot;
  }
  return -1;
}

/** Whether there was an empty slot within reach for a node that is not there. */
function placeIn<Node>(page: Page<Node>, branch: number, hash: number, node: Node): boolean {
  const { keys, nodes } = page;
  const mask = nodes.length - 1;
  for (let tried = 0, slot = hash & mask; tried < REACH; tried++, slot = slot + 1 & mask) {
    if (keys[slot * 2] !== 0) continue;
    keys[slot * 2] = branch;
    keys[slot * 2 + 1] = hash;
    nodes[slot] = node;
    page.count += 1;
    return true;
  }
  return false;
}

/** Empties a slot, and moves into it what would not be found behind an empty one. */
function empty<Node>(page: Page<Node>, slot: number): void {
  const { keys, nodes } = page;
  const mask = nodes.length - 1;
  let hole = slot;
  for (let next = hole + 1 & mask; keys[next * 2] !== 0; next = next + 1 & mask) {
    const home = keys[next * 2 + 1]! & mask;
    if ((next - home & mask) < (next - hole & mask)) continue;
    keys[hole * 2] = keys[next * 2]!;
    keys[hole * 2 + 1] = keys[next * 2 + 1]!;
    nodes[hole] = nodes[next];
    hole = next;
  }
  keys[hole * 2] = 0;
  nodes[hole] = undefined;
  page.count -= 1;
}

/** Whether the level of the node is `text[from..to)`. */
export function isLevel(node: Placed, text: string, from: number, to: number): boolean {
  const level = node.text;
  let at = node.at;
  const end = at + to - from;
  if (end > level.length || end < level.length && level.charCodeAt(end) !== SLASH) return false;
  for (; at < end; at++, from++) {
    if (level.charCodeAt(at) !== text.charCodeAt(from)) return false;
  }
  return true;
}
