/**
 * Writes OpenMetrics 1.0 text: families of counters, gauges, histograms and infos, each with its samples behind
 * its metadata. It knows the format and no metric.
 */

import type { Histogram } from "./histogram.ts";
import { observations } from "./histogram.ts";

/** What the text is called in HTTP. */
export const OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Readonly<Record<string, string | number>>;

export class OpenMetrics {
  readonly #prefix: string;
  readonly #lines: string[] = [];
  /** What samples of the family under way are called. */
  #sampled = "";

  /** @param prefix of every name */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Begins a counter, whose name the format ends in `_total`. A unit is the last word of a name. */
  counter(name: string, help: string, unit = ""): void {
    this.#begin(name, "counter", help, unit);
    this.#sampled = `${this.#prefix}${name}_total`;
  }

  gauge(name: string, help: string, unit = ""): void {
    this.#begin(name, "gauge", help, unit);
    this.#sampled = `${this.#prefix}${name}`;
  }

  /** One sample of the family under way. */
  sample(labels: Labels, value: number): void {
    this.#write(this.#sampled, labels, value);
  }

  /** A whole histogram: cumulative buckets, sum and count. */
  histogram(name: string, help: string, unit: string, histogram: Histogram): void {
    this.#begin(name, "histogram", help, unit);
    const { bounds, counts, sum } = histogram;
    const family = this.#prefix + name;
    let below = 0;
    for (let i = 0; i < bounds.length; i++) {
      below += counts[i]!;
      this.#write(`${family}_bucket`, { le: canonical(bounds[i]!) }, below);
    }
    const all = observations(histogram);
    this.#write(`${family}_bucket`, { le: "+Inf" }, all);
    this.#write(`${family}_count`, {}, all);
    this.#write(`${family}_sum`, {}, sum);
  }

  /** Words about the program, as labels of a sample that is always 1. */
  info(name: string, help: string, labels: Labels): void {
    this.#begin(name, "info", help, "");
    this.#write(`${this.#prefix}${name}_info`, labels, 1);
  }

  /** The whole text. */
  end(): string {
    return `${this.#lines.join("\n")}\n# EOF\n`;
  }

  #begin(name: string, type: string, help: string, unit: string): void {
    const family = this.#prefix + name;
    this.#lines.push(`# TYPE ${family} ${type}`);
    if (unit !== "") this.#lines.push(`# UNIT ${family} ${unit}`);
    this.#lines.push(`# HELP ${family} ${escaped(help)}`);
  }

  #write(name: string, labels: Labels, value: number): void {
    const written = Object.entries(labels).map(([label, text]) =>
      `${label}="${escaped(`${text}`)}"`
    );
    const braces = written.length === 0 ? "" : `{${written.join(",")}}`;
    this.#lines.push(`${name}${braces} ${value}`);
  }
}

/** A bound of a bucket is a floating point number, and is written as one. */
function canonical(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : `${bound}`;
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => character === "\n" ? "\\n" : `\\${character}`);
}
