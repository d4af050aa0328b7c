/** Recordings can be checked again from their text alone. */
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

  it('is unchanged after formatting, parsing and formatting', () => {
    assert.equal(lines[0], RECORDING_FORMAT)
    assert.ok(lines.length > 1000)
    for (const [offset, line] of lines.slice(1).entries())
      assert.equal(recordingLine(parseObservation(line, offset + 2)), line)
  })

  it('of a run without a violation shows none', async () => {
    const { observations, violation } = await checkRecording(lines)
    assert.equal(violation, undefined)
    assert.equal(observations, lines.length - 1)
  })

  it('represents bytes, maps and numbers that JSON cannot', () => {
    const block = { first: 1, term: 1, kind: 'noop', count: 1, size: 2, membership: undefined } as const
    const durable = { type: 'durable', node: 'a', write: { blocks: [{ ...block, bytes: Buffer.from('hi') }] } } as const
    const read = parseObservation(recordingLine(durable), 2)
    assert.deepEqual(read.type === 'durable' && read.write.blocks[0]?.bytes, new Uint8Array([104, 105]))
    const ended = { type: 'ended', node: 'a', commands: new Map([[3, 'x']]) } as const
    assert.deepEqual(parseObservation(recordingLine(ended), 2), ended)
    assert.match(recordingLine({ ...ended, state: Number.POSITIVE_INFINITY as never }), /"\$number":"Infinity"/)
  })

  for (const { name, interceptors, settings, voters, faults } of MUTANTS.slice(0, 3))
    it(`of a node that ${name} shows the same violation as the run`, async () => {
      for (const random of fc.sample(runPlans({ untilMs: 4000 }), { numRuns: 80, seed: 1 })) {
        const lines: string[] = []
        const cluster = { ...random.cluster, voters: voters ?? random.cluster.voters }
        const plan = { ...random, cluster, settings: settings ?? random.settings, faults: faults ?? random.faults }
        const { failure } = await simulate({ ...plan, interceptors, record: (line) => void lines.push(line) })
        if (!(failure instanceof PropertyViolation)) continue
        const { violation, line } = await checkRecording(lines)
        assert.equal(violation?.message, failure.message)
        assert.ok((line as number) <= lines.length)
        return
      }
      assert.fail('no violation was detected')
    })

  for (const [what, text, message] of [
    ['is empty', '', /line 1: the first line is '' instead of \{"format"/],
    [
      'has another format',
      '# quorate trace, version 1',
      /line 1: the first line is '# quorate trace, version 1' instead of/,
    ],
    [
      'has a later version',
      '{"format":"quorate recording","version":2}',
      /line 1: the file has version 2 of its format/,
    ],
    ['ends within a line', `${RECORDING_FORMAT}\n{"type":"cra`, /line 2: invalid JSON/],
    [
      'has an unknown observation',
      `${RECORDING_FORMAT}\n{"type":"thought"}`,
      /line 2: unknown observation type thought/,
    ],
    [
      'has a line that is not an object',
      `${RECORDING_FORMAT}\n17`,
      /line 2: unknown observation type undefined; the types are started, /,
    ],
    [
      'has an index that is too large',
      `${RECORDING_FORMAT}\n{"type":"applied","node":"a","index":10000001,"term":1,"command":"x"}`,
      /line 2: index is 10000001, more than the maximum of 10000000/,
    ],
    [
      'has an unsafe integer',
      `${RECORDING_FORMAT}\n{"type":"restored","node":"a","index":9007199254740993}`,
      /line 2: .*9007199/,
    ],
    [
      'lacks a required field',
      `${RECORDING_FORMAT}\n{"type":"durable","node":"a"}`,
      /line 2: invalid observation 'durable'/,
    ],
  ] as const)
    it(`is rejected if it ${what}`, async () => {
      await assert.rejects(checkRecording(text.split('\n')), (error: Error) => {
        assert.ok(isRaftError(error, 'ERR_RAFT_RUN_FILE'))
        assert.match(error.message, /^the file cannot be checked: /)
        assert.match(error.message, message)
        return true
      })
    })

  it('is checked, or rejected with ERR_RAFT_RUN_FILE, after random edits', async () => {
    const beginning = lines.slice(0, 300)
    const place = fc.nat(beginning.length - 1)
    const edit = fc.tuple(place, fc.nat(), fc.constantFrom('drop', 'double', 'cut', 'null', 'minus'))
    await fc.assert(
      fc.asyncProperty(edit, async ([at, where, how]) => {
        const line = beginning[at] as string
        const edited = {
          drop: [],
          double: [line, line],
          cut: [line.slice(0, where % line.length)],
          null: [line.replace(/:(\{|\[)[^[\]{}]*(\}|\])/, ':null')],
          minus: [line.replace(/:\d+/, ':-1')],
        }[how]
        try {
          await checkRecording([...beginning.slice(0, at), ...edited, ...beginning.slice(at + 1)])
        } catch (error) {
          if (!isRaftError(error, 'ERR_RAFT_RUN_FILE')) throw error
        }
      }),
      { numRuns: 150 },
    )
  })
})
