/** What the browser test runs in Node.js and in a browser, and compares. */
import { startMemoryCluster } from 'quorate/memory'
import type { WorldState } from 'quorate/testing'
import { checkRecording, LEADER, machineUnderTest, replayRun, simulate } from 'quorate/testing'

/** Plain data: it is sent from the browser as JSON. */
export interface Outcome {
  /** Of the run file, with the hash of the state at its end. */
  readonly file: { readonly text: string; readonly trace: string | undefined; readonly state: WorldState }
  /** Of each seed: the trace, the recording and the verdict on it. */
  readonly runs: readonly { readonly trace: string | undefined; readonly recording: string; readonly verdict: string }[]
  /** What a cluster in memory answers. */
  readonly answers: readonly unknown[]
}

/** A counter of words, whose snapshot is text. */
class Words {
  #words: string[] = []
  apply(word: string): number {
    return this.#words.push(word)
  }
  query(): string {
    return this.#words.join(' ')
  }
  snapshot(): Uint8Array[] {
    return [new TextEncoder().encode(JSON.stringify(this.#words))]
  }
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = ''
    for await (const chunk of chunks) text += new TextDecoder().decode(chunk)
    this.#words = JSON.parse(text) as string[]
  }
}

/** `runFile` is the text of a run file. */
export async function work(runFile: string): Promise<Outcome> {
  const { text, trace, state } = await replayRun(runFile)
  const runs: Outcome['runs'][number][] = []
  for (const seed of [1, 2, 3]) runs.push(await simulated(seed))
  return { file: { text, trace, state }, runs, answers: await answersOfCluster() }
}

async function simulated(seed: number): Promise<Outcome['runs'][number]> {
  const lines: string[] = []
  const { trace, failure } = await simulate({
    seed,
    workload: [
      { type: 'write', atMs: 500, node: LEADER, count: 20 },
      { type: 'snapshot', atMs: 900, node: LEADER },
      { type: 'write', atMs: 1500, node: LEADER, count: 20 },
      { type: 'read', atMs: 1600, node: LEADER, mode: 'linearizable' },
    ],
    faults: [
      { type: 'crash', atMs: 550, node: LEADER, isHard: true, forMs: 900 },
      { type: 'cut', atMs: 1550, from: 0, to: 1, forMs: 300 },
    ],
    machine: machineUnderTest<string, number>({
      make: () => new Words(),
      command: (number) => `word${number}`,
      query: (number) => number,
    }),
    isTraced: true,
    record: (line) => lines.push(line),
  })
  const verdict = JSON.stringify([String(failure), await checkRecording(lines)])
  return { trace, recording: lines.join('\n'), verdict }
}

async function answersOfCluster(): Promise<unknown[]> {
  const machines = new Map<string, Words>()
  const cluster = await startMemoryCluster<string, number>({
    nodes: 3,
    stateMachine: (id) => {
      const machine = new Words()
      machines.set(id, machine)
      return machine
    },
  })
  try {
    const leader = await cluster.leader()
    const answers: unknown[] = []
    for (const word of ['to', 'be', 'or', 'not']) answers.push(await leader.propose(word))
    return [...answers, await leader.read(() => machines.get(leader.id)?.query())]
  } finally {
    await cluster.close()
  }
}
