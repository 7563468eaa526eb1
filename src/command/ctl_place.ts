/**
 * Where the broker is that `dunlin ctl` asks: a host, the path of a Unix socket, or the first listener of a
 * configuration that it can speak to. It connects to nothing.
 */

import { formatProblem } from "../server/config.ts";
import { loadSystemConfig, system } from "../server/config_system.ts";
import type { ListenerConfig } from "../server/config.ts";

export type Place =
  | { readonly type: "tcp"; readonly host: string; readonly port: number }
  | {
    readonly type: "tls";
    readonly host: string;
    readonly port: number;
    /** PEM; besides those that the system trusts. */
    readonly authorities: readonly string[];
    /** PEM: what the client shows. */
    readonly certificate: { readonly cert: string; readonly key: string } | undefined;
  }
  | { readonly type: "unix"; readonly path: string };

/** What the command line says about it. */
export interface PlaceOptions {
  readonly host?: string;
  readonly port?: number;
  readonly tls?: boolean;
  /** Files. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly unix?: string;
  readonly config?: string;
}

/** The place. Throws an Error with what is wrong with the options or the files that they name. */
export function placeFrom(options: PlaceOptions): Place {
  const { host, port, unix, config, ca, cert, key } = options;
  if (unix !== undefined) return { type: "unix", path: unix };
  const listener = config === undefined ? undefined : listenerOf(config);
  if (listener?.type === "unix") return { type: "unix", path: listener.path };
  const secure = options.tls === true || ca !== undefined || cert !== undefined ||
    listener?.type === "tls";
  const where = {
    host: host ?? (listener === undefined ? "127.0.0.1" : reachable(listener.address)),
    port: port ?? listener?.port ?? (secure ? 8883 : 1883),
  };
  if (!secure) return { type: "tcp", ...where };
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error("--cert and --key belong together");
  }
  return {
    type: "tls",
    ...where,
    authorities: ca === undefined ? [] : [read(ca)],
    certificate: cert === undefined ? undefined : { cert: read(cert), key: read(key!) },
  };
}

/** For people: `127.0.0.1:1883`, or the path. */
export function placeName(place: Place): string {
  if (place.type === "unix") return place.path;
  const { host, port } = place;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The first of a configuration that can be spoken to: a Unix socket, else TCP, else TLS. */
function listenerOf(file: string): ListenerConfig & { readonly type: "unix" | "tcp" | "tls" } {
  const { config, problems } = loadSystemConfig({ config: file });
  if (config === undefined) {
    throw new Error(problems.map((problem) => formatProblem(problem, file)).join("\n"));
  }
  for (const type of ["unix", "tcp", "tls"] as const) {
    for (const listener of config.listeners) {
      if (listener.type !== type || listener.proxyProtocol) continue;
      if (listener.type !== "unix" && listener.port === 0) continue;
      return listener;
    }
  }
  throw new Error(
    `${file}: no listener of type unix, tcp or tls with a port of its own and without proxyProtocol`,
  );
}

/** Where a socket that listens on all addresses is reached from here. */
function reachable(address: string): string {
  return address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
}

function read(file: string): string {
  try {
    return system.readFile(file);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new Error(`${file} cannot be read: ${words}`, { cause: error });
  }
}
