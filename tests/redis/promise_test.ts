import assert from "node:assert/strict";
import type { Decision, Findings } from "../../src/redis/promise.ts";
import { decide } from "../../src/redis/promise.ts";
import { slotOf } from "../../src/redis/whereabouts.ts";
import type { StorePromise } from "../../src/store/store.ts";

const FOUND: Findings = {
  version: [7, 0, 15],
  appendonly: true,
  appendfsync: "always",
  maxmemory: 0,
  maxmemoryPolicy: "noeviction",
  replicas: 0,
  replicasFsync: undefined,
};

function decided(
  found: Partial<Findings>,
  wantedPromise?: StorePromise,
  replicas = 1,
): Decision {
  const wanted = { wantedPromise, replicas, replicationTimeoutMs: 1_000 };
  return decide({ ...FOUND, ...found }, wanted);
}

/** [what was found, what is wanted, the promise, the command that keeps it] */
const TAKEN: readonly (readonly [
  Partial<Findings>,
  StorePromise | undefined,
  StorePromise,
  string | undefined,
])[] = [
  [{}, undefined, "fsynced", undefined],
  [{}, "fsynced", "fsynced", undefined],
  [{}, "everySecond", "everySecond", undefined],
  [{}, "memory", "memory", undefined],
  [{ appendfsync: "everysec" }, undefined, "everySecond", undefined],
  [{ appendfsync: "no" }, undefined, "memory", undefined],
  [{ appendonly: false, appendfsync: "everysec" }, undefined, "memory", undefined],
  [{ replicas: 2 }, "replicated", "replicated", "WAIT 1 "],
  [{ replicas: 1, appendonly: false }, "replicated", "replicated", "WAIT 1 "],
  [
    { replicas: 1, replicasFsync: true },
    "replicatedAndFsynced",
    "replicatedAndFsynced",
    "WAIT 1 ",
  ],
  // Whoever may not ask takes the user's word.
  [{ replicas: 1 }, "replicatedAndFsynced", "replicatedAndFsynced", "WAIT 1 "],
  [{ appendonly: undefined, appendfsync: undefined }, "fsynced", "fsynced", undefined],
  [{ appendonly: undefined, appendfsync: undefined }, undefined, "memory", undefined],
  [
    { version: [7, 2, 4], replicas: 1, replicasFsync: false },
    "replicatedAndFsynced",
    "replicatedAndFsynced",
    "WAITAOF 0 1 ",
  ],
  [
    { version: [8, 0, 0], replicas: 1, appendonly: undefined, appendfsync: undefined },
    "replicatedAndFsynced",
    "replicatedAndFsynced",
    "WAITAOF 1 1 ",
  ],
  [{ maxmemory: 1_000, maxmemoryPolicy: undefined }, "memory", "memory", undefined],
  [{ maxmemory: 1_000 }, "memory", "memory", undefined],
  [{ maxmemory: 0, maxmemoryPolicy: "allkeys-lru" }, "memory", "memory", undefined],
];

for (const [found, wanted, promise, command] of TAKEN) {
  const title = `decide() keeps ${promise} when ${wanted ?? "nothing"} is wanted`;
  Deno.test(`${title} of ${JSON.stringify(found)}`, () => {
    const decision = decided(found, wanted);
    assert.ok(decision.type === "taken", JSON.stringify(decision));
    const { durability } = decision;
    assert.equal(durability.promise, promise);
    const asked = durability.wait?.join(" ");
    if (command === undefined) assert.equal(asked, undefined);
    else assert.ok(asked?.startsWith(command), asked ?? "nothing");
  });
}

/** [what was found, what is wanted, words of the refusal, whether it may become otherwise by itself] */
const REFUSED: readonly (readonly [
  Partial<Findings>,
  StorePromise | undefined,
  readonly string[],
  boolean,
])[] = [
  [{ version: [6, 2, 14] }, undefined, ["6.2.14 was found", "7.0 or later", "upgrade"], false],
  [
    { maxmemory: 1_000, maxmemoryPolicy: "allkeys-lru" },
    undefined,
    ["allkeys-lru", "maxmemory 1000", "noeviction is expected", "set maxmemory-policy"],
    false,
  ],
  [
    { maxmemory: undefined, maxmemoryPolicy: "volatile-ttl" },
    undefined,
    ["volatile-ttl", "maxmemory unknown"],
    false,
  ],
  [
    { appendfsync: "everysec" },
    "fsynced",
    ['"fsynced" is wanted', "appendfsync everysec", "set appendonly yes and appendfsync always"],
    false,
  ],
  [
    { appendonly: false, appendfsync: "everysec" },
    "everySecond",
    ['"everySecond" is wanted', "appendonly no", 'want "memory"'],
    false,
  ],
  [{}, "replicated", ["0 connected replicas", "1 expected", "start them"], true],
  [
    { replicas: 1, appendfsync: "everysec" },
    "replicatedAndFsynced",
    ["appendfsync everysec", "on the master and its replicas", 'want "replicated"'],
    false,
  ],
  [
    { replicas: 1, replicasFsync: false },
    "replicatedAndFsynced",
    ["a replica was found without appendonly yes and appendfsync always"],
    false,
  ],
  [{}, "replicatedAndFsynced", ["0 connected replicas"], true],
];

for (const [found, wanted, words, later] of REFUSED) {
  const title = `decide() refuses when ${wanted ?? "nothing"} is wanted`;
  Deno.test(`${title} of ${JSON.stringify(found)}`, () => {
    const decision = decided(found, wanted);
    assert.ok(decision.type === "refused", JSON.stringify(decision));
    for (const word of words) assert.ok(decision.reason.includes(word), decision.reason);
    assert.equal(decision.later, later);
  });
}

Deno.test("decide() asks for as many replicas as are wanted when it counts them", () => {
  const decision = decided({ replicas: 2 }, "replicated", 2);
  assert.ok(decision.type === "taken");
  const { isMet, words } = decision.durability;
  assert.deepEqual([isMet(0), isMet(1), isMet(2), isMet(3)], [false, false, true, true]);
  assert.match(words(1), /1 of 2/);
  assert.equal(decided({ replicas: 1 }, "replicated", 2).type, "refused");
});

Deno.test("decide() counts the master's disk when WAITAOF has to wait for it", () => {
  const found = { version: [7, 4], replicas: 1, appendonly: undefined, appendfsync: undefined };
  const decision = decided(found, "replicatedAndFsynced");
  assert.ok(decision.type === "taken");
  const { isMet } = decision.durability;
  assert.deepEqual([isMet([0, 1]), isMet([1, 0]), isMet([1, 1])], [false, false, true]);
});

Deno.test("decide() says so when it may not ask", () => {
  const decision = decided({
    appendonly: undefined,
    appendfsync: undefined,
    maxmemory: undefined,
    maxmemoryPolicy: undefined,
  }, "fsynced");
  assert.ok(decision.type === "taken");
  assert.match(decision.notes.join("\n"), /maxmemory-policy/);
  assert.match(decision.notes.join("\n"), /the configuration's word/);
});

Deno.test("slotOf() is the one that the specification of Redis Cluster names", () => {
  // tests/redis/redis_places_test.ts asks a Redis Cluster itself for others.
  assert.deepEqual(["123456789", "foo", ""].map(slotOf), [0x31c3 % 16_384, 12_182, 0]);
});
