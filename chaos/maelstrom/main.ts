/** `make maelstrom`: runs the nodes of the lin-kv example as processes in our substitute for Maelstrom. */
import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import type { Message } from '../../examples/maelstrom/message-stream.ts'
import { lineStream } from '../../examples/maelstrom/message-stream.ts'
import { makeRunDirectory, removeLeftovers } from '../cluster/run-directory.ts'
import type { RunningNode } from './harness.ts'
import { Harness } from './harness.ts'

const options = new Command('maelstrom')
  .option(
    '--bin <file>',
    'program of a node',
    join(import.meta.dirname, '..', '..', 'examples', 'maelstrom', 'lin-kv.js'),
  )
  .option('--nodes <n>', 'number of nodes', '5')
  .option('--clients <n>', 'number of clients', '10')
  .option('--seconds <n>', 'duration of the faults', '60')
  .option('--latency <ms>', 'maximum latency of a message', '20')
  .option('--loss <n>', 'lost messages per thousand, between nodes', '20')
  .option('--seed <n>', 'seed of the faults and the calls', `${Date.now() % 1_000_000}`)
  .option('--no-kill', 'run nodes without a disk and do not kill them')
  .parse()
  .opts<
    Record<'bin' | 'nodes' | 'clients' | 'seconds' | 'latency' | 'loss' | 'seed', string> & { readonly kill: boolean }
  >()

const NAME = 'maelstrom'

removeLeftovers(NAME)
const directory = makeRunDirectory(NAME)
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => stopping.abort(new Error('interrupted')))
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function start(onMessage: (message: Message) => void): RunningNode {
  const keep = options.kill ? ['--data', directory] : []
  const args = ['--election', '400', '--snapshot', '300', ...keep]
  const child = spawn(process.execPath, [options.bin, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.add(child)
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => {
      children.delete(child)
      resolve()
    })
  })
  child.stdin.on('error', () => undefined)
  const stream = lineStream(child.stdout, child.stdin, () => undefined)
  stream.onMessage = onMessage
  return {
    deliver: (message) => stream.send(message),
    kill: async () => {
      stream.onMessage = () => undefined
      child.kill('SIGKILL')
      await exited
    },
  }
}

print(`seed ${options.seed}, ${options.nodes} nodes, latency up to ${options.latency} ms, ${options.loss} ‰ lost`)
const harness = new Harness({
  nodes: Number(options.nodes),
  clients: Number(options.clients),
  forMs: Number(options.seconds) * 1000,
  latencyMs: Number(options.latency),
  lossPerMille: Number(options.loss),
  seed: Number(options.seed),
  mayKill: options.kill,
  start: (_, send) => start(send),
  onLine: print,
  signal: stopping.signal,
})
const { verdict, calls, faults, delivered, lost } = await harness.run()
print(
  `\nfaults   ${Object.entries(faults)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', ')}`,
)
print(`messages ${delivered} delivered, ${lost} lost`)
print(`calls    ${calls.ok} ok, ${calls.rejected} rejected, ${calls.unknown} unknown`)
print(`verdict  ${verdict.verdict === 'violated' ? `not linearizable\n\n${verdict.explanation}` : verdict.verdict}`)
process.exitCode = verdict.verdict === 'linearizable' ? 0 : 1
