/** The keys of the demo as buttons. */
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Cluster } from './cluster.ts'
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

/** Kills, or starts again, one node; and cuts it off from the others, or heals its links. */
export function NodeControl({ id, isDown, isCut }: { id: string; isDown: boolean; isCut: boolean }): JSX.Element {
  const actions: readonly (readonly [name: string, label: string])[] = [
    isDown ? ['restart', `Restart ${id}`] : ['kill', `Kill ${id}`],
    isCut ? ['heal', `Heal links of ${id}`] : ['cut', `Cut ${id} off`],
  ]
  return (
    <>
      {actions.map(([name, label]) => (
        <button key={name} type="button" data-action={`${name} ${id}`} onClick={() => void act(name, id)}>
          {label}
        </button>
      ))}
    </>
  )
}

/** A button for each link, which cuts it or heals it. */
export function LinkControls({ ids, cut }: { ids: readonly string[]; cut: Cluster['cut'] }): JSX.Element {
  const links = ids.flatMap((one, offset) => ids.slice(offset + 1).map((other) => [one, other] as const))
  return (
    <nav class="links" aria-label="Links">
      <span class="faint">Cut a link:</span>
      {links.map(([one, other]) => {
        const isCut = cut.some((link) => link.includes(one) && link.includes(other))
        return (
          <button
            key={`${one} ${other}`}
            type="button"
            aria-pressed={isCut}
            data-link={`${one} ${other}`}
            onClick={() => void act(isCut ? 'heal' : 'cut', one, other)}
          >
            {one}–{other}
          </button>
        )
      })}
    </nav>
  )
}
