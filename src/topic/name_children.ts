/**
 * The children of a branch of `name_tree.ts` that has, or had, more than one: in the order in which they came, for
 * searches that go on while children come and go.
 *
 * A list, and not a Set: of a million names in a thousand branches a Set took a fifth of the time in which they were
 * retained, as it looks at memory that no cache holds for each of them.
 */

import type { NodePlace } from "./name_node.ts";

/** A shorter list is not gone through for its gaps. */
const SHORT = 32;

/** Where somebody stands who goes through children. */
export interface Walk {
  readonly children: NameChildren;
  /** The place of the next one, as long as no gaps have been taken out but those that he knows of. */
  at: number;
  tidied: number;
  /** How many had come before the next one. */
  before: number;
}

export class NameChildren {
  /** 0 in the place of one that has gone. */
  #nodes: NodePlace[];
  #gone = 0;
  /** How many had come before each; undefined as long as that is its place. */
  #before: number[] | undefined;
  /** How many have ever come. */
  #came: number;
  /** How often gaps have been taken out. */
  #tidied = 0;

  constructor(first: NodePlace) {
    this.#nodes = [first];
    this.#came = 1;
  }

  /** How many there are. */
  get size(): number {
    return this.#nodes.length - this.#gone;
  }

  /** Puts one behind all others, and says at which place. */
  add(node: NodePlace): number {
    this.#before?.push(this.#came);
    this.#came += 1;
    return this.#nodes.push(node) - 1;
  }

  /**
   * Takes away the one at that place; more than half of all being gaps, these are taken out.
   *
   * @param moved is told of each that has another place then
   */
  delete(place: number, moved: (node: NodePlace, place: number) => void): void {
    this.#nodes[place] = 0;
    this.#gone += 1;
    const { length } = this.#nodes;
    if (length < SHORT || this.#gone * 2 < length) return;
    const nodes: NodePlace[] = [];
    const before: number[] = [];
    for (let at = 0; at < length; at++) {
      const node = this.#nodes[at]!;
      if (node === 0) continue;
      moved(node, nodes.length);
      nodes.push(node);
      before.push(this.#before?.[at] ?? at);
    }
    this.#nodes = nodes;
    this.#before = before;
    this.#gone = 0;
    this.#tidied += 1;
  }

  /** Somebody who stands before the first. */
  walk(): Walk {
    return { children: this, at: 0, tidied: this.#tidied, before: 0 };
  }

  /** The next one of a walk through these, which goes on; 0: there is none. */
  next(walk: Walk): NodePlace {
    if (walk.tidied !== this.#tidied) {
      walk.at = this.#placeBehind(walk.before);
      walk.tidied = this.#tidied;
    }
    while (walk.at < this.#nodes.length) {
      const at = walk.at++;
      const node = this.#nodes[at]!;
      if (node === 0) continue;
      walk.before = (this.#before?.[at] ?? at) + 1;
      return node;
    }
    return 0;
  }

  /** The first place of one before which at least so many had come. */
  #placeBehind(count: number): number {
    let low = 0;
    let high = this.#nodes.length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (this.#before![middle]! < count) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
