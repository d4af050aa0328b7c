/** Where the reader is, kept in the hash of the address: it can be sent to others. */
import { LESSONS } from './lessons.ts'
import type { Step } from './play.ts'
import { newCluster, stepsOf, textOf } from './script.ts'

export interface Place {
  readonly steps: readonly Step[]
  /** How many steps are played. */
  readonly at: number
  /** The lesson that `steps` are; undefined if they are others. */
  readonly lesson: string | undefined
  /** Chooses the random events. */
  readonly seed: number
}

export function openLesson(name: string, at: number = 1, seed: number = 1): Place {
  const lesson = LESSONS.find((each) => each.name === name) ?? LESSONS[0]
  return { steps: stepsOf(lesson?.text ?? ''), at, lesson: lesson?.name, seed }
}

export function openCluster(count: number, seed: number): Place {
  return { steps: [newCluster(count)], at: 1, lesson: undefined, seed }
}

export function placeOf(hash: string): Place {
  const fields = new URLSearchParams(hash.replace(/^#/, ''))
  const [at, seed] = [wholeNumber(fields.get('at'), 1), wholeNumber(fields.get('seed'), 1)]
  const script = fields.get('script')
  if (script === null) return clamped(openLesson(fields.get('lesson') ?? '', at, seed))
  const steps = stepsOf(script)
  return steps.length === 0 ? openLesson('') : clamped({ steps, at, lesson: undefined, seed })
}

export function hashOf({ steps, at, lesson, seed }: Place): string {
  const what = lesson === undefined ? { script: textOf(steps) } : { lesson }
  return `#${new URLSearchParams({ ...what, at: String(at), seed: String(seed) })}`
}

/** The place after one more step, which replaces those that were to come. */
export function withStep(place: Place, ...commands: readonly string[]): Place {
  const step = { text: '', commands: commands.map((command) => command.split(' ')) }
  return { ...place, steps: [...place.steps.slice(0, place.at), step], at: place.at + 1, lesson: undefined }
}

function clamped(place: Place): Place {
  return { ...place, at: Math.min(Math.max(1, place.at), place.steps.length) }
}

function wholeNumber(text: string | null, otherwise: number): number {
  const value = Number(text ?? Number.NaN)
  return Number.isSafeInteger(value) && value >= 0 ? value : otherwise
}
