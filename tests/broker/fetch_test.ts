/** A session of a cluster that comes here for an administrator, and who waits for it is told once. */

import assert from "node:assert/strict";
import type { AnyWrite } from "../../src/session/cluster_write.ts";
import { deliveryFrom, NodeDesk } from "./node_desk.ts";

function storedElsewhere(clientId: string): AnyWrite {
  const owner = { user: undefined, roles: [] };
  return { type: "putSession", clientId, owner, expiryInterval: 3_600, expiresAt: Infinity };
}

/** A node that knows of a session which is not here, and has been asked to fetch and delete it. */
function asked(): NodeDesk {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: [storedElsewhere("panel")] });
  desk.feed({ type: "fetch", clientId: "panel", ticket: 7 });
  desk.feed({ type: "deleteSession", clientId: "panel" });
  assert.deepEqual(desk.lines(), ["claim panel for 0"]);
  return desk;
}

Deno.test("manage() tells what the queue of a session held when that has come, before anything is done to it", () => {
  const desk = asked();
  desk.claimed(0, "panel", { orders: [1, 2, 3], sizes: [10, 10, 10] });
  assert.deepEqual(desk.lines(), ["fetched 7 with 3", "deleteSession panel", "release panel"]);
});

Deno.test("manage() tells it at once when the session is here, or there is none", () => {
  const desk = new NodeDesk();
  desk.connect(1, "panel", 60);
  desk.lines();
  desk.feed({ type: "fetch", clientId: "panel", ticket: 1 });
  desk.feed({ type: "fetch", clientId: "nobody", ticket: 2 });
  assert.deepEqual(desk.lines(), ["fetched 1 with 0", "fetched 2 it has ended"]);
});

Deno.test("onClaim() tells who waits for a session when that cannot be had", () => {
  const desk = asked();
  desk.feed({ type: "notClaimed", connection: 0, clientId: "panel", detail: "no answer" });
  assert.deepEqual(desk.lines(), ["fetched 7 no answer"]);
  assert.ok(desk.tables.clients.has("panel"));
});

Deno.test("onClaim() tells who waits for a session when another node has ended it meanwhile", () => {
  const desk = asked();
  desk.feed({
    type: "replicated",
    from: "b",
    writes: [{ type: "deleteSession", clientId: "panel" }],
  });
  desk.claimed(0, "panel");
  assert.deepEqual(desk.lines(), ["fetched 7 it has ended", "release panel"]);
});

Deno.test("onClaim() tells both who wait for a session when the first of them ends it", () => {
  const desk = asked();
  desk.feed({ type: "fetch", clientId: "panel", ticket: 8 });
  desk.feed({ type: "purgeQueue", clientId: "panel" });
  desk.claimed(0, "panel");
  assert.deepEqual(desk.lines(), [
    "fetched 7 with 0",
    "deleteSession panel",
    "release panel",
    "fetched 8 it has ended",
  ]);
});

Deno.test("onReplicated() leaves what an administrator wants of a session when its client comes to another node", () => {
  const desk = asked();
  desk.feed({ type: "replicated", from: "c", writes: [storedElsewhere("panel")] });
  desk.claimed(0, "panel");
  assert.deepEqual(desk.lines(), ["fetched 7 with 0", "deleteSession panel", "release panel"]);
});

Deno.test("onClaim() takes nothing and lets go of nothing when the client has connected here meanwhile", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: [storedElsewhere("panel")] });
  desk.feed({ type: "fetch", clientId: "panel", ticket: 7 });
  desk.begin(1, "panel", { cleanStart: false, properties: { sessionExpiryInterval: 60 } });
  desk.lines();
  const queued = deliveryFrom("plant/1");
  const stored = { queued: [queued], orders: [queued.message.order], sizes: [10] };
  desk.claimed(1, "panel", stored);
  const lines = desk.lines();
  assert.ok(lines.some((line) => line.includes("publish plant/1")), lines.join());
  assert.ok(lines.some((line) => line.startsWith("fetched 7 with")), lines.join());
  desk.claimed(0, "panel");
  assert.deepEqual(desk.lines(), []);
  const client = desk.tables.clients.get("panel")!;
  assert.ok(client.here && client.live !== undefined);
});

Deno.test("onClaim() does not let go of a session when its client waits for it here", () => {
  const desk = new NodeDesk();
  desk.feed({ type: "replicated", from: "b", writes: [storedElsewhere("panel")] });
  desk.feed({ type: "fetch", clientId: "panel", ticket: 7 });
  desk.begin(1, "panel", { cleanStart: false, properties: { sessionExpiryInterval: 60 } });
  desk.lines();
  desk.claimed(0, "panel");
  assert.deepEqual(desk.lines(), []);
  desk.claimed(1, "panel");
  const lines = desk.lines();
  assert.ok(lines.some((line) => line.includes("connack 0")), lines.join());
  assert.ok(lines.includes("fetched 7 with 0"), lines.join());
  assert.ok(!lines.includes("release panel"), lines.join());
});
