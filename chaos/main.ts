/** `make chaos`: injects faults into a cluster of processes and checks the client history for linearizability. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { readHistory, writeArtifacts } from './artifacts.ts'
import { checkHistory } from './check-history.ts'
import { ProcessCluster } from './cluster/process-cluster.ts'
import { removeLeftovers } from './cluster/run-directory.ts'
import { startServeProcess } from './cluster/serve-process.ts'
import { ALL_FAULTS, FORMER_KINDS } from './nemesis/nemesis.ts'
import { countLoggedEvents } from './node-logs.ts'
import { formatReport, hasPassed } from './report.ts'
import { runChaos } from './run.ts'

const program = new Command('chaos')
  .option('--minutes <n>', 'duration of the faults', number, 10)
  .option('--seed <n>', 'seed of the faults and the calls', number, Date.now() % 1_000_000)
  .option('--nodes <n>', 'number of initial members', count, 3)
  .option('--clients <n>', 'number of concurrent clients', count, 10)
  .option('--only <kinds>', `kinds of faults, separated by commas: ${Object.keys(ALL_FAULTS).join(', ')}`)
  .option('--command <file>', 'the quorate command to run', join(import.meta.dirname, '..', 'dist', 'cli', 'main.js'))
  .option('--peer-transport <transport>', 'how the nodes connect to each other: grpc, tcp, or mixed (every other node)')
  .option('--storage <engine>', 'what keeps the logs: rocksdb or segments (default: as quorate serve chooses)')
  .option('--keep', 'keep the directories and the history even if the run passes')
  .option('--check <file>', 'check a kept history.jsonl instead of running nodes')
  .option('--inject-stale-read', 'add a stale read to the history, to check that it is detected')
  .addOption(new Option('--judge <file>', 'the former name of --check').hideHelp())
  .addOption(new Option('--lie', 'the former name of --inject-stale-read').hideHelp())
  .parse()

const options = program.opts<{
  minutes: number
  seed: number
  nodes: number
  clients: number
  only?: string
  command: string
  keep?: true
  check?: string
  judge?: string
  injectStaleRead?: true
  lie?: true
  storage?: string
  peerTransport?: string
}>()

/** The name of the cluster and of its directory. */
const NAME = 'chaos'

const INTERRUPTED = 130

const historyFile = options.check ?? options.judge
process.exitCode = historyFile === undefined ? await run() : checkFile(historyFile)

async function run(): Promise<number> {
  const { seed, nodes, command } = options
  const storage = options.storage === undefined ? [] : ['--storage', options.storage]
  const peerTransport = (id: string): string[] => {
    const wanted = options.peerTransport
    if (wanted === undefined) return []
    return ['--peer-transport', wanted !== 'mixed' ? wanted : Number(id.slice(1)) % 2 === 0 ? 'grpc' : 'tcp']
  }
  const kinds = options.only?.split(',').map((kind) => FORMER_KINDS[kind] ?? kind)
  const unknown = kinds?.find((kind) => !(kind in ALL_FAULTS))
  if (unknown !== undefined)
    program.error(`unknown fault '${unknown}'; the faults are ${Object.keys(ALL_FAULTS).join(', ')}`)
  for (const left of removeLeftovers(NAME)) print(`removed ${left}, which a killed run had left`)
  const cluster: ProcessCluster = new ProcessCluster({
    name: NAME,
    initialMembers: Array.from({ length: nodes }, (_, offset) => `n${offset + 1}`),
    command: (args, id) =>
      startServeProcess(
        command,
        [...args, ...storage, ...peerTransport(id)],
        join(cluster.directory, 'logs', `${id}.log`),
      ),
    electionTimeout: '400-800ms',
    snapshotEntries: 400,
  })
  mkdirSync(join(cluster.directory, 'logs'))
  for (let number = 1; number <= nodes; number++) await cluster.addNode(`n${number}`)
  const stopping = stopSignal()
  print(`seed ${seed}, ${nodes} nodes, ${options.clients} clients, ${options.minutes} min, in ${cluster.directory}`)
  try {
    const forMs = options.minutes * 60_000
    const outcome = await runChaos(cluster, {
      ...options,
      kinds,
      forMs,
      injectsStaleRead: options.injectStaleRead ?? options.lie,
      onLine: print,
      signal: stopping,
    })
    print(`\n${formatReport(outcome, countLoggedEvents(join(cluster.directory, 'logs')))}`)
    if (hasPassed(outcome) && options.keep !== true) {
      await cluster.close()
      return 0
    }
    await cluster.stopAndKeep()
    writeArtifacts(cluster.directory, outcome, { seed, nodes, startedAt: new Date().toISOString() })
    print(
      `\nkept in ${cluster.directory}: history.jsonl, schedule.txt, report.txt, the logs and the nodes' directories`,
    )
    return hasPassed(outcome) ? 0 : 1
  } catch (error) {
    await cluster.close()
    if (!stopping.aborted) throw error
    print('interrupted before a verdict')
    return INTERRUPTED
  }
}

function checkFile(path: string): number {
  const verdict = checkHistory(readHistory(path))
  print(verdict.verdict === 'violated' ? verdict.explanation : JSON.stringify(verdict))
  return verdict.verdict === 'linearizable' ? 0 : 1
}

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('it must be a number of at least 0.')
  return value
}

function count(text: string): number {
  const value = number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('it must be a whole number of at least 1.')
  return value
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** The first signal stops the run gracefully; a second one exits this process and kills all processes of the run. */
function stopSignal(): AbortSignal {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED)
    controller.abort()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return controller.signal
}
