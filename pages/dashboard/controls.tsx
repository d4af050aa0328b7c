/** The keys of the demo as buttons. */
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { act, DEMO_ACTIONS } from './demo.ts'

export function Controls(): JSX.Element {
  const [failure, setFailure] = useState<string>()
  const run = (name: string): void => {
    setFailure(undefined)
    void act(name).then(setFailure)
  }
  useEffect(() => {
    const onKey = ({ key, target, ctrlKey, metaKey, altKey, repeat }: KeyboardEvent): void => {
      if (ctrlKey || metaKey || altKey || repeat || target instanceof HTMLInputElement) return
      const action = DEMO_ACTIONS.find((each) => each.key === key)
      if (action !== undefined) run(action.name)
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
  return (
    <nav class="controls" aria-label="Demo">
      {DEMO_ACTIONS.map(({ key, name, label }) => (
        <button key={name} type="button" data-action={name} onClick={() => run(name)}>
          {label} <kbd>{key}</kbd>
        </button>
      ))}
      {failure !== undefined && (
        <output class="bad" role="alert">
          {failure}
        </output>
      )}
    </nav>
  )
}

/** Kills, or starts again, one node. */
export function NodeControl({ id, isDown }: { id: string; isDown: boolean }): JSX.Element {
  const [name, label] = isDown ? ['restart', `Restart ${id}`] : ['kill', `Kill ${id}`]
  return (
    <button type="button" data-action={`${name} ${id}`} onClick={() => void act(name, id)}>
      {label}
    </button>
  )
}
