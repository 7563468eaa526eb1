/** Sessions of a cluster that end on account of a request, and are another node's. */

import assert from "node:assert/strict";
import { Broker } from "../../src/broker/broker.ts";
import type { Event } from "../../src/broker/event.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { Control } from "../../src/server/control.ts";
import type { Service, World } from "../../src/service/service.ts";
import { replied } from "../../src/service/service.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {}, enabled: () => false };

/** A service that has the session `pump` deleted, whatever it is asked. */
const deleter: Service<null> = {
  name: "deleter",
  prefix: "$CONTROL/deleter",
  begin: () => null,
  perform: () => ({
    ...replied(null, {}),
    events: [{ type: "deleteSession", clientId: "pump" }],
  }),
  refuse: (refused) => refused,
};

/** Asks for it at a node that has the session's row and not the session; what the log was told. */
async function ask(becomes: "refused" | "gone" | "deleted"): Promise<unknown[]> {
  const broker = new Broker(
    { ...defaultRules, administrators: [{ user: "admin" }] },
    { node: "a.1", slot: 0, localFirst: false },
  );
  broker.step({
    type: "indexed",
    record: {
      type: "session",
      clientId: "pump",
      owner: { user: undefined, roles: [] },
      expiryInterval: 600,
      expiresAt: Infinity,
      at: "b.1",
      orders: [],
      sizes: [],
    },
  }, 0);
  const told: unknown[] = [];
  let ticket = 0;
  const control = new Control({
    services: [deleter as Service],
    configured: broker.snapshot().rules,
    view: () => ({ now: 0, broker: broker.snapshot(), world: {} as World }),
    feed(event: Event) {
      if (event.type === "fetch") ticket = event.ticket;
    },
    endTurn() {},
    perform: () => assert.fail("there are no tasks"),
    instruct() {},
    audit: {
      ...silent,
      info: (message, fields) => told.push([message, fields?.of, fields?.reason]),
    },
    broken: (error) => assert.fail(String(error)),
  });
  control.begin(new Map());
  control.ask({
    topic: "$CONTROL/deleter",
    payload: new Uint8Array(),
    identity: { user: "admin", roles: [] },
    clientId: "a",
    address: "127.0.0.1:1",
    listener: "l",
    via: "mqtt",
    sender: undefined,
  }, () => {});
  const here = becomes === "deleted" ? 0 : undefined;
  if (becomes === "gone") {
    const writes = [{ type: "deleteSession", clientId: "pump" }] as const;
    broker.step({ type: "replicated", from: "b.1", writes }, 1);
  }
  control.fetched({
    type: "fetched",
    ticket,
    messages: here,
    bytes: here,
    problem: here === undefined ? "b.1 has the session" : undefined,
  });
  await new Promise((resolve) => setTimeout(resolve, 0));
  return told;
}

Deno.test("Control says that a session is not deleted when it cannot be had", async () => {
  assert.deepEqual(await ask("refused"), [[
    "a session is not deleted: delete it when it can be had",
    "pump",
    "the session: b.1 has the session",
  ]]);
});

for (const becomes of ["gone", "deleted"] as const) {
  Deno.test(`Control says nothing of a session that is to be deleted when it is ${becomes}`, async () => {
    assert.deepEqual(await ask(becomes), []);
  });
}
