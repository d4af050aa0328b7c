import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isRaftError } from '../../src/errors.ts'
import type { RunPlan } from '../../src/testing/arbitraries/plans.ts'
import { runPlans } from '../../src/testing/arbitraries/plans.ts'
import { formatFields, parseFields, splitWords } from '../../src/testing/run-files/fields.ts'
import { replayRun } from '../../src/testing/run-files/replay-run.ts'
import type { RunFile, RunSpec } from '../../src/testing/run-files/run-file.ts'
import { formatRun, parseRun, RUN_FORMAT, withOutcome } from '../../src/testing/run-files/run-file.ts'

const OUTCOME = { verdict: 'kept until event 12', state: '0123456789abcdef' }

describe('a run file', () => {
  it('is parsed to the plan that it was formatted from', () => {
    const property = fc.property(runPlans({ untilMs: 4000 }), fc.boolean(), (plan, hasOutcome) => {
      const outcome = hasOutcome ? OUTCOME : undefined
      const run = JSON.parse(JSON.stringify({ ...plan, healAtMs: 4000 })) as RunSpec
      const file: RunFile = { run, needs: ['machine'], outcome }
      assert.deepEqual(parseRun(formatRun(file)), file)
    })
    fc.assert(property, { numRuns: 100, seed: 1 })
  })

  it('preserves fields with any name and any JSON value', () => {
    const value = fc.jsonValue({ maxDepth: 2 }).map((any) => JSON.parse(JSON.stringify(any)) as unknown)
    const name = fc.stringMatching(/^[A-Za-z][\w-]{0,8}$/)
    const property = fc.property(fc.dictionary(name, value, { noNullPrototype: true }), (fields) => {
      assert.deepEqual(parseFields(splitWords(`${formatFields(fields)} # a comment`)), fields)
    })
    fc.assert(property, { numRuns: 300, seed: 1 })
  })

  it('lists calls and faults in time order', () => {
    const text = formatRun({
      run: {
        seed: 7,
        cluster: { voters: 3, spares: 1 },
        settings: { preVote: false, leaseReads: true },
        healAtMs: 2000,
        workload: [
          { type: 'write', atMs: 500, node: 0, count: 3 },
          { type: 'change', atMs: 900, add: [3], promote: [], demote: [], remove: [-1] },
        ],
        faults: [{ type: 'crash', atMs: 600, node: -1, isHard: true, forMs: 300 }],
      },
      needs: [],
      outcome: OUTCOME,
    })
    assert.equal(
      text,
      `# quorate run, version 2
seed 7
cluster voters=3 spares=1
settings preVote=false leaseReads
heal 2000
call 500 write node=0 count=3
fault 600 crash node=leader isHard forMs=300
call 900 change add=[3] promote=[] demote=[] remove=[leader]
----
kept until event 12
state 0123456789abcdef
`,
    )
  })

  it('keeps its comments when its outcome is replaced', () => {
    const text = `${RUN_FORMAT}\n# A comment.\nseed 1 # the first\ncluster voters=3\nheal 500\n`
    const changed = withOutcome(text, OUTCOME)
    assert.equal(changed, `${text}----\nkept until event 12\nstate 0123456789abcdef\n`)
    assert.equal(withOutcome(changed, OUTCOME), changed)
    assert.equal(parseRun(changed).run.seed, 1)
  })

  it('is read in version 1 too, where networkConditions is weather and interceptors is tampering', () => {
    const plan = 'seed 1\ncluster voters=3 spares=0\nheal 500\n'
    const conditions =
      '{delayMinUs:1,delayMaxUs:2,lossPerMille:0,duplicatePerMille:0,slowPerMille:0,stalePerMille:0,isOrdered:true}'
    const old = `# quorate run, version 1\n${plan}needs tampering\nfault 3 weather weather=${conditions} forMs=9\n`
    const current = `${RUN_FORMAT}\n${plan}needs interceptors\nfault 3 networkConditions conditions=${conditions} forMs=9\n`
    assert.deepEqual(parseRun(old), parseRun(current))
    assert.throws(() => parseRun(old.replace('version 1', 'version 2')), /a run cannot need 'tampering'/)
  })

  const HEAD = `${RUN_FORMAT}\nseed 1\ncluster voters=3 spares=0\nheal 500\n`
  for (const [what, text, line, message] of [
    ['of another format', 'tick a\n', 1, /line 1: the first line is 'tick a' instead of '# quorate run, version 2'/],
    ['that is empty', '', 1, /the first line is ''/],
    ['of a scenario', '# quorate scenario, version 1\n', 1, /instead of '# quorate run, version 2'/],
    ['of a later version', '# quorate run, version 9\n', 1, /has version 9 .* and this release reads up to version 2/],
    ['without a seed', `${RUN_FORMAT}\ncluster voters=3\nheal 5\n`, undefined, /the line 'seed …' is missing/],
    ['with two seeds', `${HEAD}seed 2\n`, 5, /line 5: duplicate line 'seed'/],
    ['with half a seed', `${RUN_FORMAT}\nseed 1.5\n`, 2, /line 2: a seed must be a whole number, not 1\.5/],
    [
      'that heals too late',
      `${RUN_FORMAT}\nheal 9007199254740991\n`,
      2,
      /line 2: 9007199254740991 ms is beyond the end/,
    ],
    ['with an unknown line', `${HEAD}sed 2\n`, 5, /a line cannot start with 'sed'/],
    [
      'with an unknown fault',
      `${HEAD}fault 3 flood node=1\n`,
      5,
      /unknown fault 'flood'; the faults are crash, .*drift/,
    ],
    [
      'with an unknown call',
      `${HEAD}call 3 phone node=1\n`,
      5,
      /unknown call 'phone'; the calls are write, writeLarge, writeInSession, read,/,
    ],
    ['with a fault without a time', `${HEAD}fault crash node=1\n`, 5, /'fault' must be followed by one number/],
    [
      'that lacks a field',
      `${HEAD}fault 3 crash node=1 isHard\n`,
      5,
      /'forMs' is missing; an example is 'fault 300 crash node/,
    ],
    ['with an unknown field', `${HEAD}call 3 write node=1 count=1 key=a\n`, 5, /unknown field 'key'/],
    [
      'with a field of the wrong type',
      `${HEAD}call 3 write node=n1 count=1\n`,
      5,
      /'node' must be a number, not a word/,
    ],
    ['with an invalid value', `${HEAD}call 3 write node=[1 count=1\n`, 5, /'node=\[1' has an invalid value/],
    ['with an unknown setting', `${HEAD}settings preVotes=false\n`, 5, /unknown setting 'preVotes'/],
    ['without nodes', HEAD.replace('voters=3', 'voters=0'), 3, /a cluster has the form 'cluster voters=3 spares=1'/],
    ['with an invalid outcome', `${HEAD}----\nfine\n`, 6, /'fine' is not an outcome/],
    ['without a state', `${HEAD}----\nkept until event 3\n`, 6, /the outcome must be followed by 'state'/],
  ] as const)
    it(`${what} is rejected`, () => {
      assert.throws(
        () => parseRun(text),
        (error) => {
          assert.ok(isRaftError(error, 'ERR_RAFT_RUN_FILE'), String(error))
          assert.match(error.message, message)
          assert.equal(error.details.line, line)
          assert.notEqual(error.hint, undefined)
          return true
        },
      )
    })

  it('is parsed, or rejected with ERR_RAFT_RUN_FILE, after random edits', () => {
    const whole = formatRun({
      run: { ...(fc.sample(runPlans({ untilMs: 4000 }), { numRuns: 1, seed: 3 })[0] as RunPlan), healAtMs: 4000 },
      needs: ['machine'],
      outcome: OUTCOME,
    })
    const place = fc.nat(whole.length)
    const property = fc.property(place, fc.nat(5), fc.string({ maxLength: 3, unit: 'binary' }), (at, length, other) => {
      try {
        parseRun(whole.slice(0, at) + other + whole.slice(at + length))
      } catch (error) {
        if (!isRaftError(error, 'ERR_RAFT_RUN_FILE')) throw error
      }
    })
    fc.assert(property, { numRuns: 150, seed: 1 })
  })

  it('names the code that a replay needs and was not given', async () => {
    const text = `${HEAD}needs machine\n`
    await assert.rejects(replayRun(text), (error) => {
      assert.ok(isRaftError(error, 'ERR_RAFT_RUN_FILE'))
      assert.match(
        `${error.message}; ${error.hint}`,
        /needs the same again; Replay it in a test: replayRun\(text, \{ machine \}\)/,
      )
      return true
    })
  })
})
