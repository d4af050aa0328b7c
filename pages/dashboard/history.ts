/** The rates of the last minutes, one row a second, as the plots need them. */
import { type Cluster, currentReports, leaderOf } from './cluster.ts'

const ROWS_MAX = 180

/** The values of a plot at one time, by the name of their line; one that is missing is a gap. */
export type Row = Readonly<Record<string, number>>

export interface Sample {
  /** Seconds since 1970. */
  readonly at: number
  readonly plots: Readonly<Record<PlotName, Row>>
}

export type PlotName = 'committed' | 'proposals' | 'writes' | 'responses'

export class History {
  #samples: readonly Sample[] = []
  #last: { readonly at: number; readonly commitIndex: number } | undefined

  get samples(): readonly Sample[] {
    return this.#samples
  }

  /** Adds the row of now. `now` is performance.now(). */
  add(cluster: Cluster, now: number): void {
    const current = currentReports(cluster, now)
    const rows = (value: (report: (typeof current)[number]) => number | undefined): Row =>
      Object.fromEntries(
        current.flatMap((report) => {
          const found = value(report)
          return found === undefined ? [] : [[report.view.id, found]]
        }),
      )
    const made = current.flatMap(({ rates }) => rates.proposalMs ?? [])
    const peers = leaderOf(cluster, now)?.view.peers ?? []
    const sample: Sample = {
      at: Date.now() / 1000,
      plots: {
        committed: this.#committed(current),
        proposals:
          made.length === 0
            ? {}
            : { p50: Math.max(...made.map(({ p50 }) => p50)), p99: Math.max(...made.map(({ p99 }) => p99)) },
        writes: rows(({ rates }) => rates.writeMs?.p99),
        responses: Object.fromEntries(
          peers.flatMap(({ id, responseMs, silentMs }) =>
            silentMs === undefined || responseMs === 0 ? [] : [[id, responseMs]],
          ),
        ),
      },
    }
    this.#samples = [...this.#samples, sample].slice(-ROWS_MAX)
  }

  #committed(current: ReturnType<typeof currentReports>): Row {
    if (current.length === 0) {
      this.#last = undefined
      return {}
    }
    const newest = current.reduce((one, other) => (other.view.commitIndex > one.view.commitIndex ? other : one))
    const { commitIndex } = newest.view
    const last = this.#last
    this.#last = { at: newest.at, commitIndex }
    if (last === undefined || newest.at <= last.at) return {}
    return { 'entries/s': (Math.max(0, commitIndex - last.commitIndex) / (newest.at - last.at)) * 1000 }
  }
}
