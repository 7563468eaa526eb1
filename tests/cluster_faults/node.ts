/** A node of the cluster as a process, with a supervisor that starts it again whenever it ends. */

import { startArguments } from "../end_to_end/broker_process.ts";
import { freePort } from "../free_port.ts";
import type { Door } from "./actor.ts";
import type { Ledger, NodeRun } from "./ledger.ts";
import { pause, signal, spawn, until } from "./redis_process.ts";

/** Exit status of a node that the others have given up. */
const FENCED = 4;

export class Node {
  readonly port = freePort();
  readonly number: number;
  readonly #ledger: Ledger;
  readonly #file: string;
  readonly #directory: string;
  /** Milliseconds until it is started again. */
  readonly #rest: () => number;
  #child: Deno.ChildProcess | undefined;
  #run: NodeRun | undefined;
  #runs = 0;
  #over = false;
  /** It was ended or stopped on purpose, so its end is no wonder. */
  #expected = false;

  /** @param config without listeners and log */
  constructor(
    number: number,
    config: Record<string, unknown>,
    directory: string,
    ledger: Ledger,
    rest: () => number,
    level: string,
  ) {
    this.number = number;
    this.#ledger = ledger;
    this.#directory = directory;
    this.#file = `${directory}/node-${number}.json`;
    this.#rest = rest;
    Deno.writeTextFileSync(
      this.#file,
      JSON.stringify({
        ...config,
        listeners: [{ type: "tcp", port: this.port }],
        log: { level, format: "json" },
      }),
    );
  }

  get door(): Door {
    return { port: this.port, run: this.#runs };
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** The log of its life now. */
  get log(): string {
    return `${this.#directory}/node-${this.number}-run-${this.#runs}.log`;
  }

  /** Starts it; resolves when it listens. */
  async start(): Promise<void> {
    this.#runs += 1;
    const run: NodeRun = {
      node: this.number,
      run: this.#runs,
      startedAt: this.#ledger.now(),
      endedAt: Infinity,
      fenced: false,
    };
    this.#ledger.nodeRuns.push(run);
    this.#run = run;
    this.#expected = false;
    const args = [...startArguments(), "--config", this.#file];
    const child = this.#child = spawn(Deno.execPath(), args, this.log);
    void child.status.then(({ code, signal }) => this.#ended(child, run, code, signal));
    await until(() => this.#child !== child || this.listens(), `node ${this.number}`, 60_000);
    const took = Math.round(this.#ledger.now() - run.startedAt);
    if (this.#child === child) {
      this.#ledger.happened(`node ${this.number} run ${run.run} listens after ${took} ms`);
    }
  }

  async listens(): Promise<boolean> {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port: this.port })).close();
      return true;
    } catch {
      return false;
    }
  }

  signal(name: Deno.Signal): void {
    if (name !== "SIGCONT") this.#expected = true;
    if (this.#child !== undefined) signal(this.#child, name);
  }

  /** Ends it for good; by SIGKILL where it does not end in time. */
  async stop(): Promise<void> {
    this.#over = true;
    const child = this.#child;
    if (child === undefined) return;
    this.signal("SIGTERM");
    const timer = setTimeout(() => {
      this.#ledger.count("nodes that SIGTERM did not end in 20 s");
      this.signal("SIGKILL");
    }, 20_000);
    await child.status;
    clearTimeout(timer);
  }

  #ended(child: Deno.ChildProcess, run: NodeRun, code: number, by: string | null): void {
    run.endedAt = this.#ledger.now();
    run.fenced = code === FENCED;
    const how = by ?? `exit status ${code}`;
    const wonder = this.#expected ? "" : ", by itself";
    this.#ledger.happened(`node ${this.number} run ${run.run} ended: ${how}${wonder}`);
    if (!this.#expected) {
      this.#ledger.count(`nodes that ended by themselves (${how})`);
      void this.#lastWords(run, this.log);
    }
    if (this.#child === child) this.#child = undefined;
    if (!this.#over) void this.#again();
  }

  /** What its log says of errors at its end. */
  async #lastWords({ run }: NodeRun, file: string): Promise<void> {
    await pause(300); // the pipe is read behind it
    const lines = (await Deno.readTextFile(file).catch(() => "")).trim().split("\n");
    const telling = lines.filter((line) => !/"level":"(info|debug)"/.test(line)).slice(-6);
    for (const line of telling) {
      this.#ledger.happened(`node ${this.number} run ${run} said ${line.slice(0, 600)}`);
    }
  }

  async #again(): Promise<void> {
    await pause(this.#rest());
    if (this.#over || this.#child !== undefined) return;
    await this.start().catch((error) => this.#ledger.happened(String(error)));
  }

  /** Its life now. */
  get life(): NodeRun | undefined {
    return this.#run;
  }
}
