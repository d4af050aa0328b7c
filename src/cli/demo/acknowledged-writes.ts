/** Writes down what the cluster has acknowledged, and holds it to its word. */

/** A key's story: values only grow, so that it can be told whether a later one replaced an earlier one. */
interface KeyRecord {
  acknowledged: number
  /** Written, and never heard of again: may be there, even later. */
  readonly unknown: Set<number>
}

export class AcknowledgedWrites {
  readonly #records = new Map<string, KeyRecord>()
  #acknowledged = 0
  #unknown = 0

  /** How many writes were acknowledged in all. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  get unknown(): number {
    return this.#unknown
  }

  recordAcknowledged(key: string, value: number): void {
    const record = this.#recordOf(key)
    record.acknowledged = Math.max(record.acknowledged, value)
    this.#acknowledged++
  }

  recordUnknown(key: string, value: number): void {
    this.#recordOf(key).unknown.add(value)
    this.#unknown++
  }

  /** The keys whose acknowledged value is neither in the store nor replaced by a later one. */
  lostKeys(stored: ReadonlyMap<string, number>): string[] {
    return [...this.#records]
      .filter(([key, { acknowledged, unknown }]) => {
        const found = stored.get(key) ?? 0
        return found < acknowledged && !unknown.has(found)
      })
      .map(([key]) => key)
  }

  #recordOf(key: string): KeyRecord {
    let account = this.#records.get(key)
    if (account === undefined) {
      account = { acknowledged: 0, unknown: new Set() }
      this.#records.set(key, account)
    }
    return account
  }
}
