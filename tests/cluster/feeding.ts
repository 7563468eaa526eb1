/**
 * The reading half of a model node: the log, its inbox, casts, and what it inherits of the dead, fed to its
 * listener in the order that src/cluster/cluster.ts promises.
 */

import type { ClusterEvent } from "../../src/broker/cluster_event.ts";
import type { ClusterListener } from "../../src/cluster/cluster.ts";
import { Departed } from "../../src/cluster/departed.ts";
import type { ClientId, NodeId } from "../../src/policy/identity.ts";
import type { Delivery, Message } from "../../src/session/message.ts";
import type { TopicFilter } from "../../src/topic/topic_filter.ts";
import type { Channel } from "./channel.ts";
import { RETRY } from "./channel.ts";
import { isRetained } from "./kinds.ts";
import type { Beaten, Estate, InboxEntry, Loaded, LogEntry, SharedState } from "./state.ts";

/** Entries that are read at once. */
const CHUNK = 16;

/** Waits until the node has been fed what became durable before. */
interface Ready {
  readonly log: number;
  readonly inbox: number;
  readonly feed: () => void;
}

/** A dead node that is to be buried here. */
interface Burial {
  readonly node: NodeId;
  readonly waiting: ClientId[];
  /** It is being told, or has been. */
  begun: boolean;
  told: boolean;
}

export class Feeding {
  readonly #state: SharedState;
  readonly #node: NodeId;
  readonly #channel: Channel;
  #listener: ClusterListener | undefined;
  #log = 0;
  #inbox = 0;
  /** A read is under way; and: there may be more than it finds. */
  #readingLog = false;
  #moreLog = false;
  #readingInbox = false;
  #moreInbox = false;
  #signalled = false;
  /** Entries of the inbox that were fed and may go. */
  #fed: number[] = [];
  #telling = false;
  #toTell = false;
  #ready: Ready[] = [];
  #named = "";
  readonly #departed = new Departed();
  readonly #burials = new Map<NodeId, Burial>();
  /** Grave and client id of whoever has been adopted, or been claimed with what was to be adopted. */
  readonly #adopted = new Set<string>();
  readonly #adopting = new Set<string>();
  /** Sessions that are just claimed: their claim brings what an adoption would. */
  readonly claiming = new Map<ClientId, number>();
  /** Mail for sessions that are just read: what of it that has already is known only then. */
  readonly #held = new Map<ClientId, { readonly entry: number; readonly delivery: Delivery }[]>();
  /** `wanted` that waits for an adoption. */
  #postponed: { readonly clientId: ClientId; readonly grave: NodeId }[] = [];
  /** Told of every release, and of whatever else may let a commit end. */
  onRelease: (clientId: ClientId) => void = () => {};
  onSignal: () => void = () => {};
  #caughtUp: { readonly to: number; readonly then: () => void } | undefined;

  constructor(state: SharedState, node: NodeId, channel: Channel) {
    this.#state = state;
    this.#node = node;
    this.#channel = channel;
  }

  /** Feeds from that place of the log on; `then` when it has come to where others wait for it. */
  begin(
    position: number,
    nodes: readonly NodeId[],
    listener: ClusterListener,
    then: () => void,
  ): void {
    this.#log = position;
    this.#listener = listener;
    this.#feedNodes(nodes);
    listener.endTurn();
    this.#channel.call(() => this.#state.begin(this.#node, position), (to) => {
      this.#caughtUp = { to, then };
      this.#state.listen(this.#node, () => this.#signal());
      this.#lookAround();
    });
  }

  /** Something was appended somewhere. */
  #signal(): void {
    if (this.#signalled) return;
    this.#signalled = true;
    const { time, latency } = this.#channel.nature;
    time.after(latency(), () => this.#channel.run(() => this.#heard()));
  }

  #heard(): void {
    this.#signalled = false;
    if (!this.#channel.isOpen) {
      this.#signalled = true;
      this.#channel.after(RETRY, () => this.#heard());
      return;
    }
    this.#lookAround();
  }

  #lookAround(): void {
    if (this.#listener === undefined) return;
    this.#readLog();
    this.#readInbox();
    this.onSignal();
  }

  // ---- the log

  #readLog(): void {
    this.#moreLog = this.#readingLog;
    if (this.#readingLog) return;
    this.#readingLog = true;
    this.#channel.call(() => this.#state.readLog(this.#log, CHUNK), ({ entries, upTo }) => {
      this.#readingLog = false;
      for (const entry of entries) this.#feedLog(entry);
      this.#log = upTo;
      if (this.#flush() || entries.length > 0) this.#listener!.endTurn();
      this.#catchUp();
      if (entries.length > 0) this.#tell();
      if (entries.length > 0 || this.#moreLog) this.#readLog();
    });
  }

  #catchUp(): void {
    if (this.#caughtUp === undefined || this.#log < this.#caughtUp.to) return;
    const { then } = this.#caughtUp;
    this.#caughtUp = undefined;
    then();
  }

  #feedLog(entry: LogEntry): void {
    const listener = this.#listener!;
    if ("nodes" in entry) return this.#feedNodes(entry.nodes);
    const { from, writes } = entry;
    const told = from === this.#node
      ? writes.filter(isRetained)
      : writes.filter(({ type }) => type !== "putSetting" && type !== "deleteSetting");
    if (told.length > 0) listener.feed({ type: "replicated", from, writes: told });
    for (const write of writes) {
      if (write.type === "putSetting") listener.setting(write.name, write.value);
      if (write.type === "deleteSetting") listener.setting(write.name, undefined);
      if (write.type === "release") this.onRelease(write.clientId);
    }
  }

  #feedNodes(nodes: readonly NodeId[]): void {
    const named = nodes.join(" ");
    if (named === this.#named || !nodes.includes(this.#node)) return;
    this.#named = named;
    this.#departed.replace(nodes);
    this.#listener!.feed({ type: "nodes", nodes });
  }

  /** Tells how far it has come. */
  #tell(): void {
    this.#toTell = true;
    if (this.#telling) return;
    this.#telling = true;
    this.#toTell = false;
    const position = this.#log;
    const fed = this.#fed;
    this.#fed = [];
    this.#channel.call(() => this.#state.applied(this.#node, position, fed), () => {
      this.#telling = false;
      if (this.#toTell) this.#tell();
    });
  }

  // ---- the inbox

  #readInbox(): void {
    this.#moreInbox = this.#readingInbox;
    if (this.#readingInbox) return;
    this.#readingInbox = true;
    const from = this.#inbox;
    this.#channel.call(
      () => this.#state.readInbox(this.#node, from, CHUNK),
      ({ entries, upTo }) => {
        this.#readingInbox = false;
        for (const entry of entries) this.#feedEntry(entry);
        this.#inbox = upTo;
        if (this.#flush() || entries.length > 0) this.#listener!.endTurn();
        if (entries.length > 0) this.#tell();
        if (entries.length > 0 || this.#moreInbox) this.#readInbox();
      },
    );
  }

  #feedEntry(entry: InboxEntry): void {
    if (entry.type !== "share") this.#fed.push(entry.entry);
    switch (entry.type) {
      case "mail": {
        const { clientId, delivery } = entry;
        if (!this.#isRead(clientId)) return this.#feed({ type: "mail", clientId, delivery });
        const held = this.#held.get(clientId);
        if (held === undefined) this.#held.set(clientId, [{ entry: entry.entry, delivery }]);
        else held.push({ entry: entry.entry, delivery });
        return;
      }
      case "forward":
        for (const message of entry.messages) {
          this.#feed({ type: "forwarded", message, group: undefined });
        }
        return;
      case "share":
        return this.#feed({
          type: "shared",
          group: entry.group,
          message: entry.message,
          taken: { type: "taken", node: this.#node, entry: String(entry.entry) },
        });
      case "instruction":
        return this.#listener!.instruction(entry.text);
      case "wanted": {
        const { clientId, grave } = entry;
        if (grave === undefined || this.#adopted.has(`${grave} ${clientId}`)) {
          return this.#feed({ type: "wanted", clientId });
        }
        this.#postponed.push({ clientId, grave });
        return this.#adopt(grave, clientId);
      }
    }
  }

  #feed(event: ClusterEvent): void {
    this.#listener!.feed(event);
  }

  #isRead(clientId: ClientId): boolean {
    return this.claiming.has(clientId) ||
      [...this.#adopting].some((key) => key.endsWith(` ${clientId}`));
  }

  /** The session has been read at that place of the inbox, and told of: mail behind it follows. */
  wasRead(clientId: ClientId, inbox: number): void {
    const held = this.#held.get(clientId)?.filter(({ entry }) => entry > inbox) ?? [];
    this.#held.delete(clientId);
    if (held.length > 0 && this.#isRead(clientId)) this.#held.set(clientId, held);
    else for (const { delivery } of held) this.#feed({ type: "mail", clientId, delivery });
  }

  /** A message from another node that nobody waits for. */
  heardCast(from: NodeId, message: Message, group: TopicFilter | undefined): void {
    if (this.#listener === undefined || this.#departed.has(from)) return;
    this.#feed({ type: "forwarded", message, group, cast: true });
    this.#listener.endTurn();
  }

  // ---- what has to wait for its place

  /** Feeds what was read at that moment of the state, when all before it has been fed. */
  inTurn(log: number, inbox: number, feed: () => void): void {
    this.#ready.push({ log, inbox, feed });
    if (this.#listener === undefined) return;
    if (this.#flush()) this.#listener.endTurn();
    else this.#lookAround();
  }

  #flush(): boolean {
    let some = false;
    for (;;) {
      const at = this.#ready.findIndex(({ log, inbox }) =>
        log <= this.#log && inbox <= this.#inbox
      );
      if (at === -1) return some;
      const [{ feed }] = this.#ready.splice(at, 1) as [Ready];
      feed();
      some = true;
    }
  }

  // ---- the dead

  /** What a beat has told. */
  toBury({ graves }: Beaten): void {
    if (this.#listener === undefined) return;
    for (const { node, sessions } of graves) {
      if (this.#burials.has(node)) continue;
      this.#burials.set(node, { node, waiting: [...sessions], begun: false, told: false });
    }
    for (const burial of this.#burials.values()) {
      if (burial.begun) continue;
      burial.begun = true;
      for (const clientId of burial.waiting) this.#adopt(burial.node, clientId);
      this.#goOnBurying();
    }
  }

  #adopt(grave: NodeId, clientId: ClientId): void {
    const key = `${grave} ${clientId}`;
    // Its claim brings what it left; if there is none in the end, it is looked at again.
    if (this.#adopted.has(key) || this.#adopting.has(key) || this.claiming.has(clientId)) return;
    this.#adopting.add(key);
    this.#channel.call(() => this.#state.adopt(this.#node, clientId, 0), (loaded) => {
      if (loaded === undefined) {
        this.adopted(grave, clientId);
        return this.wasRead(clientId, 0);
      }
      this.inTurn(loaded.log, loaded.inbox, () => {
        this.#adopting.delete(key);
        // A claim came meanwhile, and tells of it; or it had told already.
        if (!this.#adopted.has(key) && !this.claiming.has(clientId)) {
          this.#feed({ type: "adopted", clientId, stored: loaded.stored });
          this.adopted(grave, clientId);
        }
        this.wasRead(clientId, loaded.inbox);
      });
    });
  }

  /** Whether what a claim has read is to take the place of an adoption. */
  isInherited({ grave }: Loaded, clientId: ClientId): boolean {
    return grave !== undefined && !this.#adopted.has(`${grave} ${clientId}`);
  }

  /** The listener has been told of that session. */
  adopted(grave: NodeId, clientId: ClientId): void {
    this.#adopting.delete(`${grave} ${clientId}`);
    this.#adopted.add(`${grave} ${clientId}`);
    const due = this.#postponed.filter((each) =>
      each.clientId === clientId && each.grave === grave
    );
    this.#postponed = this.#postponed.filter((each) => !due.includes(each));
    if (due.length > 0) this.#feed({ type: "wanted", clientId });
    this.#goOnBurying();
  }

  /** A claim has ended without an answer: what it would have told is told otherwise. */
  unclaimed(clientId: ClientId): void {
    for (const { node, waiting } of this.#burials.values()) {
      if (waiting.includes(clientId)) this.#adopt(node, clientId);
    }
    for (const { clientId: wanted, grave } of this.#postponed) {
      if (wanted === clientId) this.#adopt(grave, clientId);
    }
  }

  /** When all sessions have been told, the groups, and then the end. */
  #goOnBurying(): void {
    for (const burial of this.#burials.values()) {
      const { node, waiting } = burial;
      if (!burial.begun || burial.told) continue;
      while (waiting.length > 0 && this.#adopted.has(`${node} ${waiting[0]!}`)) waiting.shift();
      if (waiting.some((clientId) => !this.#adopted.has(`${node} ${clientId}`))) continue;
      burial.told = true;
      waiting.length = 0;
      this.#channel.call(
        () => this.#state.estate(this.#node, node),
        (estate) => this.inTurn(estate.position, 0, () => this.#inherit(node, estate)),
      );
    }
  }

  #inherit(node: NodeId, { inherited, delayed }: Estate): void {
    if (delayed.length > 0) this.#feed({ type: "replicated", from: node, writes: delayed });
    for (const each of inherited) this.#feed({ type: "shared", ...each });
    this.#feed({ type: "buried", node });
  }
}
