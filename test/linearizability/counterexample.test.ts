/** The explanation of a violation, as text and as HTML. */
import assert from 'node:assert/strict'
import {
  checkLinearizable,
  counterModel,
  keyValueModel,
  type Model,
  type RecordedCall,
  registerModel,
} from 'quorate/linearizability'
import { foreignParts, parsePage } from '../lane-diagram/parsed-page.ts'
import { ok, rejected, unknown } from './calls.ts'

const READ = { type: 'read' } as const
const write = (value: number) => ({ type: 'write', value }) as const
const add = (amount: number) => ({ type: 'add', amount }) as const

describe('a counterexample', () => {
  it('shows the wrong answer, the possible results, an order of the other calls, and a timeline', () => {
    const { explanation } = violation(registerModel(0), [
      ...[ok('ann', [1, 4], write(1), undefined), ok('bob', [2, 3], READ, 0), ok('ann', [5, 7], write(2), undefined)],
      ...[unknown('cid', [6, 8], write(3)), ok('bob', [9, 11], READ, 1), ok('bob', [12, 13], READ, 2)],
    ])
    assert.deepEqual(explanation.split('\n'), [
      'The history is not linearizable. The first 3 answers can be explained, but the next one cannot:',
      '  client bob read() returned 1, called at 9, answered at 11',
      'In every order that explains the earlier answers, it returns 2 or 3.',
      'In the order below, the answer is correct after client ann write(1), until client ann write(2) takes effect.',
      '',
      'An order that explains the earlier answers:',
      '  client  call      result     state after',
      '  bob     read()    0          0',
      '  ann     write(1)  undefined  1',
      '  ann     write(2)  undefined  2',
      '',
      'From 1 to 11; a column is the start or end of a call, [--- marks a call that was not yet answered:',
      '  client  call      result     time',
      '  ann     write(1)  undefined  [==]',
      '  bob     read()    0           []',
      '  ann     write(2)  undefined      [=]',
      '  cid     write(3)  ?               [---',
      '  bob     read()    1                 []  <- impossible',
    ])
  })

  it('names the first of several wrong answers', () => {
    const calls = Array.from({ length: 40 }, (_, turn) =>
      ok('a', [2 * turn, 2 * turn + 1], add(1), turn < 17 ? turn + 1 : 0),
    )
    const { explanation } = violation(counterModel(), calls)
    assert.match(explanation, /The first 17 answers can be explained/)
    assert.match(explanation, /add\(1\) returned 0, called at 34, answered at 35/)
    assert.match(explanation, /it returns 18\./)
    assert.match(explanation, /the last 12 of 17 calls/)
  })

  it('names the answer that completes the contradiction, not an earlier one', () => {
    const { explanation } = violation(registerModel(0), [
      ...[ok('a', [1, 9], write(1), undefined), ok('b', [2, 3], READ, 1), ok('c', [4, 5], READ, 0)],
      ok('b', [10, 11], READ, 1),
    ])
    assert.match(explanation, /client c read\(\) returned 0/)
  })

  it('reports that a value which was never written is correct at no point', () => {
    const { explanation } = violation(registerModel(0), [ok('a', [1, 2], READ, 5)])
    assert.match(explanation, /the answer is correct at no point/)
  })

  it('names a rejected call whose effect was observed', () => {
    const { explanation } = violation(keyValueModel<number>(), [
      rejected('a', [1, 2], { type: 'put', key: 'x', value: 7 }),
      rejected('a', [3, 4], { type: 'put', key: 'x', value: 8 }),
      ok('b', [5, 6], { type: 'get', key: 'x' }, 7),
    ])
    const suspects = explanation.split('\n').filter((line) => line.includes('if client'))
    assert.deepEqual(suspects, ["It would be explained if client a put('x', 7), which was rejected, had taken effect."])
  })

  it('renders as a self-contained page and escapes client data', () => {
    const page = violation(registerModel<number | string>(0), [
      ok('<b>', [1, 4], { type: 'write', value: '</text><script>alert("&")</script>' }, undefined),
      ...[ok('r', [2, 3], READ, 0), unknown('r', [3, 3], write(2)), ok('r', [5, 6], READ, 0)],
    ]).html()
    const document = parsePage(page)
    assert.deepEqual(foreignParts(page), [])
    assert.equal(document.querySelectorAll('#diagram .span.culprit').length, 1)
    assert.equal(document.querySelectorAll('#diagram .span.open').length, 1)
    const effects = [...document.querySelectorAll('#diagram .mark.effect')].map(({ textContent }) => textContent)
    assert.match(effects[0] ?? '', /^at 2 read\(\) takes effect as number 1 and returns 0/)
    assert.match(
      document.querySelector('.events .failure')?.textContent ?? '',
      /^at 6client rread\(\) returned 0, which/,
    )
    assert.deepEqual(
      [...document.querySelectorAll('.card h3 span:first-child')].map(({ textContent }) => textContent),
      ['model', 'client <b>', 'client r'],
    )
    assert.doesNotMatch(document.querySelector('#diagram')?.outerHTML ?? '', /NaN|undefined"/)
  })
})

function violation<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  calls: readonly RecordedCall<Operation, Result>[],
): { readonly explanation: string; html(): string } {
  const outcome = checkLinearizable(model, calls)
  assert.ok(outcome.verdict === 'violated', outcome.verdict)
  return outcome
}
