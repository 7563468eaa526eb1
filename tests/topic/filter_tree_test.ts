import assert from "node:assert/strict";
import { FilterTree } from "../../src/topic/filter_tree.ts";

interface Plan {
  readonly topic: string;
  readonly values: readonly string[];
}

function newTree(cacheLimit = 100): { tree: FilterTree<string, Plan>; made: string[] } {
  const made: string[] = [];
  const tree = new FilterTree<string, Plan>((topic, values) => {
    made.push(topic);
    return { topic, values: [...values].sort() };
  }, cacheLimit);
  return { tree, made };
}

/** A tree that is not empty: only such a one keeps plans. */
function newCache(cacheLimit: number): ReturnType<typeof newTree> {
  const { tree, made } = newTree(cacheLimit);
  tree.add("elsewhere/+", "one", "one");
  return { tree, made };
}

for (const filter of ["a/b", "a/+"]) {
  Deno.test(`FilterTree.add() replaces the value when ${filter} and key are there`, () => {
    const { tree } = newTree();
    tree.add(filter, "one", "old");
    tree.add(filter, "two", "two");
    tree.add(filter, "one", "new");
    assert.equal(tree.size, 2);
    assert.equal(tree.get(filter, "one"), "new");
    assert.deepEqual(tree.match("a/b").values, ["new", "two"]);
  });

  Deno.test(`FilterTree.remove() leaves the other keys when ${filter} has several`, () => {
    const { tree } = newTree();
    for (const key of ["one", "two", "three"]) tree.add(filter, key, key);
    assert.equal(tree.remove(filter, "two"), true);
    assert.equal(tree.remove(filter, "two"), false);
    assert.equal(tree.remove(`${filter}/x`, "one"), false);
    assert.deepEqual(tree.match("a/b").values, ["one", "three"]);
    assert.equal(tree.remove(filter, "one"), true);
    assert.equal(tree.remove(filter, "three"), true);
    assert.equal(tree.size, 0);
    assert.deepEqual(tree.match("a/b").values, []);
    assert.equal(tree.get(filter, "one"), undefined);
  });

  Deno.test(`FilterTree.match() makes a new plan when ${filter} is added, changed or removed`, () => {
    const { tree } = newTree();
    const plans = [tree.match("a/b")];
    tree.add(filter, "one", "old");
    plans.push(tree.match("a/b"));
    tree.add(filter, "one", "new");
    plans.push(tree.match("a/b"));
    tree.remove(filter, "one");
    plans.push(tree.match("a/b"));
    assert.deepEqual(plans.map((plan) => plan.values), [[], ["old"], ["new"], []]);
  });
}

Deno.test("FilterTree.match() gives the same plan when nothing that touches it has changed", () => {
  const { tree, made } = newTree();
  tree.add("a/+", "one", "one");
  const plan = tree.match("a/b");
  tree.add("a/c", "two", "two");
  tree.add("+/+/c", "two", "two");
  tree.add("b/#", "two", "two");
  tree.remove("b/#", "two");
  tree.remove("a/b", "nobody");
  assert.equal(tree.match("a/b"), plan);
  assert.equal(tree.match("a/b"), plan);
  assert.deepEqual(made, ["a/b"]);
});

Deno.test("FilterTree.match() finds the change when a great many others came after it", () => {
  for (const others of [0, 1, 30, 31, 32, 33, 64, 600]) {
    const { tree } = newTree();
    tree.match("a/b");
    tree.add("a/#", "one", "one");
    for (let n = 0; n < others; n++) tree.add(`other/${n}/+`, "one", "other");
    assert.deepEqual(tree.match("a/b").values, ["one"], `${others} others`);
  }
});

Deno.test("FilterTree.match() gives a value more than once when filters overlap", () => {
  const { tree } = newTree();
  for (const filter of ["a/b", "a/+", "a/#", "#", "+/b", "a/b/#", "+/+/#"]) {
    tree.add(filter, "one", filter);
  }
  for (const filter of ["b", "a", "a/b/+", "+", "+/a", "a/b/c"]) tree.add(filter, "one", filter);
  assert.deepEqual(tree.match("a/b").values, ["#", "+/+/#", "+/b", "a/#", "a/+", "a/b", "a/b/#"]);
});

Deno.test("FilterTree.match() keeps no plan when there is no filter, and none from before", () => {
  const { tree, made } = newTree();
  for (let n = 0; n < 3; n++) assert.deepEqual(tree.match("a/b").values, []);
  assert.equal(made.length, 3);
  for (const filter of ["a/b", "a/+"]) {
    tree.add(filter, "one", "one");
    assert.deepEqual(tree.match("a/b").values, ["one"]);
    tree.remove(filter, "one");
    assert.deepEqual(tree.match("a/b").values, []);
    tree.add("elsewhere/+", "one", "one");
    assert.deepEqual(tree.match("a/b").values, []);
    tree.remove("elsewhere/+", "one");
  }
});

Deno.test("FilterTree.match() keeps no more plans than allowed when many topics come", () => {
  const { tree, made } = newCache(10);
  for (let n = 0; n < 100; n++) tree.match(`topic/${n}`);
  assert.equal(made.length, 100);
  for (let n = 99; n >= 0; n--) tree.match(`topic/${n}`);
  assert.ok(made.length >= 190, `${made.length} plans made; at most 10 of 100 may have been kept`);
});

Deno.test("FilterTree.match() keeps a topic in use when others come once each", () => {
  const { tree, made } = newCache(10);
  for (let n = 0; n < 1000; n++) {
    tree.match("busy");
    tree.match(`once/${n}`);
  }
  const again = made.filter((topic) => topic === "busy").length;
  assert.ok(again <= 2, `the plan of the busy topic was made ${again} times`);
});

Deno.test("FilterTree.match() leaves what it keeps alone when a thousand topics come once each", () => {
  const { tree, made } = newCache(10);
  for (let n = 0; n < 10; n++) tree.match(`kept/${n}`);
  for (let n = 0; n < 1000; n++) tree.match(`once/${n}`);
  const before = made.length;
  for (let n = 0; n < 10; n++) tree.match(`kept/${n}`);
  assert.equal(made.length, before, "all ten are there still");
});

Deno.test("FilterTree.match() keeps a topic from its second time on when there is no room", () => {
  const { tree, made } = newCache(10);
  for (let n = 0; n < 10; n++) tree.match(`once/${n}`);
  for (let n = 0; n < 100; n++) for (const topic of ["later", "once/0"]) tree.match(topic);
  assert.equal(made.filter((topic) => topic === "later").length, 2);
});

Deno.test("FilterTree.match() counts a long name for more when plans are kept", () => {
  const { tree, made } = newCache(10);
  const long = "x".repeat(512 * 8); // Weighs nine.
  for (let turn = 0; turn < 2; turn++) for (const n of [1, 2]) tree.match(`${long}${n}`);
  assert.ok(made.length >= 3, `${made.length} plans made of two topics of which one fits`);
});

Deno.test("FilterTree.match() counts a wide plan for more when plans are kept", () => {
  const { tree, made } = newCache(10);
  for (let n = 0; n < 64 * 8; n++) tree.add("wide/#", `client ${n}`, "value");
  const wide = tree.match("wide/a"); // Weighs nine.
  assert.equal(tree.match("wide/a"), wide);
  tree.match("wide/b");
  tree.match("wide/c");
  for (const topic of ["wide/a", "wide/b", "wide/c"]) tree.match(topic);
  assert.ok(made.length >= 5, `${made.length} plans made of three topics of which one fits`);
});

Deno.test("FilterTree.match() keeps nothing but the last plan when the limit is 0", () => {
  const { tree, made } = newCache(0);
  tree.add("a", "one", "one");
  assert.equal(tree.match("a"), tree.match("a"));
  for (const topic of ["b", "a", "a"]) tree.match(topic);
  assert.deepEqual(made, ["a", "b", "a"]);
});

for (const change of ["add", "remove", "forget"] as const) {
  Deno.test(`FilterTree.match() makes a new plan of the last topic when there was a change by ${change}()`, () => {
    const { tree } = newCache(0);
    tree.add("a/+", "one", "one");
    const before = tree.match("a/b");
    if (change === "add") tree.add("a/b", "two", "two");
    else if (change === "remove") tree.remove("a/+", "one");
    else tree.forget();
    assert.notEqual(tree.match("a/b"), before);
  });
}

Deno.test("FilterTree.forget() drops all plans when called", () => {
  const { tree, made } = newTree();
  const before = tree.match("a/b");
  tree.forget();
  assert.notEqual(tree.match("a/b"), before);
  assert.equal(made.length, 2);
  tree.add("a/+", "one", "one");
  assert.deepEqual(tree.match("a/b").values, ["one"]);
});

Deno.test("FilterTree.collect() takes time in proportion when 128 levels meet + in every place", () => {
  const { tree } = newTree();
  const levels = 128;
  // Each of them parts from the others at another level, so a search that starts over would double.
  for (let n = 0; n < levels; n++) {
    const filter = new Array<string>(levels).fill("+");
    filter[n] = "a";
    tree.add(filter.join("/"), "one", `literal at ${n}`);
  }
  tree.add(`${"+/".repeat(levels - 1)}+`, "one", "all +");
  tree.add(`${"+/".repeat(levels - 1)}#`, "one", "#");
  const name = new Array<string>(levels).fill("a").join("/");
  assert.equal(tree.collect(name).length, levels + 2);
  assert.equal(tree.collect(`${name}/a`).length, 1);
});
