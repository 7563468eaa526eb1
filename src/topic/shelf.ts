/**
 * Where a tree keeps its values: it knows them by numbers. Knows no topics.
 */

/** Values by numbers that are never 0 and fit 31 bits and a sign. */
export interface Shelf<Value> {
  /** Keeps a value; its number. */
  put(value: Value): number;
  /** The value of a number that is taken. */
  get(number: number): Value;
  /** The value of a number that is taken, and gives the number back. */
  take(number: number): Value;
}

/** Values as they are. */
export class ObjectShelf<Value> implements Shelf<Value> {
  /** None has the number 0. */
  readonly #values: (Value | undefined)[] = [undefined];
  readonly #free: number[] = [];

  put(value: Value): number {
    const number = this.#free.pop() ?? this.#values.length;
    this.#values[number] = value;
    return number;
  }

  get(number: number): Value {
    return this.#values[number]!;
  }

  take(number: number): Value {
    const value = this.get(number);
    this.#values[number] = undefined;
    this.#free.push(number);
    return value;
  }
}
