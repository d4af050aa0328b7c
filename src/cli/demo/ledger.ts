/** Writes down what the cluster has acknowledged, and holds it to its word. */

/** A key's story: values only grow, so that it can be told whether a later one replaced an earlier one. */
interface Account {
  acknowledged: number
  /** Written, and never heard of again: may be there, even later. */
  readonly unknown: Set<number>
}

export class Ledger {
  readonly #accounts = new Map<string, Account>()
  #acknowledged = 0
  #unknown = 0

  /** How many writes were acknowledged in all. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  get unknown(): number {
    return this.#unknown
  }

  acknowledge(key: string, value: number): void {
    const account = this.#account(key)
    account.acknowledged = Math.max(account.acknowledged, value)
    this.#acknowledged++
  }

  doubt(key: string, value: number): void {
    this.#account(key).unknown.add(value)
    this.#unknown++
  }

  /** The keys whose acknowledged value is neither in the store nor replaced by a later one. */
  missing(stored: ReadonlyMap<string, number>): string[] {
    return [...this.#accounts]
      .filter(([key, { acknowledged, unknown }]) => {
        const found = stored.get(key) ?? 0
        return found < acknowledged && !unknown.has(found)
      })
      .map(([key]) => key)
  }

  #account(key: string): Account {
    let account = this.#accounts.get(key)
    if (account === undefined) {
      account = { acknowledged: 0, unknown: new Set() }
      this.#accounts.set(key, account)
    }
    return account
  }
}
