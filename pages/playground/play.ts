/** Plays a scenario up to a step, with the cores of the package, and reads the state there. Going back is playing again from the start. */
import type { RaftStatus } from '../../src/core/status.ts'
import { PropertyViolation } from '../../src/testing/properties/property.ts'
import { COMMANDS } from '../../src/testing/scenario/commands.ts'
import type { ScenarioNode } from '../../src/testing/scenario/scenario-node.ts'
import { ScenarioRunner } from '../../src/testing/scenario/scenario-runner.ts'
import { formatMessage } from '../../src/testing/text/format-message.ts'

/** A step: its text for people, and its commands. */
export interface Step {
  readonly text: string
  readonly commands: readonly (readonly string[])[]
}

export interface PlayedNode {
  readonly id: string
  readonly isUp: boolean
  readonly isPaused: boolean
  readonly status: RaftStatus | undefined
  /** Of what is on its disk. */
  readonly snapshot: { readonly index: number; readonly term: number } | undefined
  readonly entries: readonly { readonly index: number; readonly term: number; readonly kind: string }[]
}

export interface PlayedMessage {
  readonly from: string
  readonly to: string
  /** Such as 'AppendEntries'. */
  readonly type: string
  readonly text: string
  readonly isHeartbeat: boolean
}

export interface Played {
  readonly nodes: readonly PlayedNode[]
  readonly messages: readonly PlayedMessage[]
  /** Directions that are cut, as 'a>b'. */
  readonly cuts: ReadonlySet<string>
  /** What each step printed. */
  readonly outputs: readonly (readonly string[])[]
  /** Why the last step failed: a wrong command, or a safety property that does not hold. */
  readonly problem: string | undefined
}

/** Plays the first `count` steps. */
export function play(steps: readonly Step[], count: number): Played {
  const runner = new ScenarioRunner()
  const outputs: (readonly string[])[] = []
  let problem: string | undefined
  for (const { commands } of steps.slice(0, count)) {
    problem ??= runAll(runner, commands)
    outputs.push(runner.takeLines())
  }
  const { nodes } = runner
  const pairs = nodes.flatMap((from) => nodes.map((to) => [from.id, to.id] as const))
  return {
    nodes: nodes.map((node) => playedNode(node, runner.isPaused(node.id))),
    messages: runner.inFlight.map(({ from, to, message, isHeartbeat }) => ({
      from,
      to,
      type: message.type.replace(/(Request|Response)$/, ''),
      text: formatMessage(from, to, message),
      isHeartbeat,
    })),
    cuts: new Set(pairs.filter(([from, to]) => runner.isCut(from, to)).map(([from, to]) => `${from}>${to}`)),
    outputs,
    problem,
  }
}

function runAll(runner: ScenarioRunner, commands: Step['commands']): string | undefined {
  for (const [name = '', ...words] of commands) {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (command === undefined) return `there is no command '${name}'`
    try {
      command(runner, words)
    } catch (error) {
      const { message } = error as Error
      return error instanceof PropertyViolation ? `a safety property does not hold: ${message}` : message
    }
  }
  return undefined
}

function playedNode({ id, isUp, status, disk }: ScenarioNode, isPaused: boolean): PlayedNode {
  const { snapshot, blocks } = disk
  return {
    ...{ id, isUp, isPaused, status },
    snapshot: snapshot === undefined ? undefined : { index: snapshot.index, term: snapshot.term },
    entries: blocks.flatMap(({ first, count, term, kind }) =>
      Array.from({ length: count }, (_, offset) => ({ index: first + offset, term, kind })),
    ),
  }
}
