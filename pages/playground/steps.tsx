/** The steps: the text of the current one, what it printed, and the way back and forth. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { Place } from './place.ts'
import type { Played } from './play.ts'
import { stepsOf, textOf } from './script.ts'

interface StepsProps {
  readonly place: Place
  readonly played: Played
  readonly move: (by: number) => void
  readonly go: (to: Place) => void
}

export function Steps({ place, played, move, go }: StepsProps): JSX.Element {
  const { steps, at, seed } = place
  const step = steps[at - 1]
  const output = played.outputs[at - 1] ?? []
  const [script, setScript] = useState<string>()
  return (
    <section class="steps">
      <nav class="bar" aria-label="Steps">
        <button type="button" data-action="first" disabled={at <= 1} onClick={() => move(-steps.length)}>
          ⇤ Start
        </button>
        <button type="button" data-action="back" disabled={at <= 1} onClick={() => move(-1)}>
          ← Back
        </button>
        <button type="button" data-action="next" disabled={at >= steps.length} onClick={() => move(1)}>
          Next →
        </button>
        <input
          type="range"
          min="1"
          max={steps.length}
          value={at}
          aria-label="Step"
          onInput={({ currentTarget }) => move(Number(currentTarget.value) - at)}
        />
        <span>
          step {at} of {steps.length}
        </span>
      </nav>
      <p class="text" role="status">
        {step?.text ?? ''}
      </p>
      {played.problem !== undefined && (
        <p class="bad" role="alert">
          {played.problem}
        </p>
      )}
      <details open>
        <summary>
          <code>{step?.commands.map((words) => words.join(' ')).join('; ') ?? ''}</code>
        </summary>
        <pre>{output.length === 0 ? 'no output' : output.join('\n')}</pre>
      </details>
      <details onToggle={({ currentTarget }) => setScript(currentTarget.open ? textOf(steps) : undefined)}>
        <summary>All steps, as a scenario</summary>
        {script !== undefined && (
          <>
            <textarea
              aria-label="Scenario"
              rows={14}
              value={script}
              spellcheck={false}
              onInput={({ currentTarget }) => setScript(currentTarget.value)}
            />
            <button
              type="button"
              onClick={() => {
                const changed = stepsOf(script)
                if (changed.length > 0) go({ steps: changed, at: changed.length, lesson: undefined, seed })
              }}
            >
              Play this
            </button>
          </>
        )}
      </details>
    </section>
  )
}
