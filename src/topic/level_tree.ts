/**
 * The tree under `retained_tree.ts`: paths of levels parted by `/`, each with
 * one value. It compares levels as strings and knows neither wildcards nor names.
 *
 * A path that shares nothing further with another one hangs as a whole leaf where it parts from
 * the rest, so most paths cost one leaf and one entry of a Map. An iterator over the Map of a
 * branch stays valid while the tree changes: a Map, once made, stays with its branch until it is
 * empty, and a leaf that grows into a branch keeps its place in it.
 */

import { mapKey } from "./map_key.ts";
import { levelEnd } from "./rest_matches.ts";

/** A path and its value. Owned by the tree; only `value` may be written from outside. */
export interface Leaf<Value> {
  /** The level at which it hangs in its branch; moves down when the leaf has to make room. */
  level: string;
  readonly path: string;
  value: Value;
  /** A number that the owner gives, counting up: tells the leaf from later ones of its path. */
  readonly born: number;
}

/** What all paths have in common that lead through it. */
export interface Branch<Value> {
  readonly level: string;
  /** Never set: tells a branch from a leaf. */
  readonly path: undefined;
  /** The path that ends here. */
  here: Leaf<Value> | undefined;
  children: Children<Value>;
}

export type Node<Value> = Branch<Value> | Leaf<Value>;

/** One child is kept bare, more in a Map by `mapKey` of the level: most branches have one or very many. */
export type Children<Value> = Node<Value> | Map<string, Node<Value>> | undefined;

/** A branch with nothing below it; with level "" the root of a tree. */
export function emptyBranch<Value>(level: string): Branch<Value> {
  return { level, path: undefined, here: undefined, children: undefined };
}

/** The child of `branch` at `level`. */
export function childAt<Value>(branch: Branch<Value>, level: string): Node<Value> | undefined {
  const children = branch.children;
  if (children instanceof Map) return children.get(mapKey(level));
  return children !== undefined && children.level === level ? children : undefined;
}

/** The leaf of `path`, or undefined. */
export function find<Value>(root: Branch<Value>, path: string): Leaf<Value> | undefined {
  let branch = root;
  for (let at = 0; at <= path.length;) {
    const end = levelEnd(path, at);
    const child = childAt(branch, path.slice(at, end));
    if (child === undefined) return undefined;
    if (child.path !== undefined) return child.path === path ? child : undefined;
    branch = child;
    at = end + 1;
  }
  return branch.here;
}

/** Adds a path and returns its leaf; where it is in the tree already, that leaf, as it was. */
export function insert<Value>(
  root: Branch<Value>,
  path: string,
  value: Value,
  born: number,
): Leaf<Value> {
  const leaf: Leaf<Value> = { level: "", path, value, born };
  let branch = root;
  for (let at = 0; at <= path.length;) {
    const end = levelEnd(path, at);
    const level = path.slice(at, end);
    let child = childAt(branch, level);
    if (child === undefined) {
      leaf.level = level;
      attach(branch, leaf);
      return leaf;
    }
    if (child.path === path) return child;
    if (child.path !== undefined) child = splitLeaf(branch, child, end);
    branch = child;
    at = end + 1;
  }
  return branch.here ??= leaf;
}

/** Removes a path together with the branches that it leaves empty; returns its leaf, if it had one. */
export function remove<Value>(root: Branch<Value>, path: string): Leaf<Value> | undefined {
  const way: Branch<Value>[] = [root];
  let leaf: Leaf<Value> | undefined;
  for (let at = 0, branch = root; at <= path.length && leaf === undefined;) {
    const end = levelEnd(path, at);
    const child = childAt(branch, path.slice(at, end));
    if (child === undefined) return undefined;
    if (child.path === undefined) {
      way.push(branch = child);
      at = end + 1;
    } else {
      if (child.path !== path) return undefined;
      detach(branch, leaf = child);
    }
  }
  if (leaf === undefined) {
    const last = way[way.length - 1]!;
    leaf = last.here;
    last.here = undefined;
  }
  for (let depth = way.length - 1; depth > 0; depth--) {
    const branch = way[depth]!;
    if (branch.here !== undefined || branch.children !== undefined) break;
    detach(way[depth - 1]!, branch);
  }
  return leaf;
}

/** Puts a branch in the place of a leaf, whose level ends at `end`, and the leaf below it. */
function splitLeaf<Value>(parent: Branch<Value>, leaf: Leaf<Value>, end: number): Branch<Value> {
  const branch = emptyBranch<Value>(leaf.level);
  if (end === leaf.path.length) {
    branch.here = leaf;
  } else {
    leaf.level = leaf.path.slice(end + 1, levelEnd(leaf.path, end + 1));
    branch.children = leaf;
  }
  if (parent.children instanceof Map) parent.children.set(mapKey(branch.level), branch);
  else parent.children = branch;
  return branch;
}

function attach<Value>(branch: Branch<Value>, node: Node<Value>): void {
  const children = branch.children;
  if (children === undefined) {
    branch.children = node;
  } else if (children instanceof Map) {
    children.set(mapKey(node.level), node);
  } else {
    branch.children = new Map().set(mapKey(children.level), children).set(mapKey(node.level), node);
  }
}

function detach<Value>(branch: Branch<Value>, node: Node<Value>): void {
  const children = branch.children;
  if (children instanceof Map) {
    children.delete(mapKey(node.level));
    if (children.size === 0) branch.children = undefined;
  } else {
    branch.children = undefined;
  }
}
