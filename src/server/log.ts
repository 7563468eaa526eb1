/**
 * The log of the program: structured lines on standard error, by category and level.
 *
 * The one file that touches npm:@logtape/logtape. It must not be called from the core, and must not
 * do work for a line that is not written.
 */

import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";
import { defaultLimits } from "../policy/limits.ts";
import { jsonLine, type LogLine, textLine } from "./log_line.ts";
import { LineRate } from "./log_rate.ts";

/** From the least severe to the most severe. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** The names and values of a line: clientId, user, address, reason and so on. */
export type LogFields = Record<string, unknown>;

/** The log of one category. A line below the configured level costs one comparison. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Whether lines of this level are written: ask before building costly fields. */
  enabled(level: LogLevel): boolean;
}

/** What is written, and how. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Most lines of one category in a second; default `limits.logLinesPerSecond`. */
  readonly linesPerSecond?: number;
  /** Takes a whole line, which ends in a line feed; default: standard error. */
  readonly write?: (line: string) => void;
  /** Milliseconds that never fall, for the rate. */
  readonly now?: () => number;
}

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const off = 4;

/** Nothing is written before `configureLog`, so that an embedder or a test stays silent. */
let threshold = off;
let rate: LineRate | undefined;

/** Sets level, format and target for all categories, also for logs that exist already. */
export function configureLog(options: LogOptions): void {
  const { level, format, linesPerSecond = defaultLimits.logLinesPerSecond } = options;
  const write = options.write ?? writeToStandardError;
  const toText = format === "json" ? jsonLine : textLine;
  rate?.close();
  rate = new LineRate(
    linesPerSecond,
    (category, suppressed) => write(toText(suppressedLine(category, suppressed, linesPerSecond))),
    options.now ?? (() => performance.now()),
  );
  threshold = ranks[level];
  configureSync({
    reset: true,
    sinks: { lines: (record) => write(toText(lineOf(record))) },
    loggers: [
      { category: ["dunlin"], lowestLevel: "debug", sinks: ["lines"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["lines"] },
    ],
  });
}

/** The level of the least severe lines that are written, until the log is configured again. */
export function setLogLevel(level: LogLevel): void {
  threshold = ranks[level];
}

/** The least severe lines that are written; `error` where none are. */
export function logLevel(): LogLevel {
  const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];
  return levels[threshold] ?? "error";
}

/** The log of a category such as `listener` or `session`. It may be taken before `configureLog`. */
export function getLog(category: string): Log {
  const logger = getLogger(["dunlin", category]);
  // The rate is asked first, so that a line of a flood costs next to nothing.
  const written = (rank: number) => threshold <= rank && rate?.admit(category) === true;
  return {
    debug: (message, fields) => {
      if (written(ranks.debug)) logger.debug(message, fields ?? noFields);
    },
    info: (message, fields) => {
      if (written(ranks.info)) logger.info(message, fields ?? noFields);
    },
    warn: (message, fields) => {
      if (written(ranks.warn)) logger.warning(message, fields ?? noFields);
    },
    error: (message, fields) => {
      if (written(ranks.error)) logger.error(message, fields ?? noFields);
    },
    enabled: (level) => threshold <= ranks[level],
  };
}

/** Writes what is still owed about suppressed lines; call it before the program ends. */
export function closeLog(): void {
  rate?.close();
}

const noFields: LogFields = {};

function lineOf(record: LogRecord): LogLine {
  const message = typeof record.rawMessage === "string"
    ? record.rawMessage
    : record.rawMessage.join("");
  return {
    time: new Date(record.timestamp).toISOString(),
    level: record.level === "warning" ? "warn" : record.level,
    category: record.category.slice(record.category[0] === "dunlin" ? 1 : 0).join("."),
    message,
    fields: record.properties,
  };
}

function suppressedLine(category: string, suppressed: number, linesPerSecond: number): LogLine {
  return {
    time: new Date().toISOString(),
    level: "warn",
    category,
    message: "log lines were suppressed",
    fields: { suppressed, linesPerSecond },
  };
}

const encoder = new TextEncoder();

/** A log that nobody reads any more (a closed pipe, a full disk) must not end the broker. */
function writeToStandardError(line: string): void {
  try {
    for (let bytes = encoder.encode(line); bytes.length > 0;) {
      bytes = bytes.subarray(Deno.stderr.writeSync(bytes));
    }
  } catch {
    // There is no other place to say it.
  }
}
