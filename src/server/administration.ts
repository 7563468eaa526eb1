/**
 * HTTP for administration, where the configuration asks for it: opened before the store, so that a probe can
 * be answered while the broker starts, and closed last.
 */

import type { Part } from "../admin/app.ts";
import type { Config } from "./config.ts";
import type { Log } from "./log.ts";
import type { Monitor } from "./monitor.ts";

export interface Administration {
  /** The broker is there, and its listeners accept. */
  ready(monitor: Monitor): void;
  /** No client is to come any more; answers go on. */
  drain(why: string): void;
  close(): Promise<void>;
}

/**
 * Listens where the configuration says so. HTTP is loaded only then: unused it would cost every broker time at
 * start, and memory.
 *
 * @param parts of the app besides health and metrics
 * @param requestSize bytes of the body of a request, asked for each one
 * @throws where it cannot listen
 */
export async function openAdministration(
  { admin, limits }: Pick<Config, "admin" | "limits">,
  log: Log,
  parts: readonly Part[] = [],
  requestSize = () => limits.managementRequest,
): Promise<Administration> {
  if (admin === undefined) return NONE;
  const [{ appOf }, { health }, { serveAdmin }, { metrics }, { metricsText }] = await Promise.all([
    import("../admin/app.ts"),
    import("../admin/health.ts"),
    import("../admin/http.ts"),
    import("../admin/metrics.ts"),
    import("../service/metrics.ts"),
  ]);
  let monitor: Monitor | undefined;
  let draining: string | undefined;
  const unready = (): readonly string[] => {
    if (draining !== undefined) return [draining];
    if (monitor === undefined) return ["starting"];
    const { statistics, cluster } = monitor.seen();
    return [
      ...(statistics.storeFull ? ["storeFull"] : []),
      ...(cluster?.unreachable === undefined ? [] : ["storeUnreachable"]),
    ];
  };
  const text = () => monitor && metricsText(monitor.seen(), monitor.alarms());
  const app = appOf([health(unready), metrics(text), ...parts], (error) => {
    log.error("a defect of the administration: its request is answered with 500", {
      reason: error instanceof Error ? error.stack : String(error),
    });
  });
  const server = await serveAdmin({
    ...admin,
    connections: limits.adminConnections,
    timeout: limits.adminTimeout * 1000,
    get requestSize() {
      return requestSize();
    },
    fetch: (request, address) => app.fetch(request, { address }),
    failed: (error, address) => {
      const reason = error instanceof Error ? error.stack : String(error);
      log.error("the administration could not answer", { address, reason });
    },
  }).catch((error) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`admin cannot listen on ${admin.address}, port ${admin.port}: ${reason}`, {
      cause: error,
    });
  });
  log.info("administration listens", { address: server.address });
  return {
    ready: (running) => monitor = running,
    drain: (why) => draining = why,
    close: () => server.close(),
  };
}

const NONE: Administration = { ready() {}, drain() {}, close: () => Promise.resolve() };
