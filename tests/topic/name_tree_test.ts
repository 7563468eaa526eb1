import assert from "node:assert/strict";
import { setValue, valueOf } from "../../src/topic/name_node.ts";
import { NameTree } from "../../src/topic/name_tree.ts";
import { PackedMemory } from "../../src/topic/packed_memory.ts";

const names = [
  ...["a", "a/b", "a/b/c", "a/b/c/", "/", "//", "a//b", "b/c/d/e", "b/c/d/f", "a/b/d"],
  ...[
    "ä/ö",
    "ä/ü",
    "日/本",
    "日/月/火",
    `${"l".repeat(50)}/${"m".repeat(3_000)}/n`,
    "l".repeat(50),
  ],
  `${"日".repeat(50)}/${"本".repeat(50)}`,
  `${"日".repeat(50)}/x`,
];

/** A tree in which each name has its number, counted from one. */
function treeOf(kept: readonly string[]): NameTree {
  const tree = new NameTree(new PackedMemory());
  for (const name of kept) {
    setValue(tree.memory, tree.insertNamed(name), names.indexOf(name) + 1, 1);
  }
  return tree;
}

/** The number of a name, 0 where it has none. */
function numberOf(tree: NameTree, name: string): number {
  const node = tree.findNamed(name);
  return node === 0 ? 0 : valueOf(tree.memory, node);
}

function remove(tree: NameTree, name: string): void {
  const node = tree.findNamed(name);
  setValue(tree.memory, node, 0, 0);
  tree.prune(node);
}

Deno.test("NameTree leaves nothing behind when every name has gone, whatever the order", () => {
  for (let turn = 0; turn < names.length; turn++) {
    const order = [...names.slice(turn), ...names.slice(0, turn)];
    const tree = treeOf(order);
    for (const [at, name] of order.entries()) {
      assert.equal(numberOf(tree, name), names.indexOf(name) + 1);
      remove(tree, name);
      for (const [other, left] of order.entries()) {
        const expected = other > at ? names.indexOf(left) + 1 : 0;
        assert.equal(numberOf(tree, left), expected, left.slice(0, 60));
      }
    }
    assert.equal(tree.memory.pieces, 1, "the root");
  }
});

Deno.test("NameTree.find() gives no value when only a longer or a shorter name is there", () => {
  const tree = treeOf(["a/b/c"]);
  for (const name of ["a", "a/b", "a/b/c/d", "a/b/", "b"]) {
    assert.equal(numberOf(tree, name), 0, name);
  }
  setValue(tree.memory, tree.insertNamed("a/b/d"), 9, 2);
  for (const name of ["a", "a/b", "a/b/c/d", "a/b/", "b"]) {
    assert.equal(numberOf(tree, name), 0, name);
  }
  assert.equal(numberOf(tree, "a/b/c"), names.indexOf("a/b/c") + 1);
});

Deno.test("NameTree.insert() lets go of a long text when its node becomes a branch", () => {
  const tree = treeOf([]);
  const long = "a".repeat(60_000);
  setValue(tree.memory, tree.insertNamed(`x/${long}`), 1, 1);
  setValue(tree.memory, tree.insertNamed("x/y"), 2, 2);
  remove(tree, `x/${long}`);
  assert.equal(tree.memory.pages, 1, "the one of the nodes that are left");
  assert.equal(numberOf(tree, "x/y"), 2);
});
