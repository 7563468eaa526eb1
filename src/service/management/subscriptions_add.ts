/**
 * `subscriptions/add`: subscribes a client, as if it had asked for it: under its own access rules and limits.
 * MQTT 5.0 section 3.8.
 */

import * as z from "zod";
import { givenFor } from "../../broker/manage.ts";
import type { QoS, SubscriptionRequest } from "../../packet/packet.ts";
import { reasonName } from "../../packet/reason_code.ts";
import { onSubscribe } from "../../session/on_subscribe.ts";
import { clientId, command, isRefused, refuse, text } from "./command.ts";
import { doneTo, findClient } from "./find_client.ts";
import { subscriptionRow } from "./rows.ts";

export const subscriptionsAdd = command({
  name: "subscriptions/add",
  help: "subscribes a client, present or absent, as if it had sent SUBSCRIBE",
  changes: true,
  example: { clientId: "pump-7", filter: "plant/1/#", qos: 1 },
  shape: {
    clientId,
    filter: text.describe("The Topic Filter, also $share/{group}/{filter}."),
    qos: z.int().min(0).max(2).default(0).describe("The highest QoS."),
    noLocal: z.boolean().default(false).describe("Not what it publishes itself."),
    retainAsPublished: z.boolean().default(false).describe("With the RETAIN flag as published."),
    retainHandling: z.int().min(0).max(2).default(0).describe(
      "0: with the retained messages, 1: where the subscription is new, 2: without. To an absent client " +
        "none are sent.",
    ),
    subscriptionIdentifier: z.int().min(1).max(268_435_455).optional().describe(
      "The Subscription Identifier.",
    ),
  },
  run({ clientId, filter, ...options }, at) {
    const { view } = at;
    const client = findClient(view, clientId);
    if (isRefused(client)) return client;
    const request: SubscriptionRequest = {
      filter,
      options: {
        qos: options.qos as QoS,
        noLocal: options.noLocal,
        retainAsPublished: options.retainAsPublished,
        retainHandling: options.retainHandling as 0 | 1 | 2,
        subscriptionIdentifier: options.subscriptionIdentifier,
      },
    };
    const packet = {
      type: "subscribe",
      packetId: 0,
      subscriptions: [request],
      userProperties: undefined,
    } as const;
    for (
      const demand of onSubscribe(client.session, packet, givenFor(view.broker, client)).effects
    ) {
      if (demand.type === "observe" && demand.fact.type === "refused") {
        const { reasonCode, detail } = demand.fact;
        const reason = reasonName(reasonCode) === "quotaExceeded" ? "limit" : "notPermitted";
        return refuse(
          reasonName(reasonCode) === "topicFilterInvalid" ? "badRequest" : reason,
          `the client's SUBSCRIBE would be refused: ${detail}`,
        );
      }
      if (demand.type !== "subscribe") continue;
      const { subscription, existed } = demand.granted[0]!;
      const events = [{ type: "subscribeFor", clientId, subscriptions: [request] }] as const;
      const row = subscriptionRow(clientId, subscription);
      return doneTo(client, at, events, 0, () => ({ subscription: row, existed }));
    }
    return refuse("failed", "the session made nothing of it");
  },
});
