import assert from "node:assert/strict";
import { emptyBranch, find, insert, remove } from "../../src/topic/level_tree.ts";

const paths = ["a", "a/b", "a/b/c", "a/b/c/", "", "/", "//", "a//b", "b/c/d/e", "b/c/d/f", "a/b/d"];

Deno.test("remove() leaves an empty root when every path has gone, whatever the order", () => {
  for (let turn = 0; turn < paths.length; turn++) {
    const root = emptyBranch<string>("");
    const order = [...paths.slice(turn), ...paths.slice(0, turn)];
    for (const path of paths) insert(root, path, `value of ${path}`, 0);
    for (const [at, path] of order.entries()) {
      assert.equal(remove(root, path)?.value, `value of ${path}`);
      assert.equal(remove(root, path), undefined);
      for (const [other, left] of order.entries()) {
        assert.equal(find(root, left)?.path, other > at ? left : undefined);
      }
    }
    assert.deepEqual(root, emptyBranch(""), "no branch is left behind");
  }
});

Deno.test("find() gives nothing when only a longer or a shorter path is there", () => {
  const root = emptyBranch<number>("");
  insert(root, "a/b/c", 1, 0);
  for (const path of ["a", "a/b", "a/b/c/d", "a/b/", "", "b"]) {
    assert.equal(find(root, path), undefined, path);
    assert.equal(remove(root, path), undefined, path);
  }
  insert(root, "a/b/d", 2, 0);
  for (const path of ["a", "a/b", "a/b/c/d", "a/b/", "", "b"]) {
    assert.equal(find(root, path), undefined, path);
    assert.equal(remove(root, path), undefined, path);
  }
});
