/** The judge of the run with faults: a good history passes, and each made-up violation is found. */

import assert from "node:assert/strict";
import type { QoS } from "../../src/packet/packet.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import { historyOf } from "./history.ts";
import { judge, retainedIsLast } from "./judge.ts";
import type { ConnectionRecord, Ending, Publication, SubscriptionRecord } from "./ledger.ts";
import { Ledger, payloadOf, publicationOf } from "./ledger.ts";

const TERMS = { lease: 3_000 };

/** A ledger with a clock that is set by hand, and short words for what clients do. */
class Story {
  now = 0;
  readonly ledger = new Ledger(() => this.now);

  connect(client: string, cleanStart = false): ConnectionRecord {
    const connection = this.ledger.connection(client, 0, 1, cleanStart);
    connection.connackAt = ++this.now;
    connection.sessionPresent = !cleanStart;
    return connection;
  }

  end(connection: ConnectionRecord, ending: Ending): void {
    connection.endedAt = ++this.now;
    connection.ending = ending;
  }

  subscribe(client: string, full: string, qos: QoS, connection?: number): SubscriptionRecord {
    const shared = full.startsWith("$share/");
    const record: SubscriptionRecord = {
      client,
      full,
      filter: shared ? full.split("/").slice(2).join("/") : full,
      shared,
      qos,
      session: 0,
      connection,
      confirmedAt: ++this.now,
      endSentAt: Infinity,
    };
    this.ledger.subscriptions.push(record);
    return record;
  }

  /** Published and acknowledged. */
  publish(topic: string, qos: QoS, publisher = "pump", retain = false): Publication {
    const publication = this.ledger.publication({ publisher, topic, qos, retain, will: false });
    this.send(publication);
    publication.acknowledgedAt = ++this.now;
    return publication;
  }

  send(publication: Publication): void {
    const at = ++this.now;
    publication.firstSentAt = Math.min(publication.firstSentAt, at);
    publication.sends.push({ at, connection: 0, packetId: 1, dup: publication.sends.length > 0 });
  }

  receive(client: string, publication: Publication, more: { qos?: QoS; dup?: boolean } = {}): void {
    this.ledger.receiptsOf(client).push({
      publication,
      at: ++this.now,
      qos: publication.qos,
      retain: false,
      dup: false,
      packetId: 1,
      connection: 0,
      session: 0,
      ...more,
    });
  }

  /** A Will of a new connection of this client; `delay` in milliseconds. */
  will(
    client: string,
    delay = 0,
    connection = this.connect(client),
  ): [Publication, ConnectionRecord] {
    const publication = this.ledger.publication({
      publisher: client,
      topic: `w/${client}`,
      qos: 2,
      retain: false,
      will: true,
    });
    this.ledger.wills.push({ publication, connection, delay });
    return [publication, connection];
  }

  found(): readonly string[] {
    return [...new Set(judge(this.ledger, TERMS).map(({ kind }) => kind))].sort();
  }
}

/** A run in which everything is as it should be. */
function good(): Story {
  const story = new Story();
  story.connect("pump");
  story.subscribe("panel", "t/#", 2);
  story.subscribe("a", "$share/g/s/#", 2);
  story.subscribe("b", "$share/g/s/#", 2);
  story.subscribe("watcher", "w/#", 2);
  for (const qos of [0, 1, 2] as const) {
    story.receive("panel", story.publish("t/1", qos));
    story.receive("panel", story.publish("t/1", qos));
  }
  story.receive("a", story.publish("s/1", 2));
  story.receive("b", story.publish("s/1", 2));
  const [dropped, one] = story.will("w1");
  story.end(one, "dropped");
  story.receive("watcher", dropped);
  const [, two] = story.will("w2");
  story.end(two, "disconnected");
  two.closedAt = story.now;
  return story;
}

Deno.test("judge() finds nothing when all is as it should be", () => {
  assert.deepEqual(good().found(), []);
});

const WRONG: readonly (readonly [string, string, (story: Story) => void])[] = [
  ["an acknowledged QoS 1 message is lost", "lost", (story) => void story.publish("t/1", 1)],
  ["an acknowledged QoS 2 message is lost", "lost", (story) => void story.publish("t/1", 2)],
  ["a passing subscriber that stays misses a message", "lost", (story) => {
    const { serial } = story.connect("passing", true);
    story.subscribe("passing", "p/#", 1, serial);
    story.publish("p/1", 1);
  }],
  ["a QoS 2 message comes twice", "twice", (story) => {
    const publication = story.publish("t/1", 2);
    story.receive("panel", publication);
    story.receive("panel", publication, { dup: true });
  }],
  ["a QoS 1 message comes more often than it was sent", "more", (story) => {
    const publication = story.publish("t/1", 1);
    story.receive("panel", publication);
    story.receive("panel", publication);
  }],
  ["a QoS 0 message comes twice", "qos0Twice", (story) => {
    const publication = story.publish("t/1", 0);
    story.receive("panel", publication);
    story.receive("panel", publication);
  }],
  ["a message comes before an earlier one", "order", (story) => {
    const [first, second] = [story.publish("t/1", 2), story.publish("t/1", 2)];
    story.receive("panel", second);
    story.receive("panel", first);
  }],
  ["nobody of a group gets a message", "sharedLost", (story) => void story.publish("s/1", 2)],
  ["two members of a group get the same QoS 2 message", "sharedTwice", (story) => {
    const publication = story.publish("s/1", 2);
    story.receive("a", publication);
    story.receive("b", publication);
  }],
  ["a QoS 1 message is lost of a group with a member whose session ends", "sharedLost", (story) => {
    story.subscribe("c", "$share/h/q/#", 1);
    story.subscribe("d", "$share/h/q/#", 1, story.connect("d", true).serial);
    story.publish("q/1", 1);
  }],
  ["a Will that was due does not come", "willLost", (story) => {
    story.end(story.will("w3")[1], "dropped");
  }],
  ["a Will comes twice", "willTwice", (story) => {
    const [publication, connection] = story.will("w3");
    story.end(connection, "lost");
    story.receive("watcher", publication);
    story.receive("watcher", publication);
  }],
  ["a Will comes after DISCONNECT", "willUnasked", (story) => {
    const [publication, connection] = story.will("w3");
    story.end(connection, "disconnected");
    connection.closedAt = story.now;
    const endedAt = story.now + 3_000;
    story.ledger.nodeRuns.push({ node: 0, run: 1, startedAt: 0, endedAt, fenced: false });
    story.receive("watcher", publication);
  }],
  ["a Will comes of a client that is connected", "willUnasked", (story) => {
    story.receive("watcher", story.will("w3")[0]);
  }],
  ["a Will comes of a client that was back before its delay was over", "willUnasked", (story) => {
    const [publication, connection] = story.will("w3", 10_000);
    story.end(connection, "dropped");
    story.connect("w3");
    story.receive("watcher", publication);
  }],
  ["a Will comes of a client that was refused", "willUnasked", (story) => {
    const [publication, connection] = story.will("w3");
    connection.connackAt = Infinity;
    connection.refused = true;
    story.receive("watcher", publication);
  }],
  ["a delayed Will of a client that stays away does not come", "willLost", (story) => {
    story.end(story.will("w3", 1_000)[1], "dropped");
  }],
  ["a message comes to a client that never asked", "asked", (story) => {
    story.receive("panel", story.publish("x/1", 1));
  }],
  ["a PUBLISH stays unanswered", "unanswered", (story) => {
    const publication = story.publish("x/1", 1);
    publication.acknowledgedAt = Infinity;
  }],
  ["a client saw something itself", "protocol", (story) => {
    story.ledger.violation("protocol", "PUBCOMP for nothing");
  }],
];

for (const [what, kind, make] of WRONG) {
  Deno.test(`judge() finds "${kind}" when ${what}`, () => {
    const story = good();
    make(story);
    assert.deepEqual(story.found(), [kind]);
    const [violation] = judge(story.ledger, TERMS);
    const history = historyOf(story.ledger, violation!);
    assert.ok(history.length > 0 || violation!.publication === undefined, "no history");
  });
}

const RIGHT: readonly (readonly [string, (story: Story) => void])[] = [
  ["a message was sent before the subscription was confirmed", (story) => {
    const publication = story.publish("n/1", 1);
    story.subscribe("panel", "n/#", 1);
    void publication;
  }],
  ["a message was acknowledged after UNSUBSCRIBE", (story) => {
    const record = story.subscribe("panel", "n/#", 1);
    const publication = story.publish("n/1", 1);
    record.endSentAt = publication.firstSentAt;
  }],
  ["a QoS 2 message went with the session of a group's member", (story) => {
    story.subscribe("c", "$share/h/q/#", 2);
    const connection = story.connect("d", true);
    story.subscribe("d", "$share/h/q/#", 2, connection.serial);
    story.publish("q/1", 2);
    story.end(connection, "lost");
  }],
  ["a passing subscriber that has gone missed a message", (story) => {
    const connection = story.connect("passing", true);
    story.subscribe("passing", "p/#", 1, connection.serial);
    story.publish("p/1", 1);
    story.end(connection, "lost");
  }],
  ["a QoS 1 message comes twice, the second time with DUP", (story) => {
    const publication = story.publish("t/1", 1);
    story.receive("panel", publication);
    story.receive("panel", publication, { dup: true });
  }],
  [
    "a message that was sent again comes after what was sent behind it, to a later subscription",
    (story) => {
      story.subscribe("panel", "n/#", 1).endSentAt = ++story.now;
      const [first, second] = [story.publish("n/1", 1), story.publish("n/1", 1)];
      story.subscribe("panel", "n/#", 1);
      story.send(second);
      story.receive("panel", second);
      story.send(first);
      story.receive("panel", first);
    },
  ],
  ["the node of a disconnected client ended before it could write that down", (story) => {
    const [publication, connection] = story.will("w3");
    story.end(connection, "disconnected");
    connection.closedAt = story.now;
    story.ledger.nodeRuns.push({
      node: 0,
      run: 1,
      startedAt: 0,
      endedAt: story.now + 100,
      fenced: false,
    });
    story.receive("watcher", publication);
  }],
  ["a node was given up, with its links, before a client gave its link up", (story) => {
    const [publication, connection] = story.will("w3", 2_000);
    connection.heardAt = story.now;
    story.now += 5_500;
    story.end(connection, "silent");
    story.connect("w3");
    story.receive("watcher", publication);
  }],
  ["a node was given up while it stood still, and sent a last packet before it ended", (story) => {
    const [publication, connection] = story.will("w3", 2_000);
    story.receive("watcher", publication);
    connection.heardAt = story.now += 4_200;
    story.end(connection, "lost");
    const { now } = story;
    story.ledger.nodeRuns.push({ node: 0, run: 1, startedAt: 0, endedAt: now, fenced: true });
    story.connect("w3");
  }],
  ["the broker had closed the link before DISCONNECT came", (story) => {
    const [publication, connection] = story.will("w3");
    story.end(connection, "disconnected");
    connection.told = Reason.serverShuttingDown;
    connection.closedAt = story.now;
    story.receive("watcher", publication);
  }],
  ["nobody closed the link after DISCONNECT", (story) => {
    const [publication, connection] = story.will("w3");
    story.end(connection, "disconnected");
    story.receive("watcher", publication);
  }],
  ["a CONNECT with a Will was never answered", (story) => {
    const [publication, connection] = story.will("w3");
    connection.connackAt = Infinity;
    story.receive("watcher", publication);
  }],
];

for (const [what, make] of RIGHT) {
  Deno.test(`judge() finds nothing when ${what}`, () => {
    const story = good();
    make(story);
    assert.deepEqual(story.found(), []);
  });
}

Deno.test("retainedIsLast() wants what was acknowledged last, or what was sent behind it", () => {
  const story = good();
  const first = story.publish("r/1", 1, "pump", true);
  const second = story.publish("r/1", 1, "pump", true);
  const third = story.publish("r/1", 1, "pump", true);
  third.acknowledgedAt = Infinity;
  const found = (publication: Publication | undefined) =>
    retainedIsLast(story.ledger, 0, new Map([["r/1", publication]])).length;
  assert.equal(found(second), 0);
  assert.equal(found(third), 0);
  assert.equal(found(first), 1);
  assert.equal(found(undefined), 1);
});

Deno.test("publicationOf() knows a payload by every byte of it", () => {
  const { ledger } = good();
  for (const publication of ledger.publications) {
    const payload = payloadOf(publication);
    assert.equal(publicationOf(ledger, payload), publication);
    payload[payload.length - 1]! ^= 1;
    assert.equal(publicationOf(ledger, payload), undefined);
  }
});
