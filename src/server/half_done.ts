/**
 * What the requests of one service write while one of them is half done: it has changed something, and waits for
 * what takes time, such as a password being hashed. A crash must not leave a part of it behind, nor a part of what
 * others have done on top of it. So all of it becomes one persist when none is half done any more, and the answers
 * leave behind that, in their order.
 *
 * It decides no more than that. What only tells of something is answered at once.
 */

import type { Write } from "../session/write.ts";

/** Answers that wait; with one more, what changes something is refused until they have left. */
const MOST = 1_000;

/** A write of a service. */
export type SettingWrite = Extract<Write, { readonly type: "putSetting" | "deleteSetting" }>;

/** What leaves together. */
export interface Finished<Answer> {
  readonly writes: readonly Write[];
  /** At least one. */
  readonly answers: readonly Answer[];
}

export class HalfDone<Answer> {
  #requests = 0;
  #answers: Answer[] = [];
  /** By the names of the settings: the last says what it is from then on. */
  #writes = new Map<string, SettingWrite>();

  /** A request is half done: what any writes comes here. */
  get any(): boolean {
    return this.#requests > 0;
  }

  /** No more may come on top of what is half done. */
  get full(): boolean {
    return this.any && this.#answers.length + this.#requests >= MOST;
  }

  /** A request has changed something and is not done. */
  begin(): void {
    this.#requests += 1;
  }

  /** Keeps what a request writes. */
  write(writes: readonly SettingWrite[]): void {
    for (const write of writes) this.#writes.set(write.name, write);
  }

  /** Keeps the answer of a request that was not half done. */
  answer(answer: Answer): void {
    this.#answers.push(answer);
  }

  /** A request that was half done is done; undefined: another one is not. */
  end(answer: Answer): Finished<Answer> | undefined {
    this.#requests -= 1;
    this.#answers.push(answer);
    if (this.#requests > 0) return undefined;
    const finished = { writes: [...this.#writes.values()], answers: this.#answers };
    this.#answers = [];
    this.#writes = new Map();
    return finished;
  }
}
