/** `deno bench tests/bench/micro`: from persist effects to commits. Section 7 of the architecture. */

import type { Persist } from "../../../src/session/effect.ts";
import { CommitQueue } from "../../../src/store/commit_queue.ts";

/** What a PUBLISH with QoS 1 to one session leads to: two writes, an acknowledgement and a delivery. */
const frame = { bytes: new Uint8Array(100), packetIdAt: 30 };
const persists: readonly Persist[] = Array.from({ length: 1_000 }, (_, at) => ({
  type: "persist",
  of: "pump",
  writes: [
    { type: "deleteInflight", clientId: "panel", packetId: at + 1 },
    { type: "deleteReceived", clientId: "pump", packetId: at + 1 },
  ],
  then: [
    { type: "send", to: at % 100, packet: { type: "pingresp" } },
    { type: "deliverAs", to: 100 + at % 100, frame, packetId: at + 1 },
  ],
}));

for (const [name, together] of [["one commit each", 1], ["one commit for all", 1_000]] as const) {
  Deno.bench(`1,000 persists, ${name}`, { group: "commit queue" }, () => {
    const queue = new CommitQueue();
    for (let at = 0; at < persists.length; at += together) {
      for (let next = at; next < at + together; next++) queue.add(persists[next]!);
      const turn = queue.take(10_000);
      if (turn?.type !== "commit") throw new Error("there is a commit to take");
      queue.settle(turn.persists);
    }
    if (queue.size !== 0) throw new Error(`${queue.size} are left`);
  });
}

const passing: Persist = { ...persists[0]!, writes: [] };
const idle = new CommitQueue();
const busy = new CommitQueue();
for (const persist of persists) busy.add(persist);
Deno.bench("passes() while nothing waits", { group: "passes" }, () => {
  if (!idle.passes(passing)) throw new Error("nothing is in its way");
});
Deno.bench("passes() while 1,000 persists wait", { group: "passes" }, () => {
  if (busy.passes(passing)) throw new Error("its connections wait");
});
