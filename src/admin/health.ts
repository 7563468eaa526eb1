/**
 * `/health/live`: the process answers. `/health/ready`: clients can be served; else 503 with the reasons. For
 * probes of an orchestrator or a load balancer, so nothing but the status matters to them.
 */

import type { Part } from "./app.ts";

/** @param unready why clients cannot be served; empty where they can */
export function health(unready: () => readonly string[]): Part {
  return (app) => {
    app.get("/health/live", (context) => context.json({ live: true }));
    app.get("/health/ready", (context) => {
      const reasons = unready();
      return context.json(
        { ready: reasons.length === 0, reasons },
        reasons.length === 0 ? 200 : 503,
      );
    });
  };
}
