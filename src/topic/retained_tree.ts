/**
 * Topic Names and what is retained under them: all that a Topic Filter matches, taken little by
 * little while names come and go. MQTT 5.0 sections 3.3.1.3 and 4.7.
 *
 * A mutable island: the broker owns it and nobody else changes it. It says what `matches.ts` says,
 * which `tests/property/retained_tree_test.ts` holds it to.
 */

import type { NodePlace } from "./name_node.ts";
import { bornOf, setValue, valueOf } from "./name_node.ts";
import { NameTree } from "./name_tree.ts";
import { PackedMemory } from "./packed_memory.ts";
import { RetainedSearch } from "./retained_search.ts";
import type { Shelf } from "./shelf.ts";
import { ObjectShelf } from "./shelf.ts";
import type { TopicFilter } from "./topic_filter.ts";
import type { TopicName } from "./topic_name.ts";

/** One value for each Topic Name; a value is never undefined. */
export class RetainedTree<Value> {
  readonly #memory: PackedMemory;
  readonly #tree: NameTree;
  readonly #shelf: Shelf<Value>;
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
    const previous = this.#setAt(this.#tree.insertNamed(topic), this.#shelf.put(value));
    return previous === 0 ? undefined : this.#shelf.take(previous);
  }

  /**
   * Sets what the shelf has under that number as the value of a topic, and returns the number of the one before, which
   * is to be taken from the shelf; 0: there was none.
   *
   * @param topic has a good Topic Name in `topic[from..to)`, in UTF-8
   */
  setNumber(topic: Uint8Array, from: number, to: number, value: number): number {
    return this.#setAt(this.#tree.insert(topic, from, to), value);
  }

  #setAt(node: NodePlace, value: number): number {
    const memory = this.#memory;
    const previous = valueOf(memory, node);
    if (previous === 0) this.#count += 1;
    setValue(memory, node, value, previous === 0 ? ++this.#births : bornOf(memory, node));
    return previous;
  }

  /** The value of a topic. */
  get(topic: TopicName): Value | undefined {
    const node = this.#tree.findNamed(topic);
    return node === 0 ? undefined : this.#valueAt(node);
  }

  /** Takes away the value of a topic and returns it. */
  delete(topic: TopicName): Value | undefined {
    const node = this.#tree.findNamed(topic);
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
   * The values of the topics that a filter matches, each as it is when it is taken: see `retained_search.ts`.
   *
   * @param filter a good filter, without `$share/{ShareName}/`
   */
  *matching(filter: TopicFilter): IterableIterator<Value> {
    const search = this.search(filter);
    for (let number = search.next(); number !== 0; number = search.next()) {
      yield this.#shelf.get(number);
    }
  }

  /** The same by the numbers that the shelf has them under. */
  search(filter: TopicFilter): RetainedSearch {
    return new RetainedSearch(this.#tree, filter, this.#births);
  }

  #valueAt(node: NodePlace): Value | undefined {
    const place = valueOf(this.#memory, node);
    return place === 0 ? undefined : this.#shelf.get(place);
  }
}
