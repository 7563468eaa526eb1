/** The HTTP of administration as a test sees it: found in the log of a broker, asked until an answer is as awaited. */

import assert from "node:assert/strict";
import { parseOpenMetrics, valueOf } from "../service/open_metrics_parser.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { PATIENCE } from "./within.ts";

/** The URL of a path of that broker's administration, which its configuration asks for. */
export function adminUrl(broker: BrokerProcess, path: string): string {
  const line = broker.log().find(({ message }) => message === "administration listens");
  assert.ok(line !== undefined, "the log does not say where the administration listens");
  return `http://${line.address}${path}`;
}

/** Looks up a series. */
export type Series = (name: string, labels?: Readonly<Record<string, string>>) => number;

/** One scrape, read strictly. */
export async function scrape(broker: BrokerProcess): Promise<Series> {
  const response = await fetch(adminUrl(broker, "/metrics"));
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const families = parseOpenMetrics(text);
  return (name, labels) => valueOf(families, `dunlin_${name}`, labels);
}

/** Scrapes until it is as expected: bytes count when they have left, which a client may notice before. */
export async function scrapeUntil(
  broker: BrokerProcess,
  check: (series: Series) => void,
): Promise<void> {
  const until = performance.now() + PATIENCE;
  for (;;) {
    try {
      return check(await scrape(broker));
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
