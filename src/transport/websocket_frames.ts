/**
 * WebSocket frames of a client, RFC 6455 section 5: finds them in the bytes as they come, unmasks what
 * they carry and moves it to the front of the same buffer. So a connection costs no buffer of its own.
 * A mutable island, owned by one link. No MQTT here, and no input or output.
 */

/** What a frame is, RFC 6455 section 5.2. */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The codes of RFC 6455 section 7.4.1 that are sent. */
export const CloseCode = {
  normal: 1000,
  protocolError: 1002,
  unsupportedData: 1003,
  notUtf8: 1007,
  tooBig: 1009,
} as const;

/** Why a connection is closed: the code and what was found. */
export interface Violation {
  readonly code: number;
  readonly reason: string;
}

/** Bytes of a control frame's payload at most, RFC 6455 section 5.5. */
export const CONTROL_MAXIMUM = 125;
const UTF8 = new TextDecoder("utf-8", { fatal: true });

export class FrameReader {
  readonly #maximum: number;
  readonly #onControl: (opcode: number, payload: Uint8Array) => void;
  /** What the next byte belongs to. */
  #phase: "first" | "second" | "length" | "mask" | "payload" = "first";
  #final = false;
  #opcode = 0;
  /** A fragmented message is under way: a continuation is due, RFC 6455 section 5.4. */
  #fragmented = false;
  /** Bytes of the field that is being read which are still to come. */
  #due = 0;
  #length = 0;
  /** The smallest length that the form of the length is for. */
  #least = 0;
  #mask = 0;
  /** Bytes of the payload that have come. */
  #done = 0;
  #control: Uint8Array | undefined;
  #violation: Violation | undefined;
  #closed = false;

  /**
   * @param maximum bytes that one data frame may carry
   * @param onControl is called with each whole control frame; its payload may be kept
   */
  constructor(maximum: number, onControl: (opcode: number, payload: Uint8Array) => void) {
    this.#maximum = maximum;
    this.#onControl = onControl;
  }

  /** What ended it; nothing is read any more then. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** A Close frame has come: nothing is read any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Takes the first `count` bytes of a buffer; the application's bytes among them stand at its front
   * after that. How many these are.
   */
  push(bytes: Uint8Array, count: number): number {
    let at = 0;
    let end = 0;
    while (at < count && this.#violation === undefined && !this.#closed) {
      if (this.#phase !== "payload") {
        this.#header(bytes[at++]!);
        continue;
      }
      const size = Math.min(count - at, this.#length - this.#done);
      if (this.#control === undefined) {
        unmask(bytes, at, size, bytes, end, this.#mask, this.#done);
        end += size;
      } else {
        unmask(bytes, at, size, this.#control, this.#done, this.#mask, this.#done);
      }
      at += size;
      this.#done += size;
      if (this.#done === this.#length) this.#end();
    }
    return end;
  }

  /** One byte of a header. */
  #header(byte: number): void {
    switch (this.#phase) {
      case "first":
        return this.#first(byte);
      case "second":
        return this.#second(byte);
      case "length":
        // Multiplied, as a length may have 63 bits; above 2^53 it is too long however it is rounded.
        this.#length = this.#length * 256 + byte;
        if (--this.#due === 0) this.#lengthKnown();
        return;
      default:
        this.#mask = (this.#mask << 8) | byte;
        if (--this.#due > 0) return;
        this.#phase = "payload";
        this.#done = 0;
        if (this.#length === 0) this.#end();
    }
  }

  #first(byte: number): void {
    const opcode = byte & 0x0f;
    this.#final = byte >= 0x80;
    this.#opcode = opcode;
    this.#phase = "second";
    if ((byte & 0x70) !== 0) return this.#fail("a reserved bit is set, and no extension is in use");
    switch (opcode) {
      case Opcode.binary:
        if (this.#fragmented) this.#fail("a new message begins within a fragmented one");
        return;
      case Opcode.continuation:
        if (!this.#fragmented) this.#fail("a continuation of no message");
        return;
      case Opcode.text: // [MQTT-6.0.0-1]
        return this.#fail("a text frame; MQTT travels in binary frames", CloseCode.unsupportedData);
      case Opcode.close:
      case Opcode.ping:
      case Opcode.pong:
        if (!this.#final) this.#fail("a fragmented control frame");
        return;
      default:
        this.#fail(`the reserved opcode ${opcode}`);
    }
  }

  #second(byte: number): void {
    if (byte < 0x80) return this.#fail("a frame without a mask");
    this.#length = byte & 0x7f;
    if (this.#length > CONTROL_MAXIMUM) {
      if (this.#opcode >= Opcode.close) return this.#fail("a control frame of over 125 bytes");
      const short = this.#length === 126;
      this.#due = short ? 2 : 8;
      this.#least = short ? CONTROL_MAXIMUM + 1 : 0x10000;
      this.#length = 0;
      this.#phase = "length";
    } else {
      this.#toMask();
    }
  }

  #lengthKnown(): void {
    if (this.#length < this.#least) return this.#fail("a length in a longer form than it needs");
    if (this.#length > this.#maximum) {
      const reason = `a frame of ${this.#length} bytes; ${this.#maximum} are taken`;
      return this.#fail(reason, CloseCode.tooBig);
    }
    this.#toMask();
  }

  #toMask(): void {
    this.#phase = "mask";
    this.#due = 4;
    this.#mask = 0;
    if (this.#opcode >= Opcode.close) this.#control = new Uint8Array(this.#length);
  }

  /** A frame is whole. */
  #end(): void {
    this.#phase = "first";
    const payload = this.#control;
    if (payload === undefined) {
      this.#fragmented = !this.#final;
      return;
    }
    this.#control = undefined;
    if (this.#opcode === Opcode.close) {
      const violation = closeViolation(payload);
      if (violation !== undefined) {
        this.#violation = violation;
        return;
      }
      this.#closed = true;
    }
    this.#onControl(this.#opcode, payload);
  }

  #fail(reason: string, code: number = CloseCode.protocolError): void {
    this.#violation = { code, reason };
  }
}

/** What is wrong with the payload of a Close frame, RFC 6455 sections 5.5.1 and 7.4. */
function closeViolation(payload: Uint8Array): Violation | undefined {
  if (payload.length === 0) return undefined;
  const code = payload.length < 2 ? -1 : payload[0]! * 256 + payload[1]!;
  const known = code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
  if (!known && !(code >= 3000 && code <= 4999)) {
    return {
      code: CloseCode.protocolError,
      reason: "a Close frame without a code that may be sent",
    };
  }
  try {
    UTF8.decode(payload.subarray(2));
    return undefined;
  } catch {
    return { code: CloseCode.notUtf8, reason: "a Close frame whose reason is not UTF-8" };
  }
}

/** Copies bytes and takes the mask off; `done` bytes of the payload came before these. May overlap to the front. */
function unmask(
  from: Uint8Array,
  at: number,
  size: number,
  to: Uint8Array,
  toAt: number,
  mask: number,
  done: number,
): void {
  const shift = (done & 3) * 8;
  const turned = shift === 0 ? mask : (mask << shift) | (mask >>> (32 - shift));
  const m0 = turned >>> 24,
    m1 = (turned >>> 16) & 255,
    m2 = (turned >>> 8) & 255,
    m3 = turned & 255;
  let i = 0;
  for (const whole = size & ~3; i < whole; i += 4) {
    to[toAt + i] = from[at + i]! ^ m0;
    to[toAt + i + 1] = from[at + i + 1]! ^ m1;
    to[toAt + i + 2] = from[at + i + 2]! ^ m2;
    to[toAt + i + 3] = from[at + i + 3]! ^ m3;
  }
  if (i < size) to[toAt + i] = from[at + i]! ^ m0;
  if (i + 1 < size) to[toAt + i + 1] = from[at + i + 1]! ^ m1;
  if (i + 2 < size) to[toAt + i + 2] = from[at + i + 2]! ^ m2;
}

/** Bytes that one frame to a client carries at most: with its header, a buffer of 256 KiB. */
export const FRAME_MAXIMUM = 0x40000 - 10;

/** Bytes of the header of a frame to a client that carries so many. */
export function headerSize(size: number): number {
  return size <= CONTROL_MAXIMUM ? 2 : size <= 0xffff ? 4 : 10;
}

/** Writes the header of a whole frame, unmasked as a server's are, to the front of a buffer. */
export function writeHeader(into: Uint8Array, opcode: number, size: number): void {
  into[0] = 0x80 | opcode;
  if (size <= CONTROL_MAXIMUM) {
    into[1] = size;
  } else if (size <= 0xffff) {
    into[1] = 126;
    into[2] = size >>> 8;
    into[3] = size & 0xff;
  } else {
    into.fill(0, 2, 6);
    into[1] = 127;
    for (let at = 9, rest = size; at > 5; at--, rest >>>= 8) into[at] = rest & 0xff;
  }
}

/** A whole control frame to a client. */
export function controlFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + payload.length);
  writeHeader(frame, opcode, payload.length);
  frame.set(payload, 2);
  return frame;
}

/** The payload of a Close frame with that code. */
export function closePayload(code: number): Uint8Array {
  return Uint8Array.of(code >>> 8, code & 0xff);
}
