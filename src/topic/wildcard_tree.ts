/**
 * Topic Filters with wildcards, each with its row: the tree under `filter_tree.ts`, and part of that island.
 * MQTT 5.0 section 4.7.1.
 *
 * A filter that shares nothing further with another one hangs as a whole where it parts from the rest, so
 * most filters cost one row and one slot of the table of children. What hangs at `+` and at `#` is asked for at
 * every branch on the way of a name, and stands beside the table.
 */

import { ChildTable, isLevel } from "./child_table.ts";
import type { Row } from "./filter_row.ts";
import { withAll } from "./filter_row.ts";
import { DOLLAR, levelEnd, restMatches } from "./rest_matches.ts";
import type { TopicFilter } from "./topic_filter.ts";
import type { TopicName } from "./topic_name.ts";

/** What all filters have in common that lead through it. */
interface Branch<Value> {
  /** Its level. */
  readonly text: string;
  readonly at: 0;
  /** Never set: tells a branch from a row. */
  readonly value: undefined;
  /** The filter that ends here. */
  here: Row<Value> | undefined;
  /** The child at the level `+`. */
  plus: Node<Value> | undefined;
  /** The child at the level `#`. */
  hash: Row<Value> | undefined;
  /** The first of the others, as long as there was no second: most branches have one or very many. */
  only: Node<Value> | undefined;
  /** How many are in the table, by this number. */
  many: number;
  number: number;
}

type Node<Value> = Branch<Value> | Row<Value>;

/** Rows by their filters. */
export class WildcardTree<Value> {
  private readonly root: Branch<Value> = emptyBranch("");
  private readonly table = new ChildTable<Node<Value>>();
  private numbers = 0;
  /** Numbers of branches that have no child in the table any more. */
  private readonly free: number[] = [];

  /** The row of a filter. */
  find(filter: TopicFilter): Row<Value> | undefined {
    let branch = this.root;
    for (let at = 0; at <= filter.length;) {
      const end = levelEnd(filter, at);
      const child = this.childAt(branch, filter, at, end);
      if (child === undefined) return undefined;
      if (isRow(child)) return child.text === filter ? child : undefined;
      branch = child;
      at = end + 1;
    }
    return branch.here;
  }

  /** Adds the row of a filter that has none. */
  insert(row: Row<Value>): void {
    const filter = row.text;
    let branch = this.root;
    for (row.at = 0; row.at <= filter.length;) {
      const end = levelEnd(filter, row.at);
      const child = this.childAt(branch, filter, row.at, end);
      if (child === undefined) return this.attach(branch, row);
      branch = isRow(child) ? this.parted(branch, child, end - row.at) : child;
      row.at = end + 1;
    }
    branch.here = row;
  }

  /** Removes a filter together with the branches that it leaves empty. */
  remove(filter: TopicFilter): void {
    const way: Branch<Value>[] = [];
    let branch = this.root;
    for (let at = 0; at <= filter.length;) {
      const end = levelEnd(filter, at);
      const child = this.childAt(branch, filter, at, end);
      if (child === undefined) return;
      if (isRow(child)) {
        if (child.text !== filter) return;
        this.detach(branch, child);
        return this.prune(way, branch);
      }
      way.push(branch);
      branch = child;
      at = end + 1;
    }
    branch.here = undefined;
    this.prune(way, branch);
  }

  /** What has been found and the values of all filters that match a name; undefined: nothing. */
  collect(topic: TopicName, found: Value[] | undefined): Value[] | undefined {
    if (topic.charCodeAt(0) !== DOLLAR) return this.collectBelow(this.root, topic, 0, found);
    const end = levelEnd(topic, 0); // [MQTT-4.7.2-1]: only filters that name the first level reach it.
    const named = this.namedAt(this.root, topic, 0, end);
    return named === undefined ? found : this.collectAt(named, end, topic, end + 1, found);
  }

  /**
   * Collects below a branch whose levels have matched so far; the next level of the name begins at `topicAt`.
   * Goes no deeper than the longest filter, and to no branch twice.
   */
  private collectBelow(
    branch: Branch<Value>,
    topic: TopicName,
    topicAt: number,
    before: Value[] | undefined,
  ): Value[] | undefined {
    const { hash, here, plus } = branch;
    let found = before;
    if (hash !== undefined) found = withAll(hash, found);
    if (topicAt > topic.length) return here === undefined ? found : withAll(here, found);
    const end = levelEnd(topic, topicAt);
    const named = this.namedAt(branch, topic, topicAt, end);
    if (named !== undefined) {
      found = this.collectAt(named, end - topicAt, topic, end + 1, found);
    }
    if (plus !== undefined) found = this.collectAt(plus, 1, topic, end + 1, found);
    return found;
  }

  /** The same at a node whose own level, of that length, has matched. */
  private collectAt(
    node: Node<Value>,
    length: number,
    topic: TopicName,
    topicAt: number,
    found: Value[] | undefined,
  ): Value[] | undefined {
    if (!isRow(node)) return this.collectBelow(node, topic, topicAt, found);
    const matches = restMatches(node.text, node.at + length + 1, topic, topicAt);
    return matches ? withAll(node, found) : found;
  }

  /** The child of a branch at the level `text[from..to)`. */
  private childAt(
    branch: Branch<Value>,
    text: string,
    from: number,
    to: number,
  ): Node<Value> | undefined {
    if (to - from === 1) {
      if (text[from] === "+") return branch.plus;
      if (text[from] === "#") return branch.hash;
    }
    return this.namedAt(branch, text, from, to);
  }

  /** The same where it is no wildcard. */
  private namedAt(
    { only, many, number }: Branch<Value>,
    text: string,
    from: number,
    to: number,
  ): Node<Value> | undefined {
    if (only !== undefined) return isLevel(only, text, from, to) ? only : undefined;
    return many === 0 ? undefined : this.table.get(number, text, from, to);
  }

  /** Puts a branch in the place of a row, whose level has that length, and the row below it. */
  private parted(parent: Branch<Value>, row: Row<Value>, length: number): Branch<Value> {
    const end = row.at + length;
    const branch = emptyBranch<Value>(row.text.slice(row.at, end));
    if (parent.plus === row) parent.plus = branch;
    else if (parent.only === row) parent.only = branch;
    else this.table.put(parent.number, branch);
    row.at = end + 1;
    if (end === row.text.length) branch.here = row;
    else this.attach(branch, row);
    return branch;
  }

  /** Hangs up a row where nothing hangs at its level. */
  private attach(branch: Branch<Value>, row: Row<Value>): void {
    const level = levelEnd(row.text, row.at) - row.at === 1 ? row.text[row.at] : "";
    if (level === "+") branch.plus = row;
    else if (level === "#") branch.hash = row;
    else if (branch.only === undefined && branch.many === 0) branch.only = row;
    else {
      if (branch.many === 0) branch.number = this.free.pop() ?? ++this.numbers;
      if (branch.only !== undefined) {
        this.table.put(branch.number, branch.only);
        branch.many += 1;
        branch.only = undefined;
      }
      this.table.put(branch.number, row);
      branch.many += 1;
    }
  }

  private detach(branch: Branch<Value>, node: Node<Value>): void {
    if (branch.plus === node) branch.plus = undefined;
    else if (branch.hash === node) branch.hash = undefined;
    else if (branch.only === node) branch.only = undefined;
    else {
      this.table.delete(branch.number, node);
      branch.many -= 1;
      if (branch.many === 0) this.free.push(branch.number);
    }
  }

  /** Takes away the branch, and those on the way to it, as far as nothing hangs there any more. */
  private prune(way: readonly Branch<Value>[], branch: Branch<Value>): void {
    for (let depth = way.length - 1; depth >= 0 && isEmpty(branch); depth--) {
      const parent = way[depth]!;
      this.detach(parent, branch);
      branch = parent;
    }
  }
}

function isRow<Value>(node: Node<Value>): node is Row<Value> {
  return node.value !== undefined;
}

/** A branch with nothing below it; with level "" the root. */
function emptyBranch<Value>(level: string): Branch<Value> {
  return {
    text: level,
    at: 0,
    value: undefined,
    here: undefined,
    plus: undefined,
    hash: undefined,
    only: undefined,
    many: 0,
    number: 0,
  };
}

function isEmpty<Value>({ here, plus, hash, only, many }: Branch<Value>): boolean {
  return here === undefined && plus === undefined && hash === undefined && only === undefined &&
    many === 0;
}
