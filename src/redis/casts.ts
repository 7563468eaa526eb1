/**
 * QoS 0 messages between nodes: what gathers in a tick for a node is published in one go, to whoever hears.
 * Nothing of it is kept; what is above the bound, or cannot be published, is lost and counted. What is published
 * begins with its sender, as Redis does not refuse what a dead node publishes.
 */

import type { NodeId } from "../policy/identity.ts";
import type { Message } from "../session/message.ts";
import { ByteWriter } from "../store/bytes.ts";
import { writeMessage } from "../store/record.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import { asBuffer, FrameReader, FrameWriter } from "./frames.ts";
import type { Ground } from "./ground.ts";
import type { Link } from "./link.ts";
import { decodeBody } from "./values.ts";

/** The first byte of what is published. */
const FORMAT = 2;
/** Bytes of memory that are kept for the next tick, and bytes that are published at once. */
const KEPT = 65_536, PUBLISHED = 1_048_576;

interface Gathered {
  readonly node: NodeId;
  bytes: FrameWriter;
  count: number;
}

export class Casts {
  readonly #ground: Ground;
  readonly #link: Link;
  readonly #gathered = new Map<NodeId, Gathered>();
  readonly #body = new ByteWriter(4_096);
  /** Bytes that wait, or are being published. */
  #bytes = 0;
  #scheduled = false;

  constructor(ground: Ground, link: Link) {
    this.#ground = ground;
    this.#link = link;
  }

  /** The channel on which a node hears what is cast to it. */
  static channel(key: string, node: NodeId): string {
    return `${key}cast:${node}`;
  }

  /** Sends a message to these nodes, some time in this tick; its bytes are copied at once. */
  cast(nodes: readonly NodeId[], message: Message, group: TopicFilter | undefined): void {
    if (this.#ground.ended || nodes.length === 0) return;
    if (this.#ground.inDoubt) { // who hears it may not have been told yet that this node is no more
      this.#ground.counts.castsLost += nodes.length;
      return;
    }
    this.#body.clear(KEPT);
    writeMessage(this.#body, message);
    const body = this.#body.view();
    if (this.#bytes + body.length * nodes.length > this.#ground.options.castBytes) {
      this.#ground.counts.castsLost += nodes.length;
      return;
    }
    for (let i = 0; i < nodes.length; i++) this.#add(nodes[i]!, body, group);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => this.#flush(), 0);
  }

  #add(node: NodeId, body: Uint8Array, group: TopicFilter | undefined): void {
    let gathered = this.#gathered.get(node);
    if (gathered === undefined) {
      gathered = { node, bytes: new FrameWriter(KEPT), count: 0 };
      this.#gathered.set(node, gathered);
    }
    const to = gathered.bytes;
    const before = to.length;
    if (before === 0) {
      to.byte(FORMAT);
      to.text(this.#ground.node);
    }
    to.byte(group === undefined ? 0 : 1);
    if (group !== undefined) to.text(group);
    to.bytes(body);
    gathered.count += 1;
    this.#bytes += to.length - before;
    if (to.length > PUBLISHED) this.#publish(gathered);
  }

  #flush(): void {
    this.#scheduled = false;
    for (const gathered of this.#gathered.values()) this.#publish(gathered);
  }

  #publish(gathered: Gathered): void {
    this.#gathered.delete(gathered.node);
    const { node, bytes, count } = gathered;
    const { length } = bytes;
    const { key } = this.#ground;
    this.#link.send(["SPUBLISH", Casts.channel(key, node), asBuffer(bytes.view())])
      .catch(() => {
        this.#ground.counts.castsLost += count;
      })
      .finally(() => {
        this.#bytes -= length;
      });
  }

  /** What was published by another node, told in one turn; not if that node has gone. */
  heard(bytes: Uint8Array): void {
    const { listener } = this.#ground;
    if (listener === undefined || this.#ground.ended) return;
    try {
      const from = new FrameReader(bytes, "what was cast");
      if (from.byte() !== FORMAT) return this.#ground.skipped(1);
      if (this.#ground.departed.has(from.text())) return;
      while (from.left > 0) {
        const group = from.byte() === 0 ? undefined : from.text();
        listener.feed({ type: "forwarded", message: decodeBody(from.bytes()), group, cast: true });
      }
    } catch {
      this.#ground.skipped(1);
    }
    listener.endTurn();
  }
}
