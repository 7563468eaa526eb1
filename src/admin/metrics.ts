/**
 * `/metrics`: the text that Prometheus scrapes. 503 as long as there is no broker to see.
 */

import { OPEN_METRICS_TYPE } from "../service/open_metrics.ts";
import type { Part } from "./app.ts";

/** @param text the whole answer; undefined while the broker starts */
export function metrics(text: () => string | undefined): Part {
  return (app) => {
    app.get("/metrics", (context) => {
      const all = text();
      if (all === undefined) return context.text("the broker is starting\n", 503);
      return context.body(all, 200, { "content-type": OPEN_METRICS_TYPE });
    });
  };
}
