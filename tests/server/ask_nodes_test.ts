/** What nodes ask each other: what is sent, what is made of it, and what becomes of all that goes wrong. */

import assert from "node:assert/strict";
import { AskNodes } from "../../src/server/ask_nodes.ts";
import { clusterTasks } from "../../src/server/cluster_tasks.ts";
import { LONGEST } from "../../src/service/management/node_note.ts";
import type { Request, TaskResult } from "../../src/service/service.ts";

const UTF8 = new TextEncoder();

const REQUEST: Request = {
  topic: "$CONTROL/dunlin/v1/sessions/get",
  payload: UTF8.encode('{"clientId":"pump"}'),
  identity: { user: "ada", roles: ["operator"] },
  clientId: "desk",
  address: "127.0.0.1:5",
  listener: "main",
  via: "mqtt",
  sender: undefined,
};

interface Bus {
  readonly nodes: Map<string, AskNodes>;
  readonly troubles: string[];
  /** What each node was asked, by whom. */
  readonly asked: Request[];
  /** Nothing reaches these. */
  readonly deaf: Set<string>;
  /** Milliseconds that a text is under way. */
  delay: number;
}

/** Nodes a, b and c that reach each other; each answers a request with `answer`. */
function open(
  answer: (node: string, request: Request, done: (reply: unknown) => void) => void = (
    node,
    _,
    done,
  ) => done({ ok: true, data: { node } }),
): Bus {
  let now = 1_000;
  const bus: Bus = { nodes: new Map(), troubles: [], asked: [], deaf: new Set(), delay: 0 };
  for (const node of ["a", "b", "c"]) {
    bus.nodes.set(
      node,
      new AskNodes({
        node,
        patience: 20,
        now: () => now,
        send(to, text) {
          if (bus.deaf.has(to)) return Promise.resolve();
          if (!bus.nodes.has(to)) return Promise.reject(new Error("no such node"));
          now += bus.delay;
          bus.nodes.get(to)!.instructed(text);
          return Promise.resolve();
        },
        perform(request, done) {
          bus.asked.push(request);
          answer(node, request, done);
        },
        trouble: (words) => bus.troubles.push(words),
      }),
    );
  }
  return bus;
}

function ask(bus: Bus, ...nodes: readonly string[]): Promise<TaskResult> {
  return bus.nodes.get("a")!.ask({ type: "askNodes", nodes, request: REQUEST });
}

Deno.test("ask() brings the answers of all nodes in the order in which they were asked", async () => {
  const waiting: (() => void)[] = [];
  const bus = open((node, _, done) => waiting.push(() => done({ ok: true, data: { node } })));
  const result = ask(bus, "b", "c");
  for (const go of waiting.toReversed()) go();
  assert.deepEqual(await result, {
    type: "answers",
    answers: [{ node: "b", data: { node: "b" } }, { node: "c", data: { node: "c" } }],
    unanswered: [],
  });
});

Deno.test("ask() tells the others who asked, and that it was passed on", async () => {
  const bus = open();
  await ask(bus, "b");
  const [{ identity, payload, passedOn, sender, ...rest }] = bus.asked as [Request];
  assert.deepEqual([identity.user, identity.roles], ["ada", ["operator"]]);
  assert.deepEqual([passedOn!.from, sender], ["a", undefined]);
  assert.equal(new TextDecoder().decode(payload), '{"clientId":"pump"}');
  const { topic, clientId, address, listener, via } = REQUEST;
  assert.deepEqual(rest, { topic, clientId, address, listener, via });
});

Deno.test("ask() hands on why another node refuses", async () => {
  const error = { reason: "notFound", detail: "there is none" };
  const bus = open((_, __, done) => done({ ok: false, error }));
  const result = await ask(bus, "b");
  assert.deepEqual(result.type === "answers" && result.answers, [{ node: "b", refused: error }]);
});

Deno.test("ask() names who has not answered in time, or could not be reached", async () => {
  const bus = open();
  bus.deaf.add("b");
  const result = await ask(bus, "b", "c", "d");
  assert.ok(result.type === "answers");
  assert.deepEqual(result.unanswered, ["b", "d"]);
  assert.deepEqual(result.answers.map(({ node }) => node), ["c"]);
  assert.match(bus.troubles[0]!, /nothing can be sent to d: no such node/);
});

Deno.test("ask() is over at once when nobody is asked, and when the broker stops", async () => {
  const bus = open(() => {});
  assert.deepEqual(await ask(bus), { type: "answers", answers: [], unanswered: [] });
  const result = ask(bus, "b");
  bus.nodes.get("a")!.close();
  assert.deepEqual(await result, { type: "answers", answers: [], unanswered: ["b"] });
});

Deno.test("ask() says that an answer is too long when it is", async () => {
  const bus = open((_, __, done) => done({ ok: true, data: { text: "x".repeat(LONGEST) } }));
  const result = await ask(bus, "b");
  assert.ok(result.type === "answers");
  const [answer] = result.answers;
  assert.equal("refused" in answer! && answer.refused.reason, "replyTooLarge");
});

Deno.test("ask() has nothing done by a node that it reaches late", async () => {
  const bus = open();
  bus.delay = 21;
  const result = await ask(bus, "b");
  assert.deepEqual(result.type === "answers" && result.unanswered, ["b"]);
  assert.deepEqual(bus.asked, []);
});

Deno.test("ask() counts an answer once, and none that comes late or was not asked for", async () => {
  const late: (() => void)[] = [];
  const bus = open((node, _, done) => {
    const answer = () => done({ ok: true, data: { node } });
    if (node === "b") late.push(answer);
    else {
      answer();
      answer();
    }
  });
  const result = await ask(bus, "b", "c");
  assert.ok(result.type === "answers");
  assert.deepEqual(result.answers.map(({ node }) => node), ["c"]);
  for (const go of late) go();
  const stray = { v: 1, type: "answer", from: "b", ticket: 99, reply: { ok: true, data: {} } };
  bus.nodes.get("a")!.instructed(JSON.stringify(stray));
  assert.deepEqual(bus.troubles, []);
});

for (
  const [what, text] of [
    ["no JSON", "{"],
    ["of another version", '{"v":2,"type":"ask"}'],
    ["of an unknown type", '{"v":1,"type":"order","from":"b"}'],
    ["an answer of another form", '{"v":1,"type":"answer","from":"b","ticket":1,"reply":5}'],
    ["too long", "x".repeat(LONGEST + 1)],
  ] as const
) {
  Deno.test(`instructed() lets go of a text that is ${what}, and says so`, () => {
    const bus = open();
    bus.nodes.get("a")!.instructed(text);
    assert.equal(bus.troubles.length, 1);
    assert.deepEqual(bus.asked, []);
  });
}

Deno.test("instructed() ignores what the node itself has sent", () => {
  const bus = open();
  const own = { v: 1, type: "tell", from: "a", about: "trace", what: {} };
  bus.nodes.get("a")!.instructed(JSON.stringify(own));
  assert.deepEqual(bus.troubles, []);
});

Deno.test("clusterTasks() fails in words when there is no cluster, or the store does not answer", async () => {
  const own = () => {
    throw new Error("no task of this node");
  };
  const alone = clusterTasks(undefined, undefined, own);
  for (
    const task of [{ type: "clusterStatus" }, {
      type: "askNodes",
      nodes: [],
      request: REQUEST,
    }] as const
  ) {
    const result = await alone(task);
    assert.equal(result.type === "failed" && result.reason, "unavailable");
  }
  const silent = clusterTasks({ status: () => new Promise(() => {}) }, undefined, own, 5);
  const result = await silent({ type: "clusterStatus" });
  assert.match(result.type === "failed" ? result.detail : "", /has not answered/);
});
