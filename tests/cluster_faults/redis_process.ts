/** One redis-server as a process, and words for it; ends with the program that started it. */

const children = new Set<Deno.ChildProcess>();
globalThis.addEventListener("unload", () => {
  for (const child of children) signal(child, "SIGKILL");
});

/** Starts a program that is killed when this one ends. */
export function spawn(program: string, args: readonly string[], log: string): Deno.ChildProcess {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  children.add(child);
  void child.status.then(() => children.delete(child));
  for (const stream of [child.stdout, child.stderr]) {
    void Deno.open(log, { append: true, create: true })
      .then((file) => stream.pipeTo(file.writable)).catch(() => {});
  }
  return child;
}

/** Sends a signal, unless it has ended. */
export function signal(child: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    child.kill(name);
  } catch {
    // It has ended.
  }
}

/** A redis-server or a sentinel, which may be ended and started again with what it had. */
export class RedisProcess {
  readonly #args: readonly string[];
  readonly #log: string;
  #child: Deno.ChildProcess | undefined;

  /** @param file of its configuration, which it may rewrite */
  constructor(readonly port: number, file: string, readonly directory: string, sentinel = false) {
    this.#args = sentinel ? [file, "--sentinel"] : [file];
    this.#log = `${directory}/log`;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  async start(): Promise<void> {
    const child = this.#child = spawn("redis-server", this.#args, this.#log);
    void child.status.then(() => {
      if (this.#child === child) this.#child = undefined;
    });
    await until(
      async () => (await this.ask("PING").catch(() => "")) !== "",
      `redis-server on port ${this.port} to answer`,
    );
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    signal(child, "SIGKILL");
    await child.status;
  }

  signal(name: Deno.Signal): void {
    if (this.#child !== undefined) signal(this.#child, name);
  }

  /** The answer of redis-cli, trimmed; rejects where it says nothing good within 3 s. */
  ask(...words: readonly string[]): Promise<string> {
    return ask(this.port, words);
  }

  /** A field of INFO replication, or of another section. */
  async info(field: string, section = "replication"): Promise<string | undefined> {
    const text = await this.ask("INFO", section).catch(() => "");
    return new RegExp(`^${field}:(.*?)\r?$`, "m").exec(text)?.[1];
  }
}

async function ask(port: number, words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("timeout", {
    args: ["3", "redis-cli", "-p", `${port}`, ...words],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stdout).trim();
  if (code !== 0) throw new Error(`${words.join(" ")}: ${text}${new TextDecoder().decode(stderr)}`);
  return text;
}

/** Waits until it is so; an error with words where it does not become so. */
export async function until(
  is: () => Promise<boolean> | boolean,
  what: string | (() => string),
  patience = 30_000,
): Promise<void> {
  const end = performance.now() + patience;
  while (!await is()) {
    if (performance.now() > end) {
      const words = typeof what === "string" ? what : what();
      throw new Error(`waited ${patience} ms in vain for ${words}`);
    }
    await pause(50);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
