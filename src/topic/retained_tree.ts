/**
 * Topic Names and what is retained under them: all that a Topic Filter matches, taken little by
 * little while names come and go. MQTT 5.0 sections 3.3.1.3 and 4.7.
 *
 * A mutable island: the broker owns it and nobody else changes it. It says what `matches.ts` says,
 * which `tests/property/retained_tree_test.ts` holds it to.
 */

import type { Walk } from "./name_children.ts";
import type { NodePlace } from "./name_node.ts";
import { bornOf, byteAt, childOf, setValue, sizeOf, textOf, valueOf } from "./name_node.ts";
import { NameTree } from "./name_tree.ts";
import { PackedMemory } from "./packed_memory.ts";
import { DOLLAR, HASH, levelEnd, PLUS, restMatches } from "./rest_matches.ts";
import type { Shelf } from "./shelf.ts";
import { ObjectShelf } from "./shelf.ts";
import { Spelling } from "./spelling.ts";
import { hasWildcard, type TopicFilter } from "./topic_filter.ts";
import type { TopicName } from "./topic_name.ts";

/** The children of a branch that a search has still to go through, and where it stands there. */
interface Frame {
  readonly walk: Walk;
  /** They are the first levels of names. */
  readonly first: boolean;
  /** Where the level of the filter begins that comes after these children. */
  readonly filterAt: number;
}

/** One value for each Topic Name; a value is never undefined. */
export class RetainedTree<Value> {
  readonly #memory: PackedMemory;
  readonly #tree: NameTree;
  readonly #shelf: Shelf<Value>;
  readonly #spelling = new Spelling();
  #births = 0;
  #count = 0;

  /**
   * @param shelf where the values are kept
   * @param memory where the names are
   */
  constructor(shelf: Shelf<Value> = new ObjectShelf(), memory = new PackedMemory()) {
    this.#memory = memory;
    this.#tree = new NameTree(memory);
    this.#shelf = shelf;
  }

  /** Sets the value of a topic and returns the one before. */
  set(topic: TopicName, value: Value): Value | undefined {
    const size = this.#spelling.spell(topic);
    const previous = this.setNumber(this.#spelling.bytes, 0, size, this.#shelf.put(value));
    return previous === 0 ? undefined : this.#shelf.take(previous);
  }

  /**
   * Sets what the shelf has under that number as the value of a topic, and returns the number of the one before, which
   * is to be taken from the shelf; 0: there was none.
   *
   * @param topic has a good Topic Name in `topic[from..to)`, in UTF-8
   */
  setNumber(topic: Uint8Array, from: number, to: number, value: number): number {
    const memory = this.#memory;
    const node = this.#tree.insert(topic, from, to);
    const previous = valueOf(memory, node);
    if (previous === 0) this.#count += 1;
    setValue(memory, node, value, previous === 0 ? ++this.#births : bornOf(memory, node));
    return previous;
  }

  /** The value of a topic. */
  get(topic: TopicName): Value | undefined {
    const node = this.#find(topic);
    return node === 0 ? undefined : this.#valueAt(node);
  }

  /** Takes away the value of a topic and returns it. */
  delete(topic: TopicName): Value | undefined {
    const node = this.#find(topic);
    const place = node === 0 ? 0 : valueOf(this.#memory, node);
    if (place === 0) return undefined;
    const value = this.#shelf.take(place);
    setValue(this.#memory, node, 0, 0);
    this.#tree.prune(node);
    this.#count -= 1;
    return value;
  }

  /** How many topics have a value. */
  get size(): number {
    return this.#count;
  }

  /**
   * The values of the topics that a filter matches, each as it is when it is taken.
   *
   * Between two of them the tree may change in any way: a topic that is there from the first to
   * the last is taken once, one that has gone is not, and one that came meanwhile is not either.
   *
   * @param filter a good filter, without `$share/{ShareName}/`
   */
  *matching(filter: TopicFilter): IterableIterator<Value> {
    if (!hasWildcard(filter)) {
      const value = this.get(filter);
      if (value !== undefined) yield value;
      return;
    }
    const memory = this.#memory;
    const tree = this.#tree;
    const youngest = this.#births;
    const frames: Frame[] = [];
    let node = tree.root;
    let filterAt = 0;
    for (;;) {
      if (node === 0) {
        const frame = frames[frames.length - 1];
        if (frame === undefined) return;
        const next = frame.walk.children.next(frame.walk);
        if (next === 0) {
          frames.pop();
        } else if (!frame.first || !isHidden(memory, next)) {
          node = next;
          filterAt = frame.filterAt;
        }
        continue;
      }
      // Once a value has been out the node may have gone: what is asked of it is asked before.
      const child = childOf(memory, node);
      const place = bornOf(memory, node) <= youngest ? valueOf(memory, node) : 0;
      const first = filter.charCodeAt(filterAt);
      if (child === 0) {
        if (place !== 0 && (first === HASH || endMatches(filter, filterAt, textOf(memory, node)))) {
          yield this.#shelf.get(place);
        }
        node = 0;
      } else if (first === HASH) {
        if (place !== 0 || child < 0) {
          const walk = tree.childrenOf(node).walk();
          frames.push({ walk, first: node === tree.root, filterAt });
          node = 0;
          if (place !== 0) yield this.#shelf.get(place);
        } else {
          node = node === tree.root && isHidden(memory, child) ? 0 : child;
        }
      } else if (filterAt > filter.length) {
        node = 0;
        if (place !== 0) yield this.#shelf.get(place);
      } else if (first === PLUS) {
        filterAt += 2;
        if (child < 0) {
          const walk = tree.childrenOf(node).walk();
          frames.push({ walk, first: node === tree.root, filterAt });
          node = 0;
        } else {
          node = node === tree.root && isHidden(memory, child) ? 0 : child;
        }
      } else {
        const end = levelEnd(filter, filterAt);
        const size = this.#spelling.spell(filter.slice(filterAt, end));
        node = tree.childAt(node, this.#spelling.bytes, 0, size);
        filterAt = end + 1;
      }
    }
  }

  #find(topic: TopicName): NodePlace {
    const size = this.#spelling.spell(topic);
    return this.#tree.find(this.#spelling.bytes, 0, size);
  }

  #valueAt(node: NodePlace): Value | undefined {
    const place = valueOf(this.#memory, node);
    return place === 0 ? undefined : this.#shelf.get(place);
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
