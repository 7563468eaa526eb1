/**
 * The tree under `retained_tree.ts`: names of levels parted by `/`, each with a number for its value. It compares
 * levels as strings and knows no wildcards.
 *
 * A name that shares nothing further with another one hangs as a whole where it parts from the rest, so most names
 * cost one node. A node stays where it is when others come or go: one that has to make room becomes a branch in its
 * place, and what was behind it a new node below.
 *
 * Of a million names as objects and Maps the garbage collector took two fifths of the time in which they were
 * retained, and to find the place of a new one in a Map of a thousand another fifth: so nodes, texts and the table of
 * them are numbers in memory that it does not look at. Only the children of a branch are a Set of its own.
 */

import { NameTable } from "./name_table.ts";
import type { NodePlace } from "./name_node.ts";
import {
  bornOf,
  childOf,
  giveNode,
  hasText,
  levelOf,
  newNode,
  parentOf,
  setChild,
  setValue,
  SEVERAL,
  shorten,
  textOf,
  unitsOf,
  valueOf,
} from "./name_node.ts";
import type { PackedMemory } from "./packed_memory.ts";
import { levelEnd } from "./rest_matches.ts";

export class NameTree {
  readonly memory: PackedMemory;
  readonly root: NodePlace;
  readonly #table: NameTable;
  /**
   * Children of the branches that have, or had, more than one: most branches have one or very many. A Set, as its
   * iterators stay valid while children come and go; once made, it stays with its branch until it is empty.
   */
  readonly #children = new Map<NodePlace, Set<NodePlace>>();

  /** @param memory where the nodes are to lie */
  constructor(memory: PackedMemory) {
    this.memory = memory;
    this.#table = new NameTable(memory);
    this.root = newNode(memory, 0, "", 0);
  }

  /** The child of a branch at the level `name[from..to)`; 0: there is none. */
  childAt(branch: NodePlace, name: string, from: number, to: number): NodePlace {
    return this.#table.get(branch, name, from, to);
  }

  /** The children of a branch, which has some; where it has one, the Set is made. */
  setOfChildren(branch: NodePlace): Set<NodePlace> {
    const known = this.#children.get(branch);
    if (known !== undefined) return known;
    const children = new Set([childOf(this.memory, branch)]);
    this.#children.set(branch, children);
    setChild(this.memory, branch, SEVERAL);
    return children;
  }

  /** The node where a name ends and a value may be; 0: there is none. */
  find(name: string): NodePlace {
    const { memory } = this;
    let node = this.root;
    for (let at = 0; at <= name.length;) {
      const end = levelEnd(name, at);
      node = this.#table.get(node, name, at, end);
      if (node === 0) return 0;
      if (unitsOf(memory, node) > end - at) return hasText(memory, node, name, at) ? node : 0;
      at = end + 1;
    }
    return node;
  }

  /** The node where a name ends, made if there is none. */
  insert(name: string): NodePlace {
    const { memory } = this;
    let branch = this.root;
    for (let at = 0; at <= name.length;) {
      const end = levelEnd(name, at);
      const child = this.#table.get(branch, name, at, end);
      if (child === 0) {
        const node = newNode(memory, branch, name, at);
        this.#table.add(branch, name, at, end, node);
        this.#attach(branch, node);
        return node;
      }
      if (unitsOf(memory, child) > end - at) {
        if (hasText(memory, child, name, at)) return child;
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
      const level = levelOf(memory, node);
      this.#table.delete(branch, level, 0, level.length);
      this.#detach(branch, node);
      giveNode(memory, node);
      node = branch;
    }
  }

  /** Leaves a node its level and puts what comes behind it, with the value, into a new one below. */
  #makeRoom(node: NodePlace): void {
    const { memory } = this;
    const text = textOf(memory, node);
    const level = text.slice(0, levelEnd(text, 0));
    const from = level.length + 1;
    const rest = newNode(memory, node, text, from);
    setValue(memory, rest, valueOf(memory, node), bornOf(memory, node));
    setValue(memory, node, 0, 0);
    shorten(memory, node, level);
    this.#table.add(node, text, from, levelEnd(text, from), rest);
    this.#attach(node, rest);
  }

  #attach(branch: NodePlace, node: NodePlace): void {
    if (childOf(this.memory, branch) === 0) setChild(this.memory, branch, node);
    else this.setOfChildren(branch).add(node);
  }

  #detach(branch: NodePlace, node: NodePlace): void {
    const children = this.#children.get(branch);
    if (children !== undefined) {
      children.delete(node);
      if (children.size > 0) return;
      this.#children.delete(branch);
    }
    setChild(this.memory, branch, 0);
  }
}
