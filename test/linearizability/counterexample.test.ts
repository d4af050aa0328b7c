/** What is said of a history that cannot be: the answer that is wrong, what it should have been, and a picture. */
import assert from 'node:assert/strict'
import {
  checkLinearizable,
  counterModel,
  keyValueModel,
  type Model,
  type RecordedCall,
  registerModel,
} from 'quorate/testing'
import { ok, rejected, unknown } from './calls.ts'

const READ = { type: 'read' } as const
const write = (value: number) => ({ type: 'write', value }) as const
const add = (amount: number) => ({ type: 'add', amount }) as const

describe('a counterexample', () => {
  it('is told with the answer, what it should have been, an order of the rest, and a time line', () => {
    const { explanation } = violation(registerModel(0), [
      ...[ok('ann', [1, 4], write(1), undefined), ok('bob', [2, 3], READ, 0), ok('ann', [5, 7], write(2), undefined)],
      ...[unknown('cid', [6, 8], write(3)), ok('bob', [9, 11], READ, 1), ok('bob', [12, 13], READ, 2)],
    ])
    assert.deepEqual(explanation.split('\n'), [
      'The history is not linearizable. The first 3 answers can be explained, but then not this one:',
      '  client bob read() was told 1, called at 9, answered at 11',
      'In every order that explains the answers before it, it would have been told 2 or 3.',
      'In the order below, the answer is right after client ann write(1), until client ann write(2) takes effect.',
      '',
      'An order that explains the answers before it:',
      '  client  call      told       state after',
      '  bob     read()    0          0',
      '  ann     write(1)  undefined  1',
      '  ann     write(2)  undefined  2',
      '',
      'From 1 to 11; a column is the beginning or end of a call, [--- was not answered by then:',
      '  client  call      told       when',
      '  ann     write(1)  undefined  [==]',
      '  bob     read()    0           []',
      '  ann     write(2)  undefined      [=]',
      '  cid     write(3)  ?               [---',
      '  bob     read()    1                 []  <- cannot be',
    ])
  })

  it('names the first wrong answer, though more of them follow', () => {
    const calls = Array.from({ length: 40 }, (_, turn) =>
      ok('a', [2 * turn, 2 * turn + 1], add(1), turn < 17 ? turn + 1 : 0),
    )
    const { explanation } = violation(counterModel(), calls)
    assert.match(explanation, /The first 17 answers can be explained/)
    assert.match(explanation, /add\(1\) was told 0, called at 34, answered at 35/)
    assert.match(explanation, /it would have been told 18\./)
    assert.match(explanation, /the last 12 of 17 calls/)
  })

  it('does not blame an answer for what only a later answer makes wrong', () => {
    const { explanation } = violation(registerModel(0), [
      ...[ok('a', [1, 9], write(1), undefined), ok('b', [2, 3], READ, 1), ok('c', [4, 5], READ, 0)],
      ok('b', [10, 11], READ, 1),
    ])
    assert.match(explanation, /client c read\(\) was told 0/)
  })

  it('says that no moment is right for a value that nobody wrote', () => {
    const { explanation } = violation(registerModel(0), [ok('a', [1, 2], READ, 5)])
    assert.match(explanation, /there is no moment at which the answer is right/)
  })

  it('names a rejected call whose effect was seen', () => {
    const { explanation } = violation(keyValueModel<number>(), [
      rejected('a', [1, 2], { type: 'put', key: 'x', value: 7 }),
      rejected('a', [3, 4], { type: 'put', key: 'x', value: 8 }),
      ok('b', [5, 6], { type: 'get', key: 'x' }, 7),
    ])
    const suspects = explanation.split('\n').filter((line) => line.includes('if client'))
    assert.deepEqual(suspects, ["It would be explained if client a put('x', 7), which was rejected, had taken effect."])
  })

  it('is drawn as one page that asks for nothing from elsewhere and lets nothing in', () => {
    const page = violation(registerModel<number | string>(0), [
      ok('<b>', [1, 4], { type: 'write', value: '</text><script>alert("&")</script>' }, undefined),
      ...[ok('r', [2, 3], READ, 0), unknown('r', [3, 3], write(2)), ok('r', [5, 6], READ, 0)],
    ]).html()
    assert.match(page, /^<!doctype html>/)
    assert.doesNotMatch(page, /<script|src=|href=|url\(|@import/)
    assert.equal(page.match(/class="bar culprit"/g)?.length, 1)
    assert.equal(page.match(/class="bar open"/g)?.length, 1)
    const opened = page.match(/<(svg|g|text|title|rect|circle|p|pre|div)\b(?:[^>]*[^/])?>/g)?.length
    assert.equal(opened, page.match(/<\/(svg|g|text|title|rect|circle|p|pre|div)>/g)?.length)
    assert.doesNotMatch(page, /NaN|undefined"/)
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
