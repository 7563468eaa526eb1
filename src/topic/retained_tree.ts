/**
 * Topic Names and what is retained under them: all that a Topic Filter matches, taken little by
 * little while names come and go. MQTT 5.0 sections 3.3.1.3 and 4.7.
 *
 * A mutable island: the broker owns it and nobody else changes it. It says what `matches.ts` says,
 * which `tests/property/retained_tree_test.ts` holds it to.
 */

import {
  type Branch,
  childAt,
  emptyBranch,
  find,
  insert,
  type Node,
  remove,
} from "./level_tree.ts";
import { HASH, levelEnd, PLUS, restMatches } from "./rest_matches.ts";
import { hasWildcard, type TopicFilter } from "./topic_filter.ts";
import type { TopicName } from "./topic_name.ts";

/** The children of a branch that a search has still to go through, and where it stands there. */
interface Frame<Value> {
  readonly nodes: Iterator<Node<Value>>;
  /** Where the level of the filter begins that comes after these children. */
  readonly filterAt: number;
  /** Where the level of these children begins in their names. */
  readonly nameAt: number;
}

/** One value for each Topic Name; a value is never undefined. */
export class RetainedTree<Value> {
  private readonly root: Branch<Value> = emptyBranch("");
  private births = 0;
  private count = 0;

  /** Sets the value of a topic and returns the one before. */
  set(topic: TopicName, value: Value): Value | undefined {
    const leaf = insert(this.root, topic, value, ++this.births);
    if (leaf.born === this.births) { // it was not there
      this.count += 1;
      return undefined;
    }
    const previous = leaf.value;
    leaf.value = value;
    return previous;
  }

  /** The value of a topic. */
  get(topic: TopicName): Value | undefined {
    return find(this.root, topic)?.value;
  }

  /** Takes away the value of a topic and returns it. */
  delete(topic: TopicName): Value | undefined {
    const leaf = remove(this.root, topic);
    if (leaf === undefined) return undefined;
    this.count -= 1;
    return leaf.value;
  }

  /** How many topics have a value. */
  get size(): number {
    return this.count;
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
      const leaf = find(this.root, filter);
      if (leaf !== undefined) yield leaf.value;
      return;
    }
    const youngest = this.births;
    const frames: Frame<Value>[] = [];
    let node: Node<Value> | undefined = this.root;
    let filterAt = 0;
    let nameAt = 0;
    for (;;) {
      if (node === undefined) {
        const frame = frames[frames.length - 1];
        if (frame === undefined) return;
        const next = frame.nodes.next();
        if (next.done) {
          frames.pop();
        } else if (!isHidden(next.value, frame.nameAt)) {
          node = next.value;
          filterAt = frame.filterAt;
          nameAt = frame.nameAt + node.level.length + 1;
        }
      } else if (node.path !== undefined) {
        if (node.born <= youngest && restMatches(filter, filterAt, node.path, nameAt)) {
          yield node.value;
        }
        node = undefined;
      } else {
        const branch: Branch<Value> = node;
        const first = filter.charCodeAt(filterAt);
        const ends = filterAt > filter.length;
        if ((ends || first === HASH) && branch.here !== undefined) {
          if (branch.here.born <= youngest) yield branch.here.value;
        }
        // Looked at only now: while the value was out, the children may have changed.
        const children = branch.children;
        if (ends || children === undefined) {
          node = undefined;
        } else if (first !== HASH && first !== PLUS) {
          const end = levelEnd(filter, filterAt);
          node = childAt(branch, filter.slice(filterAt, end));
          nameAt += end + 1 - filterAt;
          filterAt = end + 1;
        } else {
          if (first === PLUS) filterAt += 2;
          if (children instanceof Map) {
            frames.push({ nodes: children.values(), filterAt, nameAt });
            node = undefined;
          } else {
            node = isHidden(children, nameAt) ? undefined : children;
            nameAt += children.level.length + 1;
          }
        }
      }
    }
  }
}

/** [MQTT-4.7.2-1]: whether a wildcard at the first level passes over a node. */
function isHidden<Value>(node: Node<Value>, nameAt: number): boolean {
  return nameAt === 0 && node.level.startsWith("$");
}
