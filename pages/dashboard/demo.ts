/** What the demo lets this page do; it gave the page a token for that. */

const TOKEN = document.querySelector<HTMLMetaElement>('meta[name="quorate-demo"]')?.content

/** Whether this page is that of a demo. */
export const isDemo: boolean = TOKEN !== undefined

/** The actions of the demo, with the keys that they have there too. */
export const DEMO_ACTIONS = [
  { key: 'k', name: 'kill', label: 'Kill the leader' },
  { key: 'r', name: 'restart', label: 'Restart what is down' },
  { key: 'c', name: 'cut', label: 'Cut the leader off' },
  { key: 'h', name: 'heal', label: 'Heal all links' },
  { key: 'p', name: 'put', label: 'Put a value' },
  { key: 'b', name: 'load', label: '5 s of load' },
] as const

/** Acts on these nodes, or on those that the demo chooses. Resolves with what went wrong, or undefined. */
export async function act(name: string, ...nodes: readonly string[]): Promise<string | undefined> {
  const query = new URLSearchParams(nodes.map((node) => ['node', node]))
  try {
    const response = await fetch(`demo/${name}?${query}`, {
      method: 'POST',
      headers: { 'x-quorate-token': TOKEN ?? '' },
    })
    return response.ok ? undefined : await response.text()
  } catch {
    return 'the demo does not answer'
  }
}
