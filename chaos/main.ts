/** `make chaos`: a cluster of real processes under every fault we know, and whether its clients noticed. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { readHistory, writeArtifacts } from './artifacts.ts'
import { checkHistory } from './check-history.ts'
import { ProcessCluster } from './cluster/process-cluster.ts'
import { removeLeftovers } from './cluster/run-directory.ts'
import { startServeProcess } from './cluster/serve-process.ts'
import { ALL_FAULTS } from './nemesis/nemesis.ts'
import { countLoggedEvents } from './node-logs.ts'
import { formatReport, hasPassed } from './report.ts'
import { runChaos } from './run.ts'

const program = new Command('chaos')
  .option('--minutes <n>', 'how long the faults go on', number, 10)
  .option('--seed <n>', 'of the faults and the calls', number, Date.now() % 1_000_000)
  .option('--nodes <n>', 'members at the beginning', count, 3)
  .option('--clients <n>', 'who call at the same time', count, 10)
  .option('--only <kinds>', `of faults, with commas: ${Object.keys(ALL_FAULTS).join(', ')}`)
  .option('--command <file>', 'the quorate command to run', join(import.meta.dirname, '..', 'dist', 'cli', 'main.js'))
  .option('--keep', 'keep the directories and the history also of a good run')
  .option('--judge <file>', 'run nothing: judge a history.jsonl that was kept')
  .option('--lie', 'add a stale read to the history, to see that it is noticed')
  .parse()

const options = program.opts<{
  minutes: number
  seed: number
  nodes: number
  clients: number
  only?: string
  command: string
  keep?: true
  judge?: string
  lie?: true
}>()

/** Of the cluster, and of its directory. */
const NAME = 'chaos'

const INTERRUPTED = 130

process.exitCode = options.judge === undefined ? await run() : checkFile(options.judge)

async function run(): Promise<number> {
  const { seed, nodes, command } = options
  const kinds = options.only?.split(',')
  const unknown = kinds?.find((kind) => !(kind in ALL_FAULTS))
  if (unknown !== undefined)
    program.error(`there is no fault '${unknown}'; there are ${Object.keys(ALL_FAULTS).join(', ')}`)
  for (const left of removeLeftovers(NAME)) print(`cleared away ${left}, which a run that was killed had left`)
  const cluster: ProcessCluster = new ProcessCluster({
    name: NAME,
    initialMembers: Array.from({ length: nodes }, (_, offset) => `n${offset + 1}`),
    command: (words, id) => startServeProcess(command, words, join(cluster.directory, 'logs', `${id}.log`)),
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
      injectsStaleRead: options.lie,
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
      `\nkept in ${cluster.directory}: history.jsonl, schedule.txt, report.txt, logs, and the directories of the nodes`,
    )
    return hasPassed(outcome) ? 0 : 1
  } catch (error) {
    await cluster.close()
    if (!stopping.aborted) throw error
    print('ended before there was a verdict')
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

/** The first signal ends the run in order; the second ends this process, and every process of the run with it. */
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
