/**
 * The composition root: a configuration becomes a running broker.
 */

import type { Method } from "../authentication/method.ts";
import { Broker } from "../broker/broker.ts";
import { levelOf, lineOf } from "../service/journal.ts";
import type { Limits } from "../policy/limits.ts";
import type { Statistics } from "../service/statistics.ts";
import { count, newStatistics } from "../service/statistics.ts";
import type { Fact } from "../session/fact.ts";
import { listenTcp } from "../transport/tcp.ts";
import type { Link, Listener } from "../transport/transport.ts";
import { listenUnix } from "../transport/unix.ts";
import type { Bans } from "../policy/bans.ts";
import { acceptLinks } from "./accept.ts";
import type { Config, ListenerConfig } from "./config.ts";
import { system } from "./config_system.ts";
import { tlsOf } from "./config_tls.ts";
import { DescriptorRoom } from "./descriptors.ts";
import type { Entrance } from "./entrance.ts";
import { entranceOf } from "./entrance.ts";
import { behindProxies, gateOf } from "./gate.ts";
import { limitsOf } from "./listener_limits.ts";
import type { Log } from "./log.ts";
import { getLog } from "./log.ts";
import type { OpenStore } from "./open_store.ts";
import { whenOpen } from "./open_link.ts";
import { openStore } from "./open_store.ts";
import { rulesOf } from "./rules_of.ts";
import { Runtime } from "./runtime.ts";
import { outboxLimitsOf, serveLink } from "./serve_link.ts";
import { withProxyHeader, withWebSocket } from "./steps.ts";
import { publishSys } from "./sys_publisher.ts";
import { listenWithTls } from "./tls_listener.ts";
import { wallClock } from "./wall_clock.ts";

export interface Server {
  /** Where each listener of the configuration listens, in its order. */
  readonly addresses: readonly string[];
  readonly statistics: Readonly<Statistics>;
  /** Who is shut out; to be looked into and edited. */
  readonly bans: Bans;
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
 * @param version of the program, told below `$SYS`
 * @throws where the users cannot be read, or a listener cannot listen, with its name; nothing is left
 *   open then
 */
export async function start(
  config: Config,
  program: string,
  methods: readonly Method[] = [],
  version = "unknown",
): Promise<Server> {
  const entrance = entranceOf(config, system.readFile, methods);
  try {
    return await startOnce(config, program, version, entrance, true);
  } catch (error) {
    entrance.close();
    throw error;
  }
}

/** @param again whether to start anew when the store turns out to be damaged while it is read */
async function startOnce(
  config: Config,
  program: string,
  version: string,
  entrance: Entrance,
  again: boolean,
): Promise<Server> {
  const log = getLog("broker");
  const { limits } = config;
  const listeners = await listenAll(config.listeners, limits, log);
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
    authenticator: entrance.authenticator,
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
    return await startOnce(config, program, version, entrance, false);
  }
  runtime.feed({ type: "recovered" });
  runtime.endTurn();
  let lastId = 0;
  /** Links that hold a file descriptor, those included that are only written out any more. */
  let open = 0;
  /** Links that speak no MQTT yet. */
  const underWay = new Set<Link>();
  const serving = {
    runtime,
    limits,
    outboxLimits: outboxLimitsOf(limits),
    entropy: randomBytes(),
  };
  for (const [at, listener] of listeners.entries()) {
    const { name, allowAnonymous, maximumConnections } = config.listeners[at]!;
    const own = limitsOf(limits, config.listeners[at]!);
    const servingHere = { ...serving, limits: own };
    const opening = { timeout: own.handshakeTimeout, underWay, log };
    const serve = whenOpen(
      listener,
      behindProxies(
        entrance.gate,
        config.listeners[at]!,
        log,
        (link, id, peer) => serveLink(servingHere, link, id, peer),
      ),
      opening,
    );
    acceptLinks(listener, {
      peer: {
        listener: name,
        anonymousAllowed: allowAnonymous,
        certificateUse: tlsOf(config.listeners[at]!)?.use,
      },
      maximum: maximumConnections,
      turnedAway: gateOf(entrance.gate, config.listeners[at]!),
      room: () => descriptors.has(open),
      nextId: () => ++lastId,
      serve(link, id, peer) {
        open += 1;
        return serve(link, id, peer).finally(() => open -= 1);
      },
      log,
    });
    log.info("listening", { listener: name, address: listener.address });
  }
  const endSys = publishSys({
    runtime,
    broker,
    statistics,
    version,
    promise: store.promise,
    interval: config.sysInterval,
  });
  log.info("started", {
    store: config.store,
    promise: store.promise,
    connections: descriptors.most,
  });
  return {
    addresses: listeners.map((listener) => listener.address),
    statistics,
    bans: entrance.bans,
    failed,
    async stop() {
      for (const listener of listeners) listener.close();
      for (const link of underWay) link.close();
      entrance.close();
      endSys();
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

async function listenAll(
  configs: readonly ListenerConfig[],
  limits: Limits,
  log: Log,
): Promise<Listener[]> {
  const listeners: Listener[] = [];
  try {
    for (const config of configs) {
      const own = limitsOf(limits, config);
      const listener = config.type === "unix"
        ? withProxyHeader(await listenUnix(config.path, config.mode), config, own)
        : listenPort(config, own, log);
      listeners.push(withWebSocket(listener, config, own));
    }
    return listeners;
  } catch (error) {
    for (const listener of listeners) listener.close();
    const { name } = configs[listeners.length]!;
    throw new Error(`listener "${name}" cannot listen: ${String(error)}`, { cause: error });
  }
}

/** TCP, with the header of a proxy and then TLS where the configuration says so. */
function listenPort(
  config: Exclude<ListenerConfig, { readonly type: "unix" }>,
  limits: Limits,
  log: Log,
): Listener {
  const below = () => withProxyHeader(listenTcp(config.address, config.port), config, limits);
  const tls = tlsOf(config);
  if (tls === undefined) return below();
  return listenWithTls(config, tls, { limits, log, readFile: system.readFile, below });
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
