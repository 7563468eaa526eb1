/**
 * What every command of management does, as a table: one suite, run over each way to ask (MQTT, HTTP, the
 * command line). A row prepares the broker by commands too, so whoever runs it has only to ask, to connect
 * a client and to begin anew.
 */

import assert from "node:assert/strict";

/** A broker that management asks, and that is the runner's own. */
export interface Managed {
  /** The reply, as JSON. */
  ask(command: string, input: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** Connects a client of 5.0 as that user, with a session that outlives its connection. */
  connect(clientId: string, user: string): Promise<void>;
  close(): Promise<void>;
}

type Input = Readonly<Record<string, unknown>>;

/** A command, or a client that connects. */
type Step = readonly [command: string, input: Input] | {
  readonly connect: string;
  readonly user: string;
};

export interface Row {
  /** Behind "… when". */
  readonly when: string;
  readonly given?: readonly Step[];
  readonly command: string;
  readonly input?: Input;
  /** A part of the data of the reply: objects may have more, lists are as long as they are. */
  readonly data?: Input;
  readonly refused?: string;
  /** What another command then says: that it was done, or with `dryRun` that it was not. */
  readonly then?: readonly (readonly [command: string, input: Input, data: Input])[];
}

const PUMPS_SESSION: Input = {
  clientId: "pump",
  user: "pumps",
  subscriptions: [{ filter: "cmd/pump/#", qos: 1 }],
};
const PUMP: Step = ["sessions/provision", PUMPS_SESSION];
const QUEUED: Step = ["publish", { topic: "cmd/pump/go", payload: "now", qos: 1 }];
const RETAINED: readonly Step[] = [
  ["publish", { topic: "plant/1", payload: "on", qos: 1, retain: true }],
  ["publish", { topic: "plant/2", payloadBase64: "/w==", retain: true }],
  ["publish", { topic: "other", payload: "x", retain: true }],
];
const CONNECTED: Step = { connect: "panel", user: "anna" };
const RULE = { permission: "allow", topics: "plant/#" };
const AUTO = { filters: [{ filter: "cmd/${clientid}/#", qos: 1 }] };
const EVE = { kind: "user", value: "eve" };

/** All of them; at least one row a command that does it, one that is a dry run, and one for each refusal. */
export const rows: readonly Row[] = [
  {
    when: "there are some",
    given: [PUMP, CONNECTED],
    command: "sessions/list",
    input: { limit: 10, clientId: "p*" },
    data: {
      sessions: [
        { clientId: "panel", user: "anna", connected: true, version: "5.0", subscriptions: 0 },
        { clientId: "pump", user: "pumps", connected: false, version: null, subscriptions: 1 },
      ],
      next: null,
    },
  },
  {
    when: "only absent ones are asked for",
    given: [PUMP, CONNECTED],
    command: "sessions/list",
    input: { connected: false },
    data: { sessions: [{ clientId: "pump" }] },
  },
  {
    when: "a page is smaller than all",
    given: ["d", "b", "a", "c"].map((clientId) => ["sessions/provision", { clientId }] as const),
    command: "sessions/list",
    input: { limit: 2, after: "a" },
    data: { sessions: [{ clientId: "b" }, { clientId: "c" }], next: "c" },
  },
  {
    when: "the input is no such thing",
    command: "sessions/list",
    input: { limit: 0 },
    refused: "badRequest",
  },
  {
    when: "the input has a key that is unknown",
    command: "sessions/list",
    input: { client: "x" },
    refused: "badRequest",
  },
  {
    when: "the client is connected",
    given: [CONNECTED],
    command: "sessions/get",
    input: { clientId: "panel" },
    data: { session: { clientId: "panel", stored: true, connection: { congested: false } } },
  },
  {
    when: "there is none",
    command: "sessions/get",
    input: { clientId: "pump" },
    refused: "notFound",
  },
  {
    when: "the client is connected",
    given: [CONNECTED],
    command: "sessions/kick",
    input: { clientId: "panel" },
    data: { clientId: "panel" },
    then: [["sessions/get", { clientId: "panel" }, { session: { connected: false } }]],
  },
  {
    when: "it is a dry run",
    given: [CONNECTED],
    command: "sessions/kick",
    input: { clientId: "panel", dryRun: true },
    data: { clientId: "panel" },
    then: [["sessions/get", { clientId: "panel" }, { session: { connected: true } }]],
  },
  {
    when: "the client is absent",
    given: [PUMP],
    command: "sessions/kick",
    input: { clientId: "pump" },
    refused: "conflict",
  },
  {
    when: "nobody is called so",
    command: "sessions/kick",
    input: { clientId: "nobody" },
    refused: "notFound",
  },
  {
    when: "messages wait in it",
    given: [PUMP, QUEUED],
    command: "sessions/delete",
    input: { clientId: "pump" },
    data: { clientId: "pump", connected: false, subscriptions: 1, messagesDropped: 1 },
    then: [["sessions/list", {}, { sessions: [] }]],
  },
  {
    when: "its client is connected",
    given: [CONNECTED],
    command: "sessions/delete",
    input: { clientId: "panel" },
    data: { connected: true },
    then: [["sessions/list", { clientId: "panel" }, { sessions: [] }]],
  },
  {
    when: "it is a dry run",
    given: [PUMP],
    command: "sessions/delete",
    input: { clientId: "pump", dryRun: true },
    data: { clientId: "pump" },
    then: [["sessions/list", {}, { sessions: [{ clientId: "pump" }] }]],
  },
  {
    when: "there is none",
    command: "sessions/delete",
    input: { clientId: "pump" },
    refused: "notFound",
  },
  {
    when: "the client was never here",
    command: "sessions/provision",
    input: PUMPS_SESSION,
    data: { clientId: "pump", user: "pumps", subscriptions: 1 },
    then: [
      ["sessions/get", { clientId: "pump" }, { session: { provisioned: true, user: "pumps" } }],
      ["subscriptions/list", {}, { subscriptions: [{ filter: "cmd/pump/#", qos: 1 }] }],
    ],
  },
  {
    when: "it is a dry run",
    command: "sessions/provision",
    input: { clientId: "pump", dryRun: true },
    data: { clientId: "pump" },
    then: [["sessions/list", {}, { sessions: [] }]],
  },
  {
    when: "the client has a session",
    given: [PUMP],
    command: "sessions/provision",
    input: { clientId: "pump" },
    refused: "conflict",
  },
  {
    when: "a filter is none",
    command: "sessions/provision",
    input: { clientId: "pump", subscriptions: [{ filter: "a/#/b" }] },
    refused: "badRequest",
  },
  {
    when: "a topic is asked about",
    given: [PUMP, ["subscriptions/add", { clientId: "pump", filter: "plant/+", qos: 2 }]],
    command: "subscriptions/list",
    input: { topic: "plant/1" },
    data: {
      subscriptions: [{ clientId: "pump", filter: "plant/+", qos: 2, origin: "client" }],
      next: null,
    },
  },
  {
    when: "a rule has made one",
    given: [["auto-subscribe/put", { name: "commands", rule: { name: "x", ...AUTO } }], CONNECTED],
    command: "subscriptions/list",
    input: { clientId: "panel" },
    data: { subscriptions: [{ filter: "cmd/panel/#", origin: "commands" }] },
  },
  {
    when: "the client is unknown",
    command: "subscriptions/list",
    input: { clientId: "nobody" },
    refused: "notFound",
  },
  {
    when: "the client is absent",
    given: [PUMP],
    command: "subscriptions/add",
    input: { clientId: "pump", filter: "$share/g/x", qos: 1 },
    data: { subscription: { filter: "$share/g/x", qos: 1, origin: "client" }, existed: false },
    then: [["sessions/get", { clientId: "pump" }, { session: { subscriptions: 2 } }]],
  },
  {
    when: "it is a dry run",
    given: [PUMP],
    command: "subscriptions/add",
    input: { clientId: "pump", filter: "x", dryRun: true },
    data: { existed: false },
    then: [["sessions/get", { clientId: "pump" }, { session: { subscriptions: 1 } }]],
  },
  {
    when: "it is no filter",
    given: [PUMP],
    command: "subscriptions/add",
    input: { clientId: "pump", filter: "#/x" },
    refused: "badRequest",
  },
  {
    when: "the client may not",
    given: [PUMP, ["access/put", { name: "none", rule: { permission: "deny", topics: "secret" } }]],
    command: "subscriptions/add",
    input: { clientId: "pump", filter: "secret" },
    refused: "notPermitted",
  },
  {
    when: "the client has as many as it may",
    given: [PUMP, ["limits/set", { name: "subscriptionsPerSession", value: 1 }]],
    command: "subscriptions/add",
    input: { clientId: "pump", filter: "x" },
    refused: "limit",
  },
  {
    when: "there is one",
    given: [PUMP],
    command: "subscriptions/remove",
    input: { clientId: "pump", filter: "cmd/pump/#" },
    data: { subscription: { filter: "cmd/pump/#" } },
    then: [["subscriptions/list", {}, { subscriptions: [] }]],
  },
  {
    when: "it is a dry run",
    given: [PUMP],
    command: "subscriptions/remove",
    input: { clientId: "pump", filter: "cmd/pump/#", dryRun: true },
    data: {},
    then: [["subscriptions/list", {}, { subscriptions: [{ clientId: "pump" }] }]],
  },
  {
    when: "there is none of that filter",
    given: [PUMP],
    command: "subscriptions/remove",
    input: { clientId: "pump", filter: "cmd/pump/+" },
    refused: "notFound",
  },
  {
    when: "a pinned rule has made it",
    given: [
      ["auto-subscribe/put", { name: "pin", rule: { name: "pin", pinned: true, ...AUTO } }],
      CONNECTED,
    ],
    command: "subscriptions/remove",
    input: { clientId: "panel", filter: "cmd/panel/#" },
    refused: "conflict",
  },
  {
    when: "some match",
    given: RETAINED,
    command: "retained/list",
    input: { filter: "plant/#", limit: 1 },
    data: { retained: [{ topic: "plant/1", qos: 1, bytes: 2, expiresAt: null }], next: "plant/1" },
  },
  {
    when: "the filter is none",
    command: "retained/list",
    input: { filter: "a#" },
    refused: "badRequest",
  },
  {
    when: "the filter is of a group",
    command: "retained/list",
    input: { filter: "$share/g/a" },
    refused: "badRequest",
  },
  {
    when: "it is text",
    given: RETAINED,
    command: "retained/get",
    input: { topic: "plant/1" },
    data: { message: { topic: "plant/1", payload: "on", retain: true } },
  },
  {
    when: "it is no text",
    given: RETAINED,
    command: "retained/get",
    input: { topic: "plant/2" },
    data: { message: { payloadBase64: "/w==" } },
  },
  {
    when: "there is nothing",
    command: "retained/get",
    input: { topic: "plant/1" },
    refused: "notFound",
  },
  {
    when: "some match",
    given: RETAINED,
    command: "retained/delete",
    input: { filter: "plant/#" },
    data: { deleted: 2, more: false },
    then: [["retained/list", {}, { retained: [{ topic: "other" }] }]],
  },
  {
    when: "more match than are asked for",
    given: RETAINED,
    command: "retained/delete",
    input: { filter: "plant/#", limit: 1 },
    data: { deleted: 1, more: true },
  },
  {
    when: "it is a dry run",
    given: RETAINED,
    command: "retained/delete",
    input: { filter: "#", dryRun: true },
    data: { deleted: 3 },
    then: [["retained/get", { topic: "other" }, { message: { payload: "x" } }]],
  },
  {
    when: "nothing matches",
    command: "retained/delete",
    input: { filter: "#" },
    refused: "notFound",
  },
  {
    when: "messages wait",
    given: [PUMP, QUEUED, ["publish", { topic: "cmd/pump/stop", payload: "later", qos: 2 }]],
    command: "queues/inspect",
    input: { clientId: "pump", payloads: true },
    data: {
      queued: 2,
      messages: [
        { topic: "cmd/pump/go", qos: 1, payload: "now", publisher: "" },
        { topic: "cmd/pump/stop", qos: 1, payload: "later" },
      ],
      next: null,
    },
  },
  {
    when: "there is no such session",
    command: "queues/inspect",
    input: { clientId: "pump" },
    refused: "notFound",
  },
  {
    when: "messages wait",
    given: [PUMP, QUEUED, QUEUED],
    command: "queues/purge",
    input: { clientId: "pump" },
    data: { messagesDropped: 2 },
    then: [["queues/inspect", { clientId: "pump" }, { queued: 0, messages: [] }]],
  },
  {
    when: "it is a dry run",
    given: [PUMP, QUEUED],
    command: "queues/purge",
    input: { clientId: "pump", dryRun: true },
    data: { messagesDropped: 1 },
    then: [["queues/inspect", { clientId: "pump" }, { queued: 1 }]],
  },
  {
    when: "there is no such session",
    command: "queues/purge",
    input: { clientId: "pump" },
    refused: "notFound",
  },
  {
    when: "there are some",
    given: [["bans/add", EVE], ["bans/add", { kind: "address", value: "203.0.113.9" }]],
    command: "bans/list",
    data: {
      bans: [
        { kind: "address", value: "203.0.113.9", until: null, origin: "management" },
        { ...EVE, origin: "management" },
      ],
    },
  },
  {
    when: "the kind is unknown",
    command: "bans/list",
    input: { kind: "x" },
    refused: "badRequest",
  },
  {
    when: "it is new",
    command: "bans/add",
    input: { ...EVE, reason: "why not" },
    data: { ban: { ...EVE, until: null, reason: "why not", origin: "management" } },
    then: [["bans/list", { kind: "user" }, { bans: [EVE] }]],
  },
  {
    when: "it is a dry run",
    command: "bans/add",
    input: { ...EVE, dryRun: true },
    data: { ban: EVE },
    then: [["bans/list", {}, { bans: [] }]],
  },
  {
    when: "it is no address",
    command: "bans/add",
    input: { kind: "address", value: "localhost" },
    refused: "badRequest",
  },
  {
    when: "there is one",
    given: [["bans/add", EVE]],
    command: "bans/remove",
    input: EVE,
    data: { ban: EVE },
    then: [["bans/list", {}, { bans: [] }]],
  },
  {
    when: "it is a dry run",
    given: [["bans/add", EVE]],
    command: "bans/remove",
    input: { ...EVE, dryRun: true },
    data: {},
    then: [["bans/list", {}, { bans: [EVE] }]],
  },
  { when: "there is none", command: "bans/remove", input: EVE, refused: "notFound" },
  {
    when: "management has set some",
    given: [
      ["access/put", { name: "second", rule: RULE }],
      ["access/put", { name: "first", rule: RULE, position: 1 }],
    ],
    command: "access/list",
    data: {
      rules: [
        { name: "first", origin: "management", position: 1, rule: RULE },
        { name: "second", origin: "management" },
      ],
      next: null,
    },
  },
  {
    when: "the page is no number",
    command: "access/list",
    input: { limit: "all" },
    refused: "badRequest",
  },
  {
    when: "there is one of the same name",
    given: [["access/put", { name: "a", rule: RULE, position: 7 }]],
    command: "access/put",
    input: { name: "a", rule: { ...RULE, permission: "deny" } },
    data: { name: "a", position: 7, replaced: true },
    then: [["access/list", {}, { rules: [{ rule: { permission: "deny" } }] }]],
  },
  {
    when: "it is a dry run",
    command: "access/put",
    input: { name: "a", rule: RULE, dryRun: true },
    data: { replaced: false },
    then: [["access/list", {}, { rules: [] }]],
  },
  {
    when: "a topic in it is no filter",
    command: "access/put",
    input: { name: "a", rule: { permission: "allow", topics: "a/#/b" } },
    refused: "badRequest",
  },
  {
    when: "there is one",
    given: [["access/put", { name: "a", rule: RULE }]],
    command: "access/remove",
    input: { name: "a" },
    data: { name: "a" },
    then: [["access/list", {}, { rules: [] }]],
  },
  {
    when: "it is a dry run",
    given: [["access/put", { name: "a", rule: RULE }]],
    command: "access/remove",
    input: { name: "a", dryRun: true },
    data: {},
    then: [["access/list", {}, { rules: [{ name: "a" }] }]],
  },
  { when: "there is none", command: "access/remove", input: { name: "a" }, refused: "notFound" },
  {
    when: "there are others",
    given: [["access/put", { name: "a", rule: RULE }]],
    command: "access/replace",
    input: { rules: [{ name: "c", ...RULE }, { name: "b", ...RULE }] },
    data: { rules: 2, removed: 1 },
    then: [["access/list", {}, { rules: [{ name: "c" }, { name: "b" }] }]],
  },
  {
    when: "it is a dry run",
    given: [["access/put", { name: "a", rule: RULE }]],
    command: "access/replace",
    input: { rules: [], dryRun: true },
    data: { removed: 1 },
    then: [["access/list", {}, { rules: [{ name: "a" }] }]],
  },
  {
    when: "two have the same name",
    command: "access/replace",
    input: { rules: [{ name: "c", ...RULE }, { name: "c", ...RULE }] },
    refused: "badRequest",
  },
  {
    when: "there is one",
    given: [["auto-subscribe/put", { name: "a", rule: { name: "a", ...AUTO } }]],
    command: "auto-subscribe/list",
    data: { rules: [{ name: "a", origin: "management", rule: { name: "a" } }] },
  },
  {
    when: "the page is no number",
    command: "auto-subscribe/list",
    input: { limit: "all" },
    refused: "badRequest",
  },
  {
    when: "a client is connected",
    given: [CONNECTED],
    command: "auto-subscribe/put",
    input: { name: "a", rule: { name: "a", ...AUTO } },
    data: { name: "a", replaced: false },
    then: [[
      "subscriptions/list",
      { clientId: "panel" },
      { subscriptions: [{ filter: "cmd/panel/#", origin: "a" }] },
    ]],
  },
  {
    when: "it is a dry run",
    given: [CONNECTED],
    command: "auto-subscribe/put",
    input: { name: "a", rule: { name: "a", ...AUTO }, dryRun: true },
    data: { name: "a" },
    then: [["subscriptions/list", { clientId: "panel" }, { subscriptions: [] }]],
  },
  {
    when: "a filter is none",
    command: "auto-subscribe/put",
    input: { name: "a", rule: { name: "a", filters: ["a/#/b"] } },
    refused: "badRequest",
  },
  {
    when: "a client is connected",
    given: [["auto-subscribe/put", { name: "a", rule: { name: "a", ...AUTO } }], CONNECTED],
    command: "auto-subscribe/remove",
    input: { name: "a" },
    data: { name: "a" },
    then: [["subscriptions/list", { clientId: "panel" }, { subscriptions: [] }]],
  },
  {
    when: "it is a dry run",
    given: [["auto-subscribe/put", { name: "a", rule: { name: "a", ...AUTO } }]],
    command: "auto-subscribe/remove",
    input: { name: "a", dryRun: true },
    data: {},
    then: [["auto-subscribe/list", {}, { rules: [{ name: "a" }] }]],
  },
  {
    when: "there is none",
    command: "auto-subscribe/remove",
    input: { name: "a" },
    refused: "notFound",
  },
  {
    when: "there are others",
    given: [["auto-subscribe/put", { name: "a", rule: { name: "a", ...AUTO } }]],
    command: "auto-subscribe/replace",
    input: { rules: [{ name: "b", ...AUTO }] },
    data: { rules: 1, removed: 1 },
    then: [["auto-subscribe/list", {}, { rules: [{ name: "b" }] }]],
  },
  {
    when: "it is a dry run",
    command: "auto-subscribe/replace",
    input: { rules: [{ name: "b", ...AUTO }], dryRun: true },
    data: { rules: 1 },
    then: [["auto-subscribe/list", {}, { rules: [] }]],
  },
  {
    when: "two have the same name",
    command: "auto-subscribe/replace",
    input: { rules: [{ name: "b", ...AUTO }, { name: "b", ...AUTO }] },
    refused: "badRequest",
  },
  {
    when: "one is set",
    given: [["limits/set", { name: "retainedMessages", value: 5 }]],
    command: "limits/get",
    input: { name: "retainedMessages" },
    data: {
      limits: [{
        name: "retainedMessages",
        value: 5,
        origin: "management",
        configured: 2_000_000,
        settable: true,
      }],
    },
  },
  {
    when: "there is none of that name",
    command: "limits/get",
    input: { name: "x" },
    refused: "notFound",
  },
  {
    when: "it is in its range",
    command: "limits/set",
    input: { name: "retainedMessages", value: 5 },
    data: { name: "retainedMessages", value: 5, before: 2_000_000, origin: "management" },
  },
  {
    when: "it is taken back",
    given: [["limits/set", { name: "retainedMessages", value: 5 }]],
    command: "limits/set",
    input: { name: "retainedMessages", value: null },
    data: { value: 2_000_000, before: 5, origin: "configuration" },
  },
  {
    when: "it is a dry run",
    command: "limits/set",
    input: { name: "retainedMessages", value: 5, dryRun: true },
    data: { value: 5 },
    then: [["limits/get", { name: "retainedMessages" }, { limits: [{ value: 2_000_000 }] }]],
  },
  {
    when: "it is out of its range",
    command: "limits/set",
    input: { name: "topicLevels", value: 0 },
    refused: "badRequest",
  },
  {
    when: "management could not be asked with it",
    command: "limits/set",
    input: { name: "topicLevels", value: 3 },
    refused: "conflict",
  },
  {
    when: "it is one of the configuration only",
    command: "limits/set",
    input: { name: "descriptorReserve", value: 70 },
    refused: "conflict",
  },
  {
    when: "there is none",
    command: "limits/set",
    input: { name: "x", value: 1 },
    refused: "notFound",
  },
  { when: "one listens", command: "listeners/list", data: { listeners: [{ accepting: true }] } },
  {
    when: "the input has a key",
    command: "listeners/list",
    input: { name: "x" },
    refused: "badRequest",
  },
  { when: "the input has a key", command: "reload", input: { name: "x" }, refused: "badRequest" },
  {
    when: "it is as configured",
    command: "log-level/get",
    data: { origin: "configuration" },
  },
  {
    when: "the input has a key",
    command: "log-level/get",
    input: { level: "info" },
    refused: "badRequest",
  },
  {
    when: "it is another",
    command: "log-level/set",
    input: { level: "warn" },
    data: { level: "warn" },
    then: [["log-level/get", {}, { level: "warn", origin: "management" }]],
  },
  {
    when: "it is a dry run",
    command: "log-level/set",
    input: { level: "warn", dryRun: true },
    data: { level: "warn" },
    then: [["log-level/get", {}, { origin: "configuration" }]],
  },
  {
    when: "there is no such level",
    command: "log-level/set",
    input: { level: "loud" },
    refused: "badRequest",
  },
  {
    when: "somebody subscribes",
    given: [PUMP],
    command: "publish",
    input: { topic: "cmd/pump/go", payload: "now", qos: 1 },
    data: { topic: "cmd/pump/go", bytes: 3, subscribers: 1 },
    then: [["queues/inspect", { clientId: "pump" }, { queued: 1 }]],
  },
  {
    when: "it is a dry run",
    given: [PUMP],
    command: "publish",
    input: { topic: "cmd/pump/go", qos: 1, dryRun: true },
    data: { subscribers: 1 },
    then: [["queues/inspect", { clientId: "pump" }, { queued: 0 }]],
  },
  ...["$SYS/x", "$CONTROL/dunlin/v1/drain", "$delayed/1/$CONTROL/x", "a/+"].map((topic): Row => ({
    when: `the topic is ${topic}`,
    command: "publish",
    input: { topic },
    refused: "badRequest",
  })),
  {
    when: "there is something",
    given: [PUMP, QUEUED, RETAINED[0]!],
    command: "statistics",
    data: { now: { sessions: 1, retained: 1, queued: 1 } },
  },
  { when: "the input has a key", command: "statistics", input: { x: 1 }, refused: "badRequest" },
  { when: "all is well", command: "health", data: { live: true, ready: true, problems: [] } },
  { when: "the input has a key", command: "health", input: { x: 1 }, refused: "badRequest" },
  { when: "it is no cluster", command: "cluster/status", data: { node: null, nodes: [] } },
  {
    when: "the input has a key",
    command: "cluster/status",
    input: { x: 1 },
    refused: "badRequest",
  },
  {
    when: "all nodes are asked and there is no cluster",
    command: "log-level/get",
    input: { node: "*" },
    data: { origin: "configuration" },
  },
  ...["reload", "drain", "log-level/get"].map((command): Row => ({
    when: "it is no cluster and a node is named",
    command,
    input: { node: "b" },
    refused: "notFound",
  })),
  {
    when: "a subscription waits for it",
    given: [PUMP],
    command: "why",
    input: { clientId: "pump", topic: "cmd/pump/go", qos: 1 },
    data: { clientId: "pump", outcome: "waits", reason: "clientAbsent", drops: [] },
  },
  {
    when: "nothing subscribes to it",
    given: [PUMP],
    command: "why",
    input: { clientId: "pump", topic: "other" },
    data: { outcome: "missed", reason: "noMatchingFilter" },
  },
  {
    when: "the topic is no Topic Name",
    command: "why",
    input: { clientId: "pump", topic: "a/+" },
    refused: "badRequest",
  },
  { when: "none runs", command: "trace/list", data: { traces: [] } },
  { when: "the input has a key", command: "trace/list", input: { id: 1 }, refused: "badRequest" },
  { when: "nobody is named", command: "trace", refused: "badRequest" },
  { when: "there is none", command: "trace/stop", input: { id: 7 }, refused: "notFound" },
  {
    when: "it is a dry run",
    command: "drain",
    input: { serverReference: "other:1883", dryRun: true },
    data: { serverReference: "other:1883", seconds: 10 },
    then: [["health", {}, { draining: false }]],
  },
  {
    when: "they are to move to nowhere",
    command: "drain",
    input: { moved: true },
    refused: "badRequest",
  },
  {
    when: "one is asked for",
    command: "help",
    input: { command: "sessions/kick" },
    data: { name: "sessions/kick", changes: true, example: { clientId: "pump-7" } },
  },
  { when: "there is none", command: "help", input: { command: "x" }, refused: "notFound" },
  { when: "it is unknown", command: "sessions/fly", refused: "unknownCommand" },
];

/**
 * Runs all rows over one way to ask.
 *
 * @param without commands that cannot be asked that way
 */
export function managementContract(
  name: string,
  open: () => Promise<Managed>,
  without: readonly string[] = [],
): void {
  for (const row of rows) {
    const asked = [
      row.command,
      ...(row.given ?? []).map((step) => "connect" in step ? "" : step[0]),
    ];
    if (without.some((command) => asked.includes(command))) continue;
    const does = row.refused === undefined ? "answers" : `is refused (${row.refused})`;
    Deno.test(`${name} ${row.command} ${does} when ${row.when}`, async () => {
      const managed = await open();
      try {
        await runRow(managed, row);
      } finally {
        await managed.close();
      }
    });
  }
}

async function runRow(managed: Managed, row: Row): Promise<void> {
  for (const step of row.given ?? []) {
    if ("connect" in step) await managed.connect(step.connect, step.user);
    else expectData(await managed.ask(...step), step[0], {});
  }
  const { command, input = {}, data, refused } = row;
  const reply = await managed.ask(command, input);
  if (refused === undefined) expectData(reply, command, data ?? {}, input["dryRun"] === true);
  else {
    const { ok, error } = reply as {
      readonly ok: boolean;
      readonly error?: { readonly reason: string; readonly detail: string };
    };
    assert.equal(ok, false, `expected a refusal, found ${JSON.stringify(reply)}`);
    assert.equal(error!.reason, refused, error!.detail);
    assert.ok(error!.detail.length > 0);
  }
  for (const [command, input, data] of row.then ?? []) {
    expectData(await managed.ask(command, input), command, data);
  }
}

function expectData(reply: unknown, command: string, data: Input, dryRun = false): void {
  const { ok, ...rest } = reply as Readonly<Record<string, unknown>>;
  assert.equal(ok, true, `${command}: ${JSON.stringify(rest)}`);
  assert.equal(rest["command"], command);
  assert.equal(rest["dryRun"], dryRun ? true : undefined);
  const problem = differs(rest["data"], data, "data");
  assert.equal(problem, undefined, `${command}: ${problem}`);
}

/** Where a value is not what is expected: an object may have more keys, a list not more items. */
function differs(found: unknown, expected: unknown, at: string): string | undefined {
  if (Array.isArray(expected)) {
    if (!Array.isArray(found) || found.length !== expected.length) {
      return `${at} is ${JSON.stringify(found)}, expected ${expected.length} items`;
    }
    return expected.map((each, n) => differs(found[n], each, `${at}[${n}]`))
      .find((problem) => problem !== undefined);
  }
  if (typeof expected === "object" && expected !== null) {
    if (typeof found !== "object" || found === null) return `${at} is ${JSON.stringify(found)}`;
    return Object.entries(expected).map(([key, each]) =>
      differs((found as Record<string, unknown>)[key], each, `${at}.${key}`)
    ).find((problem) => problem !== undefined);
  }
  if (found === expected) return undefined;
  return `${at} is ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`;
}
