import assert from "node:assert/strict";
import type { Connection } from "../../src/connection/connection.ts";
import { isRefusal } from "../../src/connection/guard.ts";
import { passGuards } from "../../src/connection/pipeline.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import { announcedBy } from "../../src/policy/announced.ts";
import { BROKER } from "../../src/policy/identity.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { deepFreeze } from "../deep_freeze.ts";
import { connection, type Publish, publish, rules, version, VERSIONS } from "./values.ts";

interface Row {
  readonly name: string;
  readonly connection?: Partial<Connection>;
  readonly packet: Partial<Publish>;
  readonly rules?: Rules;
  readonly versions?: readonly (3 | 4 | 5)[];
  /** "same": the passage as it was given; else the topic, and the aliases where they change. */
  readonly expected:
    | "same"
    | { readonly topic: string; readonly aliases?: readonly (readonly [number, string])[] }
    | {
      readonly reason: number;
      readonly answer: "acknowledge" | "disconnect";
      readonly aliases?: readonly (readonly [number, string])[];
    };
}

const known = new Map([[1, "a/b"], [2, "c"]]);
const alias = (topicAlias: number) => ({ properties: { topicAlias } });
const FIVE = [5] as const;
const disconnect = (reason: number) => ({ reason, answer: "disconnect" }) as const;
const acknowledge = (reason: number) => ({ reason, answer: "acknowledge" }) as const;

const rows: readonly Row[] = [
  { name: "passes as it is when it breaks no rule", packet: { topic: "a/b" }, expected: "same" },
  { name: "passes when a level is empty", packet: { topic: "/" }, expected: "same" },
  {
    name: "ends the connection when the topic has a + [MQTT-3.3.2-2]",
    packet: { topic: "a/+" },
    expected: disconnect(Reason.topicNameInvalid),
  },
  {
    name: "ends the connection when the topic has a # [MQTT-3.3.2-2]",
    packet: { topic: "a/#" },
    expected: disconnect(Reason.topicNameInvalid),
  },
  {
    name: "ends the connection when the topic has U+0000 [MQTT-4.7.3-2]",
    packet: { topic: "a\u0000b" },
    expected: disconnect(Reason.topicNameInvalid),
  },
  {
    name: "ends the connection when the topic is empty and has no alias [MQTT-4.7.3-1]",
    packet: { topic: "" },
    expected: disconnect(Reason.protocolError),
  },
  {
    name: "passes when the topic has as many levels as it may",
    packet: { topic: "a/b/c" },
    rules: rules({ topicLevels: 3 }),
    expected: "same",
  },
  {
    name: "ends the connection when the topic has more levels than it may",
    packet: { topic: "a/b/c/d" },
    rules: rules({ topicLevels: 3 }),
    expected: disconnect(Reason.topicNameInvalid),
  },
  {
    name: "ends the connection when a Subscription Identifier is in it [MQTT-3.3.4-6]",
    packet: { properties: { subscriptionIdentifiers: [1] } },
    versions: FIVE,
    expected: disconnect(Reason.protocolError),
  },
  // Topic Alias
  {
    name: "remembers a new alias and keeps those it knows [MQTT-3.3.2-12]",
    connection: { aliases: known },
    packet: { topic: "d", ...alias(3) },
    versions: FIVE,
    expected: { topic: "d", aliases: [[1, "a/b"], [2, "c"], [3, "d"]] },
  },
  {
    name: "gives an alias another topic when one comes with it (section 3.3.2.3.4)",
    connection: { aliases: known },
    packet: { topic: "d", ...alias(1) },
    versions: FIVE,
    expected: { topic: "d", aliases: [[1, "d"], [2, "c"]] },
  },
  {
    name: "passes as it is when the alias stands for that topic already",
    connection: { aliases: known },
    packet: { topic: "a/b", ...alias(1) },
    versions: FIVE,
    expected: "same",
  },
  {
    name: "puts the topic in when only its alias comes (section 3.3.2.3.4)",
    connection: { aliases: known },
    packet: { topic: "", ...alias(2) },
    versions: FIVE,
    expected: { topic: "c" },
  },
  {
    name: "takes the largest alias that was announced [MQTT-3.3.2-12]",
    packet: { topic: "d", ...alias(4) },
    rules: rules({ topicAliasMaximum: 4 }),
    versions: FIVE,
    expected: { topic: "d", aliases: [[4, "d"]] },
  },
  {
    name: "ends the connection when the alias is above the maximum [MQTT-3.3.2-9]",
    packet: { topic: "d", ...alias(5) },
    rules: rules({ topicAliasMaximum: 4 }),
    versions: FIVE,
    expected: disconnect(Reason.topicAliasInvalid),
  },
  {
    name: "ends the connection when the alias is 0 [MQTT-3.3.2-8]",
    packet: { topic: "d", ...alias(0) },
    versions: FIVE,
    expected: disconnect(Reason.topicAliasInvalid),
  },
  {
    name: "ends the connection when any alias comes and none was announced [MQTT-3.2.2-18]",
    packet: { topic: "d", ...alias(1) },
    rules: rules({ topicAliasMaximum: 0 }),
    versions: FIVE,
    expected: disconnect(Reason.topicAliasInvalid),
  },
  {
    name: "ends the connection when the alias stands for nothing (section 3.3.2.3.4)",
    connection: { aliases: known },
    packet: { topic: "", ...alias(3) },
    versions: FIVE,
    expected: disconnect(Reason.protocolError),
  },
  {
    name: "remembers the alias of a PUBLISH that is not permitted [MQTT-3.3.2-12]",
    packet: { topic: "$SYS/x", qos: 1, packetId: 1, ...alias(3) },
    versions: FIVE,
    expected: { ...acknowledge(Reason.notAuthorized), aliases: [[3, "$SYS/x"]] },
  },
  {
    name: "remembers the alias of a PUBLISH whose payload is refused [MQTT-3.3.2-12]",
    packet: {
      topic: "d",
      payload: Uint8Array.of(0xff),
      properties: { topicAlias: 3, payloadFormatIndicator: 1 },
    },
    rules: rules({}, { validatePayloadFormat: true }),
    versions: FIVE,
    expected: { ...acknowledge(Reason.payloadFormatInvalid), aliases: [[3, "d"]] },
  },
  {
    name: "remembers the alias of a delayed PUBLISH that is refused [MQTT-3.3.2-12]",
    packet: { topic: "$delayed/soon/a", ...alias(3) },
    versions: FIVE,
    expected: { ...acknowledge(Reason.topicNameInvalid), aliases: [[3, "$delayed/soon/a"]] },
  },
  // Delayed publications
  {
    name: "passes when a delay is within its limit",
    packet: { topic: "$delayed/60/a/b" },
    rules: rules({ maximumDelay: 60 }),
    expected: "same",
  },
  {
    name: "refuses a delay above its limit",
    packet: { topic: "$delayed/61/a/b" },
    rules: rules({ maximumDelay: 60 }),
    expected: acknowledge(Reason.topicNameInvalid),
  },
  {
    name: "refuses a delay of no topic",
    packet: { topic: "$delayed/61" },
    expected: acknowledge(Reason.topicNameInvalid),
  },
  {
    name: "refuses a delay of a topic that is not permitted",
    packet: { topic: "$delayed/1/$SYS/x" },
    expected: acknowledge(Reason.notAuthorized),
  },
  {
    name: "refuses a delay in a delay of a topic that is not permitted",
    packet: { topic: "$delayed/1/$delayed/2/$delayed/3/$CONTROL/x" },
    expected: acknowledge(Reason.notAuthorized),
  },
  // Permission
  {
    name: "refuses what is reserved for the broker",
    packet: { topic: "$SYS/broker/uptime" },
    expected: acknowledge(Reason.notAuthorized),
  },
  {
    name: "passes what is reserved when the broker itself publishes it",
    connection: { identity: BROKER },
    packet: { topic: "$SYS/broker/uptime" },
    expected: "same",
  },
  {
    name: "refuses what is reserved when it comes by an alias",
    connection: { aliases: new Map([[1, "$SYS/x"]]) },
    packet: { topic: "", ...alias(1) },
    versions: FIVE,
    expected: acknowledge(Reason.notAuthorized),
  },
  // Payload Format Indicator
  {
    name: "passes a payload that is no UTF-8 when the configuration does not ask",
    packet: { payload: Uint8Array.of(0xff), properties: { payloadFormatIndicator: 1 } },
    versions: FIVE,
    expected: "same",
  },
  {
    name: "refuses a payload that is no UTF-8 when it is said to be (section 3.3.2.3.2)",
    packet: { payload: Uint8Array.of(0xc3), properties: { payloadFormatIndicator: 1 } },
    rules: rules({}, { validatePayloadFormat: true }),
    versions: FIVE,
    expected: acknowledge(Reason.payloadFormatInvalid),
  },
  {
    name: "passes a payload that is UTF-8 as it is said to be (section 3.3.2.3.2)",
    packet: { payload: Uint8Array.of(0xc3, 0xbc), properties: { payloadFormatIndicator: 1 } },
    rules: rules({}, { validatePayloadFormat: true }),
    versions: FIVE,
    expected: "same",
  },
  {
    name: "passes bytes that are not said to be UTF-8 (section 3.3.2.3.2)",
    packet: { payload: Uint8Array.of(0xff), properties: { payloadFormatIndicator: 0 } },
    rules: rules({}, { validatePayloadFormat: true }),
    versions: FIVE,
    expected: "same",
  },
];

for (const row of rows) {
  for (const v of row.versions ?? VERSIONS) {
    Deno.test(`passGuards() ${row.name}, ${version(v)}`, () => {
      const before = connection({
        version: v,
        announced: announcedBy(row.rules ?? rules()),
        ...row.connection,
      });
      const packet = publish(row.packet);
      const passage = deepFreeze({ connection: before, packet });
      const after = passGuards(passage, row.rules ?? rules());
      const { expected } = row;
      if (expected === "same") return assert.equal(after, passage);
      const { aliases } = expected;
      if (aliases === undefined) assert.equal(after.connection, before);
      else {
        assert.deepEqual(after.connection, { ...before, aliases: new Map(aliases) });
      }
      if ("reason" in expected) {
        assert.ok(isRefusal(after));
        assert.deepEqual([after.reason, after.answer], [expected.reason, expected.answer]);
        assert.ok(after.detail.length > 0);
      } else {
        assert.ok(!isRefusal(after));
        assert.deepEqual(after.packet, { ...packet, topic: expected.topic });
      }
    });
  }
}
