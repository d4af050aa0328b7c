/** A `describe` for the storage contract on real files: at each crash point of a call a log is created, copied and opened again. */
const TIMEOUT_MS = 120_000

export function slowDescribe(name: string, body: () => void): void {
  describe(name, function () {
    this.timeout(TIMEOUT_MS)
    body()
  })
}
