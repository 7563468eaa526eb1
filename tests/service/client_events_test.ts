import assert from "node:assert/strict";
import { clientEvents } from "../../src/service/client_events.ts";
import { eventPublisher } from "../../src/server/event_publisher.ts";
import type { OwnMessage } from "../../src/broker/publish_own.ts";
import type { Fact } from "../../src/session/fact.ts";

const peer = { address: "[2001:db8::7]:50123", listener: "web", anonymousAllowed: true };
const connected = (clientId: string): Fact => ({
  type: "connected",
  connection: 1,
  clientId,
  user: "ada",
  peer,
  version: 5,
  cleanStart: true,
  sessionPresent: false,
  expiryInterval: 60,
  keepAlive: 30,
});
const disconnected: Fact = {
  type: "disconnected",
  connection: 1,
  clientId: "pump",
  user: undefined,
  peer,
  letIn: true,
  reason: "keepAliveTimeout",
  reasonCode: 0x8d,
  detail: "",
};
const subscriptions = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    full: `$share/g/a/${at}`,
    filter: `a/${at}`,
    shareName: "g",
    options: {
      qos: 1,
      noLocal: false,
      retainAsPublished: true,
      retainHandling: 2,
      subscriptionIdentifier: 9,
    } as const,
  }));

function told(messages: readonly OwnMessage[]) {
  return messages.map(({ topic, payload, retain }) => [
    topic,
    JSON.parse(new TextDecoder().decode(payload)),
    retain,
  ]);
}

Deno.test("clientEvents() tells who connected, and from where, when a client is let in", () => {
  assert.deepEqual(told(clientEvents(connected("pump"), 1_234.5)), [[
    "$SYS/broker/clients/pump/connected",
    {
      clientid: "pump",
      username: "ada",
      ipaddress: "2001:db8::7",
      listener: "web",
      proto_name: "MQTT",
      proto_ver: 5,
      keepalive: 30,
      clean_start: true,
      expiry_interval: 60,
      session_present: false,
      connected_at: 1_234,
      ts: 1_234,
    },
    false,
  ]]);
});

Deno.test("clientEvents() tells the reason when a client that was let in ends, and nothing of others", () => {
  const [[topic, event]] = told(clientEvents(disconnected, 5)) as [[string, unknown]];
  assert.equal(topic, "$SYS/broker/clients/pump/disconnected");
  assert.deepEqual(event, {
    clientid: "pump",
    username: null,
    ipaddress: "2001:db8::7",
    listener: "web",
    reason: "keepAliveTimeout",
    reason_code: "keepAliveTimeout",
    disconnected_at: 5,
    ts: 5,
  });
  assert.deepEqual(clientEvents({ ...disconnected, letIn: false }, 5), []);
});

Deno.test("clientEvents() is one event a filter when a client subscribes or unsubscribes", () => {
  const fact = { clientId: "pump", user: "ada", peer, subscriptions: subscriptions(2) };
  const events = told(clientEvents({ type: "subscribed", ...fact }, 5));
  assert.deepEqual(events.map(([topic, { topic: filter }]) => [topic, filter]), [
    ["$SYS/broker/clients/pump/subscribed", "$share/g/a/0"],
    ["$SYS/broker/clients/pump/subscribed", "$share/g/a/1"],
  ]);
  assert.deepEqual(events[0]![1].subopts, { qos: 1, nl: 0, rap: 1, rh: 2, sub_id: 9 });
  assert.deepEqual(told(clientEvents({ type: "unsubscribed", ...fact }, 5))[1], [
    "$SYS/broker/clients/pump/unsubscribed",
    { clientid: "pump", username: "ada", topic: "$share/g/a/1", ts: 5 },
    false,
  ]);
});

Deno.test("clientEvents() keeps a client id one level when it has signs of topics in it", () => {
  const [{ topic }] = clientEvents(connected("a/+#%b é"), 5) as [OwnMessage];
  assert.equal(topic, "$SYS/broker/clients/a%2F%2B%23%25b é/connected");
});

Deno.test("eventPublisher() counts what is above its events a second, and goes on in the next", () => {
  let now = 10_000;
  const sent: string[] = [];
  const statistics = { clientEventsDropped: 0 };
  const take = eventPublisher({
    perSecond: () => 3,
    now: () => now,
    publish: (messages) => messages.forEach(({ topic }) => sent.push(topic.split("/").at(-1)!)),
    statistics,
  });
  const fact = { clientId: "pump", user: "ada", peer, subscriptions: subscriptions(5) };
  take(connected("pump"));
  take({ type: "subscribed", ...fact });
  take(disconnected);
  take({ type: "store", full: true, detail: "" });
  assert.deepEqual(sent, ["connected", "subscribed", "subscribed"]);
  assert.equal(statistics.clientEventsDropped, 4);
  now += 1_000;
  take(disconnected);
  assert.deepEqual([sent.length, statistics.clientEventsDropped], [4, 4]);
});
