/** `deno bench tests/bench/micro`: Topic Filters to subscribers. Section 4.7 of MQTT 5.0. */

import { FilterTree } from "../../../src/topic/filter_tree.ts";

const CACHE = 50_000;

for (const count of [1_000, 100_000]) {
  const tree = new FilterTree<number, readonly number[]>((_, values) => values, CACHE);
  for (let at = 0; at < count; at++) tree.add(filterOf(at), "panel", at);
  const topics = Array.from({ length: CACHE * 2 }, (_, at) => topicOf(at % count) + `/${at}`);
  let next = 0;
  Deno.bench(`match, kept, ${count} wildcard filters`, { group: "match" }, () => {
    if (tree.match(topics[7]!).length !== 1) throw new Error("one filter matches");
  });
  Deno.bench(`match, new, ${count} wildcard filters`, { group: "match" }, () => {
    const topic = topics[next = (next + 1) % topics.length]!;
    if (tree.match(topic).length !== 1) throw new Error("one filter matches");
  });
  Deno.bench(`add and remove a wildcard filter among ${count}`, { group: "change" }, () => {
    tree.add("plant/9999999/+/x/#", "panel", 1);
    tree.remove("plant/9999999/+/x/#", "panel");
  });
  Deno.bench(`add and remove a filter without wildcard among ${count}`, { group: "change" }, () => {
    tree.add("plant/9999999/x", "panel", 1);
    tree.remove("plant/9999999/x", "panel");
  });
}

Deno.bench("add 10,000 wildcard filters to an empty tree", { group: "fill" }, () => {
  const tree = new FilterTree<number, readonly number[]>((_, values) => values, CACHE);
  for (let at = 0; at < 10_000; at++) tree.add(filterOf(at), "panel", at);
  if (tree.size !== 10_000) throw new Error(`${tree.size} filters`);
});

/** Of every filter one topic below matches, and of every topic one filter. */
function filterOf(at: number): string {
  return `plant/${at % 1_000}/+/${at}/#`;
}

function topicOf(at: number): string {
  return `plant/${at % 1_000}/pump/${at}`;
}
