/**
 * The tree under `retained_tree.ts`: names of levels parted by `/`, each with a number for its value. It compares
 * levels as bytes, knows no wildcards, and refers to no name that it is given.
 *
 * A name that shares nothing further with another one hangs as a whole where it parts from the rest, so most names
 * cost one node. A node stays where it is when others come or go: one that has to make room becomes a branch in its
 * place, and what was behind it a new node below.
 *
 * Of a million names as objects and Maps the garbage collector took two fifths of the time in which they were
 * retained, and to find the place of a new one in a Map of a thousand another fifth: so nodes, texts and the table of
 * them are numbers in memory that it does not look at. Only the children of a branch are a list of its own.
 */

import { hashOfBytes } from "./hash_pages.ts";
import { NameChildren } from "./name_children.ts";
import { NameTable } from "./name_table.ts";
import type { NodePlace } from "./name_node.ts";
import {
  bornOf,
  childOf,
  giveNode,
  hasText,
  indexOf,
  newNode,
  parentOf,
  setChild,
  setIndex,
  setValue,
  shorten,
  sizeOf,
  textBytes,
  textOffset,
  valueOf,
} from "./name_node.ts";
import type { PackedMemory } from "./packed_memory.ts";
import { ObjectShelf } from "./shelf.ts";
import { levelEndIn, Spelling } from "./spelling.ts";

const NOTHING = new Uint8Array();

export class NameTree {
  readonly memory: PackedMemory;
  readonly root: NodePlace;
  readonly #table: NameTable;
  readonly #spelling = new Spelling();
  /**
   * Children of the branches that have, or had, more than one: most branches have one or very many. Once made, a list
   * stays with its branch until it is empty.
   */
  readonly #lists = new ObjectShelf<NameChildren>();

  /** @param memory where the nodes are to lie */
  constructor(memory: PackedMemory) {
    this.memory = memory;
    this.#table = new NameTable(memory);
    this.root = newNode(memory, 0, NOTHING, 0, 0);
  }

  /** The child of a branch at that level; 0: there is none. */
  childNamed(branch: NodePlace, level: string): NodePlace {
    const size = this.#spelling.spell(level);
    return this.#childAt(branch, this.#spelling.bytes, 0, size);
  }

  /** The node where that name ends and a value may be; 0: there is none. */
  findNamed(name: string): NodePlace {
    const size = this.#spelling.spell(name);
    return this.find(this.#spelling.bytes, 0, size);
  }

  /** The node where that name ends, made if there is none. */
  insertNamed(name: string): NodePlace {
    const size = this.#spelling.spell(name);
    return this.insert(this.#spelling.bytes, 0, size);
  }

  /** The children of a branch, which has some; where it has one, the list is made. */
  childrenOf(branch: NodePlace): NameChildren {
    const child = childOf(this.memory, branch);
    if (child < 0) return this.#lists.get(-child);
    const children = new NameChildren(child);
    setIndex(this.memory, child, 0);
    setChild(this.memory, branch, -this.#lists.put(children));
    return children;
  }

  /** The node where the name `name[from..to)` ends and a value may be; 0: there is none. */
  find(name: Uint8Array, from: number, to: number): NodePlace {
    const { memory } = this;
    let node = this.root;
    for (let at = from; at <= to;) {
      const end = levelEndIn(name, at, to);
      node = this.#childAt(node, name, at, end);
      if (node === 0) return 0;
      if (sizeOf(memory, node) > end - at) return hasText(memory, node, name, at, to) ? node : 0;
      at = end + 1;
    }
    return node;
  }

  /** The node where the name `name[from..to)` ends, made if there is none. */
  insert(name: Uint8Array, from: number, to: number): NodePlace {
    const { memory } = this;
    let branch = this.root;
    for (let at = from; at <= to;) {
      const end = levelEndIn(name, at, to);
      const hash = hashOfBytes(branch, name, at, end);
      const child = this.#table.get(hash, branch, name, at, end);
      if (child === 0) {
        const node = newNode(memory, branch, name, at, to);
        this.#table.add(hash, branch, name, at, end, node);
        this.#attach(branch, node);
        return node;
      }
      if (sizeOf(memory, child) > end - at) {
        if (hasText(memory, child, name, at, to)) return child;
        this.#makeRoom(child);
      }
      branch = child;
      at = end + 1;
    }
    return branch;
  }

  /** Takes away a node that has no value, and the branches that are left with nothing. */
  prune(node: NodePlace): void {
    const { memory } = this;
    while (node !== this.root && valueOf(memory, node) === 0 && childOf(memory, node) === 0) {
      const branch = parentOf(memory, node);
      const text = textBytes(memory, node);
      const at = textOffset(memory, node);
      const end = levelEndIn(text, at, at + sizeOf(memory, node));
      this.#table.delete(branch, text, at, end);
      this.#detach(branch, node);
      giveNode(memory, node);
      node = branch;
    }
  }

  #childAt(branch: NodePlace, name: Uint8Array, from: number, to: number): NodePlace {
    return this.#table.get(hashOfBytes(branch, name, from, to), branch, name, from, to);
  }

  /** Leaves a node its level and puts what comes behind it, with the value, into a new one below. */
  #makeRoom(node: NodePlace): void {
    const { memory } = this;
    const text = textBytes(memory, node);
    const at = textOffset(memory, node);
    const to = at + sizeOf(memory, node);
    const levelTo = levelEndIn(text, at, to);
    const from = levelTo + 1;
    const rest = newNode(memory, node, text, from, to);
    setValue(memory, rest, valueOf(memory, node), bornOf(memory, node));
    setValue(memory, node, 0, 0);
    const end = levelEndIn(text, from, to);
    this.#table.add(hashOfBytes(node, text, from, end), node, text, from, end, rest);
    this.#attach(node, rest);
    shorten(memory, node, levelTo - at);
  }

  #attach(branch: NodePlace, node: NodePlace): void {
    if (childOf(this.memory, branch) === 0) setChild(this.memory, branch, node);
    else setIndex(this.memory, node, this.childrenOf(branch).add(node));
  }

  #detach(branch: NodePlace, node: NodePlace): void {
    const { memory } = this;
    const number = -childOf(memory, branch);
    if (number > 0) {
      const children = this.#lists.get(number);
      children.delete(indexOf(memory, node), (other, index) => setIndex(memory, other, index));
      if (children.size > 0) return;
      this.#lists.take(number);
    }
    setChild(memory, branch, 0);
  }
}
