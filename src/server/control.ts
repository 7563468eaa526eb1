/**
 * The shell of the broker's services: finds whose request it is, performs it, does what its outcome says and
 * has the reply leave when that is durable. It decides nothing that a service could decide.
 *
 * It holds the states of the services. What they keep is in the store as settings, under `<service>/<name>`.
 */

import type { Event } from "../broker/event.ts";
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
import type { Write } from "../session/write.ts";
import type { Soon } from "../store/store.ts";
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
}

/** A service with the state that it is in. */
interface Running {
  readonly service: Service;
  state: unknown;
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
  readonly #waiting = new Map<number, Waiting>();
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
        this.#running.push({ service, state: service.begin(own) });
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
  #tooMuch({ identity, clientId, address, payload }: Request): Refused | undefined {
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

  #run(
    running: Running,
    request: Request,
    done: Waiting["done"],
    perform: (view: View) => Outcome<unknown>,
  ): void {
    let outcome: Outcome<unknown>;
    try {
      outcome = perform(this.#options.view());
    } catch (error) {
      this.#options.broken(error, request);
      const detail = "a defect of the broker: the log has the details";
      return this.#refuse(request, { reason: "failed", detail }, done, running);
    }
    const tooMuch = this.#noRoomFor(running.service, outcome.settings);
    if (tooMuch !== undefined) return this.#refuse(request, tooMuch, done, running);
    const { state, events, settings, instructions, task, audit, reply } = outcome;
    for (const { message, fields } of audit) this.#tell(request, message, fields);
    if (state !== running.state) {
      running.state = state;
      this.#lay();
    }
    const { feed, instruct } = this.#options;
    for (const event of events) feed(event);
    for (const instruction of instructions) instruct(instruction);
    const writes = settings.map((change) => this.#write(running.service, change));
    if (task === undefined) {
      return this.#answer(request, reply, writes, events.length > 0, done, running);
    }
    // What the first part writes needs no reply: the second part comes behind it.
    if (writes.length > 0) this.#answer(request, undefined, writes, false, undefined, running);
    this.#start(
      running,
      request,
      task.task,
      done,
      (result, view) => task.then(result, running.state, view),
    );
  }

  #start(
    running: Running,
    request: Request,
    task: Task,
    done: Waiting["done"],
    then: (result: TaskResult, view: View) => Outcome<unknown>,
  ): void {
    const { managementTasks } = this.#limits;
    if (this.#tasks >= managementTasks) {
      const detail = `${managementTasks} requests that take time are under way`;
      return this.#refuse(request, { reason: "tooManyRequests", detail }, done, running);
    }
    this.#tasks += 1;
    const end = (result: TaskResult) => {
      this.#tasks -= 1;
      this.#run(running, request, done, (view) => then(result, view));
    };
    let result: Soon<TaskResult>;
    try {
      result = this.#options.perform(task);
    } catch (error) {
      result = failed(error);
    }
    if (!(result instanceof Promise)) return end(result);
    result.catch(failed).then((result) => {
      end(result);
      this.#options.endTurn();
    });
  }

  #refuse(request: Request, refused: Refused, done: Waiting["done"], running?: Running): void {
    this.#tell(request, "refused", { topic: request.topic, ...refused });
    const reply = running?.service.refuse(refused, request) ?? { ok: false, error: refused };
    this.#answer(request, reply, [], false, done, running);
  }

  #answer(
    request: Request,
    reply: unknown,
    writes: readonly Write[],
    changed: boolean,
    done: Waiting["done"],
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

  #write({ name }: Service, change: SettingChange): Write {
    const full = `${name}/${change.name}`;
    if (change.value === undefined) {
      this.#settings.delete(full);
      return { type: "deleteSetting", name: full };
    }
    this.#settings.set(full, change.value.length);
    return { type: "putSetting", name: full, value: change.value };
  }

  #tell(request: Request, message: string, fields: Readonly<Record<string, unknown>>): void {
    const { identity: { user }, clientId, address, listener, via } = request;
    this.#options.audit.info(message, { ...fields, user, clientId, address, listener, via });
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
