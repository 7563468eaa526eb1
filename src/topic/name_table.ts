/**
 * The nodes of `name_tree.ts` by their branch and the level at which they hang in it, in one flat table as
 * `child_table.ts` is one: where levels are many an access costs one look at memory that no cache holds, and the
 * garbage collector finds nothing to go through.
 *
 *     directory ── upper bits of the hash ──► page ── lower bits ──► slot, or one of the next ones
 *                                                                    hash │ node    hash │ node   …
 *
 * What is said there of foreseeable hashes holds here: what finds no room within `REACH` goes into a Map.
 */

import type { HashPage } from "./hash_pages.ts";
import {
  crowdKey,
  DEEPEST,
  hashOfBytes,
  LARGEST,
  PageDirectory,
  REACH,
  SMALLEST,
} from "./hash_pages.ts";
import type { NodePlace } from "./name_node.ts";
import { isAt, levelBytes, parentOf } from "./name_node.ts";
import type { PackedMemory } from "./packed_memory.ts";
import { read } from "./spelling.ts";

interface Page extends HashPage {
  /** Two numbers a slot, hash and node; node 0: empty. The slots are a power of two. */
  slots: Int32Array;
  count: number;
}

export class NameTable {
  readonly #memory: PackedMemory;
  readonly #directory = new PageDirectory<Page>(emptyPage);
  readonly #crowd = new Map<string, NodePlace>();

  /** @param memory where the nodes lie */
  constructor(memory: PackedMemory) {
    this.#memory = memory;
  }

  /**
   * The node of a branch at the level `name[from..to)`; 0: there is none.
   *
   * @param hash of that level
   */
  get(hash: number, branch: NodePlace, name: Uint8Array, from: number, to: number): NodePlace {
    const page = this.#directory.pageOf(hash);
    const slot = this.#slotOf(page, hash, branch, name, from, to);
    if (slot >= 0) return page.slots[slot + 1]!;
    if (!page.crowded || this.#crowd.size === 0) return 0;
    return this.#crowd.get(keyOf(branch, name, from, to)) ?? 0;
  }

  /** Puts a node that is not there at the level `name[from..to)` of its branch, which has that hash. */
  add(
    hash: number,
    branch: NodePlace,
    name: Uint8Array,
    from: number,
    to: number,
    node: NodePlace,
  ): void {
    for (;;) {
      const page = this.#directory.pageOf(hash);
      const slots = page.slots.length / 2;
      if (page.count < slots * 3 / 4 && placeIn(page, hash, node)) return;
      const sparse = page.count < slots / 4; // so these are not random hashes
      if (sparse || slots === LARGEST && page.depth === DEEPEST) {
        page.crowded = true;
        this.#crowd.set(keyOf(branch, name, from, to), node);
        return;
      }
      if (slots < LARGEST) this.#resize(page, slots * 2);
      else this.#part(page);
    }
  }

  /** Takes away the node at that level, which is there. */
  delete(branch: NodePlace, name: Uint8Array, from: number, to: number): void {
    const hash = hashOfBytes(branch, name, from, to);
    const page = this.#directory.pageOf(hash);
    const slot = this.#slotOf(page, hash, branch, name, from, to);
    if (slot < 0) {
      this.#crowd.delete(keyOf(branch, name, from, to));
      return;
    }
    empty(page, slot);
    const slots = page.slots.length / 2;
    if (slots > SMALLEST && page.count < slots / 8) this.#resize(page, slots / 2);
  }

  /** Where the slot of the node begins; -1: it is in none. */
  #slotOf(
    { slots }: Page,
    hash: number,
    branch: NodePlace,
    name: Uint8Array,
    from: number,
    to: number,
  ): number {
    const mask = slots.length - 1;
    for (let tried = 0, at = hash * 2 & mask; tried < REACH; tried++, at = at + 2 & mask) {
      const node = slots[at + 1]!;
      if (node === 0) return -1;
      if (slots[at] === hash && isAt(this.#memory, node, branch, name, from, to)) return at;
    }
    return -1;
  }

  #resize(page: Page, slots: number): void {
    const before = page.slots;
    page.slots = new Int32Array(slots * 2);
    page.count = 0;
    this.#move(before, () => page);
  }

  /** Puts two pages in the place of one. */
  #part(page: Page): void {
    this.#directory.part(page);
    this.#move(page.slots, (hash) => this.#directory.pageOf(hash));
  }

  /** Puts what was in a page into the pages that `target` says. */
  #move(slots: Int32Array, target: (hash: number) => Page): void {
    for (let at = 0; at < slots.length; at += 2) {
      const node = slots[at + 1]!;
      if (node === 0) continue;
      const hash = slots[at]!;
      const page = target(hash);
      if (placeIn(page, hash, node)) continue;
      const level = levelBytes(this.#memory, node);
      page.crowded = true;
      this.#crowd.set(keyOf(parentOf(this.#memory, node), level, 0, level.length), node);
    }
  }
}

function emptyPage(depth: number, slots: number): Page {
  return { depth, slots: new Int32Array(slots * 2), count: 0, crowded: false };
}

/** What the Map is asked for that level. */
function keyOf(branch: NodePlace, name: Uint8Array, from: number, to: number): string {
  return crowdKey(branch, read(name, from, to), 0, Infinity);
}

/** Whether there was an empty slot within reach. */
function placeIn(page: Page, hash: number, node: NodePlace): boolean {
  const { slots } = page;
  const mask = slots.length - 1;
  for (let tried = 0, at = hash * 2 & mask; tried < REACH; tried++, at = at + 2 & mask) {
    if (slots[at + 1] !== 0) continue;
    slots[at] = hash;
    slots[at + 1] = node;
    page.count += 1;
    return true;
  }
  return false;
}

/** Empties a slot, and moves into it what would not be found behind an empty one. */
function empty(page: Page, slot: number): void {
  const { slots } = page;
  const mask = slots.length - 1;
  let hole = slot;
  for (let next = hole + 2 & mask; slots[next + 1] !== 0; next = next + 2 & mask) {
    const home = slots[next]! * 2 & mask;
    if ((next - home & mask) < (next - hole & mask)) continue;
    slots[hole] = slots[next]!;
    slots[hole + 1] = slots[next + 1]!;
    hole = next;
  }
  slots[hole + 1] = 0;
  page.count -= 1;
}
