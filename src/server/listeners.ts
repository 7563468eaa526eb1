/**
 * The listeners of the running broker: opened, served, and exchanged for those of another configuration. A
 * mutable island, one for each broker.
 */

import type { ConnectionId } from "../policy/identity.ts";
import type { Limits } from "../policy/limits.ts";
import type { ListenerView } from "../service/service.ts";
import type { TurnAwayReason } from "../session/reason_words.ts";
import type { Listener } from "../transport/transport.ts";
import { acceptLinks } from "./accept.ts";
import type { ListenerConfig } from "./config.ts";
import { sameValue } from "./config_difference.ts";
import { tlsOf } from "./config_tls.ts";
import type { DescriptorRoom } from "./descriptors.ts";
import type { Door } from "./door.ts";
import { doorOf, openSocket } from "./door.ts";
import { FairTurns } from "./fair_turns.ts";
import type { Gate } from "./gate.ts";
import type { Placement } from "./listener_plan.ts";
import { planListeners, standsInTheWay } from "./listener_plan.ts";
import type { Log } from "./log.ts";
import { PollTurn } from "./poll_turn.ts";
import type { Runtime } from "./runtime.ts";
import type { Serving } from "./serve_link.ts";
import { outboxLimitsOf, serveLink } from "./serve_link.ts";

/** What serving needs besides the configuration. */
export interface Core {
  readonly runtime: Runtime;
  readonly entropy: () => Uint8Array;
  readonly descriptors: DescriptorRoom;
}

/** Listeners that are open and do not accept yet: to be taken or left. */
export interface PreparedListeners {
  /**
   * Serves them in place of those before, which listen no more.
   *
   * @returns names of listeners that have ended: their connections are still to be closed
   */
  commit(core: Core): readonly string[];
  discard(): Promise<void>;
}

/** A socket, with what is done with its links at the moment. */
interface Place {
  socket: Listener;
  /** Undefined until it is committed. */
  door: Door | undefined;
  serving: Serving | undefined;
  /** Resolves when it accepts no more. */
  accepting: Promise<void> | undefined;
}

/** A listener of the configuration to come. */
interface Next {
  readonly place: Place;
  readonly door: Door;
  readonly placement: Placement;
}

export class Listeners {
  readonly #log: Log;
  /** In the order of the configuration. */
  #places: readonly Place[] = [];
  /** Links that hold a file descriptor, those included that are only written out any more. */
  #open = 0;
  #lastId: ConnectionId = 0;
  /** Of the links of all listeners. */
  readonly #poll = new PollTurn();
  readonly #turns = new FairTurns(this.#poll.after);
  #core: Core | undefined;
  #closed = false;

  /** Links that came to nothing; before the first commit there is none. */
  readonly #counted = (why: TurnAwayReason): void => {
    if (this.#core !== undefined) this.#core.runtime.measures.turnedAway[why] += 1;
  };

  constructor(log: Log) {
    this.#log = log;
  }

  /** Each as it is, in the order of the configuration. */
  get views(): readonly ListenerView[] {
    return this.#places.map(({ socket, door }): ListenerView => {
      const config = door!.config;
      return {
        name: config.name,
        type: config.type,
        tls: tlsOf(config) !== undefined,
        address: socket.address,
        allowAnonymous: config.allowAnonymous,
        maximumConnections: config.maximumConnections,
        mountPoint: config.mountPoint ?? "",
        accepting: !this.#closed,
      };
    });
  }

  /** Where each listens, in the order of the configuration. */
  get addresses(): readonly string[] {
    return this.#places.map(({ socket }) => socket.address);
  }

  /**
   * Opens what is new in other listeners; those that serve go on until `commit`.
   *
   * @throws where one cannot listen, with its name; everything is as before then
   */
  async prepare(
    configs: readonly ListenerConfig[],
    limits: Limits,
    gate: Gate,
  ): Promise<PreparedListeners> {
    const before = this.#places;
    const plan = planListeners(before.map((place) => place.door!.config), configs);
    const closing = plan.closed.map((at) => before[at]!);
    const next = new Array<Next | undefined>(plan.placements.length);
    const aside = new Set<Place>();
    const discard = async () => {
      for (const one of next) {
        if (one === undefined) continue;
        if (one.door !== one.place.door) one.door.retire();
        if (one.placement.from === undefined) one.place.socket.close();
      }
      for (const place of aside) await this.#reopen(place, limits);
    };
    // Those for which another has to make room come last: then nothing else can fail any more.
    const inTheWay = ({ config, from }: Placement) =>
      from !== undefined ? [] : closing.filter((place) => isInTheWay(place, config));
    const order = [...plan.placements.keys()].toSorted((one, other) =>
      inTheWay(plan.placements[one]!).length - inTheWay(plan.placements[other]!).length
    );
    for (const at of order) {
      const placement = plan.placements[at]!;
      const { config, from } = placement;
      try {
        for (const place of inTheWay(placement)) {
          aside.add(place);
          place.socket.close();
          await place.accepting; // until then the system has the port as taken
        }
        const place = from !== undefined ? before[from]! : await placeOf(config, limits);
        next[at] = { place, door: place.door!, placement };
        next[at] = { place, door: await this.#doorFor(place, placement, limits, gate), placement };
      } catch (error) {
        await discard();
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(`listener "${config.name}" cannot listen: ${reason}`, { cause: error });
      }
    }
    return {
      discard,
      commit: (core) => {
        this.#core = core;
        for (const one of next) this.#take(one!, limits, core);
        for (const place of closing) this.#end(place);
        this.#places = next.map((one) => one!.place);
        return plan.ended;
      },
    };
  }

  /** Accepts no more, and ends links that are not served yet. */
  close(): void {
    this.#closed = true;
    this.#poll.close();
    for (const { socket, door } of this.#places) {
      socket.close();
      door?.shut();
    }
  }

  /** The door that there is, where nothing has changed for it. */
  async #doorFor(
    place: Place,
    { config, goesOn }: Placement,
    limits: Limits,
    gate: Gate,
  ): Promise<Door> {
    const { door } = place;
    const isSame = door !== undefined && sameValue(door.config, config) &&
      sameValue(door.brokerLimits, limits);
    if (goesOn && isSame) return door;
    return await doorOf(place.socket, config, {
      limits,
      gate,
      log: this.#log,
      counted: this.#counted,
      serve: (link, id, peer) => serveLink(place.serving!, link, id, peer),
    });
  }

  #take({ place, door, placement: { config, from, goesOn } }: Next, limits: Limits, core: Core) {
    const old = place.door;
    place.door = door;
    if (old !== undefined && old !== door) {
      if (goesOn) old.retire();
      else old.shut();
      if (config.type === "unix") this.#setMode(config);
    }
    const { runtime, entropy } = core;
    place.serving = {
      runtime,
      limits: door.limits,
      outboxLimits: outboxLimitsOf(limits),
      entropy,
      turns: this.#turns,
    };
    if (from === undefined) this.#accept(place);
    if (!goesOn) {
      this.#log.info("listening", { listener: config.name, address: place.socket.address });
    }
  }

  #accept(place: Place): void {
    place.accepting = acceptLinks(place.socket, {
      door: () => place.door!,
      room: () => this.#core!.descriptors.has(this.#open),
      nextId: () => ++this.#lastId,
      serve: (serve, link, id, peer) => {
        this.#open += 1;
        return serve(link, id, peer);
      },
      ended: () => {
        this.#open -= 1;
      },
      counted: this.#counted,
      log: this.#log,
    });
  }

  #end({ socket, door }: Place): void {
    socket.close();
    door?.shut();
    this.#log.info("listening no more", { listener: door?.config.name, address: socket.address });
  }

  /** What made room for another one listens again, as that came to nothing. */
  async #reopen(place: Place, limits: Limits): Promise<void> {
    const { config } = place.door!;
    try {
      place.socket = await openSocket(config, limits);
      this.#accept(place);
    } catch (error) {
      this.#log.error("a listener cannot listen any more", {
        listener: config.name,
        reason: String(error),
      });
    }
  }

  #setMode({ path, mode, name }: ListenerConfig & { readonly type: "unix" }): void {
    try {
      Deno.chmodSync(path, parseInt(mode, 8));
    } catch (error) {
      this.#log.error("the mode of a socket cannot be set", {
        listener: name,
        reason: String(error),
      });
    }
  }
}

async function placeOf(config: ListenerConfig, limits: Limits): Promise<Place> {
  const socket = await openSocket(config, limits);
  return { socket, door: undefined, serving: undefined, accepting: undefined };
}

function isInTheWay({ door }: Place, config: ListenerConfig): boolean {
  return standsInTheWay(door!.config, config);
}
