/** Records the writes that the cluster acknowledged, and finds those that are missing when the keys are read back. */

/** The writes of one key. Values only increase, so a larger value in the store has replaced a smaller one. */
interface KeyRecord {
  acknowledged: number
  /** Writes of unknown outcome: each may be in the store, or may still be applied. */
  readonly unknown: Set<number>
}

export class AcknowledgedWrites {
  readonly #records = new Map<string, KeyRecord>()
  #acknowledged = 0
  #unknown = 0

  /** The number of acknowledged writes of all keys. */
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

  /**
   * The keys whose acknowledged value is neither in the store nor replaced by a later write. `read` is a linearizable read of the store: what is
   * acknowledged while it runs may be missing in its result, and does not count.
   */
  async lostKeys(read: () => Promise<ReadonlyMap<string, number>>): Promise<string[]> {
    const acknowledgedBefore = [...this.#records].map(([key, { acknowledged }]) => ({ key, acknowledged }))
    const stored = await read()
    return acknowledgedBefore
      .filter(({ key, acknowledged }) => {
        const found = stored.get(key) ?? 0
        return found < acknowledged && !this.#recordOf(key).unknown.has(found)
      })
      .map(({ key }) => key)
  }

  #recordOf(key: string): KeyRecord {
    let record = this.#records.get(key)
    if (record === undefined) {
      record = { acknowledged: 0, unknown: new Set() }
      this.#records.set(key, record)
    }
    return record
  }
}
