/** Executes the chunks that the parent sends: runs of whole nodes under faults, and scenarios of bare cores. */
import fc from 'fast-check'
import { checkRuns, scenario, scenarios } from '../../src/testing/index.ts'
import type { Chunk, ChunkResult } from './chunk.ts'

/** Generated scenarios of bare cores per run of whole nodes. */
const SCENARIOS_PER_RUN = 10

process.on('message', (chunk: Chunk) => {
  void runChunk(chunk).then((result) => process.send?.(result))
})
// Ctrl-C in the terminal reaches the workers too; the parent stops them after it has printed the totals.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit())

async function runChunk({ number, seed, runs }: Chunk): Promise<ChunkResult> {
  try {
    const { eventCounts, faults, ...counts } = await checkRuns({ runs, seed })
    const totals = { ...counts, eventCounts: Object.fromEntries(eventCounts), faults: Object.fromEntries(faults) }
    const count = SCENARIOS_PER_RUN * runs
    checkScenarios(count, seed)
    return { type: 'passed', chunk: number, totals, scenarios: count }
  } catch (error) {
    return { type: 'failed', chunk: number, report: error instanceof Error ? error.message : String(error) }
  }
}

function checkScenarios(runs: number, seed: number): void {
  const property = fc.property(scenarios({ voters: ['a', 'b', 'c'], joining: ['d'], commandsMax: 200 }), (text) => {
    const broken = /^(BROKEN|error): .*$/m.exec(scenario(text))
    if (broken !== null) throw new Error(`${broken[0]}\n\n${text}`)
  })
  fc.assert(property, { numRuns: runs, seed })
}
