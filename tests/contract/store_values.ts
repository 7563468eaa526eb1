/**
 * Values for the store contract: short ways to make the records of a `Write`, and arbitraries of
 * whole histories of commits with the values that back ends are likely to get wrong.
 */

import fc from "fast-check";
import type { Identity } from "../../src/policy/identity.ts";
import type { Delivery, Message, Order } from "../../src/session/message.ts";
import { forwarded } from "../../src/session/message.ts";
import type { Inflight } from "../../src/session/session.ts";
import type { Subscription } from "../../src/session/subscription_map.ts";
import type { Write } from "../../src/session/write.ts";
import { bytes, publishProperties, qos } from "../property/arbitraries.ts";

/** A topic above the 2 KiB that some back ends allow for a key. */
export const LONG = `plant/${"level/".repeat(500)}`;

/** A queue that a group of subscribers shares: no client id can begin so. */
export const GROUP = "\u0000$share/fitters/plant/#";

/** Some are the beginning of others. */
export const CLIENT_IDS: readonly string[] = [
  "pump",
  "pump7",
  "pump/7 \u{1f427}",
  GROUP,
  `${GROUP}2`,
  "p".repeat(3_000),
  `${"p".repeat(3_000)}2`,
];

const TOPICS: readonly string[] = ["plant", "plant/1", "/", "$SYS/é\u{1f427}", LONG, `${LONG}2`];

export function message(order: Order, changes: Partial<Message> = {}): Message {
  return {
    order,
    topic: "plant/1",
    payload: new Uint8Array([order & 0xff, 0, 255]),
    qos: 1,
    retain: false,
    properties: undefined,
    expiresAt: Infinity,
    publisher: "pump",
    ...changes,
  };
}

export function delivery(message: Message, changes: Partial<Delivery> = {}): Delivery {
  return {
    message,
    qos: 1,
    retain: false,
    subscriptionIdentifiers: undefined,
    group: undefined,
    ...changes,
  };
}

export function subscription(full: string, changes: Partial<Subscription["options"]> = {}) {
  const share = /^\$share\/([^/]+)\/(.+)$/su.exec(full);
  return {
    full,
    filter: share === null ? full : share[2]!,
    shareName: share === null ? undefined : share[1]!,
    options: {
      qos: 1,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
      subscriptionIdentifier: undefined,
      ...changes,
    },
  } satisfies Subscription;
}

export function inflight(delivery: Delivery | undefined, sequence: number): Inflight {
  return {
    awaiting: delivery === undefined ? "pubcomp" : delivery.qos === 2 ? "pubrec" : "puback",
    delivery,
    sequence,
    sentAt: 1_700_000_000_000.125,
  };
}

export function putSession(
  clientId: string,
  expiresAt = Infinity,
  owner: Identity = { user: "anna", roles: ["fitter"] },
): Write {
  return { type: "putSession", clientId, owner, expiryInterval: 3_600, expiresAt };
}

export function putQueued(clientId: string, queued: Delivery): Write {
  return { type: "putQueued", clientId, delivery: queued };
}

export function putWill(clientId: string, publishAt = Infinity): Write {
  return {
    type: "putWill",
    will: {
      clientId,
      owner: { user: undefined, roles: [] },
      packet: {
        topic: "plant/gone",
        payload: new Uint8Array([1, 2, 3]),
        qos: 2,
        retain: true,
        willDelayInterval: 0xffff_ffff,
        properties: { messageExpiryInterval: 7, userProperties: [["b", "1"], ["a", ""]] },
      },
      publishAt,
    },
  };
}

/** Neither a driver nor the suite may change what was written. Bytes cannot be frozen. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}

/** Times with a fraction of a millisecond, and never. */
const instant = fc.constantFrom(Infinity, 0, 1_700_000_000_000.125, 2 ** 45);

const messages = fc.uniqueArray(
  fc.record({
    order: fc.constantFrom(1, 2, 3, 9, 10, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 1),
    topic: fc.constantFrom(...TOPICS),
    payload: bytes,
    qos,
    retain: fc.boolean(),
    properties: publishProperties,
    expiresAt: instant,
    publisher: fc.constantFrom("", "pump"),
  }),
  { selector: ({ order }) => order, minLength: 1, maxLength: 8 },
).map((all) =>
  all.map((any) =>
    message(any.order, {
      ...any,
      properties: any.properties === undefined ? undefined : forwarded(any.properties),
    })
  )
);

/** What a write is made of, whatever its type; `message` and `client` are places in lists. */
const rough = fc.record({
  type: fc.constantFrom<Write["type"]>(
    ...["putSession", "deleteSession", "putSubscription", "deleteSubscription"] as const,
    ...["putReceived", "deleteReceived", "putInflight", "deleteInflight", "putSession"] as const,
    ...["putQueued", "putQueued", "putQueued", "deleteQueued", "deleteQueued"] as const,
    ...["putRetained", "deleteRetained", "putWill", "deleteWill"] as const,
    ...["putDelayed", "deleteDelayed", "putInflight"] as const,
    ...["putSetting", "putSetting", "deleteSetting"] as const,
  ),
  client: fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 3, 4, 5, 6),
  message: fc.nat(7),
  packetId: fc.constantFrom(1, 2, 255, 256, 65_535),
  filter: fc.constantFrom("#", "plant/+", `${LONG}#`, "$share/fitters/plant/#", "$share/a/b"),
  qos,
  flag: fc.boolean(),
  at: instant,
  identifiers: fc.constantFrom(undefined, [1], [268_435_455, 1]),
  user: fc.constantFrom(undefined, "anna", "", "__proto__"),
  properties: publishProperties,
});

type Rough = typeof rough extends fc.Arbitrary<infer T> ? T : never;

/** Of a session that was made before its client came. */
function unseen(clientId: string, { user, roles }: Identity): Identity {
  const address = undefined, listener = "tcp", certificate = undefined;
  return { user, roles, clientId, address, listener, certificate };
}

function made(from: Rough, messages: readonly Message[]): Write {
  const clientId = CLIENT_IDS[from.client]!;
  const about = messages[from.message % messages.length]!;
  const { type, packetId, qos, flag, at, identifiers: subscriptionIdentifiers } = from;
  const owner = { user: from.user, roles: flag ? ["fitter", ""] : [] };
  const group = flag ? GROUP : undefined;
  const given = delivery(about, { qos, retain: !flag, subscriptionIdentifiers, group });
  switch (type) {
    case "putSession":
      return {
        type,
        clientId,
        owner: packetId % 4 === 0 ? unseen(clientId, owner) : owner,
        expiryInterval: flag ? 0xffff_ffff : 1,
        expiresAt: at,
        ...(packetId % 4 === 0 ? { awaited: true } : {}),
      };
    case "deleteSession":
    case "deleteWill":
      return { type, clientId };
    case "putSubscription": {
      const subscriptionIdentifier = subscriptionIdentifiers?.[0];
      const options = { qos, noLocal: flag, retainAsPublished: !flag, subscriptionIdentifier };
      const wanted = subscription(from.filter, options);
      const origin = ["commands", "unsubscribed", "é🐧"][packetId % 5];
      return {
        type,
        clientId,
        subscription: {
          ...wanted,
          ...(origin === undefined ? {} : { origin }),
          ...(packetId % 3 === 0 ? { unseen: true } : {}),
        },
      };
    }
    case "deleteSubscription":
      return { type, clientId, filter: from.filter };
    case "putReceived":
    case "deleteReceived":
    case "deleteInflight":
      return { type, clientId, packetId };
    case "putInflight":
      return {
        type,
        clientId,
        packetId,
        inflight: inflight(qos === 0 ? undefined : given, packetId + (flag ? 2 ** 33 : 0)),
      };
    case "putQueued":
      return { type, clientId, delivery: given };
    case "deleteQueued":
    case "deleteDelayed":
      return type === "deleteQueued"
        ? { type, clientId, order: about.order }
        : { type, order: about.order };
    case "putRetained":
      return { type, message: about };
    case "deleteRetained":
      return { type, topic: about.topic };
    case "putWill": {
      const { topicAlias: _a, subscriptionIdentifiers: _i, ...properties } = from.properties ?? {};
      const { topic, payload } = about;
      return {
        type,
        will: {
          clientId,
          owner,
          packet: {
            topic,
            payload,
            qos,
            retain: flag,
            willDelayInterval: packetId,
            properties: Object.keys(properties).length === 0 ? undefined : properties,
          },
          publishAt: at,
        },
      };
    }
    case "putDelayed":
      return { type, message: about, publishAt: at };
    case "putSetting":
    case "deleteSetting": {
      const name = `management/${about.topic}`; // one of them longer than a key
      const value = "\u{1f427}".repeat(flag ? 30_000 : qos); // above what a value holds, or not
      return type === "putSetting" ? { type, name, value } : { type, name };
    }
  }
}

/** Commits one after the other; after an `undefined` the store is opened again, where it can be. */
export const histories: fc.Arbitrary<readonly (readonly Write[] | undefined)[]> = fc.tuple(
  messages,
  fc.array(fc.option(fc.array(rough, { minLength: 1, maxLength: 12 }), { freq: 8 }), {
    minLength: 1,
    maxLength: 12,
  }),
).map(([messages, commits]) =>
  commits.map((commit) => commit === null ? undefined : commit.map((any) => made(any, messages)))
);
