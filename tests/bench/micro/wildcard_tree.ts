/**
 * `deno run -A tests/bench/micro/wildcard_tree.ts`: processor time of a match and of adding a filter among
 * many filters with wildcards, with the filters and topics of mqload's `wildsubs`. No `deno bench`, which asks for
 * the same again and again: here each match is of another filter, so that the caches of the processor miss.
 */

import process from "node:process";
import { FilterTree } from "../../../src/topic/filter_tree.ts";

const MATCHES = 300_000;

for (const count of [1_000, 100_000, 1_000_000]) {
  const tree = new FilterTree<{ n: number }, number>((_, values) => values[0]!.n, 0);
  const added = nanoseconds(count, (n) => tree.add(filterOf(n), "panel", { n }));
  const match = (at: number) => {
    const n = anyOf(count, at);
    if (tree.match(topicOf(n)) !== n) throw new Error(`${topicOf(n)} leads to another filter`);
  };
  nanoseconds(MATCHES, match); // warms up
  const names = nanoseconds(MATCHES, (at) => topicOf(anyOf(count, at)));
  const matched = nanoseconds(MATCHES, match) - names;
  console.log(`${count} filters: match ${matched} ns, add ${added} ns`);
}

/** Of the processor, for one of so many calls. */
function nanoseconds(count: number, call: (at: number) => void): number {
  const before = process.cpuUsage();
  for (let at = 0; at < count; at++) call(at);
  const { user, system } = process.cpuUsage(before);
  return Math.round((user + system) * 1000 / count);
}

/** One of `count`, at random and always the same for one `at`. */
function anyOf(count: number, at: number): number {
  let bits = Math.imul(at + 1, 0x9e3779b1);
  bits = Math.imul(bits ^ bits >>> 15, 0x2c1b3c6d);
  return ((bits ^ bits >>> 13) >>> 0) % count;
}

function filterOf(n: number): string {
  const id = n.toString(16).padStart(7, "0");
  return [`mq/w0/+/${id}/#`, `mq/w1/${id}/+/v`, `mq/w2/${id}/#`, `mq/w3/+/+/${id}`][n & 3]!;
}

function topicOf(n: number): string {
  const id = n.toString(16).padStart(7, "0");
  const k = n % 10;
  switch (n & 3) {
    case 0:
      return `mq/w0/k${k}/${id}/v`;
    case 1:
      return `mq/w1/${id}/k${k}/v`;
    case 2:
      return `mq/w2/${id}/k${k}/v`;
    default:
      return `mq/w3/k${k}/v/${id}`;
  }
}
