/** Checkers on histories told by hand: what they take, and what they do not. */

import assert from "node:assert/strict";
import { certain, inOrder } from "./checkers.ts";
import type { Client } from "./client.ts";
import type { Checker, Publication } from "./ledger.ts";
import { Ledger } from "./ledger.ts";
import type { World } from "./world.ts";

/** What a publisher sends, and what a subscriber gets, a message a letter; a small one has DUP. */
interface History {
  readonly what: string;
  readonly sent: string;
  readonly got: string;
  readonly right: boolean;
}

/** What the checker finds in it. */
function orderOf({ sent, got }: History): readonly string[] {
  const ledger = new Ledger();
  const messages = new Map<string, Publication>();
  for (const letter of [...sent].sort()) {
    if (messages.has(letter)) continue;
    messages.set(
      letter,
      ledger.publication({
        publisher: "pump",
        topic: "t",
        qos: 1,
        retain: false,
        clears: false,
        will: false,
        delay: 0,
        expiry: Infinity,
        size: 10,
      }),
    );
  }
  for (const letter of sent) ledger.sending(messages.get(letter)!);
  for (const [at, letter] of [...got].entries()) {
    const publication = messages.get(letter.toUpperCase())!;
    const dup = letter !== letter.toUpperCase();
    ledger.receiptsOf("panel").push({ publication, at, qos: 0, retain: false, dup, session: 0 });
  }
  const world = {
    clients: [{ id: "panel" }],
    ledger,
    violation: (checker: Checker, text: string) => ledger.violation(checker, text),
  };
  inOrder(world as unknown as World);
  return ledger.violations;
}

const histories: readonly History[] = [
  { what: "all come in order", sent: "ABC", got: "ABC", right: true },
  { what: "some are lost", sent: "ABCD", got: "BD", right: true },
  { what: "a later one comes first", sent: "ABC", got: "ACB", right: false },
  { what: "all are sent again and come twice", sent: "ABCABC", got: "ABCABC", right: true },
  {
    what: "the standard's example 1, 2, 3, 2, 3, 4 comes",
    sent: "ABCBCD",
    got: "ABCBCD",
    right: true,
  },
  {
    what: "the standard's example 1, 2, 3, 2, 4, 3 comes",
    sent: "ABCBCD",
    got: "ABCBDC",
    right: false,
  },
  // Seed 507618: the first copies went down with the subscriber's link, a younger one came before.
  {
    what: "first copies are lost and the publisher repeats them",
    sent: "ABCABC",
    got: "CABC",
    right: true,
  },
  {
    what: "a copy comes after a younger one and was sent only before that",
    sent: "ABABC",
    got: "CAB",
    right: false,
  },
  { what: "the broker repeats with DUP what was seen", sent: "ABC", got: "ABCabc", right: true },
  {
    what: "the broker repeats without DUP what was sent once",
    sent: "ABC",
    got: "ABCA",
    right: false,
  },
  { what: "the first copy that comes has DUP", sent: "ABC", got: "AbC", right: true },
];

for (const history of histories) {
  const { what, right } = history;
  Deno.test(`inOrder() finds ${right ? "nothing" : "it"} when ${what}`, () => {
    assert.equal(orderOf(history).length > 0, !right);
  });
}

// Seed 9102805: the rule that the subscription was made by had gone while the broker was down.
for (
  const [what, dueAt, endsAt, right] of [
    ["due while the broker was down, and ended as it started", 30_000, 100_000, false],
    ["due while the broker was down, and ended later", 30_000, 100_001, true],
    ["due before the broker went down", 9_000, 100_000, true],
    ["due after the broker has started, and ended before", 120_000, 119_000, false],
  ] as const
) {
  Deno.test(`certain() holds ${right ? "a" : "no"} subscription to a delayed message that is ${what}`, () => {
    const ledger = new Ledger();
    ledger.down(10_000);
    ledger.up(100_000);
    const publication = ledger.publication({
      publisher: "pump",
      topic: "t",
      qos: 1,
      retain: false,
      clears: false,
      will: false,
      delay: dueAt / 1000 - 2,
      expiry: Infinity,
      size: 10,
    });
    Object.assign(publication, { firstSentAt: 1_000, acknowledgedAt: 2_000 });
    ledger.subscriptionsOf("panel").push({
      full: "t",
      filter: "t",
      shared: false,
      options: {
        qos: 1,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
        subscriptionIdentifier: undefined,
      },
      session: 0,
      serial: 0,
      sentAt: 0,
      confirmedAt: 0,
      endSentAt: endsAt,
      endConfirmedAt: endsAt,
    });
    const panel = { id: "panel", session: 0 } as Client;
    assert.equal(certain(ledger, panel, publication).length > 0, right);
  });
}

// Seed 40003376: what was due while the disk was full was forgotten in a crash.
for (
  const [what, due, again, at] of [
    ["in time, where the disk had it before the broker went down", 8_000, 150_000, 8_000],
    ["as it started, where the disk had not", 9_000, 150_000, 100_000],
    ["as it started once more, where the disk had not then either", 9_000, 100_000, 200_000],
  ] as const
) {
  Deno.test(`attendedAt() says that the broker came to what was due ${what}`, () => {
    const ledger = new Ledger();
    ledger.down(9_000);
    ledger.up(100_000);
    ledger.down(again);
    ledger.up(200_000);
    assert.equal(ledger.attendedAt(due), at);
  });
}
