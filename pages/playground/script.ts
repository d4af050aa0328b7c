/** The steps of the page as the text of a scenario, and back. */
import { parseScript } from '../../src/testing/scenario/script.ts'
import type { Step } from './play.ts'

/** Each paragraph is a step; its comments are its text. */
export function stepsOf(text: string): Step[] {
  return parseScript(text).flatMap(({ lines, commands }) =>
    commands.length === 0
      ? []
      : [{ text: lines.flatMap((line) => /^#\s?(.*)$/.exec(line)?.[1] ?? []).join(' '), commands }],
  )
}

export function textOf(steps: readonly Step[]): string {
  return steps
    .map(({ text, commands }) =>
      [...(text === '' ? [] : [`# ${text}`]), ...commands.map((words) => words.join(' '))].join('\n'),
    )
    .join('\n\n')
}

/** The first step of a new cluster: its nodes, and what is not printed. */
export function newCluster(count: number): Step {
  const ids = Array.from({ length: count }, (_, offset) => String.fromCharCode(97 + offset))
  return {
    text: `${count} nodes.`,
    commands: [
      ['hide', 'heartbeats'],
      ['cluster', ...ids],
    ],
  }
}
