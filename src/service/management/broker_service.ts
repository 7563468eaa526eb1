/**
 * The service `$CONTROL/broker/v1`, with Mosquitto's requests and replies: listListeners and listPlugins. Its
 * plugins are, here, the services of the broker. Pure.
 *
 * A request is `{"commands":[{"command":…,"correlationData":…}]}`, its reply
 * `{"responses":[{"command":…,"data":{…},"correlationData":…}]}`, an `error` in the place of `data`.
 */

import * as z from "zod";
import type { Outcome, Request, Service, View } from "../service.ts";
import { replied } from "../service.ts";

/** Commands in one request at most. */
const MOST_COMMANDS = 1_000;

const schema = z.object({
  commands: z.array(z.object({
    command: z.string().max(1_000),
    correlationData: z.string().max(65_535).optional(),
  })).max(MOST_COMMANDS),
});

/** A service as the list of plugins shows it. */
export interface Listed {
  readonly name: string;
  readonly prefix: string;
}

/** @param services all that there are */
export function brokerService(services: () => readonly Listed[]): Service<undefined> {
  return {
    name: "broker",
    prefix: "$CONTROL/broker/v1",
    begin: () => undefined,
    perform: (_, request, view) => perform(services(), request, view),
    refuse: ({ detail }) => errorReply(detail),
  };
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

function perform(
  services: readonly Listed[],
  { payload }: Request,
  view: View,
): Outcome<undefined> {
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(payload));
  } catch {
    return replied(undefined, errorReply("Payload not valid JSON"));
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) return replied(undefined, errorReply("Invalid/missing commands"));
  const { commands } = parsed.data;
  const responses = commands.map(({ command, correlationData }) => ({
    command,
    ...answer(command, services, view),
    ...(correlationData === undefined ? {} : { correlationData }),
  }));
  return {
    ...replied(undefined, { responses }),
    audit: commands.map(({ command }) => ({ message: `broker/${command}`, fields: {} })),
  };
}

function answer(command: string, services: readonly Listed[], { world }: View): object {
  switch (command) {
    case "listListeners":
      return { data: { listeners: world.listeners.map(listenerRow) } };
    case "listPlugins":
      return {
        data: {
          plugins: services.map(({ name, prefix }) => {
            return { name, version: world.version, "control-endpoints": [prefix] };
          }),
        },
      };
    default:
      return { error: "Unknown command" };
  }
}

function listenerRow({ type, address, tls }: View["world"]["listeners"][number]): object {
  const protocol = type === "websocket" ? "mqtt+websockets" : "mqtt";
  if (type === "unix") return { port: 0, protocol, "socket-path": address, tls };
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { port: Number(address.slice(colon + 1)), protocol, "bind-address": host, tls };
}

function errorReply(error: string) {
  return { responses: [{ command: "Unknown command", error }] };
}
