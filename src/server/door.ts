/**
 * What a listener of the configuration does with the links of its socket: whom it turns away, what they go
 * through before MQTT, under which limits they are served. Exchanged as a whole; the socket stays.
 */

import type { Limits } from "../policy/limits.ts";
import type { Peer } from "../policy/identity.ts";
import { listenTcp } from "../transport/tcp.ts";
import type { TurnAwayReason } from "../session/reason_words.ts";
import type { Link, Listener } from "../transport/transport.ts";
import { listenUnix } from "../transport/unix.ts";
import type { ListenerConfig } from "./config.ts";
import { system } from "./config_system.ts";
import { tlsOf } from "./config_tls.ts";
import type { Gate, Turned } from "./gate.ts";
import { gateOf, hasProxyHeader, throughGate } from "./gate.ts";
import { limitsOf } from "./listener_limits.ts";
import type { Log } from "./log.ts";
import type { Serve } from "./open_link.ts";
import { whenOpen } from "./open_link.ts";

export interface Door {
  readonly config: ListenerConfig;
  /** All limits that hold for its links. */
  readonly limits: Limits;
  /** Those of the broker that it was made with. */
  readonly brokerLimits: Limits;
  readonly peer: Omit<Peer, "address">;
  /** Why a link from that address may not come in; undefined where it may. */
  readonly turnedAway: (address: string) => Turned | undefined;
  readonly serve: Serve;
  /** Stops what it does on its own; links that are on their way through it go on. */
  retire(): void;
  /** Ends links that are on their way through it, too. */
  shut(): void;
}

export interface DoorSurroundings {
  /** Those of the broker. */
  readonly limits: Limits;
  readonly gate: Gate;
  readonly log: Log;
  /** Counts links that come to nothing. */
  readonly counted: (why: TurnAwayReason) => void;
  /** Serves what has come through. */
  readonly serve: Serve;
}

/**
 * Opens the socket of a listener.
 *
 * @throws what the system says about the place
 */
export async function openSocket(
  config: ListenerConfig,
  { tcpBacklog }: Limits,
): Promise<Listener> {
  if (config.type === "unix") return await listenUnix(config.path, config.mode);
  if (config.type === "quic") {
    const { bindQuic } = await import("../transport/quic.ts");
    return bindQuic(config.address, config.port);
  }
  return listenTcp(config.address, config.port, tcpBacklog);
}

/**
 * The door of a listener on its socket. What only some listeners need, such as TLS, is loaded for them: it
 * would cost every broker time at start, and memory.
 *
 * @throws an Error with all that is wrong with the files that it names
 */
export async function doorOf(
  socket: Listener,
  config: ListenerConfig,
  { limits, gate, log, counted, serve }: DoorSurroundings,
): Promise<Door> {
  const own = limitsOf(limits, config);
  const { name, allowAnonymous } = config;
  const underWay = new Set<Link>();
  const steps = await stepsOf(socket, config, own, log);
  const opening = { timeout: own.handshakeTimeout, underWay, log, counted };
  return {
    config,
    limits: own,
    brokerLimits: limits,
    peer: {
      listener: name,
      anonymousAllowed: allowAnonymous,
      certificateUse: tlsOf(config)?.use,
    },
    turnedAway: gateOf(gate, config),
    serve: throughGate(
      gate,
      config,
      log,
      serve,
      (inner) => whenOpen(steps, inner, opening),
      counted,
    ),
    retire: () => steps.close(),
    shut() {
      steps.close();
      for (const link of underWay) link.close();
    },
  };
}

/** The header of a proxy, then TLS, then WebSocket, where the configuration says so; or QUIC. */
async function stepsOf(
  socket: Listener,
  config: ListenerConfig,
  limits: Limits,
  log: Log,
): Promise<Listener> {
  const plain = config.type === "tcp" || config.type === "unix";
  if (plain && !hasProxyHeader(config)) return only(socket);
  const { withProxyHeader, withWebSocket } = await import("./steps.ts");
  const below = () =>
    config.type === "quic" ? socket : withProxyHeader(only(socket), config, limits);
  const tls = tlsOf(config);
  if (tls === undefined || config.type === "unix") return withWebSocket(below(), config, limits);
  const { listenWithTls } = await import("./tls_listener.ts");
  const surroundings = { limits, log, readFile: system.readFile, below };
  return withWebSocket(listenWithTls(config, tls, surroundings), config, limits);
}

/** The socket for a door, which does not close it. */
function only({ address }: Listener): Listener {
  return { address, accept: () => Promise.resolve(undefined), close() {} };
}
