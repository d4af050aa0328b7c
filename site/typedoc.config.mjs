/** The configuration of TypeDoc: which pages the API reference has, and how they look. The entry points are the `exports` of package.json. */
import { Converter } from 'typedoc'
import { MarkdownPageEvent } from 'typedoc-plugin-markdown'

/** Names the modules after the subpaths that a program imports: `quorate`, `quorate/core`, … */
function nameModules(application) {
  application.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children ?? [])
      module.name = ['quorate', module.name].filter((part) => part !== '').join('/')
  })
}

/** The heading and the code of a member of a union, whose property `type` distinguishes it. */
const UNION_MEMBER = /^### Type Literal\n\n(?<code>```ts\n\{\n(?:(?!```).)*?\btype: "(?<type>\w+)";)/gms
/** A page of docs/ that a docstring names. */
const DOCUMENT = /(?<![\w`/(])docs\/([\w/-]+\.md)/g

function improvePages(application) {
  application.renderer.on(MarkdownPageEvent.END, (page) => {
    page.contents = page.contents
      ?.replaceAll(UNION_MEMBER, '### $<type>\n\n$<code>')
      .replaceAll(DOCUMENT, '[docs/$1](/$1)')
  })
}

export default {
  name: 'API',
  plugin: ['typedoc-plugin-markdown', 'typedoc-vitepress-theme', nameModules, improvePages],
  tsconfig: '../tsconfig.build.json',
  readme: 'none',
  disableGit: true,
  sourceLinkTemplate: '/repository/src/{path}.txt',
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  // `make verify` checks the types.
  skipErrorChecking: true,
  treatWarningsAsErrors: true,
  // How our modules fit together: no program names these types.
  intentionallyNotExported: [
    ...['Acceptor', 'Call', 'CallAccess', 'ConnectionTaker', 'SharedPort'],
    ...[
      'BindingDatabase',
      'Callee',
      'DiskImage',
      'LIVENESS',
      'NumberName',
      'Pem',
      'ReferenceLog',
      'WithDuration',
      'WithStart',
    ],
  ],
  validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true },
  includeVersion: true,
  indexFormat: 'table',
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  propertyMembersFormat: 'table',
  typeDeclarationFormat: 'table',
  tableColumnSettings: { hideModifiers: true, hideInherited: true, hideOverrides: true, hideSources: true },
  pageTitleTemplates: { member: ({ kind, rawName }) => `${kind}: ${rawName.replace(/<.*/, '')}` },
  expandParameters: true,
  useCodeBlocks: true,
}
