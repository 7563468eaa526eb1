/**
 * The shape of the configuration: keys, types, ranges, defaults and what each key means.
 *
 * The one place that knows them: the loader, `dunlin schema` and `dunlin explain` all read this
 * schema. It must not read files or the environment; rules between keys are in config_rules.ts.
 */

import * as z from "zod";
import { limitNames, limitTable } from "../policy/limit_table.ts";
import type { ListenerLimit } from "./listener_limits.ts";
import { listenerLimitNames } from "./listener_limits.ts";
import type { Limits } from "../policy/limits.ts";
import { accessSchema, administratorsSchema, deniedPublishSchema } from "./config_access.ts";
import { adminSchema, completeAdmin } from "./config_admin.ts";
import { clusterSchema, completeCluster, completeStore } from "./config_cluster.ts";
import { dynamicSecuritySchema } from "./config_dynamic_security.ts";
import { authenticationSchema } from "./config_authentication.ts";
import { autoSubscribeSchema } from "./config_auto_subscribe.ts";
import { limitSchema, ownLimitSchema } from "./config_limit.ts";
import { limitsForSchema } from "./config_limits.ts";
import { unstableSchema } from "./config_quic.ts";
import { redisSchema } from "./config_redis.ts";
import { defaultTlsPort, pairShape, tlsShape } from "./config_tls.ts";
import { behindProxies, isLoopback } from "./loopback.ts";

/** What a listener of type tcp listens on when its keys are absent; 1883 is the port of MQTT. */
export const defaultAddress = "127.0.0.1";
export const defaultPort = 1883;
/** What a listener of type websocket listens on; MQTT has no port of its own for it. */
export const defaultWebSocketPort = 8083;

const allowAnonymous = z.boolean().optional().describe(
  "Whether clients without credentials may connect. Default: true on loopback addresses and Unix " +
    "sockets, false on every other address and behind proxies.",
);
const listenerName = z.string().min(1).max(64).optional().describe(
  "The name of the listener in the log. Default: its address and port, or its path.",
);
const listenerConnections = z.int().min(1).max(limitTable.maximumConnections.max).optional()
  .describe("Most connections at once on this listener. Default: limits.maximumConnections.");

const authentication = authenticationSchema.optional().describe(
  "Who may connect as whom on this listener. Default: as the section authentication says.",
);

const versions = z.array(z.enum(["3.1", "3.1.1", "5.0"])).min(1).max(3).optional().describe(
  "The versions of MQTT that are spoken on this listener. Default: all of them.",
);
const mountPoint = z.string().max(256).regex(/^[^+#$\0][^+#\0]*\/$/).optional().meta({
  description:
    "The part of the tree of topics that clients of this listener see as the whole: it is put " +
    "in front of their topics, and taken off what they get. Ends in a slash. Default: none.",
  examples: ["site1/"],
});
const listenerLimits = z.strictObject(
  Object.fromEntries(listenerLimitNames.map((name) => [name, ownLimitSchema(name)])) as Record<
    ListenerLimit,
    z.ZodOptional<z.ZodInt>
  >,
).optional().describe("Limits of this listener in the place of those in the section limits.");

const ranges = z.array(z.string().min(1).max(64)).max(64);
const proxyProtocol = z.strictObject({
  trusted: ranges.min(1).describe(
    "The addresses of the proxies, as 10.0.0.0/8 or 2001:db8::1; nobody else can connect.",
  ),
}).optional().describe(
  "Every connection begins with a PROXY header, version 1 or 2, that says whose it is. Default: none.",
);

const address = z.string().min(1).max(255).default(defaultAddress).describe(
  "The IP address or host name to listen on; 0.0.0.0 and :: are all addresses.",
);

const portOf = (initial: number, kind = "port") =>
  z.int().min(0).max(65_535).default(initial).describe(`The ${kind}; 0 takes any free one.`);

/** What listeners of every type may say. */
const listenerShape = {
  allowAnonymous,
  authentication,
  name: listenerName,
  maximumConnections: listenerConnections,
  versions,
  mountPoint,
  limits: listenerLimits,
};

const tcpListener = z.strictObject({
  type: z.literal("tcp").describe("MQTT over TCP."),
  address,
  port: portOf(defaultPort),
  proxyProtocol,
  ...listenerShape,
});

const tlsListener = z.strictObject({
  type: z.literal("tls").describe("MQTT over TLS 1.2 or 1.3."),
  address,
  port: portOf(defaultTlsPort),
  ...tlsShape,
  proxyProtocol,
  ...listenerShape,
});

const webSocketListener = z.strictObject({
  type: z.literal("websocket").describe("MQTT over WebSocket."),
  address,
  port: portOf(defaultWebSocketPort),
  path: z.string().max(1_024).regex(/^\/[!-"$->@-~]*$/).default("/mqtt").meta({
    description: "The path of the URL that clients connect to.",
    examples: ["/mqtt"],
  }),
  origins: z.array(z.string().min(1).max(1_024)).max(64).default([]).describe(
    "Origins of web pages that may connect, as https://example.com; * is every one. Clients that are " +
      "no web pages send none and may always. Default: no web page may.",
  ),
  tls: z.strictObject(tlsShape).optional().describe(
    "WebSocket over TLS (wss), with the keys of a listener of type tls. Default: without TLS.",
  ),
  trustedProxies: ranges.default([]).describe(
    "Addresses of proxies whose X-Forwarded-For says whose connection it is. Default: none.",
  ),
  proxyProtocol,
  ...listenerShape,
});

const quicListener = z.strictObject({
  type: z.literal("quic").describe(
    'MQTT over QUIC, one bidirectional stream a client; "unstable": ["quic"] has to be there too.',
  ),
  address,
  port: portOf(defaultTlsPort, "UDP port"),
  ...pairShape,
  ...listenerShape,
});

const unixListener = z.strictObject({
  type: z.literal("unix").describe("MQTT over a Unix domain socket."),
  // 107 bytes and a closing zero is what the address structure of Linux holds.
  path: z.string().min(1).max(107).describe("The path of the socket file, at most 107 characters."),
  mode: z.string().regex(/^0?[0-7]{3}$/).default("0660").meta({
    description: "The permissions of the socket file in octal digits.",
    examples: ["0660"],
  }),
  proxyProtocol: z.boolean().optional().describe(
    "Whether every connection begins with a PROXY header, version 1 or 2, that says whose it is. " +
      "Default: false.",
  ),
  ...listenerShape,
});

const limitsShape = Object.fromEntries(
  limitNames.map((name) => [name, limitSchema(name)]),
) as Record<
  keyof Limits,
  z.ZodDefault<z.ZodInt>
>;

/** The file as it may be written: every key may be absent. For the JSON Schema. */
export const configFileSchema = z.strictObject({
  $schema: z.string().optional().describe("The JSON Schema of this file, for editors."),
  listeners: z.array(
    z.discriminatedUnion("type", [
      tcpListener,
      tlsListener,
      webSocketListener,
      unixListener,
      quicListener,
    ]),
  )
    .min(1).max(64)
    .default([{ type: "tcp", address: defaultAddress, port: defaultPort }])
    .describe("Where clients connect. Default: TCP on 127.0.0.1, port 1883."),
  unstable: unstableSchema,
  data: z.string().min(1).max(4_096).default("./dunlin-data").describe(
    "The directory of what the broker keeps; relative to the directory that it is started in.",
  ),
  store: z.union([
    z.enum(["denoKv", "memory"]),
    z.strictObject({
      redis: redisSchema.describe("A Redis, which several nodes may share: see cluster."),
    }),
  ]).optional().describe(
    "Where sessions and retained messages are kept: denoKv in the data directory, so that what is " +
      "acknowledged is on the disk; memory forgets them when the broker ends; redis. Default: denoKv, " +
      "or what cluster.redis says.",
  ),
  cluster: clusterSchema.optional().describe(
    "That this broker is one node of several, which are one broker to clients. Default: it is alone.",
  ),
  onDamage: z.enum(["setAside", "refuse"]).default("setAside").describe(
    "What is done at start about a store that cannot be read: it is renamed and an empty one " +
      "takes its place, or the broker does not start.",
  ),
  authentication: authenticationSchema.prefault({}).describe(
    "Who may connect as whom: ways to know a client by user name and password, and methods of " +
      "enhanced authentication.",
  ),
  access: accessSchema.default([]).describe(
    "Who may do what to which topics: the first rule that matches decides; where there are rules and " +
      "none matches, it is denied. Default: no rules, everything is permitted.",
  ),
  administrators: administratorsSchema.default([]).describe(
    "Who may manage the broker, which is everything below $CONTROL. Anybody else may do there what a " +
      "rule of access allows that names $CONTROL. Default: nobody.",
  ),
  dynamicSecurity: dynamicSecuritySchema.optional().describe(
    "That clients, groups and roles are managed over MQTT, below $CONTROL/dynamic-security/v1, as with " +
      "Mosquitto's plugin. Default: they are not.",
  ),
  autoSubscribe: autoSubscribeSchema.default([]).describe(
    "What the broker subscribes clients to when they connect, and sessions that are there before their " +
      "clients. Default: nothing.",
  ),
  deniedPublish: deniedPublishSchema.default("drop").describe(
    "What is done with a 3.x client that publishes what it may not, since it cannot be told: the " +
      "message is dropped and acknowledged, or the client is disconnected.",
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
  sysInterval: z.int().min(0).max(86_400).default(10).describe(
    "In seconds: how often what has changed is published below $SYS/broker; 0: never.",
  ),
  clientEvents: z.boolean().default(false).describe(
    "Whether it is published below $SYS/broker/clients/{client id} that a client has connected, " +
      "disconnected, subscribed or unsubscribed.",
  ),
  admin: adminSchema.optional().describe(
    "Where health, metrics and commands of management are answered over HTTP. Default: nowhere.",
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
  watchConfig: z.boolean().default(true).describe(
    "Whether the configuration is reloaded by itself when its file, or a file that it takes a value " +
      "from, has changed.",
  ),
  limits: z.strictObject(limitsShape).prefault({}).describe("Every limit of the broker."),
  limitsFor: limitsForSchema.default([]).describe(
    "Limits that are others for some clients: the first entry that is about a client holds for it, from " +
      "CONNECT on. Default: none.",
  ),
}).describe("The configuration of dunlin, an MQTT broker. Comments and trailing commas may stand.");

type FileValue = z.output<typeof configFileSchema>;

/** The file's value with the defaults that depend on other keys filled in. */
export const configSchema = configFileSchema.transform(complete);

/** A listener with everything decided. */
export type ListenerConfig = Config["listeners"][number];

/** The effective configuration: nothing is absent. */
export interface Config extends z.output<typeof configSchema> {}

function complete({ $schema: _, admin, cluster, ...file }: FileValue) {
  const { maximumSessionExpiryInterval, maximumConnections } = file.limits;
  const listeners = file.listeners.map((listener) => ({
    ...listener,
    name: listener.name ?? listenerAddress(listener),
    allowAnonymous: listener.allowAnonymous ??
      ((listener.type === "unix" || isLoopback(listener.address)) && !behindProxies(listener)),
    maximumConnections: listener.maximumConnections ?? maximumConnections,
  }));
  const limits: Limits = file.limits;
  return {
    ...file,
    listeners,
    limits,
    store: completeStore(file.store, cluster),
    ...(cluster === undefined ? {} : { cluster: completeCluster(cluster) }),
    ...(admin === undefined ? {} : { admin: completeAdmin(admin) }),
    persistentSessionExpiryInterval: file.persistentSessionExpiryInterval ??
      maximumSessionExpiryInterval,
  };
}

function listenerAddress(listener: FileValue["listeners"][number]): string {
  if (listener.type === "unix") return listener.path;
  const { address, port } = listener;
  const place = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  return listener.type === "quic" ? `${place}/udp` : place; // TCP may have the same port
}
