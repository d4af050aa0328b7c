/** A run file or another file of the test kit, opened: a scenario is played here, a run is repeated and shown as a diagram. */
import { replayRun } from '../../src/testing/run-files/replay-run.ts'
import type { Step } from './play.ts'
import { stepsOf } from './script.ts'

export type Opened =
  | { readonly kind: 'scenario'; readonly steps: readonly Step[] }
  | { readonly kind: 'run'; readonly name: string; readonly verdict: string; readonly page: string }
  | { readonly kind: 'problem'; readonly text: string }

export async function openFile(name: string, text: string): Promise<Opened> {
  try {
    if (!/^# quorate run\b/.test(text)) {
      const steps = stepsOf(text)
      if (!steps.some(({ commands }) => commands.some(([first]) => first === 'cluster')))
        return { kind: 'problem', text: `${name} is neither a run file nor a scenario` }
      return { kind: 'scenario', steps }
    }
    const { html, failure, isSame } = await replayRun(text)
    const verdict =
      failure === undefined ? 'No property is violated' : failure instanceof Error ? failure.message : String(failure)
    const same = isSame === undefined ? '' : isSame ? ' The file says the same.' : ' The file says something else.'
    return { kind: 'run', name, verdict: `${verdict}.${same}`, page: (await html?.()) ?? '' }
  } catch (error) {
    return { kind: 'problem', text: `${name}: ${(error as Error).message}` }
  }
}
