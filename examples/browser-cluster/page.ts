/** Three nodes in the page: it shows what each has, and stops and starts them. */
import { type MemoryCluster, startMemoryCluster } from 'quorate/memory'

class Words {
  all: string[] = []

  apply(word: string): number {
    return this.all.push(word)
  }
  snapshot(): Uint8Array[] {
    return [new TextEncoder().encode(JSON.stringify(this.all))]
  }
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true })
    this.all = JSON.parse(text)
  }
}

const words = new Map<string, Words>()
const cluster: MemoryCluster<string, number> = await startMemoryCluster({
  nodes: 3,
  // Each start gets an empty machine: its words come from the log.
  stateMachine: (id) => {
    const machine = new Words()
    words.set(id, machine)
    return machine
  },
})

const list = document.querySelector('ul') as HTMLUListElement
const form = document.querySelector('form') as HTMLFormElement
const output = document.querySelector('output') as HTMLOutputElement

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const [node] = cluster.nodes
  const word = String(new FormData(form).get('word'))
  form.reset()
  if (node === undefined) output.value = 'no node runs'
  // Any node takes it: a follower forwards it to the leader.
  else
    output.value = await node.propose(word).then(
      (count) => `word ${count}`,
      (error) => error.message,
    )
})

for (const id of cluster.ids) {
  const row = document.createElement('li')
  const [text, button] = [document.createElement('span'), document.createElement('button')]
  button.addEventListener('click', async () => {
    button.disabled = true
    await (isRunning(id) ? cluster.stop(id) : cluster.start(id))
    button.disabled = false
  })
  row.append(text, button)
  list.append(row)
  const show = (): void => {
    const status = isRunning(id) ? cluster.node(id).statusNow() : undefined
    row.dataset.role = status?.role ?? 'stopped'
    text.textContent = `${id}: ${status === undefined ? 'stopped' : `${status.role}, term ${status.term}, ${words.get(id)?.all.join(' ')}`}`
    button.textContent = status === undefined ? 'Start' : 'Stop'
    requestAnimationFrame(show)
  }
  show()
}

function isRunning(id: string): boolean {
  return cluster.nodes.some((node) => node.id === id)
}
