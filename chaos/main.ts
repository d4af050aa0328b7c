/** `make chaos`: a cluster of real processes under every fault we know, and whether its clients noticed. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { ProcessCluster } from './cluster/process-cluster.ts'
import { clearLeftovers } from './cluster/run-directory.ts'
import { serveProcess } from './cluster/serve-process.ts'
import { keepEvidence, readHistory } from './evidence.ts'
import { judge } from './judge.ts'
import { ALL_FAULTS } from './nemesis/nemesis.ts'
import { countedIn } from './node-logs.ts'
import { isGood, reportOf } from './report.ts'
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

process.exitCode = options.judge === undefined ? await run() : judgeFile(options.judge)

async function run(): Promise<number> {
  const { seed, nodes, command } = options
  const kinds = options.only?.split(',')
  const unknown = kinds?.find((kind) => !(kind in ALL_FAULTS))
  if (unknown !== undefined)
    program.error(`there is no fault '${unknown}'; there are ${Object.keys(ALL_FAULTS).join(', ')}`)
  for (const left of clearLeftovers(NAME)) say(`cleared away ${left}, which a run that was killed had left`)
  const cluster: ProcessCluster = new ProcessCluster({
    name: NAME,
    first: Array.from({ length: nodes }, (_, offset) => `n${offset + 1}`),
    command: (words, id) => serveProcess(command, words, join(cluster.directory, 'logs', `${id}.log`)),
    electionTimeout: '400-800ms',
    snapshotEntries: 400,
  })
  mkdirSync(join(cluster.directory, 'logs'))
  for (let number = 1; number <= nodes; number++) await cluster.place(`n${number}`)
  const stopping = stopSignal()
  say(`seed ${seed}, ${nodes} nodes, ${options.clients} clients, ${options.minutes} min, in ${cluster.directory}`)
  try {
    const forMs = options.minutes * 60_000
    const outcome = await runChaos(cluster, {
      ...options,
      kinds,
      forMs,
      isLying: options.lie,
      heard: say,
      signal: stopping,
    })
    say(`\n${reportOf(outcome, countedIn(join(cluster.directory, 'logs')))}`)
    if (isGood(outcome) && options.keep !== true) {
      await cluster.close()
      return 0
    }
    await cluster.keep()
    keepEvidence(cluster.directory, outcome, { seed, nodes, startedAt: new Date().toISOString() })
    say(
      `\nkept in ${cluster.directory}: history.jsonl, schedule.txt, report.txt, logs, and the directories of the nodes`,
    )
    return isGood(outcome) ? 0 : 1
  } catch (error) {
    await cluster.close()
    if (!stopping.aborted) throw error
    say('ended before there was a verdict')
    return INTERRUPTED
  }
}

function judgeFile(path: string): number {
  const verdict = judge(readHistory(path))
  say(verdict.verdict === 'violated' ? verdict.explanation : JSON.stringify(verdict))
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

function say(line: string): void {
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
