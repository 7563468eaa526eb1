/**
 * The section `access` of the configuration: its shape. What no single key can break is in
 * config_access_rules.ts; what the rules mean is the business of src/policy/.
 */

import * as z from "zod";
import type { QoS } from "../packet/packet.ts";
import type { AccessRule, CertificateField, Who } from "../policy/access_rule.ts";
import { CERTIFICATE_FIELDS } from "../policy/access_rule.ts";

/** Rules at most: one list is looked through when a client is first asked about. */
const mostRules = 10_000;
const mostTexts = 1_000;

/** One, or several in a list. */
function oneOrSeveral<Value extends z.ZodType>(value: Value) {
  return z.union([value, z.array(value).min(1).max(mostTexts)]);
}

const patterns = oneOrSeveral(z.string().min(1).max(1_024));

const certificateShape = Object.fromEntries(
  CERTIFICATE_FIELDS.map((field) => [field, patterns.optional()]),
) as Record<CertificateField, z.ZodOptional<typeof patterns>>;

/** Whom a rule is about; it nests. */
export const who: z.ZodType<Who> = z.strictObject({
  user: patterns.optional().describe(
    "The user name that was proven, with * for any characters; anonymous clients have none.",
  ),
  clientId: patterns.optional().describe("The client identifier, with * for any characters."),
  role: patterns.optional().describe("One of the client's roles, with * for any characters."),
  address: patterns.optional().describe(
    "The client's address: a range as 10.0.0.0/8, an address, or a text with *.",
  ),
  listener: patterns.optional().describe(
    "The name of the listener that it connects to, with * for any characters.",
  ),
  version: patterns.optional().describe(
    "The version of MQTT that it speaks: 3.1, 3.1.1 or 5.0, with * for any characters.",
  ),
  certificate: z.strictObject(certificateShape).optional().describe(
    "Fields of its certificate, with * for any characters.",
  ),
  get and() {
    return z.array(who).min(1).max(64).optional().describe("All of these hold.");
  },
  get or() {
    return z.array(who).min(1).max(64).optional().describe("One of these holds.");
  },
  get not() {
    return who.optional().describe("This does not hold.");
  },
}).meta({ id: "who", description: "Whom it is about; all that stands here has to hold." });

const action = z.enum(["connect", "publish", "subscribe", "receive"]);
const qos = z.int().min(0).max(2) as unknown as z.ZodType<QoS>;

const rule = z.strictObject({
  name: z.string().min(1).max(64).optional().describe("A name for the log and `dunlin why`."),
  permission: z.enum(["allow", "deny"]).describe("What it decides."),
  who: who.optional().describe("Whom it is about. Default: everyone."),
  action: oneOrSeveral(action).optional().describe(
    "What it is about; subscribe is about receive too. Default: publish, subscribe and receive.",
  ),
  qos: oneOrSeveral(qos).optional().describe(
    "Only at this QoS: of the PUBLISH, from the client or to it, or asked for in SUBSCRIBE. Default: any.",
  ),
  retain: z.boolean().optional().describe(
    "Only a PUBLISH, from the client or to it, whose RETAIN flag is so. Default: any.",
  ),
  topics: oneOrSeveral(z.string().min(1).max(65_535)).optional().describe(
    "Topic Filters, with ${clientid}, ${username}, ${role} or ${cert.cn} in them; or = and a text that " +
      "is compared letter by letter. Default: every topic, those with a $ in front too.",
  ),
});

export const accessRuleSchema: z.ZodType<AccessRule> = rule;

export const accessSchema: z.ZodType<readonly AccessRule[]> = z.array(rule).max(mostRules);

/** Who may do everything below `$CONTROL`. */
export const administratorsSchema: z.ZodType<readonly Who[]> = z.array(who).max(1_000);

export const deniedPublishSchema = z.enum(["drop", "disconnect"]);
