/** Does one chunk after the other, as the parent sends them: whole nodes under faults, and bare cores in any order of events. */
import fc from 'fast-check'
import { checkRuns, scenario, scenarios } from '../../src/testing/index.ts'
import type { Chunk, ChunkResult } from './chunk.ts'

/** Drawn scenarios of bare cores for each run of whole nodes. */
const SCENARIOS_PER_RUN = 10

process.on('message', (chunk: Chunk) => {
  void runChunk(chunk).then((verdict) => process.send?.(verdict))
})
// The parent ends its workers; a Ctrl-C in the terminal reaches all of them.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit())

async function runChunk({ number, seed, runs }: Chunk): Promise<ChunkResult> {
  try {
    const { eventCounts, faults, ...counts } = await checkRuns({ runs, seed })
    const totals = { ...counts, eventCounts: Object.fromEntries(eventCounts), faults: Object.fromEntries(faults) }
    const drawn = SCENARIOS_PER_RUN * runs
    checkScenarios(drawn, seed)
    return { type: 'kept', chunk: number, totals, scenarios: drawn }
  } catch (error) {
    return { type: 'broken', chunk: number, report: error instanceof Error ? error.message : String(error) }
  }
}

function checkScenarios(runs: number, seed: number): void {
  const property = fc.property(scenarios({ voters: ['a', 'b', 'c'], joining: ['d'], commandsMax: 200 }), (text) => {
    const broken = /^(BROKEN|error): .*$/m.exec(scenario(text))
    if (broken !== null) throw new Error(`${broken[0]}\n\n${text}`)
  })
  fc.assert(property, { numRuns: runs, seed })
}
