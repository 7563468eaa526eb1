/**
 * Several desks with services (control_desk.ts) that are nodes of one cluster, whose shared state is in memory
 * (tests/cluster/): what one of them does has reached the others when its turn is over.
 */

import { SharedState } from "../cluster/state.ts";
import type { Common } from "../cluster/model.ts";
import { ModelNode } from "../cluster/model.ts";
import type { ControlDeskOptions, Shell } from "./control_desk.ts";
import { Asker, openControlDesk } from "./control_desk.ts";

/** A node with an administrator at it. */
export interface Seat {
  readonly name: string;
  /** As the cluster calls it. */
  readonly node: string;
  readonly shell: Shell;
  readonly asker: Asker;
  readonly model: ModelNode;
}

/** Opens so many nodes, called a, b, c…; does the work, and clears them. */
export async function atClusterDesks(
  names: readonly string[],
  work: (...seats: readonly Seat[]) => Promise<void>,
  options: ControlDeskOptions = {},
): Promise<void> {
  const timers = new Timers();
  const common = commonIn(timers);
  const seats: Seat[] = [];
  try {
    for (const name of names) seats.push(await open(name, common, options));
    await work(...seats);
  } finally {
    for (const { shell } of seats) {
      shell.traces.stop();
      await shell.desk.clear();
    }
    timers.endAll();
  }
}

async function open(name: string, common: Common, options: ControlDeskOptions): Promise<Seat> {
  let model: ModelNode | undefined;
  const cluster = async () => model = await ModelNode.join(common, name, "test");
  const shell = await openControlDesk({ ...options, cluster });
  const asker = await Asker.connect(shell.desk, "admin", `~asker at ${name}`);
  return { name, node: model!.node, shell, asker, model: model! };
}

/** A state that is reached at once and never lost; nobody's lease ends. */
function commonIn(timers: Timers): Common {
  const time = {
    now: 0,
    after(milliseconds: number, call: () => void): number {
      if (milliseconds > 0) return timers.begin(milliseconds, call);
      queueMicrotask(call);
      return 0;
    },
    cancel: (id: number | undefined) => timers.end(id),
  };
  const never = () => false;
  const nature = { time, latency: () => 0, lost: never, castLost: never, isDown: never };
  return { state: new SharedState(60_000), nature, ears: new Map(), writes: () => 1_000 };
}

/** Timers that a test ends when it ends. */
class Timers {
  readonly #running = new Map<number, ReturnType<typeof setTimeout>>();
  #last = 0;

  begin(milliseconds: number, call: () => void): number {
    const id = ++this.#last;
    const timer = setTimeout(() => {
      this.#running.delete(id);
      call();
    }, milliseconds);
    this.#running.set(id, timer);
    return id;
  }

  end(id: number | undefined): void {
    if (id === undefined) return;
    clearTimeout(this.#running.get(id));
    this.#running.delete(id);
  }

  endAll(): void {
    for (const id of [...this.#running.keys()]) this.end(id);
  }
}
