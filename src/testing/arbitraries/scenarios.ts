/** A fast-check arbitrary for scenarios: a shrunk counterexample is a scenario file. */
import type { Arbitrary, WeightedArbitrary } from 'fast-check'
import { fc } from './fast-check.ts'

/** Texts of scenarios with these bootstrap voters, these nodes that join later, and at most `commandsMax` commands. */
export function scenarios(options: {
  readonly voters: readonly string[]
  readonly joining: readonly string[]
  readonly commandsMax: number
}): Arbitrary<string> {
  const { voters, joining, commandsMax } = options
  const setup = fc
    .tuple(
      fc.constantFrom('', ' preVote=false', ' checkQuorum=false', ' messageBytesMax=1'),
      fc.constantFrom('trailingEntries=2 trailingBytesMax=1000', 'trailingEntries=1000'),
    )
    .map(([some, trailing]) => [
      'hide heartbeats',
      `options ${trailing}${some}`,
      `cluster ${voters.join(' ')} joining ${joining.join(' ')}`,
    ])
  const lines = fc.array(
    fc.oneof(
      { arbitrary: commands([...voters, ...joining]), weight: 9 },
      { arbitrary: sequences([...voters, ...joining]), weight: 1 },
    ),
    { minLength: 1, maxLength: commandsMax, size: 'max' },
  )
  return fc.tuple(setup, lines).map((parts) => `${parts.flat().join('\n')}\n`)
}

/** Sequences of commands that single random commands seldom form: elections, isolated leaders, lagging nodes, restarts and changes. */
function sequences(ids: readonly string[]): Arbitrary<string> {
  const twoNodes = fc.shuffledSubarray([...ids], { minLength: 2, maxLength: 2 })
  const isolate = (id: string): string => `cut ${id}|${ids.filter((other) => other !== id)}`
  return fc
    .oneof(
      twoNodes.map(([a]) => [`elect ${a}`, 'run 100']),
      twoNodes.map(([a, b]) => [isolate(a as string), `propose ${a} x2`, `elect ${b}`, `propose ${b}`, 'heal']),
      twoNodes.map(([a, b]) => [isolate(a as string), `change ${a} remove=${b}`, `elect ${b}`, 'heal']),
      twoNodes.map(([a]) => [isolate(a as string), 'propose leader x3', 'run 2000', 'snapshot leader', 'heal']),
      twoNodes.map(([a]) => [
        `hold ${a}`,
        'propose leader',
        'deliver all',
        'deliver all',
        `release ${a} 1`,
        `crash ${a}`,
        `restart ${a}`,
      ]),
      twoNodes.map(([a]) => [`change leader add=${a}`, 'run 300', `change leader promote=${a}`, 'deliver all']),
      twoNodes.map(([a, b]) => [`change leader promote=${a} remove=${b}`, 'deliver all', 'crash leader']),
      twoNodes.map(([a, b]) => [`change leader demote=${a},${b}`, 'deliver all', `elect ${a}`]),
      twoNodes.map(([a]) => ['propose leader x2', `transfer leader ${a}`, 'run 100']),
    )
    .map((lines) => lines.join('\n'))
}

function commands(ids: readonly string[]): Arbitrary<string> {
  const node = fc.constantFrom(...ids)
  const link = fc
    .tuple(node, node)
    .filter(([from, to]) => from !== to)
    .map(([from, to]) => `${from}->${to}`)
  const groups = fc
    .subarray([...ids], { minLength: 1, maxLength: ids.length - 1 })
    .map((some) => `${some}|${ids.filter((id) => !some.includes(id))}`)
  const of = (verb: string, argument: Arbitrary<string>, weight: number): WeightedArbitrary<string> => ({
    arbitrary: argument.map((words) => `${verb} ${words}`),
    weight,
  })
  const change = fc
    .oneof(
      of('add=', node, 2),
      of(
        'add=',
        node.map((id) => `${id}!`),
        2,
      ),
      of('promote=', node, 3),
      of('demote=', node, 1),
      of('remove=', node, 2),
      {
        arbitrary: fc
          .tuple(node, node)
          .filter(([a, b]) => a !== b)
          .map(([a, b]) => `promote= ${a} remove= ${b}`),
        weight: 2,
      },
      {
        arbitrary: fc
          .tuple(node, node)
          .filter(([a, b]) => a !== b)
          .map(([a, b]) => `promote= ${a},${b}`),
        weight: 1,
      },
      {
        arbitrary: fc
          .tuple(node, node)
          .filter(([a, b]) => a !== b)
          .map(([a, b]) => `add= ${a} remove= ${b}`),
        weight: 1,
      },
    )
    .map((text) => text.replaceAll('= ', '='))
  return fc
    .oneof(
      of(
        'deliver',
        link.map((way) => `${way} 1`),
        16,
      ),
      of('deliver', link, 8),
      of('deliver', fc.constant('all'), 6),
      of('tick', node, 6),
      of(
        'propose',
        fc.tuple(node, fc.integer({ min: 1, max: 3 })).map(([id, count]) => `${id} x${count}`),
        8,
      ),
      of('run', fc.constantFrom('50', '100', '300', '1000', '2500'), 4),
      of('advance', fc.constantFrom('50', '150', '800', '1600'), 2),
      of('read', node, 2),
      of('copy', link, 3),
      of('drop', link, 3),
      of('cut', fc.oneof(link, groups), 2),
      of('heal', fc.constant(''), 2),
      of('hold', node, 3),
      of('release', node, 2),
      of(
        'release',
        node.map((id) => `${id} 1`),
        3,
      ),
      of('crash', node, 2),
      of('restart', node, 4),
      of(
        'lose',
        fc.tuple(node, node).map(([a, b]) => `${a} ${b}`),
        2,
      ),
      of('snapshot', node, 2),
      of(
        'transfer',
        fc.tuple(node, node).map(([a, b]) => `${a} ${b}`),
        1,
      ),
      of(
        'change',
        fc.tuple(node, change).map(([id, what]) => `${id} ${what}`),
        4,
      ),
    )
    .map((line) => line.trim())
}
