/**
 * Another configuration for the running broker: it is read and checked whole, what is new is opened, the
 * difference is told, and then all of it holds at once. Where anything is wrong nothing changes.
 *
 * A signal, a management command and a changed file all come here, one after another.
 */

import type { Config } from "./config.ts";
import type { Change } from "./config_difference.ts";
import { differenceOf, needsRestart, withoutRestart } from "./config_difference.ts";
import type { Reading } from "./config_reading.ts";
import type { Log } from "./log.ts";
import { watchConfig } from "./watch_config.ts";

/** Lines of a difference that are logged; the result has them all. */
const MOST_LINES = 200;

/** Where a configuration comes from, and comes from again. */
export interface Origin {
  /** Reads it anew with all that it names. Does not throw. */
  readonly read: () => Reading;
  /** The files that decided about the one that the broker starts with, and their texts. */
  readonly files: ReadonlyMap<string, string>;
  /** Takes over what holds outside of the broker, such as the level of the log. Does not throw. */
  readonly applied?: (config: Config) => void;
}

/** What came of a reload. */
export interface ReloadResult {
  /** Whether what was read holds now, but for what needs a restart. */
  readonly applied: boolean;
  /** Every key that is another one, with secrets left out. */
  readonly changes: readonly Change[];
  /** The keys among them that hold only after a restart. */
  readonly needRestart: readonly string[];
  /** Why nothing has changed: every problem in words. */
  readonly problems: readonly string[];
}

/** What is open for another configuration, and does nothing yet: to be taken or left. */
export interface Prepared {
  /** All at once. Does not throw. */
  commit(): void;
  discard(): Promise<void>;
}

export interface ReloadOptions {
  /** What the broker was started with. */
  readonly config: Config;
  /** Undefined: there is nothing to read again. */
  readonly origin: Origin | undefined;
  /** Opens what another configuration asks for. Throws, with nothing left open, where that cannot be. */
  readonly prepare: (config: Config) => Promise<Prepared>;
  readonly log: Log;
}

/** The one that reloads: a mutable island, one for each broker. */
export class Reloader {
  readonly #options: ReloadOptions;
  #config: Config;
  #underWay: Promise<ReloadResult> | undefined;
  /** Asked for while another one was under way: it reads what is there after that. */
  #waiting: Promise<ReloadResult> | undefined;
  #stopped = false;
  #unwatch = () => {};

  constructor(options: ReloadOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#watch(options.origin?.files);
  }

  /** The configuration that holds. */
  get config(): Config {
    return this.#config;
  }

  /** Reads the configuration that the broker was started with again. Does not reject. */
  reload(): Promise<ReloadResult> {
    if (this.#underWay === undefined) return this.#begin();
    return this.#waiting ??= this.#underWay.then(() => {
      this.#waiting = undefined;
      return this.#begin();
    });
  }

  /** Reads it and says what a reload would change, or what is wrong; opens and changes nothing. */
  compare(): ReloadResult {
    const { origin } = this.#options;
    if (origin === undefined) return refusal([NO_ORIGIN], []);
    const { config, problems } = readFrom(origin);
    if (config === undefined) return refusal(errorsOf(problems), []);
    const changes = differenceOf(this.#config, config);
    return { applied: false, changes, needRestart: needingRestart(changes), problems: [] };
  }

  /** Ends the watch; what is under way comes to nothing. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unwatch();
    await this.#underWay;
    await this.#waiting;
  }

  #begin(): Promise<ReloadResult> {
    const underWay = this.#reload().finally(() => this.#underWay = undefined);
    return this.#underWay = underWay;
  }

  async #reload(): Promise<ReloadResult> {
    const { origin } = this.#options;
    if (origin === undefined) {
      return this.#refuse([NO_ORIGIN], []);
    }
    const reading = readFrom(origin);
    const result = await this.#take(reading, origin);
    this.#watch(reading.files);
    return result;
  }

  async #take({ config: read, problems }: Reading, origin: Origin): Promise<ReloadResult> {
    const { prepare, log } = this.#options;
    for (const { text, severity } of problems) {
      if (severity === "warning") log.warn("the configuration", { reason: text });
    }
    if (read === undefined) return this.#refuse(errorsOf(problems), []);
    const changes = differenceOf(this.#config, read);
    const needRestart = needingRestart(changes);
    const config = withoutRestart(this.#config, read);
    // To prepare may take a listener's socket from it, and to discard that gives it another, which would accept again.
    if (this.#stopped) return this.#refuse([STOPPED], changes);
    let prepared: Prepared;
    try {
      prepared = await prepare(config);
    } catch (error) {
      return this.#refuse(wordsOf(error).split("\n"), changes);
    }
    if (this.#stopped) {
      await prepared.discard();
      return this.#refuse([STOPPED], changes);
    }
    this.#tell(changes);
    prepared.commit();
    this.#config = config;
    origin.applied?.(config);
    log.info(changes.length === 0 ? "reloaded: no key is another one" : "reloaded", {
      changes: changes.length,
      needRestart: needRestart.length,
    });
    return { applied: true, changes, needRestart, problems: [] };
  }

  #tell(changes: readonly Change[]): void {
    const { log } = this.#options;
    for (const change of changes.slice(0, MOST_LINES)) {
      const { key } = change;
      const fields = { key, before: textOf(change.before), after: textOf(change.after) };
      if (needsRestart(change)) {
        log.warn("a changed key needs a restart: what held before holds", fields);
      } else log.info("a key changes", fields);
    }
    const more = changes.length - MOST_LINES;
    if (more > 0) log.info("more keys change", { count: more });
  }

  #refuse(problems: readonly string[], changes: readonly Change[]): ReloadResult {
    const { log } = this.#options;
    for (const reason of problems.slice(0, MOST_LINES)) {
      log.error("not reloaded", { reason });
    }
    log.error("not reloaded: nothing has changed", { problems: problems.length });
    return refusal(problems, changes);
  }

  /** Watches those files, unless the configuration says not to. */
  #watch(files: ReadonlyMap<string, string> | undefined): void {
    this.#unwatch();
    this.#unwatch = () => {};
    if (this.#stopped || files === undefined || files.size === 0) return;
    if (!this.#config.watchConfig) return;
    this.#unwatch = watchConfig(files, () => this.reload());
  }
}

const STOPPED = "the broker is being stopped";
const NO_ORIGIN = "the broker was started with a configuration that is in no file";

/** An origin of an embedder may throw for all that. */
function readFrom(origin: Origin): Reading {
  try {
    return origin.read();
  } catch (error) {
    return { problems: [{ text: wordsOf(error), severity: "error" }], files: origin.files };
  }
}

function errorsOf(problems: Reading["problems"]): readonly string[] {
  return problems.filter(({ severity }) => severity === "error").map(({ text }) => text);
}

function needingRestart(changes: readonly Change[]): readonly string[] {
  return changes.filter(needsRestart).map(({ key }) => key);
}

function refusal(problems: readonly string[], changes: readonly Change[]): ReloadResult {
  return { applied: false, changes, needRestart: needingRestart(changes), problems };
}

/** A value for the log: as it would stand in the file. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
