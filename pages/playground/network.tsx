/** The messages in flight, to be delivered or lost one by one, and the links, to be cut. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { Played } from './play.ts'

interface NetworkProps {
  readonly played: Played
  readonly act: (...commands: readonly string[]) => void
}

const SHOWN_MAX = 24

export function Messages({ played: { messages }, act }: NetworkProps): JSX.Element {
  return (
    <section class="messages">
      <h2>In flight: {messages.length}</h2>
      <ol>
        {messages.slice(0, SHOWN_MAX).map(({ from, to, text }, offset) => {
          // Commands are about the first message of a link.
          const isFirst = messages.findIndex((each) => each.from === from && each.to === to) === offset
          return (
            <li key={offset}>
              <span>{text}</span>
              {isFirst && (
                <>
                  <button type="button" onClick={() => act(`deliver ${from}->${to} 1`)} aria-label={`Deliver ${text}`}>
                    Deliver
                  </button>
                  <button type="button" onClick={() => act(`drop ${from}->${to} 1`)} aria-label={`Lose ${text}`}>
                    Lose
                  </button>
                </>
              )}
            </li>
          )
        })}
      </ol>
    </section>
  )
}

export function Links({ played: { nodes, cuts }, act }: NetworkProps): JSX.Element {
  const ids = nodes.map(({ id }) => id)
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  const one = ids.includes(from) ? from : (ids[0] ?? '')
  const other = ids.includes(to) && to !== one ? to : (ids.find((id) => id !== one) ?? '')
  const choice = (label: string, value: string, set: (id: string) => void, options: readonly string[]): JSX.Element => (
    <select aria-label={label} value={value} onChange={({ currentTarget }) => set(currentTarget.value)}>
      {options.map((id) => (
        <option key={id}>{id}</option>
      ))}
    </select>
  )
  const rest = ids.filter((id) => id !== one)
  return (
    <section class="links">
      <h2>Links</h2>
      <p class="buttons">
        {choice('From', one, setFrom, ids)}
        {choice('To', other, setTo, rest)}
        <button type="button" onClick={() => act(`cut ${one}|${other}`)}>
          Cut
        </button>
        <button type="button" onClick={() => act(`cut ${one}->${other}`)}>
          Cut one way
        </button>
        <button type="button" onClick={() => act(`cut ${one}|${rest.join(',')}`)}>
          Isolate {one}
        </button>
        <button type="button" disabled={cuts.size === 0} onClick={() => act('heal')}>
          Heal all
        </button>
      </p>
    </section>
  )
}
