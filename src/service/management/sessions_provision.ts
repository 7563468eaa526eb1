/**
 * `sessions/provision`: makes the session of a client that was never here, so that what is published before it
 * comes waits for it.
 */

import * as z from "zod";
import type { QoS } from "../../packet/packet.ts";
import { utf8Size } from "../../packet/utf8.ts";
import { clientId, command, refuse, text } from "./command.ts";
import { parseTopicFilter } from "../../topic/topic_filter.ts";

const subscription = z.strictObject({
  filter: text.describe("The Topic Filter, also $share/{group}/{filter}."),
  qos: z.int().min(0).max(2).default(0).describe("The highest QoS."),
  retainHandling: z.int().min(0).max(2).default(0).describe(
    "0 and 1: with the retained messages, when the client comes; 2: without.",
  ),
});

export const sessionsProvision = command({
  name: "sessions/provision",
  help: "makes the session of a client that has never connected, with what it subscribes to",
  changes: true,
  example: {
    clientId: "pump-8",
    user: "pumps",
    subscriptions: [{ filter: "cmd/pump-8/#", qos: 1 }],
  },
  shape: {
    clientId,
    user: text.optional().describe(
      "Whose it is. Default: of whoever is let in first with that client identifier.",
    ),
    listener: z.string().min(1).max(64).optional().describe(
      "Where the client will connect, whose mount point is its. Default: where there is none.",
    ),
    expiryInterval: z.int().min(1).max(4_294_967_295).optional().describe(
      "Seconds that it waits for its client. Default: persistentSessionExpiryInterval.",
    ),
    subscriptions: z.array(subscription).max(10_000).default([]).describe(
      "What it subscribes to, beside what rules of auto-subscribe give it.",
    ),
  },
  run({ clientId, user, listener, expiryInterval, subscriptions }, { view: { broker } }) {
    const { rules, clients } = broker;
    if (clients.has(clientId)) {
      return refuse("conflict", `the client ${JSON.stringify(clientId)} has a session already`);
    }
    if (utf8Size(clientId) > 65_535 || clientId.includes("\0") || !clientId.isWellFormed()) {
      return refuse(
        "badRequest",
        "clientId: expected at most 65,535 bytes of UTF-8 without U+0000",
      );
    }
    if (clients.size >= rules.limits.maximumSessions) {
      return refuse("limit", `the limit maximumSessions allows ${rules.limits.maximumSessions}`);
    }
    if (subscriptions.length > rules.limits.subscriptionsPerSession) {
      return refuse("limit", `subscriptionsPerSession is ${rules.limits.subscriptionsPerSession}`);
    }
    for (const [at, { filter }] of subscriptions.entries()) {
      const parsed = parseTopicFilter(filter, rules.limits.topicLevels);
      if (typeof parsed === "string") {
        return refuse("badRequest", `subscriptions[${at}].filter: ${parsed}`);
      }
    }
    const waits = Math.min(
      expiryInterval ?? rules.persistentSessionExpiryInterval,
      rules.limits.maximumSessionExpiryInterval,
    );
    return {
      data: {
        clientId,
        user: user ?? null,
        expiryInterval: waits,
        subscriptions: subscriptions.length,
      },
      events: [{
        type: "provision",
        clientId,
        owner: { user, roles: [], ...(listener === undefined ? {} : { listener }) },
        expiryInterval: waits,
        subscriptions: subscriptions.map(({ filter, qos, retainHandling }) => ({
          filter,
          options: {
            qos: qos as QoS,
            noLocal: false,
            retainAsPublished: false,
            retainHandling: retainHandling as 0 | 1 | 2,
            subscriptionIdentifier: undefined,
          },
        })),
      }],
    };
  },
});
