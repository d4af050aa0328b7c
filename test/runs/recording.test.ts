/** Recordings: what the judges saw, written down, judged again from the text alone. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { isRaftError } from '../../src/errors.ts'
import { runPlans } from '../../src/testing/arbitraries/plans.ts'
import { PropertyViolation } from '../../src/testing/properties/property.ts'
import { checkRecording } from '../../src/testing/recordings/check-recording.ts'
import { parseObservation, RECORDING_FORMAT, recordingLine } from '../../src/testing/recordings/recording.ts'
import { replayRun } from '../../src/testing/run-files/replay-run.ts'
import { simulate } from '../../src/testing/simulate.ts'
import { MUTANTS } from '../simulation/mutants.ts'

async function recorded(): Promise<string[]> {
  const lines: string[] = []
  const text = readFileSync(`${import.meta.dirname}/every-call-and-fault-once.txt`, 'utf8')
  await replayRun(text, { isTraced: false, record: (line) => void lines.push(line) })
  return lines
}

describe('a recording', () => {
  let lines: readonly string[] = []
  before(async () => {
    lines = await recorded()
  })

  it('is written and read without a change', () => {
    assert.equal(lines[0], RECORDING_FORMAT)
    assert.ok(lines.length > 1000)
    for (const [offset, line] of lines.slice(1).entries())
      assert.equal(recordingLine(parseObservation(line, offset + 2)), line)
  })

  it('of a run that kept every promise keeps them', async () => {
    const { observations, violation } = await checkRecording(lines)
    assert.equal(violation, undefined)
    assert.equal(observations, lines.length - 1)
  })

  it('carries bytes, maps and numbers that JSON has no words for', () => {
    const block = { first: 1, term: 1, kind: 'noop', count: 1, size: 2, membership: undefined } as const
    const durable = { type: 'durable', node: 'a', write: { blocks: [{ ...block, bytes: Buffer.from('hi') }] } } as const
    const read = parseObservation(recordingLine(durable), 2)
    assert.deepEqual(read.type === 'durable' && read.write.blocks[0]?.bytes, new Uint8Array([104, 105]))
    const ended = { type: 'ended', node: 'a', commands: new Map([[3, 'x']]) } as const
    assert.deepEqual(parseObservation(recordingLine(ended), 2), ended)
    assert.match(recordingLine({ ...ended, state: Number.POSITIVE_INFINITY as never }), /"\$number":"Infinity"/)
  })

  for (const { name, interceptors, settings, voters, faults } of MUTANTS.slice(0, 3))
    it(`of a node that ${name} breaks the same promise, in the same words`, async () => {
      for (const drawn of fc.sample(runPlans({ untilMs: 4000 }), { numRuns: 80, seed: 1 })) {
        const told: string[] = []
        const cluster = { ...drawn.cluster, voters: voters ?? drawn.cluster.voters }
        const plan = { ...drawn, cluster, settings: settings ?? drawn.settings, faults: faults ?? drawn.faults }
        const { failure } = await simulate({ ...plan, interceptors, record: (line) => void told.push(line) })
        if (!(failure instanceof PropertyViolation)) continue
        const { violation, line } = await checkRecording(told)
        assert.equal(violation?.message, failure.message)
        assert.ok((line as number) <= told.length)
        return
      }
      assert.fail('nothing was noticed')
    })

  for (const [what, text, message] of [
    ['empty', '', /line 1: the first line is '', and not \{"format"/],
    ['something else', '# quorate trace, version 1', /line 1: the first line is '# quorate trace, version 1', and not/],
    ['of a later version', '{"format":"quorate recording","version":2}', /line 1: it is of version 2 of its format/],
    ['cut off in a line', `${RECORDING_FORMAT}\n{"type":"cra`, /line 2: it is no JSON/],
    ['of what nobody can observe', `${RECORDING_FORMAT}\n{"type":"thought"}`, /line 2: .*, and not thought/],
    ['of no objects', `${RECORDING_FORMAT}\n17`, /line 2: an observation has one of the types started, /],
    [
      'of an index nobody can judge',
      `${RECORDING_FORMAT}\n{"type":"applied","node":"a","index":10000001,"term":1,"command":"x"}`,
      /line 2: index is 10000001, and nothing beyond 10000000 is judged/,
    ],
    [
      'too large a number',
      `${RECORDING_FORMAT}\n{"type":"restored","node":"a","index":9007199254740993}`,
      /line 2: .*9007199/,
    ],
    [
      'without what its type needs',
      `${RECORDING_FORMAT}\n{"type":"durable","node":"a"}`,
      /line 2: .*'durable' cannot be/,
    ],
  ] as const)
    it(`is refused if it is ${what}`, async () => {
      await assert.rejects(checkRecording(text.split('\n')), (error: Error) => {
        assert.ok(isRaftError(error, 'ERR_RAFT_RUN_FILE'))
        assert.match(error.message, /^the file cannot be judged: /)
        assert.match(error.message, message)
        return true
      })
    })

  it('is judged, or refused by its own error, whatever was done to it', async () => {
    const beginning = lines.slice(0, 300)
    const place = fc.nat(beginning.length - 1)
    const harm = fc.tuple(place, fc.nat(), fc.constantFrom('drop', 'double', 'cut', 'null', 'minus'))
    await fc.assert(
      fc.asyncProperty(harm, async ([at, where, how]) => {
        const line = beginning[at] as string
        const harmed = {
          drop: [],
          double: [line, line],
          cut: [line.slice(0, where % line.length)],
          null: [line.replace(/:(\{|\[)[^[\]{}]*(\}|\])/, ':null')],
          minus: [line.replace(/:\d+/, ':-1')],
        }[how]
        try {
          await checkRecording([...beginning.slice(0, at), ...harmed, ...beginning.slice(at + 1)])
        } catch (error) {
          if (!isRaftError(error, 'ERR_RAFT_RUN_FILE')) throw error
        }
      }),
      { numRuns: 150 },
    )
  })
})
