/**
 * `subscriptions/remove`: unsubscribes a client, as if it had asked for it. MQTT 5.0 section 3.10.
 */

import { givenFor } from "../../broker/manage.ts";
import { onUnsubscribe } from "../../session/on_unsubscribe.ts";
import { subscriptionOf } from "../../session/subscription_map.ts";
import { clientId, command, isRefused, refuse, text } from "./command.ts";
import { doneTo, findClient } from "./find_client.ts";
import { subscriptionRow } from "./rows.ts";

export const subscriptionsRemove = command({
  name: "subscriptions/remove",
  help: "unsubscribes a client, present or absent, as if it had sent UNSUBSCRIBE",
  changes: true,
  example: { clientId: "pump-7", filter: "plant/1/#" },
  shape: { clientId, filter: text.describe("The Topic Filter as it was subscribed.") },
  run({ clientId, filter }, at) {
    const { view } = at;
    const client = findClient(view, clientId);
    if (isRefused(client)) return client;
    const subscription = subscriptionOf(client.session.subscriptions, filter);
    if (subscription === undefined) {
      return refuse("notFound", `the client has no subscription ${JSON.stringify(filter)}`);
    }
    const packet = {
      type: "unsubscribe",
      packetId: 0,
      filters: [filter],
      userProperties: undefined,
    } as const;
    const given = givenFor(view.broker, client);
    for (const demand of onUnsubscribe(client.session, packet, given).effects) {
      if (demand.type === "observe" && demand.fact.type === "refused") {
        return refuse("conflict", demand.fact.detail);
      }
    }
    const events = [{ type: "unsubscribeFor", clientId, filters: [filter] }] as const;
    const row = subscriptionRow(clientId, subscription);
    return doneTo(client, at, events, 0, () => ({ subscription: row }));
  },
});
