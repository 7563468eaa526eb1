/**
 * The shape of the configuration: keys, types, ranges, defaults and what each key means.
 *
 * The one place that knows them: the loader, `dunlin schema` and `dunlin explain` all read this
 * schema. It must not read files or the environment; rules between keys are in config_rules.ts.
 */

import { z } from "zod";
import { limitNames, limitTable } from "../policy/limit_table.ts";
import type { Limits } from "../policy/limits.ts";
import { authenticationSchema } from "./config_authentication.ts";
import { isLoopback } from "./loopback.ts";

/** What a listener of type tcp listens on when its keys are absent; 1883 is the port of MQTT. */
export const defaultAddress = "127.0.0.1";
export const defaultPort = 1883;

const allowAnonymous = z.boolean().optional().describe(
  "Whether clients without credentials may connect. Default: true on loopback addresses and Unix " +
    "sockets, false on every other address.",
);
const listenerName = z.string().min(1).max(64).optional().describe(
  "The name of the listener in the log. Default: its address and port, or its path.",
);
const listenerConnections = z.int().min(1).max(limitTable.maximumConnections.max).optional()
  .describe("Most connections at once on this listener. Default: limits.maximumConnections.");

const tcpListener = z.strictObject({
  type: z.literal("tcp").describe("MQTT over TCP."),
  address: z.string().min(1).max(255).default(defaultAddress).describe(
    "The IP address or host name to listen on; 0.0.0.0 and :: are all addresses.",
  ),
  port: z.int().min(0).max(65_535).default(defaultPort).describe("The port; 0 takes any free one."),
  allowAnonymous,
  name: listenerName,
  maximumConnections: listenerConnections,
});

const unixListener = z.strictObject({
  type: z.literal("unix").describe("MQTT over a Unix domain socket."),
  // 107 bytes and a closing zero is what the address structure of Linux holds.
  path: z.string().min(1).max(107).describe("The path of the socket file, at most 107 characters."),
  mode: z.string().regex(/^0?[0-7]{3}$/).default("0660").meta({
    description: "The permissions of the socket file in octal digits.",
    examples: ["0660"],
  }),
  allowAnonymous,
  name: listenerName,
  maximumConnections: listenerConnections,
});

const limitsShape = Object.fromEntries(limitNames.map((name) => {
  const { default: initial, min, max, unit, reason } = limitTable[name];
  return [name, z.int().min(min).max(max).default(initial).describe(`In ${unit}: ${reason}.`)];
})) as Record<keyof Limits, z.ZodDefault<z.ZodInt>>;

/** The file as it may be written: every key may be absent. For the JSON Schema. */
export const configFileSchema = z.strictObject({
  $schema: z.string().optional().describe("The JSON Schema of this file, for editors."),
  listeners: z.array(z.discriminatedUnion("type", [tcpListener, unixListener])).min(1).max(64)
    .default([{ type: "tcp", address: defaultAddress, port: defaultPort }])
    .describe("Where clients connect. Default: TCP on 127.0.0.1, port 1883."),
  data: z.string().min(1).max(4_096).default("./dunlin-data").describe(
    "The directory of what the broker keeps; relative to the directory that it is started in.",
  ),
  store: z.enum(["denoKv", "memory"]).default("denoKv").describe(
    "Where sessions and retained messages are kept: denoKv in the data directory, so that what is " +
      "acknowledged is on the disk; memory forgets them when the broker ends.",
  ),
  onDamage: z.enum(["setAside", "refuse"]).default("setAside").describe(
    "What is done at start about a store that cannot be read: it is renamed and an empty one " +
      "takes its place, or the broker does not start.",
  ),
  authentication: authenticationSchema.prefault({}).describe(
    "Who may connect as whom. Clients that name no Authentication Method are anonymous.",
  ),
  takeover: z.enum(["sameIdentity", "any"]).default("sameIdentity").describe(
    "Who may connect with a client identifier that has a session: only the identity that made " +
      "it, or anyone.",
  ),
  queuePolicy: z.enum(["dropOldest", "dropNewest", "reject"]).default("dropOldest").describe(
    "What happens to a message for a full queue: the oldest one is dropped for it, it is dropped, " +
      "or its publisher is told Quota exceeded (0x97).",
  ),
  queueQos0: z.boolean().default(false).describe(
    "Whether messages with QoS 0 are queued for absent clients.",
  ),
  validatePayloadFormat: z.boolean().default(false).describe(
    "Whether a payload said to be UTF-8 is checked to be so (Payload format invalid, 0x99).",
  ),
  persistentSessionExpiryInterval: z.int().min(0)
    .max(limitTable.maximumSessionExpiryInterval.max).optional().describe(
      "In seconds: how long the session of an absent MQTT 3.x client with clean session 0 is " +
        "kept. Default: limits.maximumSessionExpiryInterval.",
    ),
  sharedSubscriptions: z.boolean().default(true).describe(
    "Whether $share/{group}/{filter} may be subscribed to.",
  ),
  responseInformation: z.string().min(1).max(256).regex(/^[^+#\0]*$/).optional().describe(
    "Where clients should have answers sent, told to 5.0 clients that ask for Response " +
      "Information, with a slash and their client identifier behind it. Default: they are told none.",
  ),
  log: z.strictObject({
    level: z.enum(["debug", "info", "warn", "error"]).default("info").describe(
      "The least severe lines that are written.",
    ),
    format: z.enum(["text", "json"]).default("text").describe(
      "Lines for people, or one JSON object a line.",
    ),
  }).prefault({}).describe("The log, written to standard error."),
  limits: z.strictObject(limitsShape).prefault({}).describe("Every limit of the broker."),
}).describe("The configuration of dunlin, an MQTT broker. Comments and trailing commas may stand.");

type FileValue = z.output<typeof configFileSchema>;

/** The file's value with the defaults that depend on other keys filled in. */
export const configSchema = configFileSchema.transform(complete);

/** A listener with everything decided. */
export type ListenerConfig = Config["listeners"][number];

/** The effective configuration: nothing is absent. */
export interface Config extends z.output<typeof configSchema> {}

function complete({ $schema: _, ...file }: FileValue) {
  const { maximumSessionExpiryInterval, maximumConnections } = file.limits;
  const listeners = file.listeners.map((listener) => ({
    ...listener,
    name: listener.name ?? listenerAddress(listener),
    allowAnonymous: listener.allowAnonymous ??
      (listener.type === "unix" || isLoopback(listener.address)),
    maximumConnections: listener.maximumConnections ?? maximumConnections,
  }));
  const limits: Limits = file.limits;
  return {
    ...file,
    listeners,
    limits,
    persistentSessionExpiryInterval: file.persistentSessionExpiryInterval ??
      maximumSessionExpiryInterval,
  };
}

function listenerAddress(listener: FileValue["listeners"][number]): string {
  if (listener.type === "unix") return listener.path;
  const { address, port } = listener;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
