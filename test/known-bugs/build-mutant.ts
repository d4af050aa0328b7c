/** Makes the kit anew from changed sources, into a file of its own: nothing of it is ever part of what is shipped. */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { build } from 'esbuild'
import type * as Kit from '../../src/testing/index.ts'
import type { Clients } from '../../src/testing/simulation/clients.ts'
import type { Cluster } from '../../src/testing/simulation/cluster.ts'
import type { Edit } from './known-bug.ts'

/** The kit, and of its inside what a story is told with. */
export type MutantKit = typeof Kit & { readonly Cluster: typeof Cluster; readonly Clients: typeof Clients }

const ENTRY = `
export * from './src/testing/index.ts'
export { Cluster } from './src/testing/simulation/cluster.ts'
export { Clients } from './src/testing/simulation/clients.ts'
`

const ROOT = join(import.meta.dirname, '..', '..')
const OUTPUT_DIRECTORY = join(ROOT, 'node_modules', '.cache', 'quorate-museum')

/** The nodes' own assertions are off: the promises alone must notice. */
const ASSERTIONS_OFF: Edit = { file: 'src/core/assert.ts', from: 'if (!condition)', to: 'if (false as boolean)' }

/** The kit with these changes in it. Without any it is the kit as it is, but for the assertions. */
export async function buildMutant(name: string, edits: readonly Edit[]): Promise<MutantKit> {
  await mkdir(OUTPUT_DIRECTORY, { recursive: true })
  const outfile = join(OUTPUT_DIRECTORY, `${name}.${process.pid}.mjs`)
  const all = [ASSERTIONS_OFF, ...edits]
  await build({
    stdin: { contents: ENTRY, resolveDir: ROOT, loader: 'ts' },
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
    plugins: [
      {
        name: 'museum',
        setup: ({ onLoad }) => {
          onLoad({ filter: /\.ts$/ }, async ({ path }) => {
            const file = relative(ROOT, path).split(sep).join('/')
            return { contents: applyEdits(file, await readFile(path, 'utf8'), all), loader: 'ts' }
          })
        },
      },
    ],
  })
  try {
    return await import(outfile)
  } finally {
    await rm(outfile, { force: true })
  }
}

/** Every edit still fits, or an error says which does not. */
export async function assertEditsApply(edits: readonly Edit[]): Promise<void> {
  for (const file of new Set(edits.map((edit) => edit.file)))
    applyEdits(file, await readFile(join(ROOT, file), 'utf8'), edits)
}

function applyEdits(file: string, text: string, edits: readonly Edit[]): string {
  let changed = text
  for (const { from, to } of edits.filter((edit) => edit.file === file)) {
    const count = changed.split(from).length - 1
    if (count !== 1)
      throw new Error(
        `${file} has ${count} places that read\n${from}\nand the exhibit needs exactly one: the code has moved on`,
      )
    changed = changed.replace(from, () => to)
  }
  return changed
}
