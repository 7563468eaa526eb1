/**
 * The values of the topics that a Topic Filter matches, one after the other while topics come and go. Part of the island
 * `retained_tree.ts`, to which it is a reader. MQTT 5.0 sections 3.3.1.3 and 4.7.
 *
 * Between two of them the tree may change in any way: a topic that is there from the first to the last is taken once,
 * one that has gone is not, and one that came meanwhile is not either.
 */

import type { Walk } from "./name_children.ts";
import type { NodePlace } from "./name_node.ts";
import { bornOf, byteAt, childOf, sizeOf, textOf, valueOf } from "./name_node.ts";
import type { NameTree } from "./name_tree.ts";
import type { PackedMemory } from "./packed_memory.ts";
import { DOLLAR, HASH, levelEnd, PLUS, restMatches } from "./rest_matches.ts";
import type { TopicFilter } from "./topic_filter.ts";

/** The children of a branch that a search has still to go through, and where it stands there. */
interface Frame {
  readonly walk: Walk;
  /** They are the first levels of names. */
  readonly first: boolean;
  /** Where the level of the filter begins that comes after these children. */
  readonly filterAt: number;
}

export class RetainedSearch {
  readonly #tree: NameTree;
  readonly #filter: TopicFilter;
  readonly #youngest: number;
  readonly #frames: Frame[] = [];
  /** Where it goes on; 0: with the next of the last frame. */
  #node: NodePlace;
  /** Where the level of the filter begins that comes after the node. */
  #filterAt = 0;

  /**
   * @param filter a good filter, without `$share/{ShareName}/`
   * @param youngest the birth of the last value that is not passed over
   */
  constructor(tree: NameTree, filter: TopicFilter, youngest: number) {
    this.#tree = tree;
    this.#filter = filter;
    this.#youngest = youngest;
    this.#node = tree.root;
  }

  /** The number of the next value; 0: there is none, nor will there be. */
  next(): number {
    const { memory, root } = this.#tree;
    for (;;) {
      const node = this.#node;
      if (node === 0) {
        const frame = this.#frames[this.#frames.length - 1];
        if (frame === undefined) return 0;
        const next = frame.walk.children.next(frame.walk);
        if (next === 0) {
          this.#frames.pop();
        } else if (!frame.first || !isHidden(memory, next)) {
          this.#node = next;
          this.#filterAt = frame.filterAt;
        }
        continue;
      }
      const value = this.#passOver(node, root);
      if (value !== 0) return value;
    }
  }

  /** Goes on from a node; its number where it has a value that matches, else 0. */
  #passOver(node: NodePlace, root: NodePlace): number {
    const { memory } = this.#tree;
    const filterAt = this.#filterAt;
    const child = childOf(memory, node);
    const value = bornOf(memory, node) <= this.#youngest ? valueOf(memory, node) : 0;
    const first = this.#filter.charCodeAt(filterAt);
    this.#node = 0;
    if (child === 0) {
      if (value === 0 || first === HASH) return value;
      return endMatches(this.#filter, filterAt, textOf(memory, node)) ? value : 0;
    }
    if (first === HASH) {
      if (value === 0 && child > 0) this.#enter(node, child, root);
      else this.#list(node, root); // once the value has been out the node may have gone
      return value;
    }
    if (filterAt > this.#filter.length) return value;
    if (first === PLUS) {
      this.#filterAt = filterAt + 2;
      if (child > 0) this.#enter(node, child, root);
      else this.#list(node, root);
      return 0;
    }
    const end = levelEnd(this.#filter, filterAt);
    this.#node = this.#tree.childNamed(node, this.#filter.slice(filterAt, end));
    this.#filterAt = end + 1;
    return 0;
  }

  /** Goes on at the only child. */
  #enter(node: NodePlace, child: NodePlace, root: NodePlace): void {
    if (node !== root || !isHidden(this.#tree.memory, child)) this.#node = child;
  }

  /** Goes on with all children. */
  #list(node: NodePlace, root: NodePlace): void {
    const walk = this.#tree.childrenOf(node).walk();
    this.#frames.push({ walk, first: node === root, filterAt: this.#filterAt });
  }
}

/** Whether the rest of a filter matches what comes behind the level of a node with that text. */
function endMatches(filter: TopicFilter, filterAt: number, text: string): boolean {
  return restMatches(filter, filterAt, text, levelEnd(text, 0) + 1);
}

/** [MQTT-4.7.2-1]: whether a wildcard passes over a node at the first level. */
function isHidden(memory: PackedMemory, node: NodePlace): boolean {
  return sizeOf(memory, node) > 0 && byteAt(memory, node, 0) === DOLLAR;
}
