/**
 * `why`: what becomes of a message for a client if it were published now, and why; and what that client has
 * missed of late. Nothing is published.
 */

import * as z from "zod";
import type { QoS } from "../../packet/packet.ts";
import { dropReasons } from "../../session/reason_words.ts";
import type { NodeId } from "../../policy/identity.ts";
import { topicNameProblem } from "../../topic/topic_name.ts";
import type { Refused, View } from "../service.ts";
import type { Answer } from "../why/answer.ts";
import { onceTaken, published } from "../why/answer.ts";
import type { Fate } from "../why/fate.ts";
import type { Question } from "../why/question.ts";
import type { At, Done } from "./command.ts";
import { clientId, command, isRefused, refuse, text } from "./command.ts";
import { asking, noAnswer, othersOf } from "./other_nodes.ts";
import { timeOf } from "./rows.ts";

/** Bytes that Correlation Data takes in a packet at most. */
const MOST_PROPERTIES = 65_538;

export const why = command({
  name: "why",
  help:
    "says whether a message would reach a client now and why, and what the client missed of late",
  changes: false,
  example: { clientId: "panel-1", topic: "plant/1/temperature", qos: 1, publisher: "pump-7" },
  shape: {
    clientId,
    topic: text.optional().describe(
      "The Topic Name, as it is without mount points. Without it: only what was missed of late.",
    ),
    qos: z.int().min(0).max(2).default(0).describe("Of the PUBLISH."),
    retain: z.boolean().default(false).describe("The RETAIN flag of the PUBLISH."),
    publisher: text.optional().describe(
      "The client identifier of its publisher, whose access rules are asked. Default: the broker.",
    ),
    payloadSize: z.int().min(0).max(268_435_455).default(0).describe("Bytes of the payload."),
    propertiesSize: z.int().min(0).max(MOST_PROPERTIES).default(0).describe(
      "Bytes of its properties in a packet of MQTT 5.0.",
    ),
    messageExpiryInterval: z.int().min(0).max(4_294_967_295).optional().describe(
      "Seconds after which it is of no use.",
    ),
    limit: z.int().min(1).max(100_000).default(20).describe("Drops at most in the reply."),
  },
  run({ limit, ...question }, at) {
    const { view: { broker: { rules: { limits } } } } = at;
    const { topic } = question;
    const problem = topic === undefined
      ? undefined
      : topicNameProblem(topic, limits.topicLevels, limits.topicLength);
    if (problem !== undefined) return refuse("badRequest", `topic: ${problem}`);
    if (at.request.passedOn !== undefined) return { data: { ...part(question, limit, at) } };
    const others = othersOf(at);
    if (others.length === 0) return whole(question, at, part(question, limit, at), []);
    return asking({ limit, ...question }, at, others, ({ answers, unanswered }, later) => {
      const own = part(question, limit, later);
      const parts = answers.flatMap((each) => "data" in each ? [each.data as unknown as Part] : []);
      const drops = [own, ...parts].flatMap((each) => each.drops)
        .sort((one, other) => (other.last ?? 0) - (one.last ?? 0)).slice(0, limit);
      for (const part of ["client", "publisher"] as const) {
        const id = part === "client" ? question.clientId : question.publisher;
        if (topic === undefined || id === undefined) continue;
        const silent = mayHave(id, later, unanswered);
        const known = [own, ...parts].some((each) => each[part] !== null);
        if (!known && silent.length > 0) return noAnswer(`who may have the ${part}`, silent);
      }
      const result = whole(question, later, { ...own, drops }, parts);
      if (isRefused(result)) return result;
      return { data: { ...result.data, unanswered } };
    });
  },
});

/** Of these nodes those that may have the session: the one that is known to, or any. */
function mayHave(
  clientId: string,
  { view: { broker: { clients } } }: At,
  nodes: readonly NodeId[],
): readonly NodeId[] {
  const row = clients.get(clientId);
  return row === undefined ? nodes : nodes.filter((node) => node === row.at);
}

/** The question, as the input has it. */
interface Asked {
  readonly clientId: string;
  readonly topic?: string | undefined;
  readonly qos: number;
  readonly retain: boolean;
  readonly publisher?: string | undefined;
  readonly payloadSize: number;
  readonly propertiesSize: number;
  readonly messageExpiryInterval?: number | undefined;
}

/** What one node knows of it: of the publisher and of the client if it has them, and what it dropped. */
interface Part {
  readonly drops: ReturnType<typeof dropsOf>;
  /** Why the publisher may not, or notes on that it may. */
  readonly publisher: Fate | readonly string[] | null;
  readonly client: Answer | null;
}

function questionOf(asked: Asked, topic: string): Question {
  const { publisher, messageExpiryInterval } = asked;
  return { ...asked, topic, qos: asked.qos as QoS, publisher, messageExpiryInterval };
}

function part(asked: Asked, limit: number, { view }: At): Part {
  const { topic, clientId, publisher } = asked;
  const drops = dropsOf(view, clientId, limit);
  const { broker } = view;
  const { limits } = broker.rules;
  if (topic === undefined || asked.payloadSize > limits.maximumPacketSize) {
    return { drops, publisher: null, client: null };
  }
  // The tables are as of the last event: time has passed since.
  const tables = { ...broker, now: view.now };
  const question = questionOf(asked, topic);
  const by = publisher === undefined ? undefined : broker.clients.get(publisher);
  const to = broker.clients.get(clientId);
  return {
    drops,
    publisher: by?.here === true ? published(tables, question, by) : null,
    client: to?.here === true ? onceTaken(tables, question, by, limits.managementPage) : null,
  };
}

/** The reply: of a client or publisher that no node has, this one says what would be. */
function whole(asked: Asked, { view }: At, own: Part, others: readonly Part[]): Done | Refused {
  const { topic, clientId, publisher } = asked;
  const { drops } = own;
  if (topic === undefined) return { data: { clientId, drops } };
  const { broker } = view;
  const { limits } = broker.rules;
  const by = publisher === undefined ? undefined : broker.clients.get(publisher);
  const says = own.publisher ?? others.find((each) => each.publisher !== null)?.publisher;
  if (publisher !== undefined && by === undefined && says === undefined) {
    return refuse("notFound", `the publisher ${JSON.stringify(publisher)} has no session`);
  }
  if (asked.payloadSize > limits.maximumPacketSize) {
    const words = `the payload alone is above maximumPacketSize, ${limits.maximumPacketSize} bytes`;
    const refused = { outcome: "refused", reason: "packetTooLarge", words, paths: [], notes: [] };
    return { data: { clientId, topic, ...refused, drops } };
  }
  const tables = { ...broker, now: view.now };
  const question = questionOf(asked, topic);
  const word = publisher === undefined ? [] : says ?? published(tables, question, by!);
  if (!Array.isArray(word)) {
    const { outcome, reason, words } = word as Fate;
    return { data: { clientId, topic, outcome, reason, words, paths: [], notes: [], drops } };
  }
  const found = own.client ?? others.find((each) => each.client !== null)?.client ??
    onceTaken(tables, question, by, limits.managementPage);
  const { outcome, reason, words, paths, notes } = found;
  const all = [...word, ...notes];
  return { data: { clientId, topic, outcome, reason, words, paths, notes: all, drops } };
}

/** What the client has missed of late, and shared subscriptions that it is a member of; the latest first. */
function dropsOf({ broker, world }: View, clientId: string, limit: number) {
  const keys = new Set([clientId]);
  for (const { key } of broker.clients.get(clientId)?.groups ?? []) keys.add(key);
  const most = Math.min(limit, broker.rules.limits.managementPage);
  return world.recentDrops.of(keys, most).map((row) => ({
    topic: row.topic === "" ? null : row.topic,
    group: row.clientId === clientId ? null : row.clientId.slice(1),
    reason: row.reason,
    words: dropReasons[row.reason],
    count: row.count,
    first: timeOf(row.first),
    last: timeOf(row.last),
  }));
}
