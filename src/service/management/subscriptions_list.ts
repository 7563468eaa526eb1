/**
 * `subscriptions/list`: subscriptions of one client or of all, with who made them.
 */

import * as z from "zod";
import { allSubscriptions } from "../../session/subscription_map.ts";
import { matches } from "../../topic/matches.ts";
import { topicNameProblem } from "../../topic/topic_name.ts";
import { command, isRefused, refuse } from "./command.ts";
import { findClient } from "./find_client.ts";
import { pageOf, pageShape } from "./page.ts";
import { subscriptionRowOf } from "./rows.ts";

export const subscriptionsList = command({
  name: "subscriptions/list",
  help: "lists subscriptions by client identifier and filter, with their origin",
  changes: false,
  example: { clientId: "pump-7" },
  shape: {
    clientId: z.string().max(65_535).optional().describe("Only of this client."),
    topic: z.string().max(65_535).optional().describe("Only those that this Topic Name matches."),
    ...pageShape,
  },
  run({ clientId, topic, ...page }, at) {
    const { view, request } = at;
    const isMine = request.passedOn === undefined;
    const client = clientId === undefined ? undefined : findClient(view, clientId);
    if (client !== undefined && isRefused(client)) return client;
    const problem = topic === undefined ? undefined : topicNameProblem(topic, Infinity);
    if (problem !== undefined) return refuse("badRequest", `topic: ${problem}`);
    const { clients, rules } = view.broker;
    const some = client === undefined ? clients.values() : [client].values();
    const rows = some.filter(({ here }) => isMine || here).flatMap((client) =>
      allSubscriptions(client.session.subscriptions).filter(({ filter }) =>
        topic === undefined || matches(filter, topic)
      ).map((subscription) => ({ client, subscription }))
    );
    const { items, next } = pageOf(
      rows,
      ({ client, subscription }) => keyOfSubscription(client.clientId, subscription.full),
      page,
      rules.limits.managementPage,
    );
    return {
      data: {
        subscriptions: items.map((each) => subscriptionRowOf(each.client, each.subscription, at)),
        next: next ?? null,
      },
    };
  },
});

/** By which the pages are in order. */
export function keyOfSubscription(clientId: string, filter: string): string {
  return `${clientId}\0${filter}`;
}
