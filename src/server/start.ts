/**
 * The composition root: a configuration becomes a running broker.
 */

import { anonymousOnly } from "../authentication/authenticator.ts";
import { Broker } from "../broker/broker.ts";
import { levelOf, lineOf } from "../service/journal.ts";
import type { Statistics } from "../service/statistics.ts";
import { count, newStatistics } from "../service/statistics.ts";
import type { Fact } from "../session/fact.ts";
import { listenTcp } from "../transport/tcp.ts";
import type { Listener } from "../transport/transport.ts";
import { listenUnix } from "../transport/unix.ts";
import { acceptLinks } from "./accept.ts";
import type { Config, ListenerConfig } from "./config.ts";
import { availableDescriptors } from "./descriptors.ts";
import type { Log } from "./log.ts";
import { getLog } from "./log.ts";
import type { OpenStore } from "./open_store.ts";
import { openStore } from "./open_store.ts";
import { rulesOf } from "./rules_of.ts";
import { Runtime } from "./runtime.ts";
import { outboxLimitsOf, serveLink } from "./serve_link.ts";
import { wallClock } from "./wall_clock.ts";

export interface Server {
  /** Where each listener of the configuration listens, in its order. */
  readonly addresses: readonly string[];
  readonly statistics: Readonly<Statistics>;
  /** Sends clients off, writes out what they are owed, closes. */
  stop(): Promise<void>;
  /** Resolves with the reason when the broker cannot go on; never otherwise. */
  readonly failed: Promise<unknown>;
}

/**
 * Starts a broker.
 *
 * @param program a file that may be read: what the descriptor limit is tried out on
 * @throws where a listener cannot listen, with its name; nothing is left open then
 */
export async function start(config: Config, program: string): Promise<Server> {
  const log = getLog("broker");
  const { limits } = config;
  const listeners = await listenAll(config.listeners);
  const { store, release } = await openOrClose(config, listeners, log);
  const maximum = maximumConnections(config, program, log);
  const broker = new Broker(rulesOf(config));
  const statistics = newStatistics();
  const observe = observer(statistics);
  const { promise: failed, resolve: fail } = Promise.withResolvers<unknown>();
  const clock = wallClock(() => {
    runtime.feed({ type: "tick" });
    runtime.endTurn();
  });
  const runtime = new Runtime({
    broker,
    store,
    clock,
    authenticator: anonymousOnly,
    observe,
    outboxDropped: (frames) => statistics.outboxDrops += frames,
    broken: (error, event) =>
      log.error("a defect of the broker: the connection that showed it is closed", {
        event: describe(event),
        reason: error instanceof Error ? error.stack : String(error),
      }),
    noRoom: (error) =>
      log.error("the store has no room: nothing is acknowledged", {
        reason: String(error),
      }),
    fail,
  });
  for await (const record of store.index()) runtime.feed({ type: "indexed", record });
  runtime.feed({ type: "recovered" });
  runtime.endTurn();
  let lastId = 0;
  /** Links that hold a file descriptor, those included that are only written out any more. */
  let open = 0;
  const serving = {
    runtime,
    limits,
    outboxLimits: outboxLimitsOf(limits),
    entropy: () => crypto.getRandomValues(new Uint8Array(16)),
  };
  for (const [at, listener] of listeners.entries()) {
    const { name, allowAnonymous, maximumConnections } = config.listeners[at]!;
    acceptLinks(listener, {
      peer: { listener: name, anonymousAllowed: allowAnonymous },
      maximum: maximumConnections,
      room: () => open < maximum,
      nextId: () => ++lastId,
      serve(link, id, peer) {
        open += 1;
        return serveLink(serving, link, id, peer).finally(() => open -= 1);
      },
      log,
    });
    log.info("listening", { listener: name, address: listener.address });
  }
  log.info("started", { store: config.store, promise: store.promise, connections: maximum });
  return {
    addresses: listeners.map((listener) => listener.address),
    statistics,
    failed,
    async stop() {
      for (const listener of listeners) listener.close();
      runtime.feed({ type: "shutdown" });
      runtime.endTurn();
      await runtime.drained(limits.shutdownTimeout * 1000);
      clock.stop();
      await store.close();
      release();
    },
  };
}

async function listenAll(configs: readonly ListenerConfig[]): Promise<Listener[]> {
  const listeners: Listener[] = [];
  try {
    for (const config of configs) {
      listeners.push(
        config.type === "tcp"
          ? listenTcp(config.address, config.port)
          : await listenUnix(config.path, config.mode),
      );
    }
    return listeners;
  } catch (error) {
    for (const listener of listeners) listener.close();
    const { name } = configs[listeners.length]!;
    throw new Error(`listener "${name}" cannot listen: ${String(error)}`, { cause: error });
  }
}

/** The store; where it cannot be opened, the listeners are closed again. */
async function openOrClose(
  config: Config,
  listeners: readonly Listener[],
  log: Log,
): Promise<OpenStore> {
  try {
    return await openStore(config, log);
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
}

/** What the configuration allows, as far as the process has file descriptors for it. */
function maximumConnections({ limits }: Config, program: string, log: Log): number {
  const { maximumConnections: wanted, descriptorReserve: reserve } = limits;
  const available = availableDescriptors(program, wanted + reserve) - reserve;
  if (available >= wanted) return wanted;
  const connections = Math.max(1, available);
  log.warn("fewer connections than maximumConnections: raise the file descriptor limit", {
    connections,
    maximumConnections: wanted,
    reason: "ulimit -n",
  });
  return connections;
}

/** Statistics and log as folds over the facts. */
function observer(statistics: Statistics): (fact: Fact) => void {
  const log = getLog("client");
  return (fact) => {
    count(statistics, fact);
    const level = levelOf(fact);
    if (!log.enabled(level)) return;
    const { message, fields } = lineOf(fact);
    log[level](message, fields);
  };
}

/** An event for the log, without what a client wrote into it. */
function describe(event: { readonly type: string; readonly packet?: { readonly type: string } }) {
  return event.packet === undefined ? event.type : `${event.type} ${event.packet.type}`;
}
