/**
 * The composition root: a configuration becomes a running broker.
 */

import type { Authenticator } from "../authentication/authenticator.ts";
import type { Method } from "../authentication/method.ts";
import { Broker } from "../broker/broker.ts";
import { levelOf, lineOf } from "../service/journal.ts";
import type { Statistics } from "../service/statistics.ts";
import { count, newStatistics } from "../service/statistics.ts";
import type { Fact } from "../session/fact.ts";
import { listenTcp } from "../transport/tcp.ts";
import type { Listener } from "../transport/transport.ts";
import { listenUnix } from "../transport/unix.ts";
import { acceptLinks } from "./accept.ts";
import { authenticatorOf } from "./authenticator_of.ts";
import type { Config, ListenerConfig } from "./config.ts";
import { system } from "./config_system.ts";
import { DescriptorRoom } from "./descriptors.ts";
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
 * @param methods of enhanced authentication, besides those of the configuration
 * @throws where the users cannot be read, or a listener cannot listen, with its name; nothing is left
 *   open then
 */
export async function start(
  config: Config,
  program: string,
  methods: readonly Method[] = [],
): Promise<Server> {
  const authenticator = authenticatorOf(config, system.readFile, methods);
  return await startOnce(config, program, authenticator, true);
}

/** @param again whether to start anew when the store turns out to be damaged while it is read */
async function startOnce(
  config: Config,
  program: string,
  authenticator: Authenticator,
  again: boolean,
): Promise<Server> {
  const log = getLog("broker");
  const { limits } = config;
  const listeners = await listenAll(config.listeners);
  const { store, facts, damaged, release } = await openOrClose(config, listeners, log);
  const descriptors = descriptorRoom(config, program, log);
  const broker = new Broker(rulesOf(config));
  const statistics = newStatistics();
  const observe = observer(statistics);
  for (const fact of facts) observe(fact);
  const { promise: failed, resolve } = Promise.withResolvers<unknown>();
  const fail = (error: unknown) => {
    damaged(error);
    resolve(error);
  };
  const clock = wallClock(() => {
    runtime.feed({ type: "tick" });
    runtime.endTurn();
  });
  const runtime = new Runtime({
    broker,
    store,
    clock,
    authenticator,
    observe,
    outboxDropped: (frames) => statistics.outboxDrops += frames,
    broken: (error, event) =>
      log.error("a defect of the broker: the connection that showed it is closed", {
        event: describe(event),
        reason: error instanceof Error ? error.stack : String(error),
      }),
    fail,
  });
  try {
    for await (const record of store.index()) runtime.feed({ type: "indexed", record });
  } catch (error) {
    for (const listener of listeners) listener.close();
    clock.stop();
    await store.close();
    const carriedOver = damaged(error) && again;
    release();
    if (!carriedOver) throw error;
    return await startOnce(config, program, authenticator, false);
  }
  runtime.feed({ type: "recovered" });
  runtime.endTurn();
  let lastId = 0;
  /** Links that hold a file descriptor, those included that are only written out any more. */
  let open = 0;
  const serving = {
    runtime,
    limits,
    outboxLimits: outboxLimitsOf(limits),
    entropy: randomBytes(),
  };
  for (const [at, listener] of listeners.entries()) {
    const { name, allowAnonymous, maximumConnections } = config.listeners[at]!;
    acceptLinks(listener, {
      peer: { listener: name, anonymousAllowed: allowAnonymous },
      maximum: maximumConnections,
      room: () => descriptors.has(open),
      nextId: () => ++lastId,
      serve(link, id, peer) {
        open += 1;
        return serveLink(serving, link, id, peer).finally(() => open -= 1);
      },
      log,
    });
    log.info("listening", { listener: name, address: listener.address });
  }
  log.info("started", {
    store: config.store,
    promise: store.promise,
    connections: descriptors.most,
  });
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

/** 16 random bytes a call, asked of the system by the kilobyte. */
function randomBytes(): () => Uint8Array {
  const pool = new Uint8Array(1024);
  let at = pool.length;
  return () => {
    if (at === pool.length) {
      crypto.getRandomValues(pool);
      at = 0;
    }
    return pool.slice(at, at += 16);
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

/** Room for what the configuration allows, as far as the process has file descriptors for it. */
function descriptorRoom({ limits }: Config, program: string, log: Log): DescriptorRoom {
  const { maximumConnections, descriptorReserve } = limits;
  return new DescriptorRoom(program, maximumConnections, descriptorReserve, (connections) => {
    log.warn("fewer connections than maximumConnections: raise the file descriptor limit", {
      connections,
      maximumConnections,
      reason: "ulimit -n",
    });
  });
}

/** Statistics and log as folds over the facts. */
function observer(statistics: Statistics): (fact: Fact) => void {
  const logs = { client: getLog("client"), broker: getLog("broker") };
  return (fact) => {
    count(statistics, fact);
    const level = levelOf(fact);
    const ofStore = fact.type === "store" || fact.type === "storeDamaged";
    const log = ofStore ? logs.broker : logs.client;
    if (!log.enabled(level)) return;
    const { message, fields } = lineOf(fact);
    log[level](message, fields);
  };
}

/** An event for the log, without what a client wrote into it. */
function describe(event: { readonly type: string; readonly packet?: { readonly type: string } }) {
  return event.packet === undefined ? event.type : `${event.type} ${event.packet.type}`;
}
