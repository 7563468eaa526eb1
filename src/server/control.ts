/**
 * The shell of the broker's services: finds whose request it is, performs it, does what its outcome says and
 * has the reply leave when that is durable. It decides nothing that a service could decide.
 *
 * It holds the states of the services. What they keep is in the store as settings, under `<service>/<name>`.
 */

import type { Event } from "../broker/event.ts";
import type { ClientId } from "../policy/identity.ts";
import type { Limits } from "../policy/limits.ts";
import { permits } from "../policy/permits.ts";
import type { Rules } from "../policy/rules.ts";
import { RequestRate } from "../service/request_rate.ts";
import type {
  Instruction,
  Outcome,
  Refused,
  Request,
  Service,
  SettingChange,
  Task,
  TaskResult,
  View,
} from "../service/service.ts";
import type { Effect } from "../session/effect.ts";
import type { Write } from "../session/write.ts";
import type { Soon } from "../store/store.ts";
import type { SettingWrite } from "./half_done.ts";
import { HalfDone } from "./half_done.ts";
import type { Log } from "./log.ts";
import type { Requests } from "./runtime.ts";

export interface ControlOptions {
  readonly services: readonly Service[];
  /** Without what the services lay over them: `reconfigure` changes them. */
  readonly configured: Rules;
  readonly view: () => View;
  readonly feed: (event: Event) => void;
  /** Ends the turn of what was fed on account of something that had taken time. */
  readonly endTurn: () => void;
  readonly perform: (task: Task) => Soon<TaskResult>;
  readonly instruct: (instruction: Instruction) => void;
  readonly audit: Log;
  readonly broken: (error: unknown, request: Request) => void;
  /** Whether settings that are written come back by `noteSetting`, in the order in which all nodes see them. */
  readonly echoed?: boolean;
  /** Another node has written a setting that makes no sense to this one, which goes on without it. */
  readonly notUnderstood?: (error: unknown, service: string) => void;
}

/** A session that had to come here first, or why it does not come. */
interface Arrival {
  readonly clientId: ClientId;
  readonly result: TaskResult;
}

/** A service with the state that it is in. */
interface Running {
  readonly service: Service;
  state: unknown;
  readonly halfDone: HalfDone<Answer>;
}

/** A session that has to come here, and what is done with it then. */
type Fetching = Pick<Task & { readonly type: "fetchSession" }, "clientId" | "events">;

/** What is said to a request in the end. */
interface Answer {
  readonly request: Request;
  readonly reply: unknown;
  /** Events of it may not be durable yet. */
  readonly changed: boolean;
  readonly done: Waiting["done"];
}

/** A request whose answer is on its way through the store. */
interface Waiting {
  /** It wrote, or made others write: later replies wait for it. */
  readonly changed: boolean;
  readonly done: ((reply: unknown) => void) | undefined;
  readonly reply: unknown;
}

export class Control implements Requests {
  readonly #options: ControlOptions;
  readonly #running: Running[] = [];
  readonly #rate = new RequestRate();
  /** The lengths of all settings, by their full names. */
  readonly #settings = new Map<string, number>();
  /** What this node has written last and not seen in the log of the cluster yet, by full names. */
  readonly #unseen = new Map<string, string | undefined>();
  /** Written by other nodes in the turn under way. */
  #foreign: SettingChange[] = [];
  readonly #waiting = new Map<number, Waiting>();
  /** Who waits for a session that has to come here first. */
  readonly #fetching = new Map<number, (result: TaskResult) => void>();
  #lastTicket = 0;
  /** Of those that wait, how many have changed something. */
  #changing = 0;
  #tasks = 0;
  #configured: Rules;
  #rules: Rules;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#configured = this.#rules = options.configured;
  }

  /** The rules of the configuration, without what the services lay over them. */
  get configured(): Rules {
    return this.#configured;
  }

  /**
   * Begins the services with what the store has kept, before the first connection.
   *
   * @param settings by their full names
   * @throws an Error that names the service whose settings make no sense
   */
  begin(settings: ReadonlyMap<string, string>): void {
    for (const [name, value] of settings) this.#settings.set(name, value.length);
    for (const service of this.#options.services) {
      const own = new Map<string, string>();
      for (const [name, value] of settings) {
        if (name.startsWith(`${service.name}/`)) {
          own.set(name.slice(service.name.length + 1), value);
        }
      }
      try {
        this.#running.push({ service, state: service.begin(own), halfDone: new HalfDone() });
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error);
        throw new Error(`the settings of the service ${service.name} in the store: ${words}`, {
          cause: error,
        });
      }
    }
    this.#lay();
    for (const { service, state } of this.#running) {
      const begun = service.begun?.(state, this.#options.view());
      for (const event of begun?.events ?? []) this.#options.feed(event);
      for (const instruction of begun?.instructions ?? []) this.#options.instruct(instruction);
    }
  }

  /** Other rules of the configuration; what the services lay over them stays. */
  reconfigure(configured: Rules): void {
    this.#configured = configured;
    this.#lay();
  }

  /**
   * A setting as the log of the cluster has it, this node's own included, by its full name. It holds from the end
   * of the turn on: see `settle`.
   */
  noteSetting(name: string, value: string | undefined): void {
    if (!this.#unseen.has(name)) this.#foreign.push({ name, value });
    // Else it is older than what this node has written since, which is what all end with; or that itself.
    else if (this.#unseen.get(name) === value) this.#unseen.delete(name);
  }

  /** What other nodes have written since the last time holds from now on. */
  settle(): void {
    const foreign = this.#foreign;
    if (foreign.length === 0) return;
    this.#foreign = [];
    for (const { name, value } of foreign) {
      if (value === undefined) this.#settings.delete(name);
      else this.#settings.set(name, value.length);
    }
    for (const running of this.#running) this.#takeOver(running, foreign);
  }

  #takeOver(running: Running, foreign: readonly SettingChange[]): void {
    const { service, state } = running;
    const prefix = `${service.name}/`;
    const own = foreign.filter(({ name }) => name.startsWith(prefix))
      .map(({ name, value }) => ({ name: name.slice(prefix.length), value }));
    if (own.length === 0 || service.changed === undefined) return;
    const { feed, instruct, view, notUnderstood } = this.#options;
    let outcome: Pick<Outcome<unknown>, "state" | "events" | "instructions">;
    try {
      outcome = service.changed(state, own, view());
    } catch (error) {
      notUnderstood?.(error, service.name);
      return;
    }
    running.state = outcome.state;
    this.#lay();
    for (const event of outcome.events) feed(event);
    for (const instruction of outcome.instructions) instruct(instruction);
  }

  /** A request that came over MQTT: whether its sender may make it has been asked. */
  take(request: Request): void {
    this.#handle(request, undefined);
  }

  /**
   * A request that came by another way. The identity must have been proven; whether it may ask is decided
   * here, by the same rules.
   *
   * @param done takes the reply, a JSON value, when what it speaks of is durable
   */
  ask(request: Request, done: (reply: unknown) => void): void {
    const { rules } = this.#options.view().broker;
    const decision = permits(rules, request.identity, "publish", request.topic);
    if (decision.permitted) this.#handle(request, done);
    else this.#refuse(request, { reason: "notPermitted", detail: decision.rule }, done);
    this.#options.endTurn();
  }

  /**
   * A request that another node of the cluster was asked and passes on: it has decided that it may be made.
   *
   * @param done as in `ask`
   */
  passedOn(request: Request, done: (reply: unknown) => void): void {
    this.#handle(request, done);
    this.#options.endTurn();
  }

  fetched({ ticket, messages, bytes, problem }: Effect & { readonly type: "fetched" }): void {
    const done = this.#fetching.get(ticket);
    this.#fetching.delete(ticket);
    if (messages !== undefined && bytes !== undefined) done?.({ type: "fetched", messages, bytes });
    else done?.({ type: "failed", reason: "failed", detail: `the session: ${problem}` });
  }

  answered(ticket: number): void {
    const waiting = this.#waiting.get(ticket);
    if (waiting === undefined) return;
    this.#waiting.delete(ticket);
    if (waiting.changed) this.#changing -= 1;
    waiting.done?.(waiting.reply);
  }

  #handle(request: Request, done: Waiting["done"]): void {
    const running = this.#running.find(({ service: { prefix } }) =>
      request.topic === prefix || request.topic.startsWith(`${prefix}/`)
    );
    const refused = this.#tooMuch(request) ??
      (running === undefined
        ? { reason: "unknownCommand", detail: `no service has the topic ${request.topic}` } as const
        : undefined);
    if (refused !== undefined) return this.#refuse(request, refused, done, running);
    this.#run(
      running!,
      request,
      done,
      (view) => running!.service.perform(running!.state, request, view),
    );
  }

  /** Why the request is not even looked at. */
  #tooMuch({ identity, clientId, address, payload, passedOn }: Request): Refused | undefined {
    if (passedOn !== undefined) return undefined; // the node that was asked has looked
    const { managementRate, managementRequest } = this.#limits;
    const name = identity.user === undefined ? `c ${clientId || address}` : `u ${identity.user}`;
    if (!this.#rate.admit(name, managementRate, this.#options.view().now)) {
      const detail = `more than ${managementRate} requests a second`;
      return { reason: "tooManyRequests", detail };
    }
    if (payload.length <= managementRequest) return undefined;
    const detail = `${payload.length} bytes, allowed are ${managementRequest}`;
    return { reason: "requestTooLarge", detail };
  }

  /**
   * @param stage what has come of it so far: nothing, an outcome that changed nothing, or half of what it changes
   * @param fetched it has done something to a session that had to come here first
   */
  #run(
    running: Running,
    request: Request,
    done: Waiting["done"],
    perform: (view: View) => Outcome<unknown>,
    stage: "new" | "waited" | "halfDone" = "new",
    fetched = false,
  ): void {
    const refuse = (refused: Refused) => this.#refuse(request, refused, done, running, stage);
    let outcome: Outcome<unknown>;
    try {
      outcome = perform(this.#options.view());
    } catch (error) {
      this.#options.broken(error, request);
      const detail = "a defect of the broker: the log has the details";
      return refuse({ reason: "failed", detail });
    }
    const tooMuch = this.#noRoomFor(running.service, outcome.settings) ??
      (stage === "new" ? this.#noTimeFor(running, outcome) : undefined);
    if (tooMuch !== undefined) return refuse(tooMuch);
    const { state, events, settings, instructions, task, audit, reply } = outcome;
    for (const { message, fields } of audit) this.#tell(request, message, fields);
    if (state !== running.state) {
      running.state = state;
      this.#lay();
    }
    const { feed, instruct } = this.#options;
    const arrivals = this.#arrivals(events);
    for (const event of events) feed(event);
    for (const instruction of instructions) instruct(instruction);
    const writes = settings.map((change) => this.#write(running.service, change));
    const changed = fetched || events.length > 0;
    if (task === undefined) {
      const answer = { request, reply, changed, done };
      const wasHalfDone = stage === "halfDone";
      if (arrivals.length === 0) return this.#end(running, answer, writes, wasHalfDone);
      this.#end(running, { ...answer, reply: undefined, done: undefined }, writes, wasHalfDone);
      Promise.all(arrivals).then((all) => {
        for (const { clientId, result } of all) this.#notDeleted(request, clientId, result);
        this.#end(running, { ...answer, changed: true }, [], false);
        this.#options.endTurn();
      });
      return;
    }
    const { halfDone } = running;
    const half = stage === "halfDone" || writes.length > 0;
    if (half && stage !== "halfDone") halfDone.begin();
    halfDone.write(writes);
    this.#start(
      running,
      request,
      task.task,
      done,
      (result, view) => task.then(result, running.state, view),
      half ? "halfDone" : "waited",
    );
  }

  /** Why nothing is done that would take time, or come on top of what does. */
  #noTimeFor({ halfDone }: Running, { task, settings }: Outcome<unknown>): Refused | undefined {
    const { managementTasks } = this.#limits;
    const reason = "tooManyRequests";
    if (task !== undefined && this.#tasks >= managementTasks) {
      return { reason, detail: `${managementTasks} requests that take time are under way` };
    }
    if (settings.length === 0 || !halfDone.full) return undefined;
    return { reason, detail: "too many requests wait for one that takes time" };
  }

  #start(
    running: Running,
    request: Request,
    task: Task,
    done: Waiting["done"],
    then: (result: TaskResult, view: View) => Outcome<unknown>,
    stage: "waited" | "halfDone",
  ): void {
    this.#tasks += 1;
    const end = (result: TaskResult) => {
      this.#tasks -= 1;
      const fetched = task.type === "fetchSession";
      this.#run(running, request, done, (view) => then(result, view), stage, fetched);
    };
    let result: Soon<TaskResult>;
    try {
      result = task.type === "fetchSession" ? this.#fetch(task) : this.#options.perform(task);
    } catch (error) {
      result = failed(error);
    }
    if (!(result instanceof Promise)) return end(result);
    result.catch(failed).then((result) => {
      end(result);
      this.#options.endTurn();
    });
  }

  /** What is done to the session is asked for behind the asking for it. */
  #fetch({ clientId, events }: Fetching): Promise<TaskResult> {
    const ticket = ++this.#lastTicket;
    const { promise, resolve } = Promise.withResolvers<TaskResult>();
    this.#fetching.set(ticket, resolve);
    this.#options.feed({ type: "fetch", clientId, ticket });
    for (const event of events) this.#options.feed(event);
    return promise;
  }

  /** Sessions of a cluster that end on account of a request and have to come here first: the answer waits. */
  #arrivals(events: readonly Event[]): readonly Promise<Arrival>[] {
    const arrivals: Promise<Arrival>[] = [];
    for (const event of events) {
      if (event.type !== "deleteSession") continue;
      const { clientId } = event;
      const client = this.#options.view().broker.clients.get(clientId);
      if (client?.here !== false) continue;
      const fetched = this.#fetch({ clientId, events: [] });
      arrivals.push(fetched.then((result) => ({ clientId, result })));
    }
    return arrivals;
  }

  /** The request has been answered by its service, which cannot know: whoever reads the log is told. */
  #notDeleted(request: Request, of: ClientId, result: TaskResult): void {
    if (result.type !== "failed" || !this.#options.view().broker.clients.has(of)) return;
    this.#tell(request, "a session is not deleted: delete it when it can be had", {
      of,
      reason: result.detail,
    });
  }

  /** The answer to a request, now or when nothing is half done any more that it comes on top of. */
  #end(
    running: Running,
    answer: Answer,
    writes: readonly SettingWrite[],
    wasHalfDone: boolean,
  ): void {
    const { halfDone } = running;
    if (!wasHalfDone && (!halfDone.any || writes.length === 0)) {
      return this.#answer(answer, writes, running);
    }
    halfDone.write(writes);
    if (!wasHalfDone) return halfDone.answer(answer);
    const finished = halfDone.end(answer);
    if (finished === undefined) return;
    const [first, ...others] = finished.answers;
    this.#answer(first!, finished.writes, running);
    for (const other of others) this.#answer({ ...other, changed: true }, [], running);
  }

  #refuse(
    request: Request,
    refused: Refused,
    done: Waiting["done"],
    running?: Running,
    stage?: "new" | "waited" | "halfDone",
  ): void {
    this.#tell(request, "refused", { topic: request.topic, ...refused });
    const reply = running?.service.refuse(refused, request) ?? { ok: false, error: refused };
    const answer = { request, reply, changed: false, done };
    if (stage === "halfDone") this.#end(running!, answer, [], true);
    else this.#answer(answer, [], running);
  }

  #answer(
    { request, reply, changed, done }: Answer,
    writes: readonly Write[],
    running: Running | undefined,
  ): void {
    const ticket = ++this.#lastTicket;
    const changes = changed || writes.length > 0;
    const afterAll = changes || this.#changing > 0;
    this.#waiting.set(ticket, { changed: changes, done, reply });
    if (changes) this.#changing += 1;
    const refused: Refused = { reason: "replyTooLarge", detail: "ask for less with limit" };
    const short = running?.service.refuse(refused, request) ?? { ok: false, error: refused };
    const sender = reply === undefined ? undefined : request.sender;
    this.#options.feed({
      type: "answer",
      answer: {
        request: { topic: request.topic, sender },
        ticket,
        writes,
        afterAll,
        payload: sender === undefined ? NOTHING : encoded(reply),
        short: sender === undefined ? NOTHING : encoded(short),
      },
    });
  }

  /** The rules with what the services lay over them, where that is something else than before. */
  #lay(): void {
    let rules = this.#configured;
    for (const { service, state } of this.#running) rules = service.rules?.(state, rules) ?? rules;
    if (rules === this.#rules) return;
    this.#rules = rules;
    this.#options.feed({ type: "rules", rules });
  }

  #noRoomFor({ name }: Service, changes: readonly SettingChange[]): Refused | undefined {
    const { settings: most, settingSize } = this.#limits;
    let count = this.#settings.size;
    for (const change of changes) {
      if (change.value === undefined) continue;
      if (!this.#settings.has(`${name}/${change.name}`)) count += 1;
      if (change.value.length > settingSize) {
        const detail =
          `${change.name} has ${change.value.length} characters; settingSize allows ${settingSize}`;
        return { reason: "limit", detail };
      }
    }
    if (count <= most || count <= this.#settings.size) return undefined;
    return { reason: "limit", detail: `the limit settings allows ${most}` };
  }

  #write({ name }: Service, change: SettingChange): SettingWrite {
    const full = `${name}/${change.name}`;
    if (this.#options.echoed === true) this.#unseen.set(full, change.value);
    if (change.value === undefined) {
      this.#settings.delete(full);
      return { type: "deleteSetting", name: full };
    }
    this.#settings.set(full, change.value.length);
    return { type: "putSetting", name: full, value: change.value };
  }

  #tell(request: Request, message: string, fields: Readonly<Record<string, unknown>>): void {
    const { identity: { user }, clientId, address, listener, via, passedOn } = request;
    const from = passedOn === undefined ? {} : { passedOnBy: passedOn.from };
    this.#options.audit.info(message, {
      ...fields,
      user,
      clientId,
      address,
      listener,
      via,
      ...from,
    });
  }

  get #limits(): Limits {
    return this.#rules.limits;
  }
}

const NOTHING = new Uint8Array();
const UTF8 = new TextEncoder();

function encoded(reply: unknown): Uint8Array {
  return UTF8.encode(JSON.stringify(reply));
}

function failed(error: unknown): TaskResult {
  const detail = error instanceof Error ? error.message : String(error);
  return { type: "failed", reason: "failed", detail };
}
