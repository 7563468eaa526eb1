/**
 * `dunlin why`: which rule of access decides what a client may do, and where it stands.
 *
 * It loads what `dunlin run` would load and asks what the broker would ask; it starts nothing and does
 * not look into files of users: who the client is, the command line says.
 */

import { finalTopic } from "../connection/permitted.ts";
import type { QoS } from "../packet/packet.ts";
import type { Action } from "../policy/access_rule.ts";
import type { Decision } from "../policy/compiled_rule.ts";
import type { CertificateFields, Identity } from "../policy/identity.ts";
import { permits } from "../policy/permits.ts";
import type { Rules } from "../policy/rules.ts";
import { formatProblem } from "../server/config.ts";
import { parseConfigText } from "../server/config_source.ts";
import { loadSystemConfig, system } from "../server/config_system.ts";
import { rulesOf } from "../server/rules_of.ts";
import { parseTopicFilter } from "../topic/topic_filter.ts";
import { topicNameProblem } from "../topic/topic_name.ts";

/** What `dunlin why` takes from the command line. */
export interface WhyOptions {
  /** The configuration file; without it the embedded defaults hold. */
  readonly config?: string;
  readonly client?: string;
  /** Without it the client is anonymous. */
  readonly user?: string;
  readonly role?: readonly string[];
  readonly address?: string;
  readonly listener?: string;
  /** `cn=pump-7`. */
  readonly certificate?: readonly string[];
  readonly action: Action;
  /** A Topic Name, or for subscribe a Topic Filter; not for connect. */
  readonly topic?: string;
  readonly qos?: QoS;
  readonly retain?: boolean;
}

/**
 * Prints the answer, the rule and its place to standard output.
 *
 * @returns the exit status: 0 permitted, 1 denied, 2 where the question or the configuration is wrong
 */
export function why(options: WhyOptions): number {
  const { config, problems } = loadSystemConfig({ config: options.config });
  if (config === undefined) {
    for (const problem of problems) console.error(formatProblem(problem, options.config));
    return 2;
  }
  const rules = rulesOf(config);
  const topic = topicOf(options, rules);
  if ("problem" in topic) {
    console.error(`dunlin why: ${topic.problem}`);
    return 2;
  }
  const { action, qos = 0, retain = false } = options;
  const decision = permits(rules, identityOf(options), action, topic.judged, qos, retain);
  const asked = action === "connect" ? action : `${action} ${JSON.stringify(options.topic)}`;
  console.log(`${decision.permitted ? "permitted" : "denied"}: ${asked}`);
  console.log(`by ${decision.rule}${placeOf(decision, options.config)}`);
  return decision.permitted ? 0 : 1;
}

/** What the broker would judge, or what is wrong with the topic. */
function topicOf(
  { action, topic }: WhyOptions,
  { limits }: Rules,
): { readonly judged: string } | { readonly problem: string } {
  if (action === "connect") return { judged: "" };
  if (topic === undefined) return { problem: `--topic is missing, which ${action} is about` };
  if (action === "subscribe") {
    const parsed = parseTopicFilter(topic, limits.topicLevels);
    return typeof parsed === "string" ? { problem: parsed } : { judged: parsed.filter };
  }
  const problem = topicNameProblem(topic, limits.topicLevels);
  if (problem !== undefined) return { problem };
  return { judged: action === "publish" ? finalTopic(topic) : topic };
}

function identityOf(options: WhyOptions): Identity {
  const { client, user, role = [], address, listener, certificate } = options;
  return {
    user,
    roles: role,
    clientId: client,
    address,
    listener,
    certificate: certificate === undefined ? undefined : fieldsOf(certificate),
  };
}

/** `cn=pump-7` by name; a name that stands there twice has both values. */
function fieldsOf(texts: readonly string[]): CertificateFields {
  const fields = new Map<string, string[]>();
  for (const text of texts) {
    const [name = "", ...value] = text.split("=");
    fields.set(name, [...fields.get(name) ?? [], value.join("=")]);
  }
  return Object.fromEntries(fields);
}

/** ` at dunlin.json:12:5`, for a rule of the file. */
function placeOf({ at }: Decision, file: string | undefined): string {
  if (at === -1 || file === undefined) return "";
  const position = parseConfigText(system.readFile(file)).values.get(`access[${at}]`);
  return position === undefined ? "" : `, ${file}:${position.line}:${position.column}`;
}
