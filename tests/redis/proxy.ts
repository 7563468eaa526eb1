/**
 * Stands between a node and Redis, so that a test can cut the wire, or lose an answer.
 */

import { connect, createServer, type Server, type Socket } from "node:net";

export class Proxy {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [near: Socket, far: Socket]>();
  #cut = false;
  /** The answer to the next batch is not passed on. */
  #losing = false;
  /** The next answers for which this is true are not passed on. */
  #losesReply: ((data: string) => boolean) | undefined;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Passes everything on to that port of 127.0.0.1. */
  static start(to: number): Promise<Proxy> {
    return new Promise((resolve) => {
      const server = createServer((near) => proxy.#pass(near, to));
      let proxy: Proxy;
      server.listen(0, "127.0.0.1", () => {
        proxy = new Proxy(server, (server.address() as { port: number }).port);
        resolve(proxy);
      });
    });
  }

  /** Nothing gets through any more, and nobody is told. */
  cut(): void {
    this.#cut = true;
    for (const [near, far] of this.#pairs) {
      near.pause();
      far.pause();
    }
  }

  /** From now on everything gets through; what was cut is closed, as after a long silence. */
  mend(): void {
    this.#cut = false;
    this.#closePairs();
  }

  loseAnswer(): void {
    this.#losing = true;
  }

  /** The connection ends instead of the next answer that this is true for. */
  loseReply(isIt: (data: string) => boolean): void {
    this.#losesReply = isIt;
  }

  close(): Promise<void> {
    this.#closePairs();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #closePairs(): void {
    for (const [near, far] of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    this.#pairs.clear();
  }

  #pass(near: Socket, to: number): void {
    const far = connect(to, "127.0.0.1");
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    let lost = false;
    near.on("data", (data) => {
      if (this.#losing && data.includes("_commit")) {
        this.#losing = false;
        lost = true;
      }
      far.write(data);
    });
    far.on("data", (data) => {
      if (this.#losesReply?.(data.toString("latin1")) === true) {
        this.#losesReply = undefined;
        lost = true;
      }
      if (!lost) return void near.write(data);
      near.destroy();
      far.destroy();
    });
    const end = () => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) {
      socket.on("error", end);
      socket.on("close", end);
      if (this.#cut) socket.pause();
    }
  }
}
