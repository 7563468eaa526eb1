/** Mount points: what names and filters become, and which names may be seen. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { matches } from "../../src/topic/matches.ts";
import { isMounted, mountFilter, mountName } from "../../src/topic/mount_point.ts";
import { parseTopicFilter } from "../../src/topic/topic_filter.ts";
import { filters, names } from "../property/topics.ts";

const NAMES: readonly (readonly [name: string, mounted: string])[] = [
  ["a/b", "m/a/b"],
  ["/a", "m//a"],
  ["$SYS/a", "m/$SYS/a"],
  ["$CONTROL/a", "m/$CONTROL/a"],
  ["$delayed/5/a/b", "$delayed/5/m/a/b"],
  ["$delayed/5/$delayed/6/a", "$delayed/5/$delayed/6/m/a"],
  ["$delayed/5/$SYS/a", "$delayed/5/m/$SYS/a"],
  ["$delayed/x/a", "m/$delayed/x/a"],
  ["$delayed/5", "m/$delayed/5"],
  ["../a", "m/../a"],
];

for (const [name, mounted] of NAMES) {
  Deno.test(`mountName() gives "${mounted}" for "${name}"`, () => {
    assert.equal(mountName("m/", name), mounted);
  });
}

const FILTERS: readonly (readonly [filter: string, mounted: string])[] = [
  ["a/+", "m/a/+"],
  ["#", "m/#"],
  ["$SYS/#", "m/$SYS/#"],
  ["$share/g/#", "$share/g/m/#"],
  ["$share/g/$share/h/a", "$share/g/m/$share/h/a"],
];

for (const [filter, mounted] of FILTERS) {
  Deno.test(`mountFilter() gives "${mounted}" for "${filter}"`, () => {
    assert.equal(mountFilter("m/", filter), mounted);
  });
}

Deno.test("mountFilter() makes no good filter of a bad one, and no bad one of a good one", () => {
  for (const bad of ["", "$share", "$share/", "$share/g", "$share/g/", "a#", "#/a", "$share//a"]) {
    assert.equal(typeof parseTopicFilter(mountFilter("m/", bad), 128), "string", bad);
  }
  fc.assert(
    fc.property(filters, fc.boolean(), (filter, shared) => {
      const full = shared ? `$share/g/${filter}` : filter;
      assert.notEqual(typeof parseTopicFilter(mountFilter("m/", full), 128), "string");
    }),
    { numRuns: 500 },
  );
});

Deno.test("isMounted() shows the names below the mount point, and not the level that it ends with", () => {
  assert.equal(isMounted("m/", "m/a"), true);
  assert.equal(isMounted("m/", "m"), false);
  assert.equal(isMounted("m/", "m/"), false);
  assert.equal(isMounted("m/", "ma"), false);
  assert.equal(isMounted("", "a"), true);
});

Deno.test("a filter matches below the mount point what it matches without one", () => {
  fc.assert(
    fc.property(filters, names, (filter, name) => {
      if (name.startsWith("$")) return; // [MQTT-4.7.2-1] protects the server's own names only
      assert.equal(
        matches(mountFilter("m/n/", filter), mountName("m/n/", name)),
        matches(filter, name),
      );
    }),
    { numRuns: 2000 },
  );
});
