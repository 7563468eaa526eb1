/** Nodes of a cluster are among themselves: one does not join a broker that is to be alone. */

import assert from "node:assert/strict";
import type { NodeStatus } from "../../src/cluster/cluster.ts";
import { nameAlone, refuseAlone } from "../../src/server/alone.ts";

const nodeOf = (node: string, name: string, lease: number): NodeStatus => ({
  node,
  name,
  version: "1",
  slot: 1,
  applied: "0-0",
  lease,
  checksum: "",
});

/** What a store answers, look by look; the last one again and again. */
function storeOf(...looks: readonly (readonly NodeStatus[])[]) {
  let look = 0;
  return {
    looks: () => look,
    status: () => Promise.resolve(looks[Math.min(look++, looks.length - 1)]!),
  };
}

const me = nodeOf("b.7-x", "b", 900);
const member = nodeOf("a.3-y", "a", 900);
const alone = (lease: number) => nodeOf("_h-2.3-y", "_h-2", lease);

Deno.test("nameAlone() is never the same, and never a name that a configuration may have", () => {
  const names = Array.from({ length: 100 }, () => nameAlone("host".repeat(40)));
  assert.equal(new Set(names).size, 100);
  for (const name of names) assert.match(name, /^_[\w-]{1,63}$/);
});

Deno.test("refuseAlone() is content at once when nodes are among themselves", async () => {
  const store = storeOf([me, member]);
  await refuseAlone(store, "p", 1_000);
  assert.equal(store.looks(), 1);
});

Deno.test("refuseAlone() waits for the end of the lease when the one that was alone is no more", async () => {
  const store = storeOf([me, alone(400)], [me, alone(150)], [me]);
  await refuseAlone(store, "p", 60_000);
  assert.equal(store.looks(), 3);
});

Deno.test("refuseAlone() refuses with words when one that is alone renews its lease", async () => {
  const store = storeOf([me, alone(400)], [me, alone(150)], [me, alone(990)]);
  await assert.rejects(
    refuseAlone(store, "dunlin", 60_000),
    /another broker, _h-2\.3-y, uses the keyPrefix dunlin .* section cluster/,
  );
  assert.equal(store.looks(), 3);
});

Deno.test("refuseAlone() refuses when one that is alone does not go within two leases", async () => {
  await assert.rejects(refuseAlone(storeOf([me, alone(0)]), "dunlin", 100), /another broker/);
});
