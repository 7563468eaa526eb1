/**
 * `sessions/list`: the sessions, connected and absent, by client identifier.
 */

import * as z from "zod";
import { globMatches } from "../../policy/glob.ts";
import { command } from "./command.ts";
import { pageOf, pageShape } from "./page.ts";
import { isConnected, sessionRow } from "./rows.ts";

export const sessionsList = command({
  name: "sessions/list",
  help: "lists sessions, connected and absent, by client identifier",
  changes: false,
  example: { connected: true, clientId: "plant-*" },
  shape: {
    clientId: z.string().max(65_535).optional().describe("Only these, with * for any characters."),
    user: z.string().max(65_535).optional().describe("Only of these users, with * as well."),
    connected: z.boolean().optional().describe(
      "Only those that are connected, or only absent ones.",
    ),
    ...pageShape,
  },
  run({ clientId, user, connected, ...page }, at) {
    const { broker } = at.view;
    const isMine = at.request.passedOn === undefined;
    const wanted = broker.clients.values().filter((client) =>
      (isMine || client.here) &&
      (clientId === undefined || globMatches(clientId, client.clientId)) &&
      (user === undefined || globMatches(user, client.session.owner.user ?? "")) &&
      (connected === undefined || connected === isConnected(client, at))
    );
    const most = broker.rules.limits.managementPage;
    const { items, next } = pageOf(wanted, (client) => client.clientId, page, most);
    return {
      data: { sessions: items.map((client) => sessionRow(client, at)), next: next ?? null },
    };
  },
});
