/**
 * What takes time and services ask for: hashing, reading a queue, reading the configuration again.
 */

import {
  formatPasswordHash,
  hashPassword,
  parsePasswordHash,
  provesPassword,
} from "../authentication/password_hash.ts";
import { lineFull, Turns } from "../authentication/turns.ts";
import type { Limits } from "../policy/limits.ts";
import type { TaskResult } from "../service/service.ts";
import type { Soon, Store } from "../store/store.ts";
import type { OwnTask } from "./cluster_tasks.ts";
import type { ReloadResult } from "./reload.ts";

/** Iterations of PBKDF2 for passwords that are hashed here: 0.1 s or so of a thread. */
const ITERATIONS = 210_000;

export interface TasksOptions {
  readonly store: Store;
  readonly limits: Limits;
  readonly reload: () => Promise<ReloadResult>;
  /** What a reload would change. */
  readonly compare: () => ReloadResult;
}

/** Does them. Rejects where a task could not be done. */
export function tasksOf(options: TasksOptions): (task: OwnTask) => Soon<TaskResult> {
  const { store, limits: { passwordHashes, managementTasks } } = options;
  const turns = new Turns(passwordHashes, managementTasks);
  return (task) => {
    switch (task.type) {
      case "hashPassword":
        return turns.run(() => hashed(task.password)).catch(busy);
      case "verifyPassword":
        return turns.run(() => verified(task.password, task.hash)).catch(busy);
      case "readQueue": {
        const queued = store.read(task.clientId, task.from, task.most);
        return queued instanceof Promise
          ? queued.then((queued) => ({ type: "queue", queued }))
          : { type: "queue", queued };
      }
      case "reload":
        if (task.dryRun) return reloaded(options.compare());
        return options.reload().then(reloaded);
    }
  };
}

const UTF8 = new TextEncoder();

async function hashed(password: string): Promise<TaskResult> {
  const hash = await hashPassword(UTF8.encode(password), ITERATIONS);
  return { type: "hashed", hash: formatPasswordHash(hash) };
}

async function verified(password: string, text: string): Promise<TaskResult> {
  const hash = parsePasswordHash(text);
  if (typeof hash === "string") throw new Error(`the hash is ${hash}`);
  return { type: "verified", matches: await provesPassword(hash, UTF8.encode(password)) };
}

function busy(error: unknown): TaskResult {
  if (error !== lineFull) throw error;
  return {
    type: "failed",
    reason: "tooManyRequests",
    detail: "too many passwords wait to be hashed",
  };
}

function reloaded({ changes, needRestart, problems }: ReloadResult): TaskResult {
  const ok = problems.length === 0;
  return { type: "reloaded", ok, report: { changes, needRestart }, problems };
}
