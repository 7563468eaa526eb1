import assert from "node:assert/strict";
import { RetainedTree } from "../../src/topic/retained_tree.ts";

function treeOf(...topics: string[]): RetainedTree<string> {
  const tree = new RetainedTree<string>();
  for (const topic of topics) tree.set(topic, topic);
  return tree;
}

Deno.test("RetainedTree.set() returns the value before when it replaces one", () => {
  const tree = new RetainedTree<number>();
  assert.equal(tree.set("a/b", 1), undefined);
  assert.equal(tree.set("a/b", 2), 1);
  assert.equal(tree.get("a/b"), 2);
  assert.equal(tree.size, 1);
  assert.deepEqual([...tree.matching("#")], [2]);
});

Deno.test("RetainedTree.delete() returns the value when there is one", () => {
  const tree = treeOf("a/b", "a/c");
  assert.equal(tree.delete("a/b"), "a/b");
  assert.equal(tree.delete("a/b"), undefined);
  assert.equal(tree.delete("a"), undefined);
  assert.equal(tree.size, 1);
  assert.deepEqual([...tree.matching("a/+")], ["a/c"]);
});

const topics = ["a", "a/", "a/b", "a/b/c", "a/d/c", "/a", "b", "$SYS/a", "$SYS/a/b", "x/$SYS"];
const rows: [filter: string, expected: string[]][] = [
  ["#", ["a", "a/", "a/b", "a/b/c", "a/d/c", "/a", "b", "x/$SYS"]],
  ["+", ["a", "b"]],
  ["+/+", ["a/", "a/b", "/a", "x/$SYS"]],
  ["a/#", ["a", "a/", "a/b", "a/b/c", "a/d/c"]],
  ["a/+/c", ["a/b/c", "a/d/c"]],
  ["+/b/#", ["a/b", "a/b/c"]],
  ["$SYS/#", ["$SYS/a", "$SYS/a/b"]],
  ["$SYS/+", ["$SYS/a"]],
  ["a/b", ["a/b"]],
  ["a/x", []],
  ["x/+/#", ["x/$SYS"]],
];

for (const [filter, expected] of rows) {
  Deno.test(`RetainedTree.matching() takes ${expected.length} topics when asked for ${filter}`, () => {
    assert.deepEqual([...treeOf(...topics).matching(filter)].sort(), [...expected].sort());
  });
}

Deno.test("RetainedTree.matching() gives the value of now when it was replaced on the way", () => {
  const tree = treeOf("a", "b", "c");
  const values = tree.matching("#");
  assert.equal(values.next().value, "a");
  tree.set("c", "new");
  tree.delete("b");
  assert.deepEqual([...values], ["new"]);
});

Deno.test("RetainedTree.matching() passes over a topic when it came, or came back, on the way", () => {
  const tree = treeOf("a/1", "a/2", "a/3");
  const values = tree.matching("a/#");
  assert.equal(values.next().value, "a/1");
  tree.delete("a/1");
  tree.set("a/1", "back");
  tree.set("a/4", "late");
  tree.set("a", "late");
  assert.deepEqual([...values], ["a/2", "a/3"]);
});

Deno.test("RetainedTree.matching() gives a topic once when the tree grows around it on the way", () => {
  for (let taken = 1; taken <= 3; taken++) {
    const tree = treeOf("a/b/c/d", "a/e", "f");
    const values = tree.matching("#");
    const seen: string[] = [];
    for (let n = 0; n < taken; n++) seen.push(values.next().value as string);
    for (const topic of ["a/b/c", "a/b", "a/b/c/x", "a/e/f", "f/g", "a"]) tree.set(topic, "late");
    seen.push(...values);
    assert.deepEqual(seen.sort(), ["a/b/c/d", "a/e", "f"], `after ${taken}`);
  }
});

Deno.test("RetainedTree.matching() ends when the tree is emptied and filled again on the way", () => {
  for (let taken = 1; taken <= 3; taken++) {
    const tree = treeOf("a", "a/b", "a/c");
    const values = tree.matching("a/#");
    for (let n = 0; n < taken; n++) values.next();
    for (const topic of ["a", "a/b", "a/c"]) tree.delete(topic);
    for (const topic of ["a", "a/b", "a/c"]) tree.set(topic, "late");
    assert.deepEqual([...values], [], `after ${taken}`);
    assert.equal([...tree.matching("a/#")].length, 3);
  }
});
