/**
 * The export format of a store, version 1: JSON Lines (UTF-8, a line feed behind every line), one record
 * a line. The records are those of `Write` (session/write.ts), so the format knows nothing of how a
 * driver keeps them: what one driver exports, another imports.
 *
 * - The first line is `{"format":"dunlin-store","version":1,"schema":1}`: the version of this format, and
 *   that of the records.
 * - Then come records, each with its `type`: `putSetting`; all `putSession`; then `putSubscription`; `putRetained`;
 *   `putWill`; `putDelayed`; the ids and messages of sessions, `putReceived`, `putInflight`; `putQueued`.
 *   A record of a session stands behind the `putSession` of its client.
 * - `{"type":"order","highest":n}`: no message that is ever made may have an order up to n.
 * - The last line is `{"type":"end","records":n}`, n being the number of the lines between the first and
 *   this one. A file without it was cut off.
 *
 * Fields have the names of the types in session/write.ts and what these refer to, in a fixed order. Bytes
 * (payloads, Correlation Data) are base64 with padding. Times are milliseconds since 1970. What is
 * undefined, and a time that is Infinity (never), is left out. Of a subscription only its full filter, its
 * options, and the origin of what the client has not subscribed to itself are written: a rule of
 * auto-subscribe, or `unsubscribed` for what there is not to be. In a `putQueued` the number of a message stands for the message of the
 * `putQueued` line before it, so that what many sessions queue is written once.
 *
 * `putQueued` lines are by order, and of one order by session, as the sessions are written; received and
 * inflight ids of a session by Packet Identifier. All else is as the driver lists it: Deno KV lists
 * sessions by age, their subscriptions by filter, retained messages by topic, Wills by client id and
 * delayed messages by order, and what it imported again in that same order, so that a second export has
 * the same bytes. The memory driver lists in the order of arrival.
 */

import type { PublishProperties, SubscriptionOptions, WillPacket } from "../packet/packet.ts";
import type { AccessRule } from "../policy/access_rule.ts";
import type { CertificateFields, Identity } from "../policy/identity.ts";
import { rulesInJson } from "../policy/rules_in_json.ts";
import type { Delivery, Message, Order } from "../session/message.ts";
import type { Inflight } from "../session/session.ts";
import type { Subscription } from "../session/subscription_map.ts";
import type { PendingWill, Write } from "../session/write.ts";
import { parseTopicFilter } from "../topic/topic_filter.ts";
import { topicNameProblem } from "../topic/topic_name.ts";
import type { Shape } from "./json_shape.ts";
import * as json from "./json_shape.ts";

/** The first line. */
export interface Header {
  readonly format: "dunlin-store";
  readonly version: 1;
  readonly schema: 1;
}

/** A queued message whose message may be that of the line before. */
export interface QueuedLine {
  readonly type: "putQueued";
  readonly clientId: string;
  readonly delivery: Omit<Delivery, "message"> & { readonly message: Message | Order };
}

/** What the lines of an export say, beside the first. */
export type Line =
  | Exclude<Write, { readonly type: `delete${string}` | "putQueued" | "putReceived" }>
  | { readonly type: "putReceived"; readonly clientId: string; readonly packetId: number }
  | QueuedLine
  | { readonly type: "order"; readonly highest: Order }
  | { readonly type: "end"; readonly records: number };

export const HEADER: Header = { format: "dunlin-store", version: 1, schema: 1 };

/** UTF-16 units of a Topic Name, a client id, a name; the key of a shared subscription is longer. */
const LONGEST = 132_000;
/** UTF-16 units of a setting, the greatest that limits allow. */
const LONGEST_SETTING = 16 << 20;
const MOST_LISTED = 65_536;

const anyText = json.text(LONGEST);
const qos = json.oneOf(0, 1, 2);
const order = json.integer(0, Number.MAX_SAFE_INTEGER);
const seconds = json.integer(0, 0xffff_ffff);
const packetId = json.integer(1, 65_535);
const identifier = json.integer(1, 268_435_455);

const topicName = checked(anyText, (name) => topicNameProblem(name, Infinity));
const topicFilter = checked(anyText, (full) => {
  const parsed = parseTopicFilter(full, Infinity);
  return typeof parsed === "string" ? parsed : undefined;
});

const certificate = json.plain<CertificateFields>(
  "an object with texts or lists of texts",
  (value) => typeof value === "object" && value !== null && Object.values(value).every(isTexts),
);

function isTexts(value: unknown): boolean {
  return typeof value === "string" ||
    Array.isArray(value) && value.every((item) => typeof item === "string");
}

const accessRules: Shape<readonly AccessRule[]> = {
  toJson: (rules) => rules,
  fromJson(from, path) {
    const rules = rulesInJson(from, path);
    if (typeof rules === "string") throw new Error(rules);
    return rules;
  },
};

const wholeIdentity = json.fields<Identity>({
  user: json.maybe(anyText),
  roles: json.list(anyText, MOST_LISTED),
  clientId: json.maybe(anyText),
  address: json.maybe(anyText),
  listener: json.maybe(anyText),
  certificate: json.maybe(certificate),
  version: json.maybe(json.oneOf(3, 4, 5)),
  rules: json.maybe(accessRules),
});
/** The broker's own identity, and those of older stores, have no connection that they were proven on. */
const identity: Shape<Identity> = {
  toJson: wholeIdentity.toJson,
  fromJson(from, path) {
    const whole = wholeIdentity.fromJson(from, path);
    const { user, roles, clientId, address, listener, certificate, version, rules } = whole;
    const bare = clientId === undefined && address === undefined && listener === undefined &&
      certificate === undefined && version === undefined && rules === undefined;
    if (bare) return { user, roles };
    return {
      ...{ user, roles, clientId, address, listener, certificate },
      ...(version === undefined ? {} : { version }),
      ...(rules === undefined ? {} : { rules }),
    };
  },
};

const properties = json.fields<PublishProperties>({
  payloadFormatIndicator: optional(json.oneOf(0, 1)),
  messageExpiryInterval: optional(seconds),
  topicAlias: optional(json.integer(0, 65_535)),
  responseTopic: optional(anyText),
  correlationData: optional(json.bytes),
  userProperties: optional(json.list(json.pair(anyText), MOST_LISTED)),
  subscriptionIdentifiers: optional(json.list(identifier, MOST_LISTED)),
  contentType: optional(anyText),
}, true);

const message = json.fields<Message>({
  order,
  topic: topicName,
  payload: json.bytes,
  qos,
  retain: json.flag,
  properties: json.maybe(properties),
  expiresAt: json.instant,
  publisher: anyText,
});

const delivery = {
  qos,
  retain: json.flag,
  subscriptionIdentifiers: json.maybe(json.list(identifier, MOST_LISTED)),
  group: json.maybe(anyText),
};

const inflight = json.fields<Inflight>({
  awaiting: json.oneOf("puback", "pubrec", "pubcomp"),
  delivery: json.maybe(json.fields<Delivery>({ message, ...delivery })),
  sequence: order,
  sentAt: json.instant,
});

const will = json.fields<PendingWill>({
  clientId: anyText,
  owner: identity,
  packet: json.fields<WillPacket>({
    topic: topicName,
    payload: json.bytes,
    qos,
    retain: json.flag,
    willDelayInterval: seconds,
    properties: json.maybe(properties),
  }),
  publishAt: json.instant,
});

const subscriptionOptions = json.fields<SubscriptionOptions>({
  qos,
  noLocal: json.flag,
  retainAsPublished: json.flag,
  retainHandling: json.oneOf(0, 1, 2),
  subscriptionIdentifier: json.maybe(identifier),
});

/** Only the full filter, the options and what is not as a client subscribes are written. */
const written = json.fields<Pick<Subscription, "full" | "options" | "origin" | "unseen">>({
  full: topicFilter,
  options: subscriptionOptions,
  origin: json.maybe(anyText),
  unseen: json.maybe(json.flag),
});
const subscription: Shape<Subscription> = {
  toJson: written.toJson,
  fromJson(from, path) {
    const { full, options, origin, unseen } = written.fromJson(from, path);
    const parsed = parseTopicFilter(full, Infinity);
    if (typeof parsed === "string") throw json.wrong(`${path}.full`, full, parsed);
    return {
      full,
      filter: parsed.filter,
      shareName: parsed.shareName,
      options,
      ...(origin === undefined ? {} : { origin }),
      ...(unseen === true ? { unseen } : {}),
    };
  },
};

const queuedMessage: Shape<Message | Order> = {
  toJson: (value) => typeof value === "number" ? value : message.toJson(value),
  fromJson: (from, path) => (typeof from === "number" ? order : message).fromJson(from, path),
};

type LineOf<T extends Line["type"]> = Extract<Line, { readonly type: T }>;

/** The fields of each type of line, `type` being the first. */
const LINES: { readonly [T in Line["type"]]: Shape<LineOf<T>> } = {
  putSetting: line("putSetting", { name: anyText, value: json.text(LONGEST_SETTING) }),
  putSession: line("putSession", {
    clientId: anyText,
    owner: identity,
    expiryInterval: seconds,
    expiresAt: json.instant,
    awaited: json.maybe(json.flag),
  }),
  putSubscription: line("putSubscription", { clientId: anyText, subscription }),
  putRetained: line("putRetained", { message }),
  putWill: line("putWill", { will }),
  putDelayed: line("putDelayed", { message, publishAt: json.instant }),
  putReceived: line("putReceived", { clientId: anyText, packetId }),
  putInflight: line("putInflight", { clientId: anyText, packetId, inflight }),
  putQueued: line("putQueued", {
    clientId: anyText,
    delivery: json.fields({ message: queuedMessage, ...delivery }),
  }),
  order: line("order", { highest: order }),
  end: line("end", { records: json.integer(0, Number.MAX_SAFE_INTEGER) }),
};

const header = json.fields<Header>({
  format: json.oneOf("dunlin-store"),
  version: json.oneOf(1),
  schema: json.oneOf(1),
});

/** The first line, with its line feed. */
export function headerText(): string {
  return `${JSON.stringify(header.toJson(HEADER))}\n`;
}

/** A line with its line feed. */
export function lineText(line: Line): string {
  const shape = LINES[line.type] as Shape<Line>;
  return `${JSON.stringify(shape.toJson(line))}\n`;
}

/** Whether it is the first line of an export; throws an Error that says what is wrong. */
export function readHeader(text: string): void {
  header.fromJson(parsed(text), "the first line");
}

/** What a line says; throws an Error that says what is wrong with it. */
export function readLine(text: string): Line {
  const value = parsed(text);
  const type = typeof value === "object" && value !== null && "type" in value
    ? value.type
    : undefined;
  if (typeof type !== "string" || !Object.hasOwn(LINES, type)) {
    throw json.wrong("type", type, `one of ${Object.keys(LINES).join(", ")}`);
  }
  return LINES[type as Line["type"]].fromJson(value, type);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`it is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function line<T extends Line["type"]>(
  type: T,
  shapes: { readonly [K in keyof Omit<LineOf<T>, "type">]: Shape<LineOf<T>[K]> },
): Shape<LineOf<T>> {
  const all = { type: json.oneOf(type), ...shapes };
  return json.fields<LineOf<T>>(
    all as unknown as Parameters<typeof json.fields<LineOf<T>>>[0],
    true,
  );
}

/** A text with which nothing is wrong. */
function checked(of: Shape<string>, problem: (text: string) => string | undefined): Shape<string> {
  return {
    toJson: of.toJson,
    fromJson(from, path) {
      const value = of.fromJson(from, path);
      const why = problem(value);
      if (why === undefined) return value;
      throw json.wrong(path, value, `another: ${why}`);
    },
  };
}

/** A field of a sparse object: its shape never meets an undefined value that is kept. */
function optional<T>(of: Shape<T>): Shape<T> {
  return json.maybe(of) as Shape<T>;
}
