/** The playground: the cores of the package in the browser, message by message. */
import '../valid-language.ts'
import type { JSX } from 'preact'
import { render } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { LESSONS } from './lessons.ts'
import { Links, Messages } from './network.tsx'
import { NodeCard } from './node-card.tsx'
import { hashOf, openCluster, openLesson, type Place, placeOf, withStep } from './place.ts'
import { play } from './play.ts'
import { randomEvent } from './random-event.ts'
import { Ring } from './ring.tsx'
import { type Opened, openFile } from './run-file.tsx'
import { Steps } from './steps.tsx'

function Page(): JSX.Element {
  const [place, setPlace] = useState<Place>(() => placeOf(location.hash))
  const [opened, setOpened] = useState<Opened>()
  const played = useMemo(() => play(place.steps, place.at), [place.steps, place.at])
  useEffect(() => history.replaceState(null, '', hashOf(place)), [place])
  useEffect(() => {
    const onHash = (): void => setPlace(placeOf(location.hash))
    addEventListener('hashchange', onHash)
    return () => removeEventListener('hashchange', onHash)
  }, [])
  const go = (to: Place): void => {
    setOpened(undefined)
    setPlace(to)
  }
  const move = (by: number): void =>
    setPlace((from) => ({ ...from, at: Math.min(Math.max(1, from.at + by), from.steps.length) }))
  const act = (...commands: readonly string[]): void => setPlace((from) => withStep(from, ...commands))
  const chance = (): void => act(randomEvent(played, place.seed, place.at))
  const open = (file: File | undefined): void => {
    if (file === undefined) return
    void file
      .text()
      .then((text) => openFile(file.name, text))
      .then((result) => {
        setOpened(result)
        if (result.kind === 'scenario') setPlace({ steps: result.steps, at: 1, lesson: undefined, seed: place.seed })
      })
  }
  useDrop(open)
  useKeys({ ArrowLeft: () => move(-1), ArrowRight: () => move(1), d: () => act('stabilize'), r: chance })
  return (
    <>
      <header>
        <h1>quorate playground</h1>
        <p class="faint">
          The Raft cores of the package run in this page. You decide what arrives, and when. Every safety property is
          checked after each step.
        </p>
      </header>
      <nav class="bar" aria-label="Lessons">
        {LESSONS.map(({ name, title }) => (
          <button
            key={name}
            type="button"
            data-lesson={name}
            aria-current={place.lesson === name ? 'page' : undefined}
            onClick={() => go(openLesson(name, 1, place.seed))}
          >
            {title}
          </button>
        ))}
        <span class="group">
          New cluster of
          {[3, 4, 5, 6, 7].map((count) => (
            <button key={count} type="button" data-nodes={count} onClick={() => go(openCluster(count, place.seed))}>
              {count}
            </button>
          ))}
        </span>
        <label class="file">
          Open a run file or a scenario{' '}
          <input type="file" onChange={({ currentTarget }) => open(currentTarget.files?.[0])} />
        </label>
      </nav>
      {opened?.kind === 'problem' && (
        <p class="bad" role="alert">
          {opened.text}
        </p>
      )}
      {opened?.kind === 'run' ? (
        <section class="run">
          <h2>{opened.name}</h2>
          <p>{opened.verdict}</p>
          <iframe title={`Diagram of ${opened.name}`} srcdoc={opened.page} sandbox="allow-scripts" />
          <button type="button" onClick={() => setOpened(undefined)}>
            Close
          </button>
        </section>
      ) : (
        <main>
          <div>
            <Ring played={played} />
            <nav class="bar" aria-label="What happens next">
              <button type="button" data-action="deliver" onClick={() => act('stabilize')}>
                Deliver all <kbd>d</kbd>
              </button>
              <button type="button" onClick={() => act('deliver all')}>
                One round
              </button>
              <button type="button" onClick={() => act('run 100')}>
                100 ms pass
              </button>
              <button type="button" onClick={() => act('run 1000')}>
                1,000 ms
              </button>
              <button type="button" data-action="random" onClick={chance}>
                Random event <kbd>r</kbd>
              </button>
              <label>
                seed{' '}
                <input
                  type="number"
                  min="0"
                  value={place.seed}
                  onInput={({ currentTarget }) => setPlace({ ...place, seed: Number(currentTarget.value) || 0 })}
                />
              </label>
            </nav>
            <Links played={played} act={act} />
            <Messages played={played} act={act} />
          </div>
          <div>
            <Steps place={place} played={played} move={move} go={go} />
            <section class="cards" aria-label="Nodes">
              {played.nodes.map((node) => (
                <NodeCard key={node.id} node={node} act={act} />
              ))}
            </section>
            <p class="faint legend">
              A cell is an entry, with its term: <i class="applied" /> applied, <i class="committed" /> committed,{' '}
              <i class="open" /> not known to be committed there.
            </p>
          </div>
        </main>
      )}
    </>
  )
}

/** Opens a file that is dropped anywhere on the page. */
function useDrop(open: (file: File | undefined) => void): void {
  useEffect(() => {
    const onOver = (event: DragEvent): void => event.preventDefault()
    const onDrop = (event: DragEvent): void => {
      event.preventDefault()
      open(event.dataTransfer?.files[0])
    }
    document.addEventListener('dragover', onOver)
    document.addEventListener('drop', onDrop)
    return () => {
      document.removeEventListener('dragover', onOver)
      document.removeEventListener('drop', onDrop)
    }
  })
}

function useKeys(keys: Readonly<Record<string, () => void>>): void {
  useEffect(() => {
    const onKey = ({ key, target, ctrlKey, metaKey, altKey }: KeyboardEvent): void => {
      if (ctrlKey || metaKey || altKey || (target instanceof Element && target.matches('input, select, textarea')))
        return
      if (Object.hasOwn(keys, key)) keys[key]?.()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  })
}

render(<Page />, document.getElementById('page') as HTMLElement)
