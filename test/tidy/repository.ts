/** The repository as the tidy rules see it: files with their text and, for TypeScript, their syntax tree and imports. */
import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import ts from 'typescript'

export interface Import {
  /** As written: './types.ts', 'node:fs', '@grpc/grpc-js'. */
  readonly specifier: string
  /** For a relative import, the file that it resolves to: 'src/core/types.ts'. */
  readonly target: string | undefined
}

export interface RepositoryFile {
  readonly path: string
  readonly text: string
  readonly tree: ts.SourceFile
  readonly imports: readonly Import[]
}

export type Repository = readonly RepositoryFile[]

export function repositoryOf(files: Readonly<Record<string, string>>): Repository {
  return Object.entries(files).map(([path, text]) => {
    const tree = ts.createSourceFile(path, path.endsWith('.ts') ? text : '', ts.ScriptTarget.ES2022, true)
    return { path, text, tree, imports: importsOf(tree) }
  })
}

export function readRepository(root: string, paths: readonly string[]): Repository {
  return repositoryOf(Object.fromEntries(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')])))
}

export function sourceFiles(repository: Repository): Repository {
  return filesUnder(repository, 'src/')
}

export function filesUnder(repository: Repository, folder: string): Repository {
  return repository.filter((file) => file.path.startsWith(folder) && file.path.endsWith('.ts'))
}

/** Every node of the tree, parents first. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node
  const children: ts.Node[] = []
  ts.forEachChild(node, (child) => {
    children.push(child)
  })
  for (const child of children) yield* nodesOf(child)
}

/** The file and line of a node, in the form that editors open: 'src/core/raft.ts:12'. */
export function locationOf(file: RepositoryFile, node: ts.Node): string {
  return `${file.path}:${file.tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
}

function importsOf(tree: ts.SourceFile): Import[] {
  const imports: Import[] = []
  for (const node of nodesOf(tree)) {
    const specifier = specifierOf(node)
    if (specifier === undefined) continue
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(tree.fileName), specifier) : undefined
    imports.push({ specifier, target })
  }
  return imports
}

/** The module that a node imports: `import … from 'x'`, `export … from 'x'`, `import('x')` or the type `import('x').T`. */
function specifierOf(node: ts.Node): string | undefined {
  let name: ts.Node | undefined
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) name = node.moduleSpecifier
  else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) name = node.arguments[0]
  else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) name = node.argument.literal
  return name !== undefined && ts.isStringLiteralLike(name) ? name.text : undefined
}
