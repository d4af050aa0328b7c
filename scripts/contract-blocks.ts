/** Writes the interfaces of the contracts into the how-to pages, from the source: each page names them in a comment before the block. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const ROOT = join(import.meta.dirname, '..')
export const CONTRACT_PAGES: readonly string[] = [
  'docs/how-to/bring-your-own-storage.md',
  'docs/how-to/bring-your-own-transport.md',
].map((name) => join(ROOT, name))

/** `<!-- src/contracts/storage.ts: Storage SnapshotStore -->`, and the block after it. */
const BLOCK = /^<!-- (?<file>src\/\S+): (?<names>[\w ]+) -->\n\n```typescript\n.*?^```$/gms

/** The page with the current declarations in its blocks. */
export function withContracts(page: string): string {
  return page.replaceAll(BLOCK, (_, file: string, names: string) => {
    const declarations = names.split(' ').map((name) => declarationOf(file, name))
    return `<!-- ${file}: ${names} -->\n\n\`\`\`typescript\n${declarations.join('\n\n')}\n\`\`\``
  })
}

/** The declaration with its comment, as in the source. */
function declarationOf(path: string, name: string): string {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  for (const statement of file.statements)
    if ((ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) && statement.name.text === name)
      return text.slice(statement.getStart(file, true), statement.end).replace('export ', '')
  throw new Error(`${path} declares no ${name}`)
}

if (process.argv[1] === import.meta.filename)
  for (const page of CONTRACT_PAGES) writeFileSync(page, withContracts(readFileSync(page, 'utf8')))
