/** `make bench`: measures throughput, failover and snapshots, and prints tables or JSON. */
import Table from 'cli-table3'
import { Command } from 'commander'
import { measureFailover } from './failover.ts'
import { mebibytes, milliseconds, thousands } from './figures.ts'
import { measureSnapshot } from './snapshot.ts'
import { type Figures, measureThroughput, type ThroughputRow } from './throughput.ts'

const program = new Command('bench')
  .option('--json', 'print one JSON document instead of tables')
  .option('--only <parts>', 'measurements, separated by commas', 'throughput,failover,snapshot')
  .option('--outstanding <list>', 'numbers of concurrent proposals', '1,16,64,256,1024,4096')
  .option('--rounds <n>', 'rounds of each cluster, alternating', '3')
  .option('--seconds <n>', 'seconds per round', '3')
  .option('--trials <n>', 'number of killed leaders', '10')
  .option('--snapshot-mib <n>', 'size of the snapshot', '256')
  .parse()

const options = program.opts<{
  json?: true
  only: string
  outstanding: string
  rounds: string
  seconds: string
  trials: string
  snapshotMib: string
}>()
const parts = options.only.split(',')
const print = (line: string): void => {
  if (options.json !== true) process.stdout.write(`${line}\n`)
}
const document: Record<string, unknown> = { schema: 'quorate.bench/v2', node: process.version }

if (parts.includes('throughput')) {
  print('Durable proposals (128 B, synced, three processes, from inside the leader), and a baseline without Raft:')
  const table = new Table({
    head: [
      'outstanding',
      'quorate ops/s',
      'p50 / p99 ms',
      'CPU µs/op',
      'RSS',
      'baseline ops/s',
      'p50 / p99 ms',
      'CPU µs/op',
      'ops ratio',
      'p50 ratio',
      'noise',
    ],
    style: { head: [], border: [] },
  })
  const cells = ({ opsPerSecond, p50Ms, p99Ms, cpuMicrosecondsPerOp }: Figures): [string, string, string] => [
    thousands(opsPerSecond),
    `${milliseconds(p50Ms)} / ${milliseconds(p99Ms)}`,
    cpuMicrosecondsPerOp.toFixed(0),
  ]
  const show = (row: ThroughputRow): void => {
    table.push([
      row.outstanding,
      ...cells(row.quorate),
      mebibytes(row.quorate.rssMaxBytes),
      ...cells(row.baseline),
      row.opsRatio.toFixed(2),
      row.p50Ratio.toFixed(2),
      `${row.noise.toFixed(1)}×`,
    ])
    if (process.stderr.isTTY)
      process.stderr.write(`${row.outstanding} outstanding: ${row.opsRatio.toFixed(2)} of the baseline\n`)
  }
  document.throughput = await measureThroughput(
    {
      outstanding: options.outstanding.split(',').map(Number),
      rounds: Number(options.rounds),
      seconds: Number(options.seconds),
      bytes: 128,
    },
    show,
  )
  print(table.toString())
}

if (parts.includes('failover')) {
  print('Failover: from SIGKILL of the leader to the next acknowledged write:')
  const table = new Table({ head: ['timeouts', 'trials', 'median', 'min', 'max'], style: { head: [], border: [] } })
  const rows = []
  for (const [name, timeouts] of [
    ['default', {}],
    ['150–300 ms', { electionTimeoutMinMs: 150, electionTimeoutMaxMs: 300, heartbeatIntervalMs: 30 }],
  ] as const) {
    const row = await measureFailover(name, Number(options.trials), timeouts)
    table.push([row.name, row.trials, ...[row.medianMs, row.minMs, row.maxMs].map((ms) => `${ms.toFixed(0)} ms`)])
    rows.push(row)
  }
  document.failover = rows
  print(table.toString())
}

if (parts.includes('snapshot')) {
  const row = await measureSnapshot(Number(options.snapshotMib) * 1024 * 1024)
  document.snapshot = row
  print(`Snapshot of ${mebibytes(row.bytes)}, installed on an empty new member:`)
  const table = new Table({ style: { head: [], border: [] } })
  table.push(
    { 'taking the snapshot': `${row.takeSeconds.toFixed(2)} s` },
    { 'new member: start until restored': `${row.joinSeconds.toFixed(2)} s` },
    {
      "leader's p99, 16 outstanding": `${milliseconds(row.p99BeforeMs)} ms before, ${milliseconds(row.p99DuringMs)} ms during the installation`,
    },
    { "leader's RSS": `${mebibytes(row.leaderRssBeforeBytes)} before, ${mebibytes(row.leaderRssAfterBytes)} after` },
  )
  print(table.toString())
}

if (options.json === true) process.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`)
